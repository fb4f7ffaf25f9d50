//! Just enough of FLV to read a fixture: one H.264 track, one AAC track.

use airloom_media::{Codec, Timescale, Track, aac, avc};
use bytes::Bytes;

use super::{AUDIO, VIDEO};

#[derive(Debug)]
pub enum Tag {
    Track(Track),
    Picture { time: i64, offset: i64, sync: bool, data: Bytes },
    Sound { time: i64, data: Bytes },
}

/// The tags of a file, in order.
pub fn read(file: &'static [u8]) -> Vec<Tag> {
    let file = Bytes::from_static(file);
    let mut tags = Vec::new();
    let mut at = 13;
    while at + 11 <= file.len() {
        let u24 = |at: usize| u32::from_be_bytes([0, file[at], file[at + 1], file[at + 2]]);
        let size = u24(at + 1) as usize;
        let time = i64::from(u24(at + 4) | u32::from(file[at + 7]) << 24);
        let body = file.slice(at + 11..at + 11 + size);
        let track = |id, codec| Track { id, timescale: Timescale::MILLIS, codec };
        match (file[at], body.get(1)) {
            (9, Some(0)) => {
                let config = avc::Config::decode(body.slice(5..)).unwrap();
                tags.push(Tag::Track(track(VIDEO, Codec::Avc(config))));
            }
            (9, Some(1)) => {
                let offset = i32::from_be_bytes([body[2], body[3], body[4], 0]) >> 8;
                let sync = body[0] >> 4 == 1;
                let data = body.slice(5..);
                tags.push(Tag::Picture { time, offset: offset.into(), sync, data });
            }
            (8, Some(0)) => {
                let config = aac::Config::decode(body.slice(2..)).unwrap();
                tags.push(Tag::Track(track(AUDIO, Codec::Aac(config))));
            }
            (8, Some(1)) => tags.push(Tag::Sound { time, data: body.slice(2..) }),
            _ => {}
        }
        at += 11 + size + 4;
    }
    tags
}
