//! FLV tags to fragmented MP4.
//!
//! Every contender starts from FLV bytes in memory, in the form it reads from, and hands its init
//! and its fragments over as soon as it has them.

mod airloom;
mod mp4_atom;
mod scuffle;
mod transmux;

use std::hint::black_box;

use crate::input::{Input, Kind};
use crate::measure::{Contender, Tally};
use crate::output::enter;
use crate::process::ffmpeg;
use crate::{Heat, directory, named};

/// The parts of the stream that are muxed over and over: they stay in the cache, where bytes lie
/// that a socket has just delivered.
const RECEIVED: [(&str, &str, Option<Kind>); 3] = [
    ("cmaf/received", "FLV to CMAF, bytes just received", None),
    (
        "cmaf/received/video",
        "FLV to CMAF, bytes just received, large samples only",
        Some(Kind::Video),
    ),
    (
        "cmaf/received/audio",
        "FLV to CMAF, bytes just received, small samples only",
        Some(Kind::Audio),
    ),
];

/// Both tracks in one file, as ffmpeg writes what is to be streamed.
const FRAGMENTS: [&str; 6] = [
    "-f",
    "mp4",
    "-frag_duration",
    "200000",
    "-movflags",
    "frag_keyframe+empty_moov+default_base_moof",
];

/// Bytes of such a part, and how often a pass goes over it: so often that the first time, when the
/// contender before has left neither the part nor the code in the cache, does not show.
const PART: usize = 3 << 20;
const TIMES: u64 = 160;

/// One heat over the whole stream in memory, and one over each part in cache.
pub fn heats(word: &str, input: &Input, run: &mut dyn FnMut(Heat<'_>)) {
    if named(word, "cmaf/memory") {
        let method = "From FLV tags in memory to init, parts of 200 ms (where the library knows \
                      parts) and segments of 2 s, dropped as they come. The input is larger than \
                      the cache: every sample's header is waited for. What came out is ffprobe's \
                      reading of it, against the times in the FLV file.";
        run(heat("cmaf/memory", "FLV to CMAF", method, input, 1));
    }
    for (key, title, kind) in RECEIVED {
        if named(word, key) {
            match input.beginning(PART, kind) {
                Ok(part) => {
                    let method = "The same over the first 3 MB of the stream, 160 times a pass: the \
                                  input stays in the cache, as bytes are that a socket has just \
                                  delivered. Every round begins a stream anew.";
                    run(heat(key, title, method, &part, TIMES));
                }
                Err(error) => eprintln!("{key}: {error}"),
            }
        }
    }
}

fn heat<'a>(
    key: &str,
    title: &str,
    method: &'static str,
    input: &'a Input,
    times: u64,
) -> Heat<'a> {
    let mut copy = vec![1; input.file.len()];
    let mut contenders = vec![Contender::new("memcpy", move || {
        let mut tally = Tally::default();
        for _ in 0..times {
            copy.copy_from_slice(black_box(&input.file));
            tally.add(black_box(&copy).len());
        }
        Ok(tally)
    })];
    let place = directory();
    let place = (place.as_path(), "mp4");

    for muxer in [
        airloom::CMAF,
        airloom::WITH_TS,
        scuffle::MUXER,
        mp4_atom::MUXER,
        transmux::PARTS,
        transmux::SEGMENTS,
    ] {
        enter(&mut contenders, input, place, muxer, times);
    }
    if times == 1 {
        let name = "`ffmpeg -c copy -f mp4`, fragments of 200 ms";
        contenders.push(ffmpeg(input, name, &FRAGMENTS));
    }
    Heat {
        key: key.to_owned(),
        title: title.to_owned(),
        method,
        bytes: input.file.len() as u64 * times,
        items: input.samples().count() as u64 * times,
        item: "sample",
        contenders,
    }
}
