use std::time::Duration;

use crate::Session;

/// What a [`LiveWindow`](crate::LiveWindow) promises its viewers; fixed for the stream's life.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// How much media playlists list, so how far back a viewer can seek. Default 60 s.
    ///
    /// At least six segments are listed whatever this says, once there are six. Costs about 300
    /// bytes a listed segment and track here, and the media itself in the integrator's store.
    pub window: Duration,
    /// How much longer media stays fetchable than RFC 8216bis, 6.2.2 demands, in media time.
    /// Default 10 s.
    ///
    /// The rule itself: from its first listing for its own duration and that of the longest
    /// playlist that held it, which is a segment or two longer than it is listed. The ten seconds
    /// are for a client that was held up. Costs that much media in the integrator's store.
    pub linger: Duration,
    /// `PART-TARGET` of Low-Latency HLS: no part is longer. Default `Some(200 ms)`; `None` turns
    /// Low Latency off, then parts are not listed. Whole microseconds; what is finer is rounded up.
    pub part_target: Option<Duration>,
    /// `PART-HOLD-BACK`: how far from the end a Low-Latency client plays.
    ///
    /// Default `None`: 3.3 part targets. Three is what Apple's authoring rules demand (14.3), and
    /// what less is raised to; AVPlayer is reported to stall at exactly three, and a third of a part
    /// more pays for the way from the part's end to the client.
    pub part_hold_back: Option<Duration>,
    /// How far behind the server's clock Low-Latency DASH clients play: `Latency@target` of
    /// `ServiceDescription`. Default `None`: the part hold-back and twice the time between two
    /// manifests (a quarter of the target duration, at most 0.35 s), 1.36 s with the other
    /// defaults.
    /// Less than that lets a client run dry before it hears of the segment being made.
    pub dash_latency: Option<Duration>,
    /// The least `EXT-X-TARGETDURATION` in seconds: the segment target, rounded to the nearest
    /// second. Default 2, at least 1.
    ///
    /// [`Input::TargetDuration`](crate::Input::TargetDuration) and the segments that come before
    /// the first playlist is given out may raise it; after that it stays.
    pub target_duration: u32,
    /// How much media of other tracks is waited for one that was announced and is silent, before
    /// the stream goes on without it. Default 4 s: encoders that start sound 3 s late exist.
    ///
    /// Holds at the start (the multivariant playlist and the manifest are given out without the
    /// track) and later (the track's missing segments become `EXT-X-GAP`).
    pub patience: Duration,
    /// `EXT-X-DISCONTINUITY-SEQUENCE` of the first segment. Default 0. A server that restarts and
    /// goes on with higher sequence numbers gives a higher one here too.
    pub discontinuity_sequence: u64,
    /// Where the manifest's `UTCTiming` (`urn:mpeg:dash:utc:http-iso:2014`) sends clients for the
    /// time: a URL, absolute or relative to the manifest. Default `None`:
    /// [`Resource::Time`](crate::Resource::Time).
    pub time_url: Option<String>,
    /// Whether playlists keep all they ever listed. Default `None`: they list
    /// [`window`](Self::window). With a type, give [`Limits::segments`] as many as the stream will
    /// have: those beyond are lost, which the type forbids.
    pub playlist_type: Option<PlaylistType>,
    /// What the multivariant playlist says besides. Default: nothing.
    pub session: Session,
    /// What keeps memory bounded.
    pub limits: Limits,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            window: Duration::from_mins(1),
            linger: Duration::from_secs(10),
            part_target: Some(Duration::from_millis(200)),
            part_hold_back: None,
            dash_latency: None,
            target_duration: 2,
            patience: Duration::from_secs(4),
            discontinuity_sequence: 0,
            time_url: None,
            playlist_type: None,
            session: Session::default(),
            limits: Limits::default(),
        }
    }
}

impl Config {
    /// For media that is all there, such as a file: playlists of type [`PlaylistType::Vod`] without
    /// parts, of up to a million segments (24 days of 2 s), at about 300 bytes each.
    pub fn recorded() -> Self {
        Self {
            part_target: None,
            playlist_type: Some(PlaylistType::Vod),
            limits: Limits { segments: 1 << 20, tracks: 64, ..Limits::default() },
            ..Self::default()
        }
    }
}

/// `EXT-X-PLAYLIST-TYPE` (RFC 8216bis, 4.4.3.5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PlaylistType {
    /// `EVENT`: grows, and loses nothing from its beginning.
    Event,
    /// `VOD`: complete. Nothing is answered before [`Input::End`](crate::Input::End), and nothing
    /// of Low Latency is in it.
    Vod,
}

/// Bounds of a [`LiveWindow`](crate::LiveWindow). Worst case with the defaults: 16 tracks of 4096
/// segments at about 300 bytes, 20 MB, and that only where segments are far shorter than sensible.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Tracks of one stream, those that ended included. Default 16; one more is
    /// [`Error::TooManyTracks`](crate::Error::TooManyTracks).
    pub tracks: usize,
    /// Segments kept for one track, listed and lingering. Default 4096: over an hour of 1 s
    /// segments. Beyond it the oldest go, however long they were promised.
    pub segments: usize,
    /// Parts of one segment. Default 512; one more is
    /// [`Error::TooManyParts`](crate::Error::TooManyParts). About 48 bytes each, near the live
    /// edge only.
    pub parts: u32,
    /// Date ranges listed at once. Default 64, about 1 KB each; one more is
    /// [`Error::TooManyDateRanges`](crate::Error::TooManyDateRanges).
    pub date_ranges: usize,
    /// Sequence numbers that may be missing in a row and are listed as `EXT-X-GAP`. Default 8. A
    /// wider jump starts the list anew at the number jumped to.
    pub gap: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self { tracks: 16, segments: 4096, parts: 512, date_ranges: 64, gap: 8 }
    }
}
