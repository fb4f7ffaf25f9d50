//! Unit, property and documentation tests, with every feature: those of a chat's nodes and of an
//! archive start the servers that [`install`](crate::install) brings.

use crate::shell::{Failure, Report, Shell, cargo};
use crate::small_disk::SmallDisk;

/// Where the property tests of a full run begin: whether a change lands is no matter of luck. A plain
/// `cargo test` draws anew each time, and `PROPTEST_CASES` says how often.
const SEED: &str = "20261120";

pub(crate) fn run(shell: &mut Shell) -> Result<Report, Failure> {
    let mut tests = cargo();
    // With every feature: what clippy checks, and one build for all that follows.
    tests.args(["test", "--workspace", "--all-features", "--no-fail-fast"]);
    let disk = SmallDisk::mount();
    if let Some(disk) = &disk {
        tests.env("AIRLOOM_SMALL_DISK", disk.path());
    }
    let mut report = shell.tests(tests.env("PROPTEST_RNG_SEED", SEED))?;
    if disk.is_none() {
        report
            .limits
            .push("a ledger on a full file system was NOT tried: no tmpfs can be mounted".into());
    }
    Ok(report)
}
