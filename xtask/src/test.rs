//! Everything, nothing skipped: what has to hold before a change lands.

use std::io::{self, Write};
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
                    print_tail(&log);
                }
                total.add(report);
            }
            Err(failure) => {
                println!("FAILED {seconds:>4} s  {failure}");
                print_tail(&log);
                total.failed += 1;
            }
        }
    }
    println!("\n{total}\nin {} s; logs in {}", start.elapsed().as_secs(), logs.display());
    if total.is_clean() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// The end of a log, where the reason of a failure is.
fn print_tail(log: &std::path::Path) {
    const LINES: usize = 120;
    let text = std::fs::read(log).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let lines: Vec<&str> = text.lines().collect();
    for line in lines.iter().skip(lines.len().saturating_sub(LINES)) {
        println!("    | {line}");
    }
}
