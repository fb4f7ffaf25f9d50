//! A server's process, as the kernel accounts it.

use std::process::Child;
use std::time::Duration;

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

    /// `utime` and `stime`, all threads.
    pub fn cpu(&self) -> Result<Duration, Failure> {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id()))?;
        // The second field is a name in parentheses that may hold anything.
        let (_, fields) = stat.rsplit_once(')').ok_or("/proc/PID/stat has no name")?;
        let mut fields = fields.split_whitespace().skip(11);
        let mut ticks = || fields.next()?.parse::<u64>().ok();
        let (user, system) = ticks().zip(ticks()).ok_or("/proc/PID/stat is short")?;
        // A tick is 10 ms on every Linux that this runs on (`getconf CLK_TCK`).
        Ok(Duration::from_millis((user + system) * 10))
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
