//! Unit, property and documentation tests. They need a Rust toolchain, a C compiler, for thumbnails
//! one for C++, and nothing else.

use crate::shell::{Failure, Report, Shell, cargo};
use crate::small_disk::SmallDisk;

/// Where the property tests of a full run begin: whether a change lands is no matter of luck. A plain
/// `cargo test` draws anew each time, and `PROPTEST_CASES` says how often.
const SEED: &str = "20261120";

pub(crate) fn run(shell: &mut Shell) -> Result<Report, Failure> {
    // What no program of the workspace switches on.
    let features = [
        "--features",
        "airloom/chat,airloom/encryption,airloom/jwt,airloom/thumbnails,airloom-chat/deflate,airloom-chat/jwt,\
         airloom-segmenter/level",
    ];
    let mut tests = cargo();
    tests.args(["test", "--workspace", "--no-fail-fast"]).args(features);
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
