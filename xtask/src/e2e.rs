//! End-to-end tests: optimised builds of the examples between real encoders and players.

use crate::shell::{Failure, Report, Shell, cargo, root, target};

/// `filter` is `nats` or `s3` and what follows it, or begins with the name of a file of tests, or is handed
/// to the test harness as it is: parts of test names, or its flags.
pub(crate) fn run(shell: &mut Shell, filter: &[&str]) -> Result<Report, Failure> {
    if let ["nats", rest @ ..] = filter {
        return nats(shell, rest);
    }
    if let ["s3", rest @ ..] = filter {
        return s3(shell, rest);
    }
    let programs =
        ["live", "relay", "follow", "edge", "package"].map(|program| ["--package", program]);
    let features = ["--features", "live/thumbnails"];
    shell.run(
        cargo().args(["build", "--profile", "e2e"]).args(programs.as_flattened()).args(features),
    )?;
    let package = root().join("e2e");
    let mut tests = cargo();
    tests
        .args(["test", "--no-fail-fast", "--manifest-path"])
        .arg(package.join("Cargo.toml"))
        .env("AIRLOOM_LIVE", target().join("e2e/live"))
        .env("AIRLOOM_RELAY", target().join("e2e/relay"))
        .env("AIRLOOM_EDGE", target().join("e2e/edge"))
        .env("AIRLOOM_PACKAGE", target().join("e2e/package"))
        // Tests in real time mostly wait: more of them at once than there are processors.
        .env("RUST_TEST_THREADS", "4");
    let mut filter = filter;
    if let [file, rest @ ..] = filter
        && package.join("tests").join(file).with_extension("rs").is_file()
    {
        tests.args(["--test", file]);
        filter = rest;
    }
    shell.tests(tests.arg("--").args(filter))
}

/// Nodes of a chat on a real `nats-server`, which `unit` runs, too: the same build.
fn nats(shell: &mut Shell, filter: &[&str]) -> Result<Report, Failure> {
    let test = ["test", "--workspace", "--all-features", "--test", "nats", "--"];
    shell.tests(cargo().args(test).args(filter))
}

/// An archive, in a store in memory and in a real S3 server; likewise.
fn s3(shell: &mut Shell, filter: &[&str]) -> Result<Report, Failure> {
    let test = ["test", "--workspace", "--all-features", "--test", "archive", "--test", "s3", "--"];
    shell.tests(cargo().args(test).args(filter))
}
