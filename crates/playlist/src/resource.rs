use std::fmt;

use airloom_media::TrackId;

/// Everything of one stream that a client can ask for, by the name playlists call it.
///
/// [`Display`](fmt::Display) gives the relative URI, [`parse`](Self::parse) reads it back; there
/// are no other names. A name of media stands for the same bytes for ever (sequences never fall,
/// also over a restart), so a cache may keep it without asking.
///
/// ```
/// use airloom_media::TrackId;
/// use airloom_playlist::Resource;
///
/// let part = Resource::Part { track: TrackId::new(1), sequence: 1700, index: 3 };
/// assert_eq!(part.to_string(), "1-1700.3.m4s");
/// assert_eq!(Resource::parse("1-1700.3.m4s"), Some(part));
/// assert_eq!(Resource::parse("../secret"), None);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Resource {
    /// `index.m3u8`: the HLS multivariant playlist.
    Multivariant,
    /// `1.m3u8`: the HLS media playlist of one track.
    Media {
        /// Which track.
        track: TrackId,
    },
    /// `ts.m3u8`: the HLS media playlist of MPEG-TS segments.
    Ts,
    /// `manifest.mpd`: the DASH manifest.
    Mpd,
    /// `time`: the server's clock, as `UTCTiming` of the manifest asks for it.
    Time,
    /// `1-init-7.mp4`: a CMAF header.
    Init {
        /// Which track.
        track: TrackId,
        /// Which of the track's headers.
        id: u64,
    },
    /// `1-1700.m4s`: a CMAF segment.
    Segment {
        /// Which track.
        track: TrackId,
        /// Its media sequence number.
        sequence: u64,
    },
    /// `1-1700.3.m4s`: one part of a CMAF segment.
    Part {
        /// Which track.
        track: TrackId,
        /// The media sequence number of the segment it belongs to.
        sequence: u64,
        /// Its place in the segment, from 0.
        index: u32,
    },
    /// `1700.ts`: an MPEG-TS segment.
    TsSegment {
        /// Its media sequence number.
        sequence: u64,
    },
}

impl Resource {
    /// Reads a name as [`Display`](fmt::Display) writes it, and nothing else: no leading slash, no
    /// query, no leading zeros, no other spelling of the same thing.
    pub fn parse(name: &str) -> Option<Self> {
        match name {
            "index.m3u8" => return Some(Self::Multivariant),
            "ts.m3u8" => return Some(Self::Ts),
            "manifest.mpd" => return Some(Self::Mpd),
            "time" => return Some(Self::Time),
            _ => {}
        }
        if let Some(track) = name.strip_suffix(".m3u8") {
            return Some(Self::Media { track: track_id(track)? });
        }
        if let Some(sequence) = name.strip_suffix(".ts") {
            return Some(Self::TsSegment { sequence: number(sequence)? });
        }
        if let Some(name) = name.strip_suffix(".mp4") {
            let (track, id) = name.split_once("-init-")?;
            return Some(Self::Init { track: track_id(track)?, id: number(id)? });
        }
        let (track, rest) = name.strip_suffix(".m4s")?.split_once('-')?;
        let track = track_id(track)?;
        Some(match rest.split_once('.') {
            None => Self::Segment { track, sequence: number(rest)? },
            Some((sequence, index)) => Self::Part {
                track,
                sequence: number(sequence)?,
                index: u32::try_from(number(index)?).ok()?,
            },
        })
    }

    /// Whether the bytes behind the name can change: playlists, manifests and the clock. All else
    /// is immutable.
    pub const fn is_live(&self) -> bool {
        matches!(self, Self::Multivariant | Self::Media { .. } | Self::Ts | Self::Mpd | Self::Time)
    }

    /// The media type to serve it with. Tracks of sound are called `video/mp4` too: that is what
    /// a name alone can say, and every player takes it.
    pub const fn content_type(&self) -> &'static str {
        match self {
            Self::Multivariant | Self::Media { .. } | Self::Ts => "application/vnd.apple.mpegurl",
            Self::Mpd => "application/dash+xml",
            Self::Time => "text/plain",
            Self::Init { .. } | Self::Segment { .. } | Self::Part { .. } => "video/mp4",
            Self::TsSegment { .. } => "video/mp2t",
        }
    }
}

impl fmt::Display for Resource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Multivariant => f.write_str("index.m3u8"),
            Self::Ts => f.write_str("ts.m3u8"),
            Self::Mpd => f.write_str("manifest.mpd"),
            Self::Time => f.write_str("time"),
            Self::Media { track } => write!(f, "{track}.m3u8"),
            Self::Init { track, id } => write!(f, "{track}-init-{id}.mp4"),
            Self::Segment { track, sequence } => write!(f, "{track}-{sequence}.m4s"),
            Self::Part { track, sequence, index } => write!(f, "{track}-{sequence}.{index}.m4s"),
            Self::TsSegment { sequence } => write!(f, "{sequence}.ts"),
        }
    }
}

fn track_id(text: &str) -> Option<TrackId> {
    u32::try_from(number(text)?).ok().map(TrackId::new)
}

/// A decimal-integer in its one canonical spelling.
pub(crate) fn number(text: &str) -> Option<u64> {
    let canonical =
        text.bytes().all(|b| b.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    if canonical { text.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn any_resource() -> impl Strategy<Value = Resource> {
        let track = any::<u32>().prop_map(TrackId::new);
        prop_oneof![
            Just(Resource::Multivariant),
            Just(Resource::Ts),
            Just(Resource::Mpd),
            Just(Resource::Time),
            track.clone().prop_map(|track| Resource::Media { track }),
            (track.clone(), any::<u64>()).prop_map(|(track, id)| Resource::Init { track, id }),
            (track.clone(), any::<u64>())
                .prop_map(|(track, sequence)| Resource::Segment { track, sequence }),
            (track, any::<u64>(), any::<u32>())
                .prop_map(|(track, sequence, index)| Resource::Part { track, sequence, index }),
            any::<u64>().prop_map(|sequence| Resource::TsSegment { sequence }),
        ]
    }

    #[test]
    fn other_spellings_are_no_names() {
        for name in [
            "",
            "/index.m3u8",
            "INDEX.M3U8",
            "01.m3u8",
            "+1.m3u8",
            "-1.m3u8",
            ".m3u8",
            "4294967296.m3u8",
            "18446744073709551616.ts",
            "1-.m4s",
            "1-2..m4s",
            "1-2.3.4.m4s",
            "1-02.m4s",
            "1-init-.mp4",
            "1-init-1.m4s",
            "1-1.mp4",
            "../1.ts",
            "1.ts?x",
            "１.ts",
        ] {
            assert_eq!(Resource::parse(name), None, "{name}");
        }
    }

    proptest! {
        #[test]
        fn every_name_is_read_back(resource in any_resource()) {
            prop_assert_eq!(Resource::parse(&resource.to_string()), Some(resource));
        }

        #[test]
        fn a_resource_has_one_name(name in "[0-9a-z.+-]{0,12}(\\.m3u8|\\.m4s|\\.ts|\\.mp4)?") {
            if let Some(resource) = Resource::parse(&name) {
                prop_assert_eq!(resource.to_string(), name);
            }
        }
    }
}
