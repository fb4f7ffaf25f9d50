//! The edge.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use serde_json::Value;

use crate::http::{self, Response};
use crate::process::Process;
use crate::wait;

/// The program: what `AIRLOOM_EDGE` names, or what was built for tests beside this package.
pub fn program() -> PathBuf {
    std::env::var_os("AIRLOOM_EDGE").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../target/debug/edge")),
        PathBuf::from,
    )
}

/// A running `edge` on a free port of the loopback. Dropping it kills it.
#[derive(Debug)]
pub struct Edge {
    _process: Process,
    address: String,
}

impl Edge {
    /// Starts one of the origin that serves `/live` at `HOST:PORT`, with these flags, and waits
    /// until it accepts.
    pub fn start(origin: &str, flags: &[&str]) -> Self {
        let mut process = Process::start(
            Command::new(program())
                .args(["--http", "127.0.0.1:0", "--origin", &format!("http://{origin}/live")])
                .args(flags),
        );
        let line = wait::until(Duration::from_secs(30), "the edge to listen", || {
            assert!(process.status().is_none(), "ended at once:\n{}", process.errors());
            process.output().split_once('\n').map(|(line, _)| line.to_owned())
        });
        let listening: Value = serde_json::from_str(&line).expect("a line of JSON");
        let address = listening["http"].as_str().expect("an address").to_owned();
        Self { _process: process, address }
    }

    /// `HOST:PORT`.
    pub fn http(&self) -> &str {
        &self.address
    }

    /// The address of a path.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// `GET` of a path.
    pub fn get(&self, path: &str) -> Response {
        http::get(&self.url(path))
    }

    /// The value of a metric without labels.
    pub fn metric(&self, name: &str) -> u64 {
        let text = self.get("/metrics").text();
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.and_then(|value| value.parse().ok()).unwrap_or_else(|| panic!("no {name}: {text}"))
    }
}
