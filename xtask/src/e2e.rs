//! End-to-end tests: the examples between real encoders and players.

use std::process::Command;

use crate::shell::{Failure, Report, Shell, cargo, cargo_beside, root, sources, target};

/// Files of tests that start a browser, which want the processors in time: one after another, and
/// beside all others, since these mostly wait.
const BROWSERS: [&str; 4] = ["browser", "chat", "players", "usage"];

/// The same, and when the others are done.
const BROWSERS_LATER: [&str; 2] = ["record", "variants"];

/// Files of tests that fail where somebody is a second late, which encoders beside them are enough
/// for, or that want the whole machine: after all others, alone.
const TIMED: [&str; 3] = ["edge_browser", "load", "startup"];

/// `filter` is `nats` or `s3` and what follows it, or begins with the name of a file of tests, or is handed
/// to the test harness as it is: parts of test names, or its flags.
pub(crate) fn run(shell: &mut Shell, filter: &[&str]) -> Result<Report, Failure> {
    if let ["nats", rest @ ..] = filter {
        return nats(shell, rest);
    }
    if let ["s3", rest @ ..] = filter {
        return s3(shell, rest);
    }
    // What the other tests run is what is driven here: one build, which also panics where a number
    // overflows or an assertion does not hold.
    let build = ["build", "--workspace", "--all-features", "--all-targets"];
    shell.run(cargo().args(build))?;
    match filter {
        [] => everything(shell),
        [file, rest @ ..]
            if sources(&root().join("e2e/tests"))?.iter().any(|known| known == file) =>
        {
            shell.tests(tests().args(["--test", file, "--"]).args(rest))
        }
        filter => shell.tests(tests().arg("--").args(filter)),
    }
}

/// The browsers with all the others beside them, and then what wants to be alone.
fn everything(shell: &mut Shell) -> Result<Report, Failure> {
    shell.run(tests().arg("--no-run"))?;
    let files = sources(&root().join("e2e/tests"))?;
    let of = |wanted: &dyn Fn(&str) -> bool| {
        let mut tests = tests();
        for file in files.iter().filter(|file| wanted(file)) {
            tests.args(["--test", file]);
        }
        tests
    };
    let mut browsers = of(&|file| BROWSERS.contains(&file));
    let mut later = of(&|file| BROWSERS_LATER.contains(&file));
    let apart: Vec<&str> = [&BROWSERS[..], &BROWSERS_LATER, &TIMED].concat();
    let mut others = of(&|file| !apart.contains(&file));
    let mut report = shell.both(
        "e2e-browsers",
        |shell| {
            let mut report = shell.tests(others.arg("--lib"))?;
            report.add(shell.tests(&mut later)?);
            Ok(report)
        },
        |shell| shell.tests(&mut browsers),
    )?;
    report.add(shell.tests(of(&|file| TIMED.contains(&file)).env("RUST_TEST_THREADS", "1"))?);
    Ok(report)
}

/// `cargo test` of the package, with the programs it drives.
fn tests() -> Command {
    let mut tests = cargo_beside("test", "e2e");
    tests
        .arg("--no-fail-fast")
        .env("AIRLOOM_LIVE", target().join("debug/live"))
        .env("AIRLOOM_RELAY", target().join("debug/relay"))
        .env("AIRLOOM_EDGE", target().join("debug/edge"))
        .env("AIRLOOM_PACKAGE", target().join("debug/package"))
        // Tests in real time mostly wait: more of them at once than there are processors.
        .env("RUST_TEST_THREADS", "4");
    tests
}

/// Nodes of a chat on a real `nats-server`, which `unit` runs, too: the same build.
fn nats(shell: &mut Shell, filter: &[&str]) -> Result<Report, Failure> {
    runtime(shell, if filter.is_empty() { &["nats::"] } else { filter })
}

/// An archive, in a store in memory and in a real S3 server; likewise.
fn s3(shell: &mut Shell, filter: &[&str]) -> Result<Report, Failure> {
    runtime(shell, if filter.is_empty() { &["archive::", "s3::"] } else { filter })
}

fn runtime(shell: &mut Shell, filter: &[&str]) -> Result<Report, Failure> {
    let test = ["test", "--workspace", "--all-features", "--test", "runtime", "--"];
    shell.tests(cargo().args(test).args(filter))
}
