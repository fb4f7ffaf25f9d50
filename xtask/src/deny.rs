//! Licences, sources, bans and advisories of everything the workspace depends on.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use crate::shell::{Failure, Report, Shell, cargo, root, target};

/// The version whose `deny.toml` format ours is.
const VERSION: &str = "0.20.2";

/// How long the advisory database may take to arrive.
const FETCH: Duration = Duration::from_mins(1);

pub(crate) fn run(shell: &mut Shell) -> Result<Report, Failure> {
    let program = program(shell)?;
    let deny = || {
        let mut command = Command::new(&program);
        command.current_dir(root());
        command
    };
    shell.run(deny().args(["check", "licenses", "bans", "sources"]))?;
    let mut report = Report::one();

    // The database is a git repository on a host that a machine may not reach. Without it
    // nothing is known about advisories, and the run says so.
    if shell.within(FETCH, deny().args(["fetch", "db"]))? {
        shell.run(deny().args(["check", "--disable-fetch", "advisories"]))?;
        report.passed += 1;
    } else {
        report.limits.push(
            "advisories were NOT checked: the RustSec database cannot be fetched from here".into(),
        );
    }
    Ok(report)
}

/// cargo-deny of the right version, built into the target directory when there is none.
fn program(shell: &mut Shell) -> Result<PathBuf, Failure> {
    let tools = target().join("tools");
    let program = tools.join("bin/cargo-deny");
    if !program.is_file() {
        shell.run(
            cargo()
                .args(["install", "cargo-deny", "--locked", "--version", VERSION])
                .args(["--debug", "--root"])
                .arg(&tools)
                // Built once and run for a second: optimising it costs more than it saves.
                .env("CARGO_PROFILE_DEV_DEBUG", "0"),
        )?;
    }
    Ok(program)
}
