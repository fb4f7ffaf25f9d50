use std::time::Duration;

use airloom_media::Timescale;

use crate::Enhanced;
use crate::handshake::Scheme;

/// How a session behaves; the same for servers and clients.
///
/// ```
/// let mut config = airloom_rtmp::Config::default();
/// config.chunk_size = 4096;
/// config.limits.message = 4 << 20;
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Config {
    /// Payload bytes of one outgoing chunk, clamped to 128 to 16,777,215. Default 60,000, which
    /// ffmpeg has proved with every server: most messages leave in one chunk, so that their payload
    /// is shared and not copied. Costs no memory.
    pub chunk_size: u32,
    /// Bytes after which the peer is asked to acknowledge what it received. Default 2,500,000, as
    /// common servers ask. Costs no memory.
    pub window: u32,
    /// How long the handshake and `connect` may take together. Default 10 s: a stalled one holds a
    /// socket for nothing.
    pub handshake_timeout: Duration,
    /// How long nothing may arrive before the peer counts as gone. Default 60 s. After half of it
    /// the peer is asked for a sign of life (a ping), so a quiet player is not cut off.
    pub idle_timeout: Duration,
    /// How a client signs its handshake. Default [`Scheme::One`], as Flash Player did: servers that
    /// know no digest answer all the same.
    pub handshake: Option<Scheme>,
    /// Varies the padding of the handshake from session to session. Default 0; nothing secret hangs
    /// on it.
    pub seed: u64,
    /// What a server's publications and a client's playbacks are delivered as. Default
    /// [`Deliver::Both`]; the part that is not wanted costs nothing when it is left out.
    pub deliver: Deliver,
    /// The clock of delivered tracks and samples. Default [`Precision::Millis`], the clock of all
    /// but Enhanced RTMP's ModEx.
    pub precision: Precision,
    /// What the session says of itself: a client in `connect`, a server in answer to a client that
    /// speaks Enhanced RTMP. Default [`Enhanced::forwarding`]: tags of any codec are delivered.
    /// Narrow it where only some can be used, so that encoders do not offer others.
    pub enhanced: Enhanced,
    /// Bounds on what a peer can make a session hold.
    pub limits: Limits,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            chunk_size: 60_000,
            window: 2_500_000,
            handshake_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_mins(1),
            handshake: Some(Scheme::One),
            seed: 0,
            deliver: Deliver::Both,
            precision: Precision::Millis,
            enhanced: Enhanced::forwarding(),
            limits: Limits::default(),
        }
    }
}

/// The shape in which received media is delivered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Deliver {
    /// FLV tags as received: for those who relay without looking.
    Tags,
    /// Tracks and samples: for those who package or decode.
    Samples,
    /// Both; of one message, the tag first.
    Both,
}

impl Deliver {
    /// Whether tags are delivered.
    pub const fn tags(self) -> bool {
        matches!(self, Self::Tags | Self::Both)
    }

    /// Whether tracks and samples are delivered.
    pub const fn samples(self) -> bool {
        matches!(self, Self::Samples | Self::Both)
    }
}

/// The clock of tracks and samples.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Precision {
    /// RTMP's own milliseconds. Nanosecond offsets are cut off.
    #[default]
    Millis,
    /// Nanoseconds: a sample's time is its tag's, and Enhanced RTMP's nanosecond offset
    /// (`TimestampOffsetNano`) on top of it, exactly.
    Nanos,
}

impl Precision {
    /// The timescale of tracks.
    pub const fn timescale(self) -> Timescale {
        match self {
            Self::Millis => Timescale::MILLIS,
            Self::Nanos => Timescale::NANOS,
        }
    }
}

/// Bounds on what a peer can make a session hold.
///
/// Whatever arrives, a session holds at most the bytes it received and did not yet deliver, and a
/// fixed amount on top: [`reserve`](Self::reserve), one eighth of
/// [`partial_bytes`](Self::partial_bytes), some 100 bytes for each of
/// [`chunk_streams`](Self::chunk_streams), 300 for each of [`outputs`](Self::outputs), 160 for each
/// of [`amf_values`](Self::amf_values), and [`queued_bytes`](Self::queued_bytes). An input that ends
/// in the middle of a message counts as received and not delivered until the next one comes, with
/// the allocation that it is a piece of.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Largest chunk size a peer may set, in bytes. Default 2,147,483,647, all the protocol allows:
    /// chunks are read as they come, so a large size costs no memory.
    pub chunk_size: u32,
    /// Largest message, in bytes. Default 16,777,215, all the protocol allows. Memory grows with
    /// the bytes that arrive, never with the length announced.
    pub message: usize,
    /// Bytes of messages begun and not finished, over all chunk streams. Default 32 MiB: two
    /// messages of the largest size. That much memory at worst.
    pub partial_bytes: usize,
    /// Bytes set aside for announced message lengths before they arrive, over all chunk streams.
    /// Default 1 MiB: a key frame of 50 Mbit/s is allocated once. That much memory at worst.
    pub reserve: usize,
    /// Chunk streams remembered. Default 256; encoders use less than ten. A new one beyond that
    /// takes the place of one that is idle. About 100 bytes each.
    pub chunk_streams: usize,
    /// Sound and pictures of which all chunks lie in one input, or in inputs next to each other in
    /// memory, are passed on as a slice of them where the message is at least one part in so many
    /// of those inputs, and copied where it is smaller, so that a small message kept for long never
    /// pins more than this multiple of itself. Default 4. Who keeps all media for about as long
    /// sets it to the most there is, and copies nothing.
    pub pin: usize,
    /// Levels of nesting in AMF. Default 16; real commands use three. No memory, but stack.
    pub amf_depth: usize,
    /// Values in one AMF message, and in the decoded events that wait: once there may be so many,
    /// input waits unread. Default 4,096: metadata with key frame lists of an hour fit. About 80
    /// bytes each at worst, in what waits and once more in what is read.
    pub amf_values: usize,
    /// Message streams open at once on one connection. Default 16. About 500 bytes each.
    pub message_streams: usize,
    /// Events waiting for [`poll_output`](crate::server::Session::poll_output). Default 1,024.
    /// Beyond that, input waits unread. About 300 bytes each.
    pub outputs: usize,
    /// Input that waits for a decision on a request or for outputs to be taken, in bytes. Default
    /// 4 MiB. That much memory at worst.
    pub held_input: usize,
    /// Bytes waiting to be sent. Default 32 MiB. That much memory at worst; tags shared with other
    /// players count in full.
    pub queued_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            chunk_size: 0x7FFF_FFFF,
            message: 0xFF_FFFF,
            partial_bytes: 32 << 20,
            reserve: 1 << 20,
            chunk_streams: 256,
            pin: 4,
            amf_depth: 16,
            amf_values: 4096,
            message_streams: 16,
            outputs: 1024,
            held_input: 4 << 20,
            queued_bytes: 32 << 20,
        }
    }
}
