//! Samples to MPEG-TS segments.
//!
//! Samples are what FLV carries: NAL units behind their lengths, and raw AAC frames. Turning them
//! into what MPEG-TS carries (start codes, parameter sets before each keyframe, ADTS) is part of
//! the work, done by the library where it can and by glue here where it cannot.

mod airloom;
mod elementary;
mod mpeg2ts;
mod transmux;
mod xmpegts;

use std::hint::black_box;

use crate::input::Input;
use crate::measure::{Contender, Tally};
use crate::output::enter;
use crate::process::ffmpeg;
use crate::{Heat, directory, named};

pub(crate) use self::airloom::{AUDIO, VIDEO, sample, tracks};

/// The one heat.
pub fn heats(word: &str, input: &Input, run: &mut dyn FnMut(Heat<'_>)) {
    if !named(word, "ts") {
        return;
    }
    let mut copy = vec![1; input.file.len()];
    let mut contenders = vec![Contender::new("memcpy", || {
        copy.copy_from_slice(black_box(&input.file));
        Ok(Tally { items: 1, bytes: black_box(&copy).len() as u64 })
    })];
    let place = directory();
    let place = (place.as_path(), "ts");

    for muxer in
        [airloom::RENDER, airloom::SEGMENTER, xmpegts::MUXER, mpeg2ts::MUXER, transmux::MUXER]
    {
        enter(&mut contenders, input, place, muxer, 1);
    }
    contenders.push(ffmpeg(input, "`ffmpeg -c copy -f mpegts`", &["-f", "mpegts"]));
    run(Heat {
        key: "ts".to_owned(),
        title: "Samples to MPEG-TS".to_owned(),
        method: "From samples in memory to segments of 2 s, one buffer each, dropped as they come. \
                 What came out is ffprobe's reading of it, against the times in the FLV file.",
        bytes: input.file.len() as u64,
        items: input.samples().count() as u64,
        item: "sample",
        contenders,
    });
}
