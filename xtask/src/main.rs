//! `cargo xtask WORD`: everything the project does to itself, one word each.
//!
//! CI runs `cargo xtask test` and nothing else, so that what passes here passes there.
//! The package has no dependencies: it must build in seconds on a machine that has just
//! been handed a compiler.

mod bench;
mod deny;
mod deps;
mod e2e;
mod fmt;
mod fuzz;
mod install;
mod lint;
mod publish;
mod shell;
mod small_disk;
mod test;
mod unit;

use std::process::ExitCode;

use shell::Shell;

const USAGE: &str = "\
usage: cargo xtask WORD

  test               all that follows up to `e2e`, nothing skipped; what CI runs
  install            what a full run needs and this machine lacks (Debian and npm packages)
  fmt                formatting, checked
  deps               which crate may know which
  lint               clippy and rustdoc, warnings as errors
  unit               unit, property and documentation tests of the workspace
  deny               licences, sources and versions; advisories where their database can be had
  e2e [FILE [TEST]]  end-to-end tests against real encoders, players and browsers
  bench              throughput beside memcpy and the named peers
  publish            every crate packed, and built alone without features and with each of them
  fuzz [SECONDS]     every fuzz target for so many seconds (10 when not told)
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let mut shell = Shell::on_terminal();
    let outcome = match words.as_slice() {
        ["test"] => return test::run(),
        ["install"] => install::run(&mut shell),
        ["fmt"] => fmt::run(&mut shell),
        ["lint"] => lint::run(&mut shell),
        ["deps"] => deps::run(&mut shell),
        ["deny"] => deny::run(&mut shell),
        ["unit"] => unit::run(&mut shell),
        ["e2e", filter @ ..] => e2e::run(&mut shell, filter),
        ["bench", rest @ ..] => bench::run(&mut shell, rest),
        ["publish"] => publish::run(&mut shell),
        ["fuzz"] => fuzz::run(&mut shell, 10),
        ["fuzz", seconds] if seconds.parse::<u64>().is_ok() => {
            fuzz::run(&mut shell, seconds.parse().unwrap_or(10))
        }
        _ => {
            eprint!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    match outcome {
        Ok(report) => {
            println!("{report}");
            if report.is_clean() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Err(failure) => {
            eprintln!("failed: {failure}");
            ExitCode::FAILURE
        }
    }
}
