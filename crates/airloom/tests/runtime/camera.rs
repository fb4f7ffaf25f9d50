use airloom::Origin;
use airloom::media::{Codec, Delta, Sample, Timescale, Timestamp, Track, TrackId, aac, avc};
use airloom::origin::{Publishing, PublishingError, Refused};
use airloom::rtmp::{Media, Publication};
use bytes::Bytes;

/// 640x360 at 30 fps, High profile.
const AVC: &[u8] = &[
    0x01, 0x64, 0x00, 0x1E, 0xFF, 0xE1, 0x00, 0x1E, 0x67, 0x64, 0x00, 0x1E, 0xAC, 0xD9, 0x40, 0xA0,
    0x2F, 0xF9, 0x70, 0x16, 0xA0, 0x20, 0x20, 0x28, 0x00, 0x00, 0x03, 0x00, 0x08, 0x00, 0x00, 0x03,
    0x01, 0xE0, 0x78, 0xB1, 0x6C, 0xB0, 0x01, 0x00, 0x06, 0x68, 0xEB, 0xE3, 0xCB, 0x22, 0xC0, 0xFD,
    0xF8, 0xF8, 0x00,
];
const AAC: &[u8] = &[0x11, 0x90];
const VIDEO: TrackId = TrackId::new(1);
const AUDIO: TrackId = TrackId::new(2);

/// An encoder: 30 fps with a keyframe a second, and 48 kHz stereo, timed in milliseconds.
pub(super) struct Camera {
    pub(super) publishing: Publishing,
    frames: i64,
    sounds: i64,
    /// Frames from one keyframe to the next.
    keyframes: i64,
}

impl Camera {
    pub(super) fn publish(origin: &Origin, name: &str) -> Result<Self, Refused> {
        Ok(Self::start(origin.publish(&name.parse().unwrap())?))
    }

    /// Publishes one encoding of the programme `group`.
    pub(super) fn publish_in(origin: &Origin, name: &str, group: &str) -> Self {
        let mut publishing = origin.publish(&name.parse().unwrap()).unwrap();
        publishing.join(&group.parse().unwrap()).unwrap();
        Self::start(publishing)
    }

    fn start(mut publishing: Publishing) -> Self {
        let video = avc::Config::decode(Bytes::from_static(AVC)).unwrap();
        let audio = aac::Config::decode(Bytes::from_static(AAC)).unwrap();
        for (id, codec) in [(VIDEO, Codec::Avc(video)), (AUDIO, Codec::Aac(audio))] {
            let track = Track { id, timescale: Timescale::MILLIS, codec };
            publishing.handle(Media::Track(track)).unwrap();
        }
        Self { publishing, frames: 0, sounds: 0, keyframes: 30 }
    }

    /// With a keyframe every so many frames.
    pub(super) fn with_keyframes(mut self, frames: i64) -> Self {
        self.keyframes = frames;
        self
    }

    /// Sends everything up to `seconds` after the start, as fast as it is taken.
    pub(super) fn run_to(&mut self, seconds: f64) {
        self.try_run_to(seconds).unwrap();
    }

    /// As [`run_to`](Self::run_to), for who may be cut off.
    pub(super) fn try_run_to(&mut self, seconds: f64) -> Result<(), PublishingError> {
        let end = (seconds * 1000.0) as i64;
        loop {
            let (frame, sound) = (self.frames * 1000 / 30, self.sounds * 1024 / 48);
            if frame.min(sound) >= end {
                break;
            }
            if frame <= sound {
                let key = self.frames % self.keyframes == 0;
                let nal = if key { 0x65 } else { 0x41 };
                let data = Bytes::from(vec![0, 0, 0, 4, nal, 1, 2, (self.frames % 251) as u8]);
                self.send(VIDEO, frame, key, data)?;
                self.frames += 1;
            } else {
                self.send(AUDIO, sound, true, Bytes::from_static(&[0x21, 0x10, 4, 0x60]))?;
                self.sounds += 1;
            }
        }
        self.publishing.flush();
        Ok(())
    }

    fn send(
        &mut self,
        track: TrackId,
        time: i64,
        sync: bool,
        data: Bytes,
    ) -> Result<(), PublishingError> {
        let sample = Sample {
            track,
            decode_time: Timestamp::new(time),
            composition_offset: Delta::ZERO,
            duration: None,
            sync,
            data,
        };
        self.publishing.handle(Media::Sample(sample))
    }

    /// Another picture parameter set, from the next frame on, which has to be a keyframe.
    pub(super) fn reconfigure(&mut self) {
        let mut record = AVC.to_vec();
        let at = record.len() - 5;
        record[at] ^= 0x02;
        self.describe(record);
    }

    /// As [`reconfigure`](Self::reconfigure), with so many picture parameter sets of 64 KiB more, to
    /// which no frame refers.
    pub(super) fn swell(&mut self, sets: u8) {
        let mut record = AVC.to_vec();
        // In front of the set there is and of what the profile adds.
        let at = record.len() - 13;
        assert_eq!(record[at], 1, "numOfPictureParameterSets");
        record[at] += sets;
        let rest = record.split_off(at + 1);
        let set = [&[0xFF, 0xFF, 0x68][..], &vec![0xA5; 0xFFFE]].concat();
        record.extend(set.repeat(sets.into()));
        record.extend(rest);
        self.describe(record);
    }

    fn describe(&mut self, record: Vec<u8>) {
        let codec = Codec::Avc(avc::Config::decode(Bytes::from(record)).unwrap());
        let track = Track { id: VIDEO, timescale: Timescale::MILLIS, codec };
        self.publishing.handle(Media::Track(track)).unwrap();
    }

    /// Whether the stream is still this camera's.
    pub(super) fn is_on_air(&mut self) -> bool {
        let track = Track {
            id: VIDEO,
            timescale: Timescale::MILLIS,
            codec: Codec::Avc(avc::Config::decode(Bytes::from_static(AVC)).unwrap()),
        };
        self.publishing.handle(Media::Track(track)).is_ok()
    }
}
