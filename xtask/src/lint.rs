//! Clippy with the workspace's lints and rustdoc, warnings as errors.

use crate::shell::{Failure, Report, Shell, cargo, root};

pub(crate) fn run(shell: &mut Shell) -> Result<Report, Failure> {
    shell.run(
        cargo()
            .args(["clippy", "--workspace", "--all-targets", "--all-features"])
            .args(["--", "-D", "warnings"]),
    )?;
    for directory in ["e2e", "fuzz"] {
        shell.run(
            cargo()
                .args(["clippy", "--all-targets", "--manifest-path"])
                .arg(root().join(directory).join("Cargo.toml"))
                .args(["--", "-D", "warnings"]),
        )?;
    }
    // Private items too: what the next engineer reads must link as well as what users read.
    shell.run(
        cargo()
            .args(["doc", "--workspace", "--all-features", "--no-deps", "--document-private-items"])
            .env("RUSTDOCFLAGS", "-D warnings"),
    )?;
    Ok(Report { passed: 4, ..Report::default() })
}
