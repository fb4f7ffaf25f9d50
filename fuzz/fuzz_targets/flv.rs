//! FLV files and the tags in them, ordinary and Enhanced RTMP's.
//!
//! Input: a step, then the file. What follows is also read as the body of single tags.

#![no_main]

use airloom_rtmp::flv::{Demuxer, Event, Kind, Muxer, Packets, Tag, TagReader};
use airloom_rtmp::{Error, Limits};
use bytes::Bytes;
use fuzz::{head, pieces};
use libfuzzer_sys::fuzz_target;

fn read(file: &[u8], step: u8) -> (Vec<Tag>, Option<Error>) {
    let mut demuxer = Demuxer::new(Limits::default());
    let mut tags = Vec::new();
    for mut piece in pieces(file, step) {
        loop {
            match demuxer.read(&mut piece) {
                Ok(Some(tag)) => tags.push(tag),
                Ok(None) => break,
                Err(error) => return (tags, Some(error)),
            }
        }
    }
    (tags, None)
}

fn look(reader: &mut TagReader, tag: &Tag) {
    if let Ok(packets) = Packets::new(tag) {
        // Each packet takes at least a byte of the tag, but for those without a body.
        assert!(packets.take(tag.data.len() + 2).count() <= tag.data.len() + 1);
    }
    reader.read(tag.clone(), |event| {
        if let Event::Sample(sample) = event {
            assert!(sample.data.len() <= tag.data.len());
        }
    });
}

fuzz_target!(|data: &[u8]| {
    let Some(([step], file)) = head(data) else { return };
    let whole = read(file, 0);
    assert_eq!(whole, read(file, step.max(1)));
    assert_eq!(whole, read(file, 1));

    let mut reader = TagReader::new();
    let mut written = Muxer::header(true, true).to_vec();
    for tag in &whole.0 {
        look(&mut reader, tag);
        for piece in Muxer::tag(tag).expect("what was read can be written") {
            written.extend_from_slice(&piece);
        }
    }
    let (again, error) = read(&written, step);
    assert_eq!(error, None);
    assert_eq!(again.len(), whole.0.len());
    for (again, tag) in again.iter().zip(&whole.0) {
        assert_eq!((again.kind, &again.data), (tag.kind, &tag.data));
        assert_eq!(again.timestamp as u32, tag.timestamp as u32);
    }

    // Bodies behind their lengths: deeper into the tags than a whole file gets.
    let mut rest = file;
    for kind in [Kind::Video, Kind::Audio, Kind::Script].into_iter().cycle() {
        let Some(([length], body)) = head(rest) else { break };
        let (body, next) = body.split_at(body.len().min(usize::from(length)));
        look(&mut reader, &Tag::new(kind, 0, Bytes::copy_from_slice(body)));
        rest = next;
    }
});
