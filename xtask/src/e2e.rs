//! End-to-end tests: the release build of `live` between real encoders and real players.

use crate::shell::{Failure, Report, Shell, cargo, root, target};

/// `filter` is handed to the test harness: parts of test names, or its flags.
pub(crate) fn run(shell: &mut Shell, filter: &[&str]) -> Result<Report, Failure> {
    shell.run(cargo().args(["build", "--release", "--package", "live"]))?;
    shell.tests(
        cargo()
            .args(["test", "--no-fail-fast", "--manifest-path"])
            .arg(root().join("e2e/Cargo.toml"))
            .arg("--")
            .args(filter)
            .env("AIRLOOM_LIVE", target().join("release/live")),
    )
}
