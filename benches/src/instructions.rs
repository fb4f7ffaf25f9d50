//! Counts instructions with valgrind, which noise does not touch.

use std::process::Command;

use crate::measure::{Clock, Contender, Cost, Meter};

/// Runs the measured part inside a function that callgrind is told to collect in.
#[derive(Debug)]
struct Collected;

impl Meter for Collected {
    fn measure(&mut self, body: &mut dyn FnMut()) -> Cost {
        collected_by_callgrind(body);
        Cost::default()
    }
}

#[inline(never)]
fn collected_by_callgrind(body: &mut dyn FnMut()) {
    body();
    // Nothing may be a tail call: callgrind must see this function return.
    std::hint::black_box(());
}

/// What the child under valgrind does: one pass that warms up, one that is collected.
pub fn child(contender: &mut Contender<'_>) -> bool {
    (contender.pass)(&mut Clock).1.is_ok() && (contender.pass)(&mut Collected).1.is_ok()
}

/// Whether valgrind is installed.
pub fn available() -> bool {
    Command::new("valgrind").arg("--version").output().is_ok_and(|output| output.status.success())
}

/// Instructions that one contender's pass takes, by running this program again under callgrind.
pub fn count(key: &str, contender: usize) -> Option<u64> {
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg("--toggle-collect=*collected_by_callgrind*")
        .arg(std::env::current_exe().ok()?)
        .args(["one", key, &contender.to_string()])
        .output()
        .ok()?;
    if !output.status.success() {
        return None;
    }
    let text = String::from_utf8_lossy(&output.stderr);
    let (_, count) = text.lines().find(|line| line.contains("Collected"))?.split_once(" : ")?;
    count.trim().parse().ok()
}
