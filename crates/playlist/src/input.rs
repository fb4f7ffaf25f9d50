use airloom_media::{self as media, Duration, Kind, Timescale, Timestamp, TrackId};

use crate::{DateRange, Protection, Resource};

/// What a [`LiveWindow`](crate::LiveWindow) is told.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Input {
    /// A track is announced; or, with a track known already, it is coded differently from the
    /// next segment it opens.
    ///
    /// That segment is then a discontinuity in all tracks, so say so with whichever opens it
    /// first: the window sees it only when the track itself does, and by then other tracks' lists
    /// may have been given out without it.
    Track(Rendition),
    /// A track of this kind is to come, by the word of the publisher's metadata: playlists that
    /// name all tracks are held back for it as for one that was announced.
    Expect(Kind),
    /// A part of the segment being made is complete.
    Part(Part),
    /// A segment is complete.
    Segment(Segment),
    /// A track has no media for a segment.
    Gap(Gap),
    /// An MPEG-TS segment is complete, or could be made on demand.
    TsSegment(TsSegment),
    /// How a track's media is encrypted from the next segment it opens on; the default says that it
    /// is not.
    Protect(TrackId, Protection),
    /// Something happens at a time; or more is known of what was said to happen.
    DateRange(DateRange),
    /// The longest segment there will be, in seconds, rounded to the nearest. Before the first
    /// playlist is given out; after that only what is no longer than the settled one is taken.
    TargetDuration(u32),
    /// The next segment that no track has begun yet does not continue the media before it: the
    /// publisher is back, or its clock jumped.
    Discontinuity,
    /// There will be no more media. Segments still open are closed with the parts they have.
    End,
}

/// One track as playlists describe it: a rendition of HLS, a representation of DASH.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rendition {
    /// The track.
    pub track: TrackId,
    /// The clock its media is timed by; cannot change.
    pub timescale: Timescale,
    /// The codecs, as RFC 6381 writes them: `avc1.64001F`.
    pub codecs: String,
    /// Names the CMAF header that its next segments need: never used before for other bytes, also
    /// not before a restart. The sequence number it comes into force with is such a name.
    pub init: u64,
    /// What kind of media it is; the kind cannot change.
    pub format: Format,
    /// BCP 47 language tag, where known.
    pub language: Option<String>,
    /// How much later than it is decoded the first picture of a segment is shown, in the track's
    /// ticks; zero without reordering. Dates are those of presentation, so that renditions with and
    /// without it line up where a player puts them by `EXT-X-PROGRAM-DATE-TIME`.
    pub presentation_delay: Duration,
    /// `PART-TARGET` of this track where it is below
    /// [`Config::part_target`](crate::Config::part_target): what its frames let parts be.
    pub part_target: Option<Duration>,
    /// Which encoding of the programme it is part of, where there are several: 0, then one more
    /// each. A picture goes with the sound of its own encoding, or where that has none, with that of
    /// the first that has; the sound of one encoding stands for that of another, in the order of
    /// their tracks.
    pub variant: u32,
}

impl Rendition {
    /// What `track`'s codec configuration says of it.
    pub fn new(track: &media::Track, init: u64) -> Self {
        let format = match (track.codec.picture(), track.codec.sound()) {
            (Some(picture), _) => Format::Video {
                width: picture.width,
                height: picture.height,
                frame_rate: picture.frame_duration.and_then(|(ticks, timescale)| {
                    FrameRate::new(timescale.hz(), u32::try_from(ticks).ok()?)
                }),
                range: picture.colour.map_or_else(VideoRange::default, |colour| {
                    VideoRange::of_transfer(colour.transfer)
                }),
            },
            (None, Some(sound)) => {
                Format::Audio { sample_rate: sound.output_frequency.hz(), channels: sound.channels }
            }
            (None, None) if track.codec.kind() == Kind::Video => {
                Format::Video { width: 0, height: 0, frame_rate: None, range: VideoRange::Sdr }
            }
            (None, None) => Format::Audio { sample_rate: 0, channels: 0 },
        };
        Self {
            track: track.id,
            timescale: track.timescale,
            codecs: track.codec.to_string(),
            init,
            format,
            language: None,
            presentation_delay: Duration::ZERO,
            part_target: None,
            variant: 0,
        }
    }
}

/// What playlists say of the media itself. Zero means not known, and is left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Pictures.
    Video {
        /// Width in pixels as shown.
        width: u32,
        /// Height in pixels as shown.
        height: u32,
        /// Pictures a second, where known.
        frame_rate: Option<FrameRate>,
        /// How bright they can be.
        range: VideoRange,
    },
    /// Sound.
    Audio {
        /// Samples a second.
        sample_rate: u32,
        /// Channels.
        channels: u8,
    },
}

