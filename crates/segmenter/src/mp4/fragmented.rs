use bytes::Bytes;

use super::ftyp::{ftyp, ftyp_of_tracks};
use super::mvhd::mvhd;
use super::writer::boxed;
use super::{BoxType, Error};
use crate::Init;

/// The head of a recording under way: `ftyp` and `moov` of all tracks, each described as in the
/// [`data`](Init::data) of its init, be it encrypted or not. The bytes of their segments or parts
/// follow as they come, in any order over the tracks. Players read encrypted tracks then;
/// [`Index`](super::Index) names them among what it [skipped](super::Index::skipped).
///
/// Written and flushed like that, a recording can be read up to its last whole part whenever its
/// writer dies. Media of another [`Init`] of a track does not belong into the same file: begin
/// another one with the next discontinuity, or where the key changes.
///
/// # Errors
///
/// [`Error::Tracks`] for no track, or two of the same number; [`Error::NoMovie`] and
/// [`Error::Missing`] where the `data` of an init is not that of a track.
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
    let tracks = inits.iter().map(|init| Described::read(&init.data));
    let tracks: Vec<_> = tracks.collect::<Result<_, _>>()?;
    let mut out = Vec::with_capacity(256 + 768 * inits.len());
    let brands = if tracks.len() == 1 { ftyp } else { ftyp_of_tracks };
    brands(&mut out);
    boxed(&mut out, *b"moov", |out| {
        mvhd(out, first.timescale, 0, highest.wrapping_add(1));
        out.extend(tracks.iter().flat_map(|track| track.trak));
        boxed(out, *b"mvex", |out| out.extend(tracks.iter().flat_map(|track| track.trex)));
        // Tracks of one key say the same to each key system.
        let mut said: Vec<&[u8]> = Vec::new();
        for pssh in tracks.iter().flat_map(|track| &track.pssh) {
            if !said.contains(pssh) {
                said.push(pssh);
                out.extend_from_slice(pssh);
            }
        }
    });
    Ok(Bytes::from(out))
}

/// What an initialization segment says of its track, in whole boxes.
#[derive(Debug)]
struct Described<'a> {
    trak: &'a [u8],
    trex: &'a [u8],
    pssh: Vec<&'a [u8]>,
}

impl<'a> Described<'a> {
    fn read(data: &'a [u8]) -> Result<Self, Error> {
        let moov = boxes(data, 0).find(|found| found.kind == *b"moov").ok_or(Error::NoMovie)?;
        let pssh = moov.children().filter(|child| child.kind == *b"pssh");
        Ok(Self {
            trak: moov.child(*b"trak")?.data,
            trex: moov.child(*b"mvex")?.child(*b"trex")?.data,
            pssh: pssh.map(|pssh| pssh.data).collect(),
        })
    }
}

/// A box, its header with it, and where it stands.
#[derive(Debug, Clone, Copy)]
struct Whole<'a> {
    kind: [u8; 4],
    data: &'a [u8],
    at: usize,
}

impl<'a> Whole<'a> {
    fn children(self) -> impl Iterator<Item = Whole<'a>> {
        boxes(self.data.get(8..).unwrap_or_default(), self.at + 8)
    }

    fn child(self, kind: [u8; 4]) -> Result<Whole<'a>, Error> {
        let (parent, offset) = (BoxType(self.kind), self.at as u64 + 8);
        let found = self.children().find(|child| child.kind == kind);
        found.ok_or(Error::Missing { parent, kind: BoxType(kind), offset })
    }
}

/// The boxes next to each other in `data`, which stands at `at`, with headers as they are written
/// here.
fn boxes(mut data: &[u8], mut at: usize) -> impl Iterator<Item = Whole<'_>> {
    std::iter::from_fn(move || {
        let (size, rest) = data.split_first_chunk()?;
        let kind = *rest.first_chunk()?;
        let size = (u32::from_be_bytes(*size) as usize).max(8);
        let (whole, rest) = data.split_at_checked(size)?;
        let found = Whole { kind, data: whole, at };
        (data, at) = (rest, at + size);
        Some(found)
    })
}
