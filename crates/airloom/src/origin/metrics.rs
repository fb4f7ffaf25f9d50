use std::fmt::Write;
use std::sync::atomic::Ordering;

use super::{Origin, State};

/// One family of the text exposition format: help, type, then its samples.
struct Family<'a>(&'a mut String, &'static str);

impl<'a> Family<'a> {
    fn new(text: &'a mut String, name: &'static str, kind: &str, help: &str) -> Self {
        // Writing into a String cannot fail.
        let _ = write!(text, "# HELP {name} {help}\n# TYPE {name} {kind}\n");
        Self(text, name)
    }

    fn sample(&mut self, labels: &str, value: impl std::fmt::Display) {
        let _ = writeln!(self.0, "{}{labels} {value}", self.1);
    }
}

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
    total("airloom_egress_bytes_total", "Bytes of bodies given out.", &totals.bytes_out, &mut text);
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
    let mut family =
        Family::new(&mut text, "airloom_stream_ingest_bytes", "counter", "Bytes taken in.");
    for (_, status) in &statuses {
        family.sample(&label(&status.name), status.bytes_in);
    }
    let mut family = Family::new(&mut text, "airloom_stream_frames", "counter", "Frames taken in.");
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
