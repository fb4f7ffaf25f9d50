use std::fmt::Write;
use std::sync::atomic::Ordering;

use super::hub::Totals;

pub(super) fn render(totals: &Totals) -> String {
    let mut text = String::new();
    let mut family = |name: &str, kind: &str, help: &str, samples: &[(&str, u64)]| {
        // Writing into a String cannot fail.
        let _ = write!(text, "# HELP {name} {help}\n# TYPE {name} {kind}\n");
        for (labels, value) in samples {
            let _ = writeln!(text, "{name}{labels} {value}");
        }
    };
    let read = |value: &std::sync::atomic::AtomicU64| value.load(Ordering::Relaxed);
    family("airloom_chat_rooms", "gauge", "Rooms alive.", &[("", read(&totals.rooms))]);
    family(
        "airloom_chat_readers",
        "gauge",
        "Readers connected, by the path that serves them.",
        &[("{path=\"fast\"}", read(&totals.fast)), ("{path=\"task\"}", read(&totals.tasks))],
    );
    family(
        "airloom_chat_requests_total",
        "counter",
        "Messages, reactions, acts and the like, by outcome.",
        &[
            ("{outcome=\"accepted\"}", read(&totals.accepted)),
            ("{outcome=\"refused\"}", read(&totals.refused)),
        ],
    );
    for (name, help, value) in [
        ("airloom_chat_batches_total", "Batches made.", &totals.batches),
        ("airloom_chat_deliveries_total", "Batches given to readers.", &totals.deliveries),
        (
            "airloom_chat_delivered_bytes_total",
            "Bytes of events given out.",
            &totals.delivered_bytes,
        ),
        ("airloom_chat_reaped_total", "Readers whose connection failed.", &totals.reaped),
    ] {
        family(name, "counter", help, &[("", read(value))]);
    }
    text
}
