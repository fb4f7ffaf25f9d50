//! End-to-end tests: the examples between real encoders and players.

use std::process::Command;

use crate::shell::{Failure, Report, Shell, cargo, cargo_beside, root, sources, target};

/// Files of tests that start a browser, which want the processors in time: one after another, and
/// beside all others, since these mostly wait.
const BROWSERS: [&str; 3] = ["browser", "chat", "players"];

/// The same, and when the others are done.
const BROWSERS_LATER: [&str; 2] = ["record", "usage"];

/// Files of tests that fail where somebody is a second late, which encoders beside them are enough
/// for, or that want the whole machine: after all others, alone.
const TIMED: [&str; 4] = ["edge_browser", "load", "startup", "variants"];

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
    let browsers = |file: &str| BROWSERS.contains(&file);
    let later = |file: &str| BROWSERS_LATER.contains(&file);
    let timed = |file: &str| TIMED.contains(&file);
    let (mut first, mut second) = (of(&browsers), of(&later));
    let mut others = of(&|file| !browsers(file) && !later(file) && !timed(file));
    let mut report = Report::default();
    let watched = shell.both(
        "e2e-browsers",
        |shell| {
            report = shell.tests(others.arg("--lib"))?;
            shell.tests(&mut second)
        },
        |shell| shell.tests(&mut first),
    )?;
    report.add(judged_alone(shell, watched, of(&|file| browsers(file) || later(file)))?);
    report.add(shell.tests(one_at_a_time(&mut of(&timed)))?);
    Ok(report)
}

/// What a browser did not do in time beside other tests is asked of it once more with the machine to
/// itself, and that is the verdict; the report names those tests.
fn judged_alone(
    shell: &mut Shell,
    mut beside: Report,
    mut tests: Command,
) -> Result<Report, Failure> {
    let names = std::mem::take(&mut beside.failures);
    if names.is_empty() || names.len() as u64 != beside.failed {
        return Ok(beside);
    }
    let alone = shell.tests(one_at_a_time(tests.args(["--", "--exact"]).args(&names)))?;
    beside.failed = 0;
    beside.add(alone);
    beside.limits.push(format!("failed beside other tests, judged alone: {}", names.join(", ")));
    Ok(beside)
}

fn one_at_a_time(tests: &mut Command) -> &mut Command {
    tests.env("RUST_TEST_THREADS", "1")
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
