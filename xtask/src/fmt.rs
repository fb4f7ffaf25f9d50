//! Formatting, checked and not changed.

use crate::shell::{Failure, Report, Shell, cargo, root};

/// Packages outside the workspace, each with a lock file of its own.
pub(crate) const OUTSIDE: [&str; 3] = ["e2e", "benches", "fuzz"];

pub(crate) fn run(shell: &mut Shell) -> Result<Report, Failure> {
    shell.run(cargo().args(["fmt", "--all", "--check"]))?;
    for directory in OUTSIDE {
        let manifest = root().join(directory).join("Cargo.toml");
        if manifest.is_file() {
            shell
                .run(cargo().args(["fmt", "--all", "--check", "--manifest-path"]).arg(manifest))?;
        }
    }
    Ok(Report::one())
}
