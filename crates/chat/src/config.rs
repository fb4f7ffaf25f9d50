use std::time::Duration;

/// What a room promises its readers and writers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// The least time that one event of the stream takes up. Default 100 ms: ten events a second.
    ///
    /// A tick that says more than a batch (a gap before it, the presence) is followed by that
    /// much more silence, and no second has more than ten events. Only a reader that
    /// is being given what it missed may get up to four more in one second.
    pub interval: Duration,
    /// The longest time between two ticks while there is something to say. Default 500 ms.
    pub slowest: Duration,
    /// Deliveries a second the machine is willing to make for this room. Default 2,000,000.
    ///
    /// Above `deliveries * interval` readers the ticks slow down, towards [`slowest`](Self::slowest);
    /// and so they do where giving out a batch [takes](crate::Feed::delivered) longer than that.
    pub deliveries: u32,
    /// How much people can read. Default 20 entries a second, 200 at once; `None` shows all.
    pub display: Option<Display>,
    /// What is kept for those who come back.
    pub history: History,
    /// How many entries somebody gets who comes without a cursor. Default 50.
    pub welcome: usize,
    /// The least time between two statements of who is here. Default `Some(1 s)`; `None` says
    /// nothing about it.
    pub presence: Option<Duration>,
    /// Up to how many known readers are listed by id. Default 20; beyond it only counted. At most
    /// 128 bytes each, here and in the presence event.
    pub members: usize,
    /// The least time between two standings of reactions or a poll. Default 1 s.
    pub tally: Duration,
    /// How long an idempotency key is remembered at least, unless
    /// [`Limits::keys`] is reached. Default 10 min.
    pub keys: Duration,
    /// How long a room without readers keeps its history after the last entry. Default 5 min.
    pub idle: Duration,
    /// How long a held submission waits for its review before it is dropped. Default 10 min.
    pub review: Duration,
    /// What keeps memory bounded.
    pub limits: Limits,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            interval: Duration::from_millis(100),
            slowest: Duration::from_millis(500),
            deliveries: 2_000_000,
            display: Some(Display::default()),
            history: History::default(),
            welcome: 50,
            presence: Some(Duration::from_secs(1)),
            members: 20,
            tally: Duration::from_secs(1),
            keys: Duration::from_mins(10),
            idle: Duration::from_mins(5),
            review: Duration::from_mins(10),
            limits: Limits::default(),
        }
    }
}

/// The display budget: how many entries a reader is shown before ordinary ones are sampled.
///
/// Entries of the priority lanes are always shown; they use up the budget too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Display {
    /// Entries a second, over time. Default 20.
    pub rate: u32,
    /// Entries at once after a quiet time. Default 200: ten seconds' worth, which people catch up
    /// with, so that one burst in a quiet room loses nothing.
    pub burst: u32,
}

impl Default for Display {
    fn default() -> Self {
        Self { rate: 20, burst: 200 }
    }
}

/// How much of the past a room holds; whichever bound is reached first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct History {
    /// Entries. Default 1,000.
    pub entries: usize,
    /// Bytes of their JSON. Default 1 MiB. About 200 bytes an entry come on top.
    pub bytes: usize,
    /// How old they get. Default 1 h. Older ones are dropped at the next thing that happens.
    pub age: Duration,
}

impl Default for History {
    fn default() -> Self {
        Self { entries: 1000, bytes: 1 << 20, age: Duration::from_hours(1) }
    }
}

/// Bounds of one room. With the defaults a room at all of them at once holds about 40 MB, of
/// which the users and keys of a long-lived large room are the most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of one text. Default 2,000; a longer one is
    /// [`Refusal::TooLong`](crate::Refusal::TooLong).
    pub text: usize,
    /// Entries admitted and not yet sent. Default 4,096; then ordinary ones are
    /// [`Refusal::Busy`](crate::Refusal::Busy), and at twice as many all are. At most
    /// `2 * pending * text` bytes above the history.
    pub pending: usize,
    /// Outputs not yet drained, batches apart (of which the oldest go). Default 4,096; then what
    /// would make more is [`Refusal::Busy`](crate::Refusal::Busy).
    pub outputs: usize,
    /// Bytes of one catching-up answer. Default 256 KiB; what is more comes in the next.
    pub replay: usize,
    /// Idempotency keys remembered. Default 32,768, about 300 bytes each at worst; then the older
    /// half is forgotten early.
    pub keys: usize,
    /// Writers whose pace is remembered. Default 65,536, about 100 bytes each; then the older
    /// half is forgotten early.
    pub users: usize,
    /// Timeouts and bans in force. Default 65,536, about 200 bytes each; then a new one is
    /// [`Refusal::Full`](crate::Refusal::Full).
    pub sanctions: usize,
    /// Submissions held for review. Default 1,024; then one more is
    /// [`Refusal::Full`](crate::Refusal::Full).
    pub held: usize,
    /// Entries whose reactions have not been told yet. Default 64; then a reaction to another is
    /// [`Refusal::Busy`](crate::Refusal::Busy).
    pub reactions: usize,
    /// Voters of one poll. Default 262,144, 16 bytes each; then one more is
    /// [`Refusal::Full`](crate::Refusal::Full).
    pub voters: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            text: 2000,
            pending: 4096,
            outputs: 4096,
            replay: 256 << 10,
            keys: 32_768,
            users: 65_536,
            sanctions: 65_536,
            held: 1024,
            reactions: 64,
            voters: 262_144,
        }
    }
}
