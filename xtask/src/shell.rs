//! Running other programs, on the terminal or into a log, and counting what they proved.

use std::fmt;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Why a word ended early.
#[derive(Debug)]
pub(crate) struct Failure(pub(crate) String);

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a word proved.
#[derive(Debug, Default)]
pub(crate) struct Report {
    pub(crate) passed: u64,
    pub(crate) failed: u64,
    /// Tests that were there and did not run. None may be: a full run skips nothing.
    pub(crate) skipped: u64,
    /// Names of tests among those that failed.
    pub(crate) failures: Vec<String>,
    /// What could not be checked on this machine and why, for the reader to know.
    pub(crate) limits: Vec<String>,
}

impl Report {
    /// The report of a word that is one check.
    pub(crate) fn one() -> Self {
        Self { passed: 1, ..Self::default() }
    }

    pub(crate) fn is_clean(&self) -> bool {
        self.failed == 0 && self.skipped == 0
    }

    pub(crate) fn add(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.skipped += other.skipped;
        self.failures.extend(other.failures);
        self.limits.extend(other.limits);
    }

    /// Adds what a `test result: ok. 3 passed; 0 failed; 1 ignored; …` line says, or a
    /// `test name ... FAILED` line.
    fn add_result_line(&mut self, line: &str) {
        let name = line.strip_prefix("test ").and_then(|rest| rest.strip_suffix(" ... FAILED"));
        self.failures.extend(name.map(str::to_owned));
        let Some((_, counts)) = line.split_once("test result: ") else { return };
        for part in counts.split(['.', ';']) {
            let mut words = part.split_whitespace();
            let (Some(count), Some(kind)) = (words.next(), words.next()) else { continue };
            let Ok(count) = count.parse::<u64>() else { continue };
            match kind {
                "passed" => self.passed += count,
                "failed" => self.failed += count,
                "ignored" => self.skipped += count,
                _ => {}
            }
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} passed, {} failed, {} skipped", self.passed, self.failed, self.skipped)?;
        for limit in &self.limits {
            write!(f, "\n  known limit: {limit}")?;
        }
        Ok(())
    }
}

/// Where the output of programs goes.
#[derive(Debug)]
pub(crate) struct Shell {
    log: Option<File>,
}

impl Shell {
    pub(crate) fn on_terminal() -> Self {
        Self { log: None }
    }

    pub(crate) fn into_log(path: &Path) -> io::Result<Self> {
        Ok(Self { log: Some(File::create(path)?) })
    }

    /// A line of the word's own.
    pub(crate) fn say(&mut self, line: &str) {
        // A full disk or a closed terminal is no reason to stop checking.
        let _ = match &mut self.log {
            Some(log) => writeln!(log, "{line}"),
            None => writeln!(io::stdout(), "{line}"),
        };
    }

    /// Runs two things at once, each a report. What `beside` says is said when both are done, since
    /// two logs that are written at once say nothing in one; `name` is of the file it is kept in.
    pub(crate) fn both(
        &mut self,
        name: &str,
        run: impl FnOnce(&mut Self) -> Result<Report, Failure>,
        beside: impl FnOnce(&mut Self) -> Result<Report, Failure> + Send,
    ) -> Result<Report, Failure> {
        let log = target().join("xtask").join(name).with_extension("log");
        let unwritable = |error| Failure(format!("{} cannot be written: {error}", log.display()));
        std::fs::create_dir_all(target().join("xtask")).map_err(unwritable)?;
        let mut other = Self::into_log(&log).map_err(unwritable)?;
        let (first, second) = std::thread::scope(|scope| {
            let second = scope.spawn(move || beside(&mut other));
            (run(self), second.join())
        });
        let text = std::fs::read(&log).unwrap_or_default();
        for line in String::from_utf8_lossy(&text).lines() {
            self.say(line);
        }
        let mut report = first?;
        report.add(second.unwrap_or_else(|_| Err(Failure(format!("{name} did not end"))))?);
        Ok(report)
    }

    /// Runs a program; a status other than zero is a failure.
    pub(crate) fn run(&mut self, command: &mut Command) -> Result<(), Failure> {
        self.lines(command, |_| {}).and_then(|ok| {
            if ok { Ok(()) } else { Err(Failure(format!("{} did not succeed", shown(command)))) }
        })
    }

    /// Runs `cargo test` and counts; a test that fails is in the report, a program that
    /// fails without one (a test that does not compile) is a failure.
    pub(crate) fn tests(&mut self, command: &mut Command) -> Result<Report, Failure> {
        let mut report = Report::default();
        let ok = self.lines(command, |line| report.add_result_line(line))?;
        if !ok && report.failed == 0 {
            return Err(Failure(format!("{} did not succeed", shown(command))));
        }
        if report.passed + report.failed == 0 {
            return Err(Failure(format!("{} ran no test", shown(command))));
        }
        Ok(report)
    }

