use std::fmt;
use std::net::SocketAddr;
use std::time::{SystemTime, UNIX_EPOCH};

use tracing::Level;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::FormatTime;

/// The time of day in UTC, to the second: enough to find a line again.
struct TimeOfDay;

impl FormatTime for TimeOfDay {
    fn format_time(&self, w: &mut Writer<'_>) -> fmt::Result {
        let seconds = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs());
        let (hour, minute, second) = (seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
        write!(w, "{hour:02}:{minute:02}:{second:02}Z")
    }
}

/// Sends what matters to standard error, a line each; standard output is for machines.
pub(crate) fn start() {
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_timer(TimeOfDay)
        .with_target(false)
        .with_max_level(Level::INFO)
        .init();
}

/// Tells a person where to publish, where to watch and how to stop.
pub(crate) fn greet(rtmp: SocketAddr, http: SocketAddr, moderator: Option<&String>) {
    let moderator = moderator
        .map(|token| format!("   (the shield beside each chat takes the token {token})"))
        .unwrap_or_default();
    eprintln!(
        "airloom live {version}{moderator}\n\
         \x20 publish  rtmp://{rtmp}/live/NAME   (in OBS: server rtmp://{rtmp}/live, stream key NAME)\n\
         \x20 watch    http://{http}/\n\
         \x20 stop     Ctrl-C",
        version = env!("CARGO_PKG_VERSION"),
    );
}
