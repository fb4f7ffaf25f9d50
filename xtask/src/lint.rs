//! Clippy with the workspace's lints and rustdoc, warnings as errors.

use crate::shell::{Failure, Report, Shell, cargo, cargo_beside, root};

pub(crate) fn run(shell: &mut Shell) -> Result<Report, Failure> {
    shell.run(
        cargo()
            .args(["clippy", "--workspace", "--all-targets", "--all-features"])
            .args(["--", "-D", "warnings"]),
    )?;
    for workspace in ["e2e", "fuzz"] {
        shell.run(cargo_beside("clippy", workspace).args([
            "--all-targets",
            "--",
            "-D",
            "warnings",
        ]))?;
    }
    // Private items too: what the next engineer reads must link as well as what users read.
    let mut doc = cargo();
    doc.args(["doc", "--workspace", "--all-features", "--no-deps", "--document-private-items"])
        .env("RUSTDOCFLAGS", "-D warnings");
    // Of the crates alone: with what the programs switch on, all below them would be checked anew.
    for program in programs()? {
        doc.args(["--exclude", &program]);
    }
    shell.run(&mut doc)?;
    Ok(Report { passed: 4, ..Report::default() })
}

/// What nobody depends on: the examples, and this.
fn programs() -> Result<Vec<String>, Failure> {
    let directory = root().join("examples");
    let unreadable = |error| Failure(format!("{} cannot be read: {error}", directory.display()));
    let mut programs = vec!["xtask".to_owned()];
    for entry in std::fs::read_dir(&directory).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        if path.join("Cargo.toml").is_file() {
            programs.extend(path.file_name().map(|name| name.display().to_string()));
        }
    }
    Ok(programs)
}
