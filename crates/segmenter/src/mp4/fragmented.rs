use bytes::Bytes;

use super::Error;
use super::ftyp::ftyp;
use super::mvhd::mvhd;
use super::trak::trak;
use super::trex::trex;
use super::writer::boxed;
use crate::Init;

/// The head of a recording under way: `ftyp` and `moov` of all tracks. The bytes of their segments
/// or parts follow as they come, in any order over the tracks.
///
/// Written and flushed like that, a recording can be read up to its last whole part whenever its
/// writer dies. Media of another [`Init`] of a track does not belong into the same file: begin
/// another one with the next discontinuity.
///
/// # Errors
///
/// [`Error::Tracks`] for no track, or two of the same number.
pub fn fragmented(inits: &[&Init]) -> Result<Bytes, Error> {
    let mut numbers: Vec<_> = inits.iter().map(|init| init.number).collect();
    numbers.sort_unstable();
    numbers.dedup();
    let (Some(first), Some(highest)) = (inits.first(), numbers.last()) else {
        return Err(Error::Tracks);
    };
    if numbers.len() != inits.len() {
        return Err(Error::Tracks);
    }
    let mut out = Vec::with_capacity(256 + 768 * inits.len());
    ftyp(&mut out);
    boxed(&mut out, *b"moov", |out| {
        mvhd(out, first.timescale, 0, highest.wrapping_add(1));
        for init in inits {
            trak(out, init.presentation());
        }
        boxed(out, *b"mvex", |out| numbers.iter().for_each(|number| trex(out, *number)));
    });
    Ok(Bytes::from(out))
}
