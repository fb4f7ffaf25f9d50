//! The server under test.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::time::Duration;

use serde_json::Value;

use crate::http::{self, Response};
use crate::process::Process;
use crate::scratch::Scratch;
use crate::wait;

/// A running `live` on free ports of the loopback. Dropping it kills it.
#[derive(Debug)]
pub struct Live {
    process: Process,
    rtmp: String,
    http: String,
    /// Its data directory, where it is not the test's.
    _data: Option<Scratch>,
}

/// The program: what `AIRLOOM_LIVE` names, or what was built for tests beside this package.
pub fn program() -> PathBuf {
    std::env::var_os("AIRLOOM_LIVE").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../target/debug/live")),
        PathBuf::from,
    )
}

impl Live {
    /// Starts with these flags beside ports and data directory, and waits until both
    /// ports accept.
    pub fn start(flags: &[&str]) -> Self {
        Self::start_with(&[], flags)
    }

    /// [`start`](Self::start) with variables in its environment.
    pub fn start_with(environment: &[(&str, &str)], flags: &[&str]) -> Self {
        let data = Scratch::new();
        let path = data.path().to_owned();
        Self::launch(&path, Some(data), environment, flags)
    }

    /// [`start_with`](Self::start_with) on a data directory that outlives it.
    pub fn start_in(data: &Path, environment: &[(&str, &str)], flags: &[&str]) -> Self {
        Self::launch(data, None, environment, flags)
    }

    fn launch(
        data: &Path,
        scratch: Option<Scratch>,
        environment: &[(&str, &str)],
        flags: &[&str],
    ) -> Self {
        let mut process = Process::start(
            Command::new(program())
                .args(["--rtmp", "127.0.0.1:0", "--http", "127.0.0.1:0", "--data"])
                .arg(data)
                .args(flags)
                .envs(environment.iter().copied()),
        );
        let line =
            wait::until(Duration::from_secs(30), "the line that says where it listens", || {
                assert!(process.status().is_none(), "ended at once:\n{}", process.errors());
                let output = process.output();
                output.split_once('\n').map(|(line, _)| line.to_owned())
            });
        let listening: Value = serde_json::from_str(&line).expect("a line of JSON");
        assert_eq!(listening["event"], "listening", "{line}");
        let address = |field: &str| listening[field].as_str().expect(field).to_owned();
        Self { rtmp: address("rtmp"), http: address("http"), process, _data: scratch }
    }

    /// Address of the RTMP listener.
    pub fn rtmp(&self) -> &str {
        &self.rtmp
    }

    /// Address of the HTTP listener.
    pub fn http(&self) -> &str {
        &self.http
    }

    /// Where to publish or play a name.
    pub fn rtmp_url(&self, name: &str) -> String {
        format!("rtmp://{}/live/{name}", self.rtmp)
    }

    /// The address of a path.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.http)
    }

    /// `GET` of a path.
    pub fn get(&self, path: &str) -> Response {
        http::get(&self.url(path))
    }

    /// What `/api/streams` says of a name.
    pub fn stream(&self, name: &str) -> Option<Value> {
        let streams = self.get("/api/streams").json();
        let streams = streams.as_array().expect("an array of streams");
        streams.iter().find(|stream| stream["name"] == name).cloned()
    }

    /// Waits until a name is in a state.
    pub fn wait_for_state(&self, name: &str, state: &str, limit: Duration) -> Value {
        wait::until(limit, &format!("{name} to be {state}"), || {
            self.stream(name).filter(|stream| stream["state"] == state)
        })
    }

    /// The process.
    pub fn process(&self) -> &Process {
        &self.process
    }

    /// What `/api/usage` says a meter has counted since the month began.
    pub fn used(&self, meter: &str) -> u64 {
        let usage = self.get("/api/usage").json();
        usage["meters"][meter].as_u64().unwrap_or_else(|| panic!("no {meter}: {usage}"))
    }

    /// Sends a signal and waits for the end.
    pub fn end(mut self, signal: &str) -> (ExitStatus, String, String) {
        self.process.signal(signal);
        let status = self.process.wait(Duration::from_secs(30));
        (status, self.process.output(), self.process.errors())
    }

    /// Resident memory in bytes.
    pub fn memory(&self) -> u64 {
        self.status_field("VmRSS:") * 1024
    }

    /// Threads of the process.
    pub fn threads(&self) -> u64 {
        self.status_field("Threads:")
    }

    /// Open files and sockets of the process.
    pub fn files(&self) -> usize {
        let directory = format!("/proc/{}/fd", self.process.id());
        std::fs::read_dir(directory).expect("a running server").count()
    }

    /// Open sockets of the process.
    pub fn sockets(&self) -> usize {
        let directory = format!("/proc/{}/fd", self.process.id());
        let files = std::fs::read_dir(directory).expect("a running server").flatten();
        let targets = files.filter_map(|file| std::fs::read_link(file.path()).ok());
        targets.filter(|target| target.to_string_lossy().starts_with("socket:")).count()
    }

    fn status_field(&self, field: &str) -> u64 {
        let path = format!("/proc/{}/status", self.process.id());
        let status = std::fs::read_to_string(path).expect("a running server");
        let line = status.lines().find_map(|line| line.strip_prefix(field)).expect(field);
        line.split_whitespace().next().and_then(|word| word.parse().ok()).expect(field)
    }
}
