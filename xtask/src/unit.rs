//! Unit, property and documentation tests, with every feature: those of a chat's nodes and of an
//! archive start the servers that [`install`](crate::install) brings.

use std::process::Command;

use crate::shell::{Failure, Report, Shell, cargo};
use crate::small_disk::SmallDisk;

/// Where the property tests of a full run begin: whether a change lands is no matter of luck. A plain
/// `cargo test` draws anew each time, and `PROPTEST_CASES` says how often.
const SEED: &str = "20261120";

/// With every feature: what clippy checks, and one build for all that follows.
fn cargo_test() -> Command {
    let mut tests = cargo();
    tests.args(["test", "--workspace", "--all-features", "--no-fail-fast"]);
    tests
}

/// Builds what [`run`] runs.
pub(crate) fn build(shell: &mut Shell) -> Result<Report, Failure> {
    shell.run(cargo_test().arg("--no-run"))?;
    Ok(Report::default())
}

pub(crate) fn run(shell: &mut Shell) -> Result<Report, Failure> {
    build(shell)?;
    let mut tests = cargo_test();
    tests.args(["--lib", "--bins", "--tests", "--examples"]).env("PROPTEST_RNG_SEED", SEED);
    let disk = SmallDisk::mount();
    if let Some(disk) = &disk {
        tests.env("AIRLOOM_SMALL_DISK", disk.path());
    }
    let mut report = shell.both(
        "unit-documentation",
        |shell| shell.tests(&mut tests),
        |shell| shell.tests(cargo_test().arg("--doc")),
    )?;
    if disk.is_none() {
        report
            .limits
            .push("a ledger on a full file system was NOT tried: no tmpfs can be mounted".into());
    }
    Ok(report)
}
