use std::fmt;

use airloom_media::{Rounding, Sample, Timescale, Timestamp};

/// An elementary stream of a program.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Stream {
    /// The pictures: H.264 or HEVC.
    Video,
    /// The sound: AAC, AC-3, E-AC-3 or MP3.
    Audio,
    /// Timed metadata: ID3.
    Metadata,
}

impl fmt::Display for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Video => "video",
            Self::Audio => "audio",
            Self::Metadata => "metadata",
        })
    }
}

/// One coded picture, one frame of coded sound or one tag, on the 90 kHz clock of MPEG-TS.
///
/// Times are unwrapped and may be negative; the 33-bit wrap happens on writing. A unit without
/// payload (no data, or nothing but empty NAL units) writes nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AccessUnit<'a> {
    /// Where it belongs.
    pub stream: Stream,
    /// When it is decoded, in 90 kHz ticks; for metadata no more than its place in the order.
    pub decode_time: Timestamp,
    /// When it is shown, in 90 kHz ticks. Where that is before `decode_time`, which ISO/IEC
    /// 13818-1 forbids, the unit is written with its presentation time alone.
    pub presentation_time: Timestamp,
    /// Whether decoding can start here. A video unit that says so gets the parameter sets even
    /// if it holds no IDR picture.
    pub sync: bool,
    /// Length-prefixed NAL units, or one `raw_data_block` without ADTS, as in
    /// [`Sample::data`]; or one whole ID3v2 tag.
    pub data: &'a [u8],
}

impl<'a> AccessUnit<'a> {
    /// `sample`, whose times count ticks of `timescale`, as a unit of `stream`.
    ///
    /// Each time is rounded to the nearest tick by itself, so nothing drifts, and order and
    /// equality of times survive. Times that leave 64 bits (three million years of
    /// milliseconds) saturate.
    pub fn from_sample(stream: Stream, sample: &'a Sample, timescale: Timescale) -> Self {
        let to_mpeg = |time: Timestamp| {
            time.rescale(timescale, Timescale::MPEG, Rounding::Nearest)
                .unwrap_or(Timestamp::new(if time < Timestamp::ZERO { i64::MIN } else { i64::MAX }))
        };
        Self {
            stream,
            decode_time: to_mpeg(sample.decode_time),
            presentation_time: to_mpeg(sample.presentation_time().unwrap_or(sample.decode_time)),
            sync: sample.sync,
            data: &sample.data,
        }
    }
}

#[cfg(test)]
mod tests {
    use airloom_media::{Delta, TrackId};
    use bytes::Bytes;

    use super::*;

    #[test]
    fn times_are_rounded_one_by_one() {
        let timescale = Timescale::new(44_100).unwrap();
        let sample = |ticks, offset| Sample {
            track: TrackId::new(1),
            decode_time: Timestamp::new(ticks),
            composition_offset: Delta::new(offset),
            duration: None,
            sync: true,
            data: Bytes::new(),
        };
        let at = |ticks, offset| {
            let sample = sample(ticks, offset);
            let unit = AccessUnit::from_sample(Stream::Audio, &sample, timescale);
            (unit.decode_time.ticks(), unit.presentation_time.ticks())
        };
        // 1024 samples are 2089.795… ticks.
        assert_eq!(at(1024, 0), (2090, 2090));
        assert_eq!(at(1024 * 441, 1024), (921_600, 923_690));
        assert_eq!(at(-1024, 0), (-2090, -2090));
        assert_eq!(at(i64::MAX, 1), (i64::MAX, i64::MAX));
    }
}
