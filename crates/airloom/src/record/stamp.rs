//! What stands in front of each part of a recording: a `uuid` box (ISO/IEC 14496-12, 11.1), which
//! players pass over, with what playlists need to know and media does not say.

use airloom_media::{Duration, Timescale, Timestamp, TrackId};
use airloom_playlist::WallTime;
use bytes::{Buf, BufMut, Bytes, TryGetError};

/// `extended_type` of our boxes.
const USERTYPE: [u8; 16] = *b"airloom/record/1";
/// Size, `uuid`, `extended_type` and kind.
pub(super) const HEADER: usize = 8 + 16 + 1;

/// One remark in a recording.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Stamp {
    Init(InitStamp),
    /// `EXT-X-TARGETDURATION`, in seconds.
    Target(u32),
    /// A part follows.
    Part(PartStamp),
    /// The track has nothing in that segment, or not all of it.
    Gap(GapStamp),
}

/// A track's configuration, in force from its next part on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct InitStamp {
    pub(super) track: TrackId,
    /// What playlists call it.
    pub(super) id: u64,
    pub(super) frame_duration: Duration,
    pub(super) presentation_delay: Duration,
    /// `ftyp` and `moov` of this track alone.
    pub(super) data: Bytes,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct PartStamp {
    pub(super) track: TrackId,
    pub(super) sequence: u64,
    pub(super) independent: bool,
    pub(super) discontinuity: bool,
    pub(super) start: Timestamp,
    pub(super) duration: Duration,
    pub(super) at: WallTime,
    /// Bytes before the payload, and with it.
    pub(super) header: u32,
    pub(super) size: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct GapStamp {
    pub(super) track: TrackId,
    pub(super) sequence: u64,
    pub(super) discontinuity: bool,
    pub(super) start: Timestamp,
    pub(super) duration: Duration,
    pub(super) at: WallTime,
}

impl Stamp {
    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        let at = out.len();
        out.put_u32(0);
        out.put_slice(b"uuid");
        out.put_slice(&USERTYPE);
        match self {
            Self::Init(init) => {
                out.put_u8(0);
                out.put_u32(init.track.get());
                out.put_u64(init.id);
                out.put_u64(init.frame_duration.ticks());
                out.put_u64(init.presentation_delay.ticks());
                out.put_slice(&init.data);
            }
            Self::Target(seconds) => {
                out.put_u8(1);
                out.put_u32(*seconds);
            }
            Self::Part(part) => {
                out.put_u8(2);
                out.put_u32(part.track.get());
                out.put_u64(part.sequence);
                out.put_u8(u8::from(part.independent) | u8::from(part.discontinuity) << 1);
                out.put_i64(part.start.ticks());
                out.put_u64(part.duration.ticks());
                out.put_u64(nanos(part.at));
                out.put_u32(part.header);
                out.put_u32(part.size);
            }
            Self::Gap(gap) => {
                out.put_u8(3);
                out.put_u32(gap.track.get());
                out.put_u64(gap.sequence);
                out.put_u8(u8::from(gap.discontinuity) << 1);
                out.put_i64(gap.start.ticks());
                out.put_u64(gap.duration.ticks());
                out.put_u64(nanos(gap.at));
            }
        }
        let size = (out.len() - at) as u32;
        if let Some(field) = out.get_mut(at..at + 4) {
            field.copy_from_slice(&size.to_be_bytes());
        }
    }

    /// The size of the stamp that `data` begins with; `None` where it is something else. As large
    /// as it says, if the file is: a configuration is hundreds of bytes, and up to 16 MiB where RTMP
    /// brings it.
    pub(super) fn size(data: &[u8]) -> Option<usize> {
        let size = u32::from_be_bytes(*data.first_chunk()?) as usize;
        let ours = data.get(4..8)? == b"uuid" && data.get(8..24)? == USERTYPE;
        (ours && size >= HEADER).then_some(size)
    }

    /// Reads the stamp that `data` begins with; `None` for anything else.
    pub(super) fn decode(data: &Bytes) -> Option<Self> {
        let size = Self::size(data)?;
        if data.len() < size {
            return None;
        }
        Self::fields(data.slice(HEADER - 1..size)).ok().flatten()
    }

    fn fields(mut data: Bytes) -> Result<Option<Self>, TryGetError> {
        let data = &mut data;
        Ok(Some(match data.try_get_u8()? {
            0 => Self::Init(InitStamp {
                track: TrackId::new(data.try_get_u32()?),
                id: data.try_get_u64()?,
                frame_duration: Duration::new(data.try_get_u64()?),
                presentation_delay: Duration::new(data.try_get_u64()?),
                data: data.clone(),
            }),
            1 => Self::Target(data.try_get_u32()?),
            2 => {
                let (track, sequence) = (TrackId::new(data.try_get_u32()?), data.try_get_u64()?);
                let flags = data.try_get_u8()?;
                Self::Part(PartStamp {
                    track,
                    sequence,
                    independent: flags & 1 != 0,
                    discontinuity: flags & 2 != 0,
                    start: Timestamp::new(data.try_get_i64()?),
                    duration: Duration::new(data.try_get_u64()?),
                    at: wall(data.try_get_u64()?),
                    header: data.try_get_u32()?,
                    size: data.try_get_u32()?,
                })
            }
            3 => {
                let (track, sequence) = (TrackId::new(data.try_get_u32()?), data.try_get_u64()?);
                let flags = data.try_get_u8()?;
                Self::Gap(GapStamp {
                    track,
                    sequence,
                    discontinuity: flags & 2 != 0,
                    start: Timestamp::new(data.try_get_i64()?),
                    duration: Duration::new(data.try_get_u64()?),
                    at: wall(data.try_get_u64()?),
                })
            }
            _ => return Ok(None),
        }))
    }
}

