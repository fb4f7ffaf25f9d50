//! Programs and access units to write.

use airloom_media::{Timestamp, aac, avc};
use airloom_segmenter::ts::{AccessUnit, Config, Program, Stream};
use bytes::Bytes;

pub(crate) const SPS: [u8; 8] = [0x67, 0x42, 0xC0, 0x0D, 0xDA, 0x0F, 0x0A, 0x69];
pub(crate) const PPS: [u8; 2] = [0x68, 0xCE];

pub(crate) fn avc(length_size: u8) -> avc::Config {
    let head = [1, 0x42, 0xC0, 0x0D, 0xFC | (length_size - 1), 0xE1, 0, 8];
    let record = [&head[..], &SPS, &[1, 0, 2], &PPS].concat();
    avc::Config::decode(Bytes::from(record)).unwrap()
}

/// 48 kHz, stereo, LC: frames are 1920 ticks.
pub(crate) fn aac() -> aac::Config {
    aac::Config::decode(Bytes::from_static(&[0x11, 0x90])).unwrap()
}

pub(crate) fn program(video: bool, audio: bool) -> Program {
    let (avc, aac) = (avc(4), aac());
    Program::new(video.then_some(&avc), audio.then_some(&aac), &Config::default()).unwrap()
}

/// A picture or a frame that owns its bytes.
#[derive(Debug, Clone)]
pub(crate) struct Owned {
    pub(crate) stream: Stream,
    pub(crate) decode: i64,
    pub(crate) presentation: i64,
    pub(crate) sync: bool,
    pub(crate) data: Vec<u8>,
}

impl Owned {
    pub(crate) fn unit(&self) -> AccessUnit<'_> {
        AccessUnit {
            stream: self.stream,
            decode_time: Timestamp::new(self.decode),
            presentation_time: Timestamp::new(self.presentation),
            sync: self.sync,
            data: &self.data,
        }
    }
}

/// `nals` behind lengths of `length_size` bytes.
pub(crate) fn avcc(length_size: u8, nals: &[Vec<u8>]) -> Vec<u8> {
    let mut data = Vec::new();
    for nal in nals {
        let length = (nal.len() as u32).to_be_bytes();
        data.extend_from_slice(&length[4 - usize::from(length_size)..]);
        data.extend_from_slice(nal);
    }
    data
}

/// A picture of one slice at `time`.
pub(crate) fn picture(time: i64, sync: bool) -> Owned {
    let slice = vec![if sync { 0x65 } else { 0x41 }; 700];
    Owned { stream: Stream::Video, decode: time, presentation: time, sync, data: avcc(4, &[slice]) }
}

/// An AAC frame at `time`.
pub(crate) fn frame(time: i64) -> Owned {
    Owned {
        stream: Stream::Audio,
        decode: time,
        presentation: time,
        sync: true,
        data: vec![0x21; 340],
    }
}