impl Format {
    /// Whether this is pictures or sound.
    pub const fn kind(&self) -> Kind {
        match self {
            Self::Video { .. } => Kind::Video,
            Self::Audio { .. } => Kind::Audio,
        }
    }
}

/// The dynamic range of pictures: `VIDEO-RANGE` (RFC 8216bis, 4.4.6.2).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum VideoRange {
    /// Standard.
    #[default]
    Sdr,
    /// High, by hybrid log-gamma.
    Hlg,
    /// High, by the perceptual quantizer of SMPTE ST 2084, such as HDR10.
    Pq,
}

impl VideoRange {
    /// What the `transfer_characteristics` of a coded stream stand for (ISO/IEC 23091-2).
    pub const fn of_transfer(code: u8) -> Self {
        match code {
            16 => Self::Pq,
            18 => Self::Hlg,
            _ => Self::Sdr,
        }
    }

    /// The `transfer_characteristics` that say so; `None` where any that are not named here do.
    pub(crate) const fn transfer(self) -> Option<u8> {
        match self {
            Self::Sdr => None,
            Self::Hlg => Some(18),
            Self::Pq => Some(16),
        }
    }

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Sdr => "SDR",
            Self::Hlg => "HLG",
            Self::Pq => "PQ",
        }
    }
}

/// Pictures a second, exactly: 30000/1001 stays that.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FrameRate {
    numerator: u32,
    denominator: u32,
}

impl FrameRate {
    /// `numerator / denominator` pictures a second; `None` where either is zero.
    pub const fn new(numerator: u32, denominator: u32) -> Option<Self> {
        if numerator == 0 || denominator == 0 {
            None
        } else {
            Some(Self { numerator, denominator })
        }
    }

    /// Pictures in [`denominator`](Self::denominator) seconds.
    pub const fn numerator(self) -> u32 {
        self.numerator
    }

    /// Seconds that [`numerator`](Self::numerator) pictures take.
    pub const fn denominator(self) -> u32 {
        self.denominator
    }
}

/// A part of the segment being made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part {
    /// The track.
    pub track: TrackId,
    /// The segment it belongs to. A number above the open segment's closes that one with the
    /// parts it has; its bytes are then theirs, in order.
    pub sequence: u64,
    /// Its place in the segment: 0, then one more each.
    pub index: u32,
    /// Where it starts, in the track's ticks.
    pub start: Timestamp,
    /// How long it lasts, in the track's ticks.
    pub duration: Duration,
    /// Whether it starts with a sample that can be decoded alone.
    pub independent: bool,
    /// With index 0: whether the segment does not continue the media before it. One track's word
    /// holds for the segments of that number in all tracks.
    pub discontinuity: bool,
    /// Its size in bytes.
    pub bytes: u64,
}

/// A complete segment, whose parts were given before, or which has none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Segment {
    /// The track.
    pub track: TrackId,
    /// Its media sequence number: the same in all tracks for the same stretch of time, one more
    /// each, never falling, also over a restart.
    pub sequence: u64,
    /// Where it starts, in the track's ticks; with parts, where the first one does.
    pub start: Timestamp,
    /// How long it lasts, in the track's ticks; with parts, as long as they do together.
    pub duration: Duration,
    /// Whether it starts with a sample that can be decoded alone.
    pub independent: bool,
    /// Whether it does not continue the media before it; for all tracks, as with parts.
    pub discontinuity: bool,
    /// Its size in bytes.
    pub bytes: u64,
}

/// A segment that a track has no media for.
///
/// To say so is better than to leave it out: a number left out is noticed only when the track has
/// media again or has been silent for [`Config::patience`](crate::Config::patience).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gap {
    /// The track.
    pub track: TrackId,
    /// The media sequence number.
    pub sequence: u64,
    /// Where the segment would start, in the track's ticks.
    pub start: Timestamp,
    /// How long it lasts for the other tracks, in this track's ticks.
    pub duration: Duration,
    /// Whether it does not continue the media before it; for all tracks, as with parts.
    pub discontinuity: bool,
}

/// A complete MPEG-TS segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TsSegment {
    /// Its media sequence number; the same as that of the CMAF segments with the same media.
    pub sequence: u64,
    /// Where it starts, in ticks of 90 kHz on the clock the tracks share.
    pub start: Timestamp,
    /// How long it lasts, in ticks of 90 kHz.
    pub duration: Duration,
    /// Whether it does not continue the media before it.
    pub discontinuity: bool,
}

/// What a [`LiveWindow`](crate::LiveWindow) tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Output {
    /// No client can ask for this any more: drop its bytes. Said of inits, segments and MPEG-TS
    /// segments; a segment takes its parts with it.
    Evicted(Resource),
    /// A segment or part is longer than playlists promise (`EXT-X-TARGETDURATION`, `PART-TARGET`).
    /// It is listed all the same, since losing media would be worse.
    TooLong(Resource),
}
