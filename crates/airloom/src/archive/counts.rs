use std::fmt::Write;
use std::sync::atomic::{AtomicU64, Ordering};

/// What an archive has done and holds, all streams together.
#[derive(Debug, Default)]
pub(super) struct Counts {
    pub(super) uploads: AtomicU64,
    pub(super) bytes: AtomicU64,
    pub(super) failures: AtomicU64,
    pub(super) lost: AtomicU64,
    pub(super) waiting: AtomicU64,
    pub(super) memory: AtomicU64,
    pub(super) disk: AtomicU64,
}

impl Counts {
    pub(super) fn render(&self) -> String {
        let mut text = String::new();
        for (name, kind, help, count) in [
            ("airloom_archive_uploads_total", "counter", "Objects uploaded.", &self.uploads),
            ("airloom_archive_bytes_total", "counter", "Bytes uploaded.", &self.bytes),
            (
                "airloom_archive_failures_total",
                "counter",
                "Uploads that failed, each of which is tried again.",
                &self.failures,
            ),
            (
                "airloom_archive_lost_segments_total",
                "counter",
                "Segments that found no room to wait in, and are gaps.",
                &self.lost,
            ),
            ("airloom_archive_waiting", "gauge", "What waits to be uploaded.", &self.waiting),
            ("airloom_archive_memory_bytes", "gauge", "Media that waits in memory.", &self.memory),
            ("airloom_archive_disk_bytes", "gauge", "Media that waits on disk.", &self.disk),
        ] {
            let value = count.load(Ordering::Relaxed);
            // Writing into a String cannot fail.
            let _ = write!(text, "# HELP {name} {help}\n# TYPE {name} {kind}\n{name} {value}\n");
        }
        text
    }
}
