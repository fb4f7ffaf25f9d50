//! FLV tags to fragmented MP4.
//!
//! Every contender starts from FLV bytes in memory, in the form it reads from, and hands its init
//! and its fragments over as soon as it has them.

mod airloom;
mod mp4_atom;
mod scuffle;
mod transmux;

use std::hint::black_box;

use crate::input::Input;
use crate::measure::{Contender, Tally};
use crate::output::enter;
use crate::{Heat, directory, named};

/// The one heat.
pub fn heats(word: &str, input: &Input, run: &mut dyn FnMut(Heat<'_>)) {
    if !named(word, "cmaf") {
        return;
    }
    let mut copy = vec![1; input.file.len()];
    let mut contenders = vec![Contender::new("memcpy", || {
        copy.copy_from_slice(black_box(&input.file));
        Ok(Tally { items: 1, bytes: black_box(&copy).len() as u64 })
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
        enter(&mut contenders, input, place, muxer);
    }
    run(Heat {
        key: "cmaf".to_owned(),
        title: "FLV to CMAF".to_owned(),
        method: "From FLV tags in memory to init, parts of 200 ms (where the library knows parts) \
                 and segments of 2 s, dropped as they come. What came out is ffprobe's reading of \
                 it, against the times in the FLV file.",
        bytes: input.file.len() as u64,
        items: input.samples().count() as u64,
        item: "sample",
        contenders,
    });
}
