use airloom_media::{Timescale, Timestamp, Track, TrackId};

use super::budget::Budget;
use super::sample_entry::{self, SampleEntry};
use super::{Fields, data_reference, edits, sample_table};
use crate::mp4::index::{IndexedTrack, Packed};
use crate::mp4::{BoxType, Edited, Error, Matrix, Skipped};

/// A track while its samples are collected.
#[derive(Debug)]
pub(super) struct Building {
    pub(super) indexed: IndexedTrack,
    pub(super) handler: BoxType,
    /// What `trex` says for fragments that do not.
    pub(super) defaults: Defaults,
    /// Where the next fragment's first sample is decoded, if it does not say.
    pub(super) next: i64,
}

/// Values for samples that do not state theirs (ISO/IEC 14496-12, 8.8.3).
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Defaults {
    pub(super) duration: u32,
    pub(super) size: u32,
    pub(super) flags: u32,
    /// Why samples cannot be read, if their description is not the first.
    pub(super) description: Option<Error>,
}

impl Building {
    /// `trak` (8.3.1) of a movie that has `others` before.
    pub(super) fn decode(
        trak: &Fields<'_>,
        movie: Timescale,
        others: &[Self],
        budget: &mut Budget,
    ) -> Result<Result<Self, Skipped>, Error> {
        let mut named = Named { id: TrackId::new(0), handler: BoxType([0; 4]) };
        match described(trak, movie, others, budget, &mut named) {
            Ok(building) => Ok(Ok(building)),
            Err(error @ Error::Limit { .. }) => Err(error),
            Err(error) => Ok(Err(Skipped { track: named.id, handler: named.handler, error })),
        }
    }

    pub(super) fn push(&mut self, packed: Packed, duration: u32) {
        self.indexed.samples.push(packed);
        self.indexed.last = duration;
    }

    /// Leaves out what lies beyond the end of the file; whether there was anything.
    pub(super) fn cut(&mut self, len: u64) -> bool {
        let samples = &self.indexed.samples;
        let is_missing = |packed: &Packed| {
            let offset = packed.offset & !super::super::index::SYNC;
            offset.saturating_add(packed.size.into()) > len
        };
        let Some(first) = samples.iter().position(is_missing) else { return false };
        self.indexed.truncate(first);
        true
    }
}

/// What is known of a track when something about it breaks.
#[derive(Debug)]
struct Named {
    id: TrackId,
    handler: BoxType,
}

fn described(
    trak: &Fields<'_>,
    movie: Timescale,
    others: &[Building],
    budget: &mut Budget,
    named: &mut Named,
) -> Result<Building, Error> {
    let head = trak.child(*b"tkhd").and_then(|tkhd| tkhd_fields(tkhd, &mut named.id));
    let mdia = trak.child(*b"mdia")?;
    let mut hdlr = mdia.child(*b"hdlr")?;
    hdlr.version()?;
    hdlr.u32("pre_defined")?;
    named.handler = BoxType(hdlr.array("handler_type")?);
    let Head { id_at, matrix } = head?;
    let id = named.id;
    if others.iter().any(|other| other.indexed.track.id == id) {
        // Fragments and callers name tracks by number: the first has it.
        let (kind, field) = (BoxType(*b"tkhd"), "track_ID");
        return Err(Error::Malformed { kind, field, offset: id_at, value: id.get().into() });
    }

    let mut mdhd = mdia.child(*b"mdhd")?;
    let (version, _) = mdhd.version()?;
    mdhd.take(if version == 0 { 8 } else { 16 }, "creation_time")?;
    let offset = mdhd.offset();
    let timescale =
        Timescale::new(mdhd.u32("timescale")?).ok_or(mdhd.malformed("timescale", offset, 0))?;
    mdhd.wide(version, "duration")?;
    let language = language(mdhd.u16("language")?);

    let minf = mdia.child(*b"minf")?;
    let stbl = minf.child(*b"stbl")?;
    let stsd = stbl.child(*b"stsd")?;
    data_reference::is_here(&minf, &stsd)?;
    let SampleEntry { codec, dimensions } = sample_entry::decode(&stsd)?;
    let edit = match trak.find(*b"edts")? {
        Some(edts) => edits::edit(&edts, movie, timescale)?,
        None => None,
    };
    let (samples, last) = sample_table::samples(&stbl, budget)?;
    let next = samples.last().map_or(Timestamp::ZERO.ticks(), |sample| sample.decode_time);
    Ok(Building {
        next: next + i64::from(last),
        indexed: IndexedTrack {
            track: Track { id, timescale, codec },
            language,
            dimensions,
            matrix,
            samples,
            last,
            edit,
            edited: Edited::default(),
        },
        handler: named.handler,
        defaults: Defaults::default(),
    })
}

/// What is kept of `tkhd` (8.3.2), and where its `track_ID` stands.
struct Head {
    id_at: u64,
    matrix: Matrix,
}

fn tkhd_fields(mut tkhd: Fields<'_>, id: &mut TrackId) -> Result<Head, Error> {
    let (version, _) = tkhd.version()?;
    tkhd.take(if version == 0 { 8 } else { 16 }, "creation_time")?;
    let id_at = tkhd.offset();
    *id = TrackId::new(tkhd.u32("track_ID")?);
    tkhd.take(4, "reserved")?;
    tkhd.wide(version, "duration")?;
    tkhd.take(16, "layer")?;
    let mut matrix = [0; 9];
    for value in &mut matrix {
        *value = tkhd.u32("matrix")? as i32;
    }
    Ok(Head { id_at, matrix: Matrix::new(matrix) })
}

/// Three letters of five bits each (8.4.2.3).
fn language(packed: u16) -> Option<[u8; 3]> {
    let letter = |shift: u16| (packed >> shift & 0x1F) as u8 + 0x60;
    let code = [letter(10), letter(5), letter(0)];
    (code != *b"und" && code.iter().all(u8::is_ascii_lowercase)).then_some(code)
}
