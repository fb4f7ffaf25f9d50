use std::ops::Range;

use airloom::Origin;
use airloom::media::{Codec, Delta, Sample, Timescale, Timestamp, Track, TrackId, avc};
use airloom::origin::Publishing;
use airloom::rtmp::flv::{Demuxer, Kind};
use airloom::rtmp::{self, Media, Publication};
use bytes::Bytes;

const VIDEO: TrackId = TrackId::new(1);

/// Three seconds of H.264, 160 x 90, with B-pyramids and a keyframe each second.
const CLIP: &[u8] = include_bytes!("../../../segmenter/tests/fixtures/pyramid.flv");
const LENGTH: i64 = 3000;

/// The clip, shown again and again: real pictures, for those who decode.
pub(super) struct Clip(pub(super) Publishing);

impl Clip {
    pub(super) fn publish(origin: &Origin, name: &str) -> Self {
        Self(origin.publish(&name.parse().unwrap()).unwrap())
    }

    /// Takes in what lies between two times, in milliseconds.
    pub(super) fn run(&mut self, times: Range<i64>) {
        for round in times.start / LENGTH..=times.end / LENGTH {
            let mut demuxer = Demuxer::new(rtmp::Config::default().limits);
            let mut clip = Bytes::from_static(CLIP);
            while let Some(tag) = demuxer.read(&mut clip).unwrap() {
                let (Kind::Video, Some(kind)) = (tag.kind, tag.data.get(1)) else { continue };
                let at = tag.timestamp + round * LENGTH;
                let data = tag.data.slice(5..);
                let media = match kind {
                    0 => Media::Track(Track {
                        id: VIDEO,
                        timescale: Timescale::MILLIS,
                        codec: Codec::Avc(avc::Config::decode(data).unwrap()),
                    }),
                    1 if times.contains(&at) => Media::Sample(Sample {
                        track: VIDEO,
                        decode_time: Timestamp::new(at),
                        composition_offset: Delta::new(i64::from(
                            i32::from_be_bytes([tag.data[2], tag.data[3], tag.data[4], 0]) >> 8,
                        )),
                        duration: None,
                        sync: tag.is_keyframe(),
                        data,
                    }),
                    _ => continue,
                };
                self.0.handle(media).unwrap();
            }
        }
        self.0.flush();
    }
}
