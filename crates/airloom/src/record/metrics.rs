use std::fmt::Write;
use std::sync::atomic::Ordering::Relaxed;

use super::queue::Queue;
use super::shelf::Shelf;

pub(super) fn render(shelf: &Shelf, queue: &Queue) -> String {
    let totals = &shelf.totals;
    let mut text = String::new();
    let mut one = |name: &str, kind: &str, help: &str, value: u64| {
        // Writing into a String cannot fail.
        let _ = write!(text, "# HELP {name} {help}\n# TYPE {name} {kind}\n{name} {value}\n");
    };
    let count = |value: &std::sync::atomic::AtomicU64| value.load(Relaxed);
    one("airloom_recordings", "gauge", "Recordings kept.", shelf.len() as u64);
    one("airloom_recordings_bytes", "gauge", "Bytes of recordings on disk.", count(&shelf.bytes));
    one("airloom_recordings_started_total", "counter", "Begun.", count(&totals.started));
    one("airloom_recordings_refused_total", "counter", "Not begun.", count(&totals.refused));
    let help = "Ended before their streams did.";
    one("airloom_recordings_cut_short_total", "counter", help, count(&totals.cut_short));
    let help = "Bytes written.";
    one("airloom_recordings_written_bytes_total", "counter", help, count(&totals.written));
    let help = "Parts the disk had no time for.";
    one("airloom_recordings_lost_parts_total", "counter", help, count(&totals.lost));
    let help = "Bytes of media that wait for the disk.";
    one("airloom_recordings_queue_bytes", "gauge", help, queue.bytes() as u64);
    let help = "Bytes of recordings given out.";
    one("airloom_recordings_served_bytes_total", "counter", help, count(&totals.served));
    text
}
