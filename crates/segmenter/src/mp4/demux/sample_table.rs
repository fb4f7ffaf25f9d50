use super::Fields;
use super::budget::Budget;
use crate::mp4::Error;
use crate::mp4::index::{Packed, SYNC};
use crate::mp4::sample_tables::LONGEST_DELTA;

/// The samples that `stbl` (ISO/IEC 14496-12, 8.5.1) describes, and how long the last one lasts.
pub(super) fn samples(stbl: &Fields<'_>, budget: &mut Budget) -> Result<(Vec<Packed>, u32), Error> {
    let mut sizes = Sizes::new(stbl)?;
    budget.take(sizes.left)?;
    let mut durations = Runs::new(stbl.child(*b"stts")?)?;
    let mut offsets = stbl.find(*b"ctts")?.map(Runs::new).transpose()?;
    let mut sync = stbl.find(*b"stss")?.map(Numbers::new).transpose()?;
    let mut chunks = Chunks::new(stbl)?;

    let mut samples = Vec::new();
    let (mut time, mut last) = (0i64, 0);
    while let Some((mut offset, count)) = chunks.next()? {
        for _ in 0..count {
            let Some(size) = sizes.next()? else { return Ok((samples, last)) };
            let number = samples.len() as u32 + 1;
            let composition_offset = match &mut offsets {
                Some(offsets) => offsets.next()? as i32,
                None => 0,
            };
            let is_sync = match &mut sync {
                Some(sync) => sync.contains(number)?,
                None => true,
            };
            samples.push(Packed {
                offset: offset & !SYNC | if is_sync { SYNC } else { 0 },
                decode_time: time,
                size,
                composition_offset,
            });
            // One that would step back keeps the time.
            last = Some(durations.next()?).filter(|delta| *delta <= LONGEST_DELTA).unwrap_or(0);
            time += i64::from(last);
            offset = offset.saturating_add(size.into());
        }
    }
    Ok((samples, last))
}

/// `stsz` and `stz2` (8.7.3): how many bytes each sample has.
struct Sizes<'a> {
    table: Fields<'a>,
    left: u32,
    /// All have this size, if it is not zero.
    same: u32,
    /// Bits of an entry.
    width: u8,
    /// The second half of a byte that holds two.
    half: Option<u8>,
}

impl<'a> Sizes<'a> {
    fn new(stbl: &Fields<'a>) -> Result<Self, Error> {
        if let Some(mut table) = stbl.find(*b"stsz")? {
            table.version()?;
            let same = table.u32("sample_size")?;
            let left = table.u32("sample_count")?;
            return Ok(Self { table, left, same, width: 32, half: None });
        }
        let mut table = stbl.child(*b"stz2")?;
        table.version()?;
        let offset = table.offset();
        let width = table.u32("field_size")? as u8;
        if !matches!(width, 4 | 8 | 16) {
            return Err(table.malformed("field_size", offset, width.into()));
        }
        let left = table.u32("sample_count")?;
        Ok(Self { table, left, same: 0, width, half: None })
    }

    fn next(&mut self) -> Result<Option<u32>, Error> {
        let Some(left) = self.left.checked_sub(1) else { return Ok(None) };
        self.left = left;
        let field = "entry_size";
        Ok(Some(match self.width {
            _ if self.same != 0 => self.same,
            4 => {
                if let Some(low) = self.half.take() {
                    return Ok(Some(low.into()));
                }
                let byte = self.table.u8(field)?;
                self.half = Some(byte & 0x0F);
                (byte >> 4).into()
            }
            8 => self.table.u8(field)?.into(),
            16 => self.table.u16(field)?.into(),
            _ => self.table.u32(field)?,
        }))
    }
}

/// `stts` (8.6.1.2) and `ctts` (8.6.1.3): a value for so many samples.
struct Runs<'a> {
    table: Fields<'a>,
    entries: u32,
    left: u32,
    value: u32,
}

impl<'a> Runs<'a> {
    fn new(mut table: Fields<'a>) -> Result<Self, Error> {
        table.version()?;
        let entries = table.u32("entry_count")?;
        Ok(Self { table, entries, left: 0, value: 0 })
    }

    /// The value of the next sample; past the last run it stays as it was.
    fn next(&mut self) -> Result<u32, Error> {
        while self.left == 0 && self.entries > 0 {
            self.entries -= 1;
            self.left = self.table.u32("sample_count")?;
            self.value = self.table.u32("sample_delta")?;
        }
        self.left = self.left.saturating_sub(1);
        Ok(self.value)
    }
}

/// `stss` (8.6.2): the numbers of the sync samples, rising.
struct Numbers<'a> {
    table: Fields<'a>,
    entries: u32,
    next: u32,
}

impl<'a> Numbers<'a> {
    fn new(mut table: Fields<'a>) -> Result<Self, Error> {
        table.version()?;
        let entries = table.u32("entry_count")?;
        Ok(Self { table, entries, next: 0 })
    }

    fn contains(&mut self, number: u32) -> Result<bool, Error> {
        while self.next < number && self.entries > 0 {
            self.entries -= 1;
            self.next = self.table.u32("sample_number")?;
        }
        Ok(self.next == number)
    }
}

/// `stco` and `co64` (8.7.5) with `stsc` (8.7.4): where the chunks start and how many samples are
/// in each.
struct Chunks<'a> {
    offsets: Fields<'a>,
    wide: bool,
    left: u32,
    number: u32,
    map: Fields<'a>,
    entries: u32,
    samples: u32,
    /// The entry that comes into force later: its first chunk and its count.
    later: Option<(u32, u32)>,
}

impl<'a> Chunks<'a> {
    fn new(stbl: &Fields<'a>) -> Result<Self, Error> {
        let (mut offsets, wide) = match stbl.find(*b"stco")? {
            Some(table) => (table, false),
            None => (stbl.child(*b"co64")?, true),
        };
        offsets.version()?;
        let left = offsets.u32("entry_count")?;
        let mut map = stbl.child(*b"stsc")?;
        map.version()?;
        let entries = map.u32("entry_count")?;
        let mut chunks =
            Self { offsets, wide, left, number: 0, map, entries, samples: 0, later: None };
        chunks.later = chunks.entry()?;
        Ok(chunks)
    }

    fn entry(&mut self) -> Result<Option<(u32, u32)>, Error> {
        if self.entries == 0 {
            return Ok(None);
        }
        self.entries -= 1;
        let first = self.map.u32("first_chunk")?;
        let samples = self.map.u32("samples_per_chunk")?;
        let offset = self.map.offset();
        let index = self.map.u32("sample_description_index")?;
        if index > 1 {
            return Err(Error::Description { kind: self.map.kind, offset, index });
        }
        Ok(Some((first, samples)))
    }

    /// The next chunk: where it starts, and how many samples it has.
    fn next(&mut self) -> Result<Option<(u64, u32)>, Error> {
        let Some(left) = self.left.checked_sub(1) else { return Ok(None) };
        self.left = left;
        self.number += 1;
        while let Some((first, samples)) = self.later {
            if first > self.number {
                break;
            }
            self.samples = samples;
            self.later = self.entry()?;
        }
        let offset = self.offsets.wide(u8::from(self.wide), "chunk_offset")?;
        Ok(Some((offset, self.samples)))
    }
}
