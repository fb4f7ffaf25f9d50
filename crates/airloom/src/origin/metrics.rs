use std::sync::atomic::Ordering;

use super::{Origin, State};
use crate::metrics::Family;

/// Stream names need no escaping: see [`StreamName`](super::StreamName).
pub(super) fn render(origin: &Origin) -> String {
    let totals = &origin.0.totals;
    let streams: Vec<_> = origin.lock().values().cloned().collect();
    let mut text = String::new();
    let total = |name, help, value: &std::sync::atomic::AtomicU64, text: &mut String| {
        Family::new(text, name, "counter", help).sample("", value.load(Ordering::Relaxed));
    };
    total("airloom_publishes_total", "Publishes accepted.", &totals.publishes, &mut text);
    total("airloom_refused_total", "RTMP requests refused.", &totals.refused, &mut text);
    total("airloom_http_requests_total", "Requests for streams.", &totals.requests, &mut text);
    total("airloom_http_busy_total", "Requests refused at a bound.", &totals.busy, &mut text);
    total("airloom_cut_off_total", "Publishers cut off.", &totals.cut_off, &mut text);
    total("airloom_egress_bytes_total", "Bytes of bodies given out.", &totals.bytes_out, &mut text);
    let mut family = Family::new(
        &mut text,
        "airloom_access_total",
        "counter",
        "Questions whether to let somebody in, by what was wanted and said.",
    );
    let tally = &totals.tally;
    for (action, outcomes) in
        [("connect", &tally.connect), ("publish", &tally.publish), ("play", &tally.play)]
    {
        for (outcome, count) in [
            ("allowed", &outcomes.allowed),
            ("refused", &outcomes.refused),
            ("unavailable", &outcomes.unavailable),
        ] {
            let labels = format!("{{action=\"{action}\",outcome=\"{outcome}\"}}");
            family.sample(&labels, count.load(Ordering::Relaxed));
        }
    }
    Family::new(&mut text, "airloom_http_waiting", "gauge", "Requests that wait for media.")
        .sample("", totals.waiting.load(Ordering::Relaxed));

    let statuses: Vec<_> = streams.iter().map(|stream| (stream, stream.status(""))).collect();
    let mut family = Family::new(&mut text, "airloom_streams", "gauge", "Streams held, by state.");
    for (state, label) in
        [(State::Live, "live"), (State::Resuming, "resuming"), (State::Ended, "ended")]
    {
        let count = statuses.iter().filter(|(_, status)| status.state == state).count();
        family.sample(&format!("{{state=\"{label}\"}}"), count);
    }
    let label = |name: &str| format!("{{stream=\"{name}\"}}");
    let mut family = Family::new(
        &mut text,
        "airloom_stream_ingest_bytes_total",
        "counter",
        "Bytes of media taken in.",
    );
    for (_, status) in &statuses {
        family.sample(&label(&status.name), status.bytes_in);
    }
    let mut family =
        Family::new(&mut text, "airloom_stream_frames_total", "counter", "Frames taken in.");
    for (_, status) in &statuses {
        family.sample(&label(&status.name), status.frames_in);
    }
    let mut family = Family::new(&mut text, "airloom_stream_viewers", "gauge", "Who is watching.");
    for (_, status) in &statuses {
        family.sample(&label(&status.name), status.viewers);
    }
    let mut family =
        Family::new(&mut text, "airloom_stream_window_bytes", "gauge", "Bytes of media held.");
    for (stream, status) in &statuses {
        family.sample(&label(&status.name), stream.held_bytes());
    }
    text
}
