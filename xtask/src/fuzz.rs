//! Every fuzz target for so many seconds.
//!
//! libFuzzer guided by coverage, on the stable compiler: the sanitizer coverage pass is
//! LLVM's and needs no unstable flag. There is no `unsafe` here for an address sanitizer
//! to watch, so nothing is lost by leaving out what only a nightly compiler has, and
//! `cargo fuzz` works on the same targets where somebody wants it.

use std::process::Command;

use crate::shell::{Failure, Report, Shell, cargo, root, sources};

const COVERAGE: &str = "--cfg fuzzing -Cpasses=sancov-module \
    -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
    -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares \
    -Ccodegen-units=1 -Cdebug-assertions -Coverflow-checks";

/// More than any target needs by an order of magnitude; a parser that passes it grows
/// without bound.
const MEMORY_MB: u32 = 512;

/// One input; a parser that takes longer loops.
const INPUT_SECONDS: u32 = 10;

pub(crate) fn run(shell: &mut Shell, seconds: u64) -> Result<Report, Failure> {
    let fuzz = root().join("fuzz");
    let host = host(shell)?;
    // With a named target the flags stay off build scripts and procedural macros.
    shell.run(
        cargo()
            .args(["build", "--release", "--bins", "--target", &host])
            .args(["--manifest-path".as_ref(), fuzz.join("Cargo.toml").as_os_str()])
            .args(["--target-dir".as_ref(), fuzz.join("target").as_os_str()])
            .env("RUSTFLAGS", COVERAGE),
    )?;
    let mut report = Report::default();
    for name in sources(&fuzz.join("fuzz_targets"))? {
        let found = fuzz.join("corpus").join(&name);
        let artifacts = fuzz.join("artifacts").join(&name);
        for directory in [&found, &artifacts] {
            std::fs::create_dir_all(directory).map_err(|error| {
                Failure(format!("{} cannot be made: {error}", directory.display()))
            })?;
        }
        let mut command = Command::new(fuzz.join("target").join(&host).join("release").join(&name));
        command
            .current_dir(&fuzz)
            .arg(format!("-max_total_time={seconds}"))
            .arg(format!("-rss_limit_mb={MEMORY_MB}"))
            .arg(format!("-timeout={INPUT_SECONDS}"))
            .arg(format!("-artifact_prefix={}/", artifacts.display()))
            .args(["-print_final_stats=1", "-verbosity=0"])
            .arg(found);
        let seeds = fuzz.join("seeds").join(&name);
        if seeds.is_dir() {
            command.arg(seeds);
        }
        if shell.run(&mut command).is_ok() {
            report.passed += 1;
        } else {
            shell.say(&format!("{name}: an input that fails is in {}", artifacts.display()));
            report.failed += 1;
        }
    }
    Ok(report)
}

fn host(shell: &mut Shell) -> Result<String, Failure> {
    let text = shell.output(Command::new("rustc").arg("-vV"))?;
    text.lines()
        .find_map(|line| line.strip_prefix("host: "))
        .map(str::to_owned)
        .ok_or_else(|| Failure("rustc does not say its host".into()))
}
