//! scuffle-transmuxer 0.2: a fragment for every tag, both tracks in one file; it knows no parts
//! and no segments.

use std::io::Cursor;

use scuffle_flv::tag::FlvTag;
use scuffle_transmuxer::Transmuxer;

use crate::Failure;
use crate::input::Input;
use crate::output::{Collect, Lane, Muxer};

pub(super) const MUXER: Muxer = Muxer { name: "scuffle-transmuxer 0.2, a fragment a tag", run };

fn run(input: &Input, out: &mut dyn Collect) -> Result<(), Failure> {
    let mut transmuxer = Transmuxer::new();
    for tag in &input.tags {
        transmuxer.add_tag(FlvTag::demux(&mut Cursor::new(tag.whole.clone()))?);
        while let Some(result) = transmuxer.mux()? {
            out.put(Lane::Muxed, &result.into_bytes());
        }
    }
    Ok(())
}
