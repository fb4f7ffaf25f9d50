//! Throughput beside memcpy and the named peers.

use crate::shell::{Failure, Report, Shell, cargo, root};

/// `rest` is handed to the benches' own program.
pub(crate) fn run(shell: &mut Shell, rest: &[&str]) -> Result<Report, Failure> {
    let manifest = root().join("benches/Cargo.toml");
    shell.run(
        cargo().args(["run", "--release", "--manifest-path"]).arg(manifest).arg("--").args(rest),
    )?;
    Ok(Report::one())
}