    /// Runs a program and hands back its standard output.
    pub(crate) fn output(&mut self, command: &mut Command) -> Result<String, Failure> {
        let mut text = String::new();
        let command = command.stdin(Stdio::null()).stderr(self.errors()?);
        let output = command.output().map_err(|error| cannot_start(command, &error))?;
        text.push_str(&String::from_utf8_lossy(&output.stdout));
        if output.status.success() {
            Ok(text)
        } else {
            Err(Failure(format!("{} did not succeed", shown(command))))
        }
    }

    /// Runs a program that may hang on a network that drops packets; `false` when it
    /// fails or is not done in time.
    pub(crate) fn within(
        &mut self,
        limit: Duration,
        command: &mut Command,
    ) -> Result<bool, Failure> {
        let command = command.stdin(Stdio::null()).stdout(self.errors()?).stderr(self.errors()?);
        let mut child = command.spawn().map_err(|error| cannot_start(command, &error))?;
        let start = Instant::now();
        loop {
            if let Ok(Some(status)) = child.try_wait() {
                return Ok(status.success());
            }
            if start.elapsed() > limit {
                // It may have ended between the two calls; either way it is gone.
                let _ = child.kill();
                let _ = child.wait();
                return Ok(false);
            }
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    fn lines(
        &mut self,
        command: &mut Command,
        mut each: impl FnMut(&str),
    ) -> Result<bool, Failure> {
        self.say(&format!("$ {}", shown(command)));
        let command = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(self.errors()?);
        let mut child = command.spawn().map_err(|error| cannot_start(command, &error))?;
        if let Some(stdout) = child.stdout.take() {
            let mut stdout = BufReader::new(stdout);
            let mut line = Vec::new();
            while stdout.read_until(b'\n', &mut line).is_ok_and(|read| read > 0) {
                let text = String::from_utf8_lossy(&line);
                let text = text.trim_end_matches('\n');
                self.say(text);
                each(text);
                line.clear();
            }
        }
        let status = child.wait().map_err(|error| cannot_start(command, &error))?;
        Ok(status.success())
    }

    fn errors(&self) -> Result<Stdio, Failure> {
        match &self.log {
            Some(log) => log
                .try_clone()
                .map(Stdio::from)
                .map_err(|error| Failure(format!("the log cannot be shared: {error}"))),
            None => Ok(Stdio::inherit()),
        }
    }
}

fn cannot_start(command: &Command, error: &io::Error) -> Failure {
    Failure(format!("{} cannot run: {error}", shown(command)))
}

fn shown(command: &Command) -> String {
    let program = Path::new(command.get_program());
    let mut line = program.file_name().unwrap_or(program.as_os_str()).display().to_string();
    for argument in command.get_args() {
        line.push(' ');
        line.push_str(&argument.display().to_string());
    }
    line
}

/// The directory of the repository.
pub(crate) fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_path_buf()
}

/// Where builds of the workspace go.
pub(crate) fn target() -> PathBuf {
    match std::env::var_os("CARGO_TARGET_DIR") {
        Some(directory) => root().join(directory),
        None => root().join("target"),
    }
}

/// The cargo that runs this.
pub(crate) fn cargo() -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root());
    // `cargo run` tells its child about the package xtask; the cargo below it is about others.
    for (name, _) in std::env::vars_os() {
        let name_text = name.to_string_lossy();
        if name_text.starts_with("CARGO_PKG_") || name_text.starts_with("CARGO_MANIFEST_") {
            command.env_remove(name);
        }
    }
    command
}

/// The cargo that runs this, for a word in a workspace that is not the product's: what both build,
/// they build once.
pub(crate) fn cargo_beside(word: &str, workspace: &str) -> Command {
    let mut command = cargo();
    command
        .args([word, "--manifest-path"])
        .arg(root().join(workspace).join("Cargo.toml"))
        .arg("--target-dir")
        .arg(target());
    command
}

/// The names of the Rust files of a directory, in order.
pub(crate) fn sources(directory: &Path) -> Result<Vec<String>, Failure> {
    let unreadable = |error| Failure(format!("{} cannot be read: {error}", directory.display()));
    let mut names = Vec::new();
    for entry in std::fs::read_dir(directory).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        if path.extension().is_some_and(|extension| extension == "rs") {
            names.extend(path.file_stem().map(|name| name.to_string_lossy().into_owned()));
        }
    }
    names.sort();
    Ok(names)
}

/// Whether a program of that name is on the path.
pub(crate) fn has_program(name: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    // Debian keeps servers out of an ordinary user's path.
    let mut directories: Vec<PathBuf> = std::env::split_paths(&path).collect();
    directories.push("/usr/sbin".into());
    directories.iter().any(|directory| directory.join(name).is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn result_lines_are_counted() {
        let mut report = Report::default();
        report.add_result_line("running 3 tests");
        report.add_result_line("test one ... ok");
        report.add_result_line("test module::two ... FAILED");
        report.add_result_line(
            "test result: ok. 12 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.00s",
        );
        report.add_result_line(
            "test result: FAILED. 1 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out",
        );
        assert_eq!((report.passed, report.failed, report.skipped), (13, 2, 1));
        assert_eq!(report.failures, ["module::two"]);
        assert!(!report.is_clean());
    }
}
