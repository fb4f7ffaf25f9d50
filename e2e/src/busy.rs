//! Figures in real time, on a machine that may have other things to do.

use std::io::{self, Write};

/// A browser on a machine of two processors that its neighbours share stalls now and then through
/// no fault of the server; one that stalls three times in a row does not.
const ATTEMPTS: usize = 3;

/// Makes an attempt whose success depends on getting the processor in time, and makes it again
/// where it fails; every result is printed. Fails with what the last of [`ATTEMPTS`] says.
pub fn attempt(what: &str, attempt: impl Fn() -> Result<String, String>) {
    attempt_of(ATTEMPTS, what, attempt);
}

/// The same up to `attempts` times, for what a player itself does not do each time.
pub fn attempt_of(attempts: usize, what: &str, attempt: impl Fn() -> Result<String, String>) {
    for left in (0..attempts).rev() {
        let outcome = attempt();
        let (Ok(report) | Err(report)) = &outcome;
        println!("{what}: {report}");
        match outcome {
            Ok(_) => return,
            Err(reason) if left == 0 => panic!("{what}: {reason}"),
            Err(_) => {
                let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
                // Past the test harness, which keeps what is printed of tests that pass.
                let _ = writeln!(
                    io::stderr(),
                    "{what}: once more; load average {}: {report}",
                    load.trim_end()
                );
            }
        }
    }
}
