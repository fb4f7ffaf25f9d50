//! Everything, nothing skipped: what has to hold before a change lands.

use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

use crate::shell::{Failure, Report, Shell, target};
use crate::{deny, deps, e2e, fmt, install, lint, unit};

type Word = fn(&mut Shell) -> Result<Report, Failure>;

/// Cheap ones first, so that a slip is known early; those of a row at once, which wait for other
/// things.
const STEPS: [&[(&str, Word)]; 7] = [
    &[("install", install::run)],
    &[("fmt", fmt::run)],
    &[("deps", deps::run)],
    &[("lint", lint::run)],
    &[("build", unit::build)],
    &[("unit", unit::run), ("deny", deny::run)],
    &[("e2e", |shell| e2e::run(shell, &[]))],
];

pub(crate) fn run() -> ExitCode {
    let logs = target().join("xtask");
    if let Err(error) = std::fs::create_dir_all(&logs) {
        eprintln!("{} cannot be made: {error}", logs.display());
        return ExitCode::FAILURE;
    }
    let start = Instant::now();
    let mut total = Report::default();
    for steps in STEPS {
        std::thread::scope(|scope| {
            let running: Vec<_> = steps
                .iter()
                .map(|(name, word)| (name, scope.spawn(|| step(name, *word))))
                .collect();
            for (name, step) in running {
                total.add(step.join().unwrap_or_else(|_| {
                    println!("{name:<8}FAILED: it did not end");
                    Report { failed: 1, ..Report::default() }
                }));
            }
        });
    }
    println!("\n{total}\nin {} s; logs in {}", start.elapsed().as_secs(), logs.display());
    if total.is_clean() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Runs a word into its log, and tells how it went in a line, and why where it went wrong.
fn step(name: &str, word: Word) -> Report {
    let log = target().join("xtask").join(name).with_extension("log");
    let began = Instant::now();
    let outcome = match Shell::into_log(&log) {
        Ok(mut shell) => word(&mut shell),
        Err(error) => Err(Failure(format!("{} cannot be written: {error}", log.display()))),
    };
    let seconds = began.elapsed().as_secs();
    let (report, line) = match outcome {
        Ok(report) if report.is_clean() => {
            let line = format!("ok     {seconds:>4} s  {report}");
            (report, line)
        }
        Ok(report) => {
            let line = format!("FAILED {seconds:>4} s  {report}");
            (report, line)
        }
        Err(failure) => {
            let line = format!("FAILED {seconds:>4} s  {failure}");
            (Report { failed: 1, ..Report::default() }, line)
        }
    };
    println!("{name:<8}{line}");
    if !report.is_clean() {
        print_reason(&log);
    }
    report
}

/// What the tests that failed said, and without one the end of a log, where the reason is.
fn print_reason(log: &Path) {
    const LINES: usize = 120;
    let text = std::fs::read(log).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let mut lines = failures(&text);
    if lines.is_empty() {
        lines = text.lines().collect();
        lines.drain(..lines.len().saturating_sub(LINES));
    }
    for line in lines.iter().take(LINES) {
        println!("    | {line}");
    }
    if lines.len() > LINES {
        println!("    | … {} more lines", lines.len() - LINES);
    }
}

/// The parts of a log that the test harness writes under `failures:`, without the frames of
/// backtraces, which are long and end in the harness.
fn failures(text: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let (mut failed, mut trace) = (false, false);
    for line in text.lines() {
        match line {
            "failures:" => failed = true,
            "stack backtrace:" => trace = true,
            _ if line.starts_with("test result: ") => failed = false,
            _ if line.is_empty() || line.starts_with("note: Some details") => trace = false,
            _ if failed && !trace => found.push(line),
            _ => {}
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_are_found_in_a_log() {
        let log = "running 2 tests\ntest a ... ok\ntest b ... FAILED\n\nfailures:\n\n\
            ---- b stdout ----\npanicked at b.rs:1:1:\nno\nstack backtrace:\n   0: rust\n\
            note: Some details are omitted\n\n\nfailures:\n    b\n\n\
            test result: FAILED. 1 passed; 1 failed\n\nrunning 1 test\ntest c ... ok\n";
        assert_eq!(failures(log), ["---- b stdout ----", "panicked at b.rs:1:1:", "no", "    b"]);
    }
}
