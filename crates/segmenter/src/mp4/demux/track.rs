use airloom_media::{Timescale, Timestamp, Track, TrackId};

use super::sample_entry::{self, SampleEntry};
use super::{Fields, edits, sample_table};
use crate::mp4::index::{IndexedTrack, Packed};
use crate::mp4::{BoxType, Error, Skipped};

/// A track while its samples are collected.
#[derive(Debug)]
pub(super) struct Building {
    pub(super) indexed: IndexedTrack,
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
}

impl Building {
    /// `trak` (8.3.1); at most `limit` samples.
    pub(super) fn decode(
        trak: &Fields<'_>,
        movie: Timescale,
        limit: usize,
    ) -> Result<Result<Self, Skipped>, Error> {
        let mut tkhd = trak.child(*b"tkhd")?;
        let (version, _) = tkhd.version()?;
        tkhd.take(if version == 0 { 8 } else { 16 }, "creation_time")?;
        let id = TrackId::new(tkhd.u32("track_ID")?);
        let mut handler = BoxType([0; 4]);
        match described(trak, id, movie, limit, &mut handler) {
            Ok(building) => Ok(Ok(building)),
            Err(error @ Error::Limit { .. }) => Err(error),
            Err(error) => Ok(Err(Skipped { track: id, handler, error })),
        }
    }

    pub(super) fn push(&mut self, packed: Packed, duration: u32) {
        self.indexed.samples.push(packed);
        self.indexed.last = duration;
    }

    /// Leaves out what lies beyond the end of the file; whether there was anything.
    pub(super) fn cut(&mut self, len: u64) -> bool {
        let samples = &mut self.indexed.samples;
        let is_missing = |packed: &Packed| {
            let offset = packed.offset & !super::super::index::SYNC;
            offset.saturating_add(packed.size.into()) > len
        };
        let Some(first) = samples.iter().position(is_missing) else { return false };
        if let (Some(last), Some(next)) = (first.checked_sub(1), samples.get(first))
            && let Some(last) = samples.get(last)
        {
            let duration = next.decode_time - last.decode_time;
            self.indexed.last = u32::try_from(duration).unwrap_or(self.indexed.last);
        }
        samples.truncate(first);
        true
    }
}

fn described(
    trak: &Fields<'_>,
    id: TrackId,
    movie: Timescale,
    limit: usize,
    handler: &mut BoxType,
) -> Result<Building, Error> {
    let mdia = trak.child(*b"mdia")?;
    let mut hdlr = mdia.child(*b"hdlr")?;
    hdlr.version()?;
    hdlr.u32("pre_defined")?;
    *handler = BoxType(hdlr.array("handler_type")?);

    let mut mdhd = mdia.child(*b"mdhd")?;
    let (version, _) = mdhd.version()?;
    mdhd.take(if version == 0 { 8 } else { 16 }, "creation_time")?;
    let offset = mdhd.offset();
    let timescale =
        Timescale::new(mdhd.u32("timescale")?).ok_or(mdhd.malformed("timescale", offset, 0))?;
    mdhd.wide(version, "duration")?;
    let language = language(mdhd.u16("language")?);

    let stbl = mdia.child(*b"minf")?.child(*b"stbl")?;
    let SampleEntry { codec, dimensions } = sample_entry::decode(&stbl.child(*b"stsd")?)?;
    let shift = match trak.find(*b"edts")? {
        Some(edts) => edits::shift(&edts, movie, timescale)?,
        None => 0,
    };
    let (samples, last) = sample_table::samples(&stbl, limit)?;
    let next = samples.last().map_or(Timestamp::ZERO.ticks(), |sample| sample.decode_time);
    Ok(Building {
        next: next + i64::from(last),
        indexed: IndexedTrack {
            track: Track { id, timescale, codec },
            language,
            dimensions,
            samples,
            last,
            shift,
        },
        defaults: Defaults::default(),
    })
}

/// Three letters of five bits each (8.4.2.3).
fn language(packed: u16) -> Option<[u8; 3]> {
    let letter = |shift: u16| (packed >> shift & 0x1F) as u8 + 0x60;
    let code = [letter(10), letter(5), letter(0)];
    (code != *b"und" && code.iter().all(u8::is_ascii_lowercase)).then_some(code)
}
