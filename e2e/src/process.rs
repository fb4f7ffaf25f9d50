//! Other programs, stopped when nobody needs them any more.

use std::io::Read;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use crate::scratch::Scratch;
use crate::wait;

/// A running program with its output in files. Dropping it kills it.
#[derive(Debug)]
pub struct Process {
    name: String,
    child: Child,
    output: PathBuf,
    errors: PathBuf,
    _scratch: Scratch,
}

impl Process {
    /// Starts a program; its output goes to files, so that no pipe can fill up and stop it.
    pub fn start(command: &mut Command) -> Self {
        let scratch = Scratch::new();
        let (output, errors) = (scratch.join("stdout"), scratch.join("stderr"));
        let file = |path| Stdio::from(std::fs::File::create(path).expect("a log file"));
        let name = command.get_program().display().to_string();
        let child = command
            .stdin(Stdio::null())
            .stdout(file(&output))
            .stderr(file(&errors))
            .spawn()
            .unwrap_or_else(|error| {
                panic!("{name} cannot be started ({error}): `cargo xtask install` brings it")
            });
        Self { name, child, output, errors, _scratch: scratch }
    }

    /// The process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Standard output so far.
    pub fn output(&self) -> String {
        read(&self.output)
    }

    /// Standard error so far.
    pub fn errors(&self) -> String {
        read(&self.errors)
    }

    /// Its status, if it has ended.
    pub fn status(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().expect("a child to wait for")
    }

    /// Waits for its end.
    pub fn wait(&mut self, limit: Duration) -> ExitStatus {
        let what = format!("{} to end", self.name);
        wait::until(limit, &what, || self.child.try_wait().expect("a child to wait for"))
    }

    /// Waits for its end, which must be a good one, and hands back its standard output.
    pub fn succeed(mut self, limit: Duration) -> String {
        let status = self.wait(limit);
        assert!(status.success(), "{} ended with {status}:\n{}", self.name, self.errors());
        self.output()
    }

    /// Sends a signal by name, such as `TERM`.
    pub fn signal(&self, signal: &str) {
        let status = Command::new("kill")
            .args([&format!("-{signal}"), &self.id().to_string()])
            .status()
            .expect("kill");
        assert!(status.success(), "no SIG{signal} for {}", self.name);
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let ended = matches!(self.child.try_wait(), Ok(Some(_)));
        if !ended {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
        if std::thread::panicking() {
            let state = if ended { "had ended" } else { "was running" };
            eprintln!("--- {} {state}, standard error:\n{}", self.name, tail(&self.errors()));
        }
    }
}

/// Runs a program to its good end and hands back its standard output.
pub fn run(limit: Duration, command: &mut Command) -> String {
    Process::start(command).succeed(limit)
}

fn read(path: &PathBuf) -> String {
    let mut bytes = Vec::new();
    if let Ok(mut file) = std::fs::File::open(path) {
        let _ = file.read_to_end(&mut bytes);
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn tail(text: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(40)..].join("\n")
}
