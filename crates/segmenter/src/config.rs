use std::time::Duration;

/// How a stream is cut, and what is put right on the way.
///
/// Start from [`Config::default`] and change fields. All lengths are media time.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each stands for itself, whatever the others are"
)]
#[non_exhaustive]
pub struct Config {
    /// How long a segment should be. Default 2 s: a keyframe a second or two is what live encoders
    /// are set to, and a viewer joins at a segment's start. A segment ends at the first keyframe
    /// at or after this (5 % early is still on time), or at one before it where the next one, by the
    /// distance of those before, would come too late.
    pub segment: Duration,
    /// The least length of the stream's first segment. Default 0.5 s: the first viewer can start
    /// at the second keyframe instead of waiting for a whole [`segment`](Self::segment).
    pub first_segment: Duration,
    /// How long the first segment waits for a keyframe. Default 10 s, the longest keyframe
    /// interval in common use. Later segments are held to
    /// [`Segmenter::target_duration`](crate::Segmenter::target_duration), which the first settles.
    pub max_segment: Duration,
    /// Whether the first segment settles the target duration for good, as a live playlist has to
    /// have it. Default true. Without, it is that of the longest segment so far, and complete at the
    /// end; any segment may be as long as [`max_segment`](Self::max_segment), and longer where one
    /// sample says that it lasts longer.
    pub settled_target: bool,
    /// How long a Low-Latency part may be, or `None` for no parts: then a segment is one fragment,
    /// which has the fewest headers and holds no more memory, since payload is shared either way.
    /// Default 200 ms. A track's own target is at most this, unless one frame alone is longer; where
    /// few pictures fit, and the first come unevenly, it leaves room for that: 30 a second have 180 ms
    /// then, and parts of five instead of six.
    pub part: Option<Duration>,
    /// Whether each segment begins with its type (`styp`). Default true: some players of DASH look at
    /// it; 24 bytes a segment.
    pub styp: bool,
    /// Whether each fragment has a segment index (`sidx`) in front of it. Default false: HLS and
    /// DASH playlists say the same. Some players of plain segments want it; 52 bytes a fragment,
    /// so it is for streams without Low-Latency parts.
    pub sidx: bool,
    /// Whether MPEG-TS segments are made beside CMAF. Default true. They are rendered only when
    /// asked for; until then they cost their index, some 100 bytes a segment.
    pub ts: bool,
    /// The sequence number of the first segment. Default 0. A service that may be restarted sets
    /// it from its wall clock, so that media sequence numbers never fall.
    pub first_sequence: u64,
    /// How far a decode time may lie at or before the one before it and still be repaired in
    /// place, one tick after it. Default 100 ms: encoders repeat a time or step back a few
    /// milliseconds. Anything further back starts a new timeline.
    pub repair: Duration,
    /// How far decode times may jump forward before a new timeline starts. Default 10 s. A gap
    /// that no segment could hold starts one too, however large this is.
    pub jump: Duration,
    /// How far audio may be from where counting its samples puts it before it is moved there: at
    /// once where it is later, and where it is earlier when it has been so for half a second, since
    /// captures stamp several frames alike. Default 40 ms: above the jitter of millisecond clocks and of capture timestamps, below
    /// what an ear takes for bad lip sync (ITU-R BT.1359: 45 ms early).
    pub audio_drift: Duration,
    /// How long other tracks wait for one that has fallen silent. Default 1 s: above the
    /// interleaving of any sane encoder. One that is always behind, by up to three times this, is
    /// waited for so much longer. Held meanwhile: this much of the other tracks.
    pub stall: Duration,
    /// What is refused rather than stored.
    pub limits: Limits,
}

impl Config {
    /// For media that is all there, such as a file: segments without parts, the first as long as the
    /// others, none held to the length of the first, no MPEG-TS, tracks that wait for each other as
    /// long as a segment may last, and as many of them as an [`mp4::Index`](crate::mp4::Index) reads.
    pub fn recorded() -> Self {
        let config = Self::default();
        let (first_segment, stall) = (config.segment, config.max_segment);
        let limits = Limits { tracks: crate::mp4::Limits::default().tracks, ..config.limits };
        Self {
            part: None,
            ts: false,
            settled_target: false,
            first_segment,
            stall,
            limits,
            ..config
        }
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            segment: Duration::from_secs(2),
            first_segment: Duration::from_millis(500),
            max_segment: Duration::from_secs(10),
            settled_target: true,
            part: Some(Duration::from_millis(200)),
            styp: true,
            sidx: false,
            ts: true,
            first_sequence: 0,
            repair: Duration::from_millis(100),
            jump: Duration::from_secs(10),
            audio_drift: Duration::from_millis(40),
            stall: Duration::from_secs(1),
            limits: Limits::default(),
        }
    }
}

/// Bounds on what one segmenter holds.
///
/// Payload is counted by its bytes, although it is shared with whoever received it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Tracks at a time. Default 8: more than any encoder sends today. About 4 KB each.
    pub tracks: usize,
    /// Bytes of one sample. Default 8 MiB: a 4K all-intra picture at 250 Mbit/s is 1.3 MB. Larger
    /// ones are dropped with an event.
    pub sample_bytes: usize,
    /// Samples of one track in one segment. Default 16,384: 10 s at 1,600 frames a second. Worst
    /// case 48 bytes each beside their payload.
    pub segment_samples: usize,
    /// Payload bytes of one track in one segment. Default 128 MiB: 10 s at 100 Mbit/s.
    pub segment_bytes: usize,
    /// Payload bytes held back while tracks wait for each other. Default 32 MiB.
    pub held_bytes: usize,
    /// Bytes of [`EventMessage`](crate::EventMessage)s of one track that wait for its next part, and
    /// of its ID3 tags that wait for the end of their segment to be in MPEG-TS; 128 more each.
    /// Default 1 MiB: thousands of ID3 tags, or a few with pictures.
    pub message_bytes: usize,
    /// Outputs waiting to be polled; past it input is refused. Default 4,096, far above what one
    /// sample can cause.
    pub outputs: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            tracks: 8,
            sample_bytes: 8 << 20,
            segment_samples: 16_384,
            segment_bytes: 128 << 20,
            held_bytes: 32 << 20,
            message_bytes: 1 << 20,
            outputs: 4096,
        }
    }
}
