//! Everything, nothing skipped: what has to hold before a change lands.

use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

use crate::shell::{Failure, Report, Shell, target};
use crate::{deny, deps, e2e, fmt, install, lint, unit};

type Word = fn(&mut Shell) -> Result<Report, Failure>;

/// Cheap ones first, so that a slip is known early.
const STEPS: [(&str, Word); 7] = [
    ("install", install::run),
    ("fmt", fmt::run),
    ("deps", deps::run),
    ("lint", lint::run),
    ("unit", unit::run),
    ("deny", deny::run),
    ("e2e", |shell| e2e::run(shell, &[])),
];

pub(crate) fn run() -> ExitCode {
    let logs = target().join("xtask");
    if let Err(error) = std::fs::create_dir_all(&logs) {
        eprintln!("{} cannot be made: {error}", logs.display());
        return ExitCode::FAILURE;
    }
    let start = Instant::now();
    let mut total = Report::default();
    for (name, word) in STEPS {
        print!("{name:<8}");
        let _ = io::stdout().flush();
        let began = Instant::now();
        let log = logs.join(format!("{name}.log"));
        let outcome = match Shell::into_log(&log) {
            Ok(mut shell) => word(&mut shell),
            Err(error) => Err(Failure(format!("{} cannot be written: {error}", log.display()))),
        };
        let seconds = began.elapsed().as_secs();
        match outcome {
            Ok(report) => {
                println!(
                    "{} {seconds:>4} s  {report}",
                    if report.is_clean() { "ok    " } else { "FAILED" }
                );
                if !report.is_clean() {
                    print_reason(&log);
                }
                total.add(report);
            }
            Err(failure) => {
                println!("FAILED {seconds:>4} s  {failure}");
                print_reason(&log);
                total.failed += 1;
            }
        }
    }
    println!("\n{total}\nin {} s; logs in {}", start.elapsed().as_secs(), logs.display());
    if total.is_clean() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
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
