use std::time::Duration;

/// How the nodes of a room work together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Config {
    /// The least time between two frames of new entries. Default 50 ms.
    pub publish: Duration,
    /// How often a sequencer says that it is there, and how far it has come. Default 500 ms.
    pub beat: Duration,
    /// How often a lease is renewed; a third of what it lasts at most. Default 1.5 s.
    pub renew: Duration,
    /// How long before a lease ends its holder stops, for clocks that do not run alike. Default
    /// 500 ms: a clock may be a tenth too slow on a lease of five seconds.
    pub margin: Duration,
    /// After how much silence the sequencer is missed, readers are told, and the lease is asked
    /// for. Default 2 s.
    pub silence: Duration,
    /// How long to wait for what seems missing before asking for it, and between two askings.
    /// Default 150 ms.
    pub ask: Duration,
    /// How long to go on asking before readers are told of the gap. Default 5 s.
    pub patience: Duration,
    /// How long a writer waits for the sequencer's answer. Default 3 s.
    pub answer: Duration,
    /// Bytes of entries in one frame. Default 256 KiB: a quarter of what core NATS takes.
    pub frame: usize,
    /// Entries held that came too early. Default 4,096; the latest are dropped and asked for
    /// again.
    pub backlog: usize,
    /// Requests waiting for an answer. Default 4,096; then one more is
    /// [`Refusal::Busy`](crate::Refusal::Busy).
    pub requests: usize,
    /// Outputs not yet drained, batches apart. Default 16,384; then frames are dropped as the
    /// broker would, and requests are [`Refusal::Busy`](crate::Refusal::Busy).
    pub outputs: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            publish: Duration::from_millis(50),
            beat: Duration::from_millis(500),
            renew: Duration::from_millis(1500),
            margin: Duration::from_millis(500),
            silence: Duration::from_secs(2),
            ask: Duration::from_millis(150),
            patience: Duration::from_secs(5),
            answer: Duration::from_secs(3),
            frame: 256 << 10,
            backlog: 4096,
            requests: 4096,
            outputs: 16_384,
        }
    }
}
