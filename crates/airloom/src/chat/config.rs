use std::num::NonZeroUsize;
use std::time::Duration;

/// Limits and times of a [`Chat`](super::Chat).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Config {
    /// What each room promises. The default is that of the core, but for
    /// [`deliveries`](airloom_chat::Config::deliveries): 200,000 a second, which is what one core
    /// writes to sockets.
    pub room: airloom_chat::Config,
    /// Rooms at once. Default 10,000; then a new one is
    /// [`Refusal::Full`](airloom_chat::Refusal::Full). A room that is not written in costs some
    /// 5 KB.
    pub rooms: usize,
    /// Into how many shards the rooms fall, each behind a lock and ticked by a task of its own.
    /// Default: one for each core, 16 at most.
    ///
    /// Each takes its share of [`rooms`](Self::rooms), [`SHARD`](Self::SHARD) at least. As names do
    /// not fall evenly, the first room that is refused may come a tenth before that limit. With a
    /// [`broker`](super::Builder::broker) of one's own there is one.
    pub shards: NonZeroUsize,
    /// Readers at once. Default 1,000,000; then one more is
    /// [`Refusal::Full`](airloom_chat::Refusal::Full). What one costs beside its socket is said in
    /// the [module](super).
    pub readers: usize,
    /// The longest that a reader hears nothing; then it is sent a comment line. Default 15 s:
    /// proxies take a connection that is silent for 30 s or 60 s to be gone.
    pub heartbeat: Duration,
    /// How long a peer may acknowledge nothing, or keep its window shut, before it is taken to be
    /// gone. Default 30 s. Kept by the kernel (`TCP_USER_TIMEOUT`), on Linux and Android; it is
    /// noticed when something is written, so a peer that vanished is gone after this and a
    /// heartbeat.
    pub peer_timeout: Duration,
    /// What the kernel may hold of a reader's unsent bytes, where it is not to decide itself.
    /// Default none.
    pub send_buffer: Option<usize>,
    /// How many submissions a [`Reviewer`](super::Reviewer) is asked about at once. Default 64; the
    /// others wait in their rooms.
    pub reviews: usize,
    /// Threads that write to readers on the fast path. Default: one for each core, four at most.
    pub writers: NonZeroUsize,
}

impl Config {
    /// The least rooms a shard has place for.
    pub const SHARD: usize = 512;
}

impl Default for Config {
    fn default() -> Self {
        Self {
            room: airloom_chat::Config { deliveries: 200_000, ..airloom_chat::Config::default() },
            rooms: 10_000,
            shards: cores(16),
            readers: 1_000_000,
            heartbeat: Duration::from_secs(15),
            peer_timeout: Duration::from_secs(30),
            send_buffer: None,
            reviews: 64,
            writers: cores(4),
        }
    }
}

/// A number of threads or tasks: one for each core, so many at most.
fn cores(most: usize) -> NonZeroUsize {
    let cores = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
    NonZeroUsize::new(cores.min(most)).unwrap_or(NonZeroUsize::MIN)
}