/// `WallTime` ends in 2262, long before these 64 bits do.
fn nanos(at: WallTime) -> u64 {
    u64::try_from(at.since_unix().as_nanos()).unwrap_or(u64::MAX)
}

fn wall(nanos: u64) -> WallTime {
    WallTime::from_unix(std::time::Duration::from_nanos(nanos))
}

/// A time in milliseconds on whatever clock.
pub(super) fn millis(at: Timestamp, timescale: Timescale) -> i64 {
    let rounding = airloom_media::Rounding::Nearest;
    at.rescale(timescale, Timescale::MILLIS, rounding).map_or(i64::MAX, Timestamp::ticks)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stamps() -> [Stamp; 4] {
        let (track, sequence, at) = (TrackId::new(7), 1 << 40, wall(1_700_000_000_123_456_789));
        let (start, duration) = (Timestamp::new(-3), Duration::new(18_000));
        [
            Stamp::Init(InitStamp {
                track,
                id: 99,
                frame_duration: Duration::new(3000),
                presentation_delay: Duration::new(6000),
                data: Bytes::from_static(b"ftyp and moov"),
            }),
            Stamp::Target(2),
            Stamp::Part(PartStamp {
                track,
                sequence,
                independent: true,
                discontinuity: false,
                start,
                duration,
                at,
                header: 120,
                size: 1120,
            }),
            Stamp::Gap(GapStamp { track, sequence, discontinuity: true, start, duration, at }),
        ]
    }

    #[test]
    fn every_stamp_is_read_as_it_was_written() {
        for stamp in stamps() {
            let mut out = Vec::new();
            stamp.encode(&mut out);
            let size = out.len();
            assert_eq!(Stamp::size(&out), Some(size));
            out.extend_from_slice(b"more");
            assert_eq!(Stamp::decode(&out.clone().into()), Some(stamp));
            for cut in 0..size {
                assert_eq!(Stamp::decode(&Bytes::copy_from_slice(&out[..cut])), None, "{cut}");
            }
        }
    }

    #[test]
    fn a_configuration_is_as_large_as_its_publisher_makes_it() {
        for size in [64 << 10, 1 << 20, 16 << 20] {
            let [Stamp::Init(mut init), ..] = stamps() else { panic!("the first is one") };
            init.data = Bytes::from(vec![7; size]);
            let mut out = Vec::new();
            Stamp::Init(init.clone()).encode(&mut out);
            assert_eq!(Stamp::size(&out), Some(out.len()));
            assert_eq!(Stamp::decode(&out.into()), Some(Stamp::Init(init)), "{size}");
        }
    }

    #[test]
    fn what_is_not_ours_is_no_stamp() {
        let mut out = Vec::new();
        Stamp::Target(2).encode(&mut out);
        for (at, byte) in [(0, 1), (3, 24), (4, b'x'), (8, b'x'), (24, 9)] {
            let mut bad = out.clone();
            bad[at] = byte;
            assert_eq!(Stamp::decode(&bad.into()), None, "{at}");
        }
        assert_eq!(Stamp::decode(&Bytes::from(vec![0; 100])), None);
    }
}
