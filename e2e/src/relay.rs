//! The relay.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use serde_json::Value;

use crate::process::Process;
use crate::wait;

/// The program: what `AIRLOOM_RELAY` names, or what was built for tests beside this package.
pub fn program() -> PathBuf {
    std::env::var_os("AIRLOOM_RELAY").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../target/debug/relay")),
        PathBuf::from,
    )
}

/// A running `relay` that waits for an encoder on a free port of the loopback. Dropping it kills it.
#[derive(Debug)]
pub struct Relay {
    process: Process,
    address: String,
}

impl Relay {
    /// Starts one with these flags and environment, and waits until it accepts.
    pub fn listening(flags: &[&str], environment: &[(&str, &str)]) -> Self {
        let mut process = Process::start(
            Command::new(program())
                .args(["--listen", "127.0.0.1:0"])
                .args(flags)
                .envs(environment.iter().copied()),
        );
        let line = wait::until(Duration::from_secs(30), "the relay to listen", || {
            assert!(process.status().is_none(), "ended at once:\n{}", process.errors());
            process.output().split_once('\n').map(|(line, _)| line.to_owned())
        });
        let listening: Value = serde_json::from_str(&line).expect("a line of JSON");
        let address = listening["rtmp"].as_str().expect("an address").to_owned();
        Self { process, address }
    }

    /// Starts one that pulls from `source` and pushes to `target`.
    pub fn pulling(source: &str, target: &str) -> Process {
        Process::start(Command::new(program()).args(["--pull", source, "--push", target]))
    }

    /// `HOST:PORT`.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// The process.
    pub fn process(&self) -> &Process {
        &self.process
    }
}
