//! Ports that stay a test's own while nobody listens at them.

use std::net::TcpListener;
use std::sync::atomic::{AtomicU16, Ordering};

/// A port of the loopback that only its caller will listen at.
///
/// One that the system picked and that was let go is soon picked again, for whoever asks next or
/// connects anywhere. These lie below those it picks from, and each process has its own.
#[allow(unreachable_pub, reason = "the end-to-end tests have it in a library")]
pub fn free() -> u16 {
    const FIRST: u16 = 10_000;
    const EACH: u16 = 128;
    const PROCESSES: u32 = 170;
    static TAKEN: AtomicU16 = AtomicU16::new(0);

    let process = u16::try_from(std::process::id() % PROCESSES).unwrap();
    loop {
        let nth = TAKEN.fetch_add(1, Ordering::Relaxed);
        assert!(nth < EACH, "a process has {EACH} ports");
        let port = FIRST + process * EACH + nth;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}
