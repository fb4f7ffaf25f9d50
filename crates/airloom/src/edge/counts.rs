use std::fmt::Write;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

/// What has gone through since the edge was made.
#[derive(Debug, Default)]
pub(super) struct Counts {
    requests: AtomicU64,
    pub(super) hits: AtomicU64,
    pub(super) collapsed: AtomicU64,
    pub(super) stale: AtomicU64,
    /// Requests to the origin.
    pub(super) asked: AtomicU64,
    pub(super) failures: AtomicU64,
    pub(super) abandoned: AtomicU64,
    pub(super) bytes_in: AtomicU64,
    pub(super) bytes_out: AtomicU64,
    waiting: AtomicUsize,
}

impl Counts {
    pub(super) fn requests(&self) {
        self.requests.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn render(&self, cached: usize, flights: usize, up: bool) -> String {
        let mut text = String::new();
        let mut family = |name: &str, kind: &str, help: &str, value: u64| {
            // Writing into a String cannot fail.
            let _ = write!(text, "# HELP {name} {help}\n# TYPE {name} {kind}\n{name} {value}\n");
        };
        let of = |count: &AtomicU64| count.load(Ordering::Relaxed);
        for (name, help, count) in [
            ("airloom_edge_requests_total", "Requests of viewers.", &self.requests),
            ("airloom_edge_hits_total", "Requests answered from the cache.", &self.hits),
            (
                "airloom_edge_collapsed_total",
                "Requests answered by a request to the origin made for another.",
                &self.collapsed,
            ),
            ("airloom_edge_stale_total", "Requests answered with what is old.", &self.stale),
            ("airloom_edge_origin_requests_total", "Requests to the origin.", &self.asked),
            (
                "airloom_edge_origin_failures_total",
                "Requests to the origin without an answer of use.",
                &self.failures,
            ),
            (
                "airloom_edge_origin_abandoned_total",
                "Requests to the origin that nobody waited for any more.",
                &self.abandoned,
            ),
            (
                "airloom_edge_origin_bytes_total",
                "Bytes of bodies taken from the origin.",
                &self.bytes_in,
            ),
            ("airloom_edge_egress_bytes_total", "Bytes of bodies given out.", &self.bytes_out),
        ] {
            family(name, "counter", help, of(count));
        }
        let waiting = self.waiting.load(Ordering::Relaxed) as u64;
        for (name, help, value) in [
            ("airloom_edge_waiting", "Viewers that wait for the origin.", waiting),
            ("airloom_edge_origin_requests", "Requests to the origin under way.", flights as u64),
            ("airloom_edge_cache_bytes", "Bytes kept or coming.", cached as u64),
            ("airloom_edge_origin_up", "Whether the origin was last reached.", u64::from(up)),
        ] {
            family(name, "gauge", help, value);
        }
        text
    }
}

/// Counts a viewer that waits for as long as it lives.
#[derive(Debug)]
pub(super) struct Gauge<'a>(&'a Counts);

impl<'a> Gauge<'a> {
    /// `None` where as many wait as may.
    pub(super) fn new(counts: &'a Counts, most: usize) -> Option<Self> {
        let before = counts.waiting.fetch_add(1, Ordering::Relaxed);
        let gauge = Self(counts);
        (before < most).then_some(gauge)
    }
}

impl Drop for Gauge<'_> {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}
