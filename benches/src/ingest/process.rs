//! A server's process, as the kernel accounts it.

use std::process::Child;
use std::time::Duration;

use nix::time::{clock_getcpuclockid, clock_gettime};
use nix::unistd::Pid;

use crate::Failure;

/// A child that is killed and reaped when it is dropped.
#[derive(Debug)]
pub struct Process {
    child: Child,
}

impl Process {
    pub fn new(child: Child) -> Self {
        Self { child }
    }

    /// `utime` and `stime` of all threads, those included that have ended: what `/proc/PID/stat`
    /// counts in ticks of 10 ms, in nanoseconds.
    pub fn cpu(&self) -> Result<Duration, Failure> {
        let clock = clock_getcpuclockid(Pid::from_raw(self.child.id() as i32))?;
        Ok(clock_gettime(clock)?.into())
    }

    /// Resident bytes.
    pub fn resident(&self) -> Result<u64, Failure> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kilobytes = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
        Ok(kilobytes.ok_or("/proc/PID/status has no VmRSS")? * 1024)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
