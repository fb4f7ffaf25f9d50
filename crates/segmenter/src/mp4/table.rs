use super::tfhd::{self, DEFAULT_SAMPLE_DURATION};
use super::trun::{
    FIRST_SAMPLE_FLAGS, SAMPLE_COMPOSITION_TIME_OFFSETS, SAMPLE_DURATION, SAMPLE_FLAGS,
    SAMPLE_SIZE, SYNC, Stated,
};

/// The table of a part's samples: the run in its own header, which states them all.
#[derive(Debug, Clone)]
pub(crate) struct Table<'a> {
    /// Which fields each sample states.
    flags: u32,
    default_duration: u32,
    default_flags: u32,
    /// Flags of the next sample, where it has none of its own but others than the rest.
    first_flags: Option<u32>,
    fields: std::slice::Iter<'a, [u8; 4]>,
}

impl<'a> Table<'a> {
    /// Reads a header that was written here, for a part or an encrypted one.
    pub(crate) fn of(header: &'a [u8]) -> Self {
        Self::find(header).unwrap_or(Self {
            flags: SAMPLE_SIZE,
            default_duration: 0,
            default_flags: 0,
            first_flags: None,
            fields: [].iter(),
        })
    }

    fn find(header: &'a [u8]) -> Option<Self> {
        let (mut rest, mut defaults) = (header, None);
        loop {
            let (size, kind) = (u32_at(rest, 0)?, rest.get(4..8)?);
            let size = (size as usize).max(8);
            let body = rest.get(8..size)?;
            match kind {
                b"trun" => return Self::read(defaults?, body),
                b"tfhd" => defaults = Some(body),
                _ => {}
            }
            // The run lies within these.
            let passed = if matches!(kind, b"moof" | b"traf") { 8 } else { size };
            rest = rest.get(passed..)?;
        }
    }

    /// Reads the bodies of `tfhd` and `trun`.
    fn read(tfhd: &[u8], trun: &'a [u8]) -> Option<Self> {
        let same_duration = u32_at(tfhd, 0)? & DEFAULT_SAMPLE_DURATION != 0;
        let default_duration = if same_duration { u32_at(tfhd, 8)? } else { 0 };
        let default_flags = u32_at(tfhd, tfhd::size(same_duration.then_some(0)) - 12)?;
        let flags = u32_at(trun, 0)?;
        let first = flags & FIRST_SAMPLE_FLAGS != 0;
        let first_flags = if first { Some(u32_at(trun, 12)?) } else { None };
        let fields = trun.get(if first { 16 } else { 12 }..)?.as_chunks().0.iter();
        Some(Self { flags, default_duration, default_flags, first_flags, fields })
    }
}

impl Iterator for Table<'_> {
    type Item = Stated;

    fn next(&mut self) -> Option<Stated> {
        let flags = self.flags;
        let mut field = |flag: u32, default: u32| {
            if flags & flag == 0 {
                Some(default)
            } else {
                self.fields.next().map(|field| u32::from_be_bytes(*field))
            }
        };
        let default_flags = self.first_flags.take().unwrap_or(self.default_flags);
        Some(Stated {
            duration: field(SAMPLE_DURATION, self.default_duration)?,
            size: field(SAMPLE_SIZE, 0)?,
            sync: field(SAMPLE_FLAGS, default_flags)? == SYNC,
            composition_offset: field(SAMPLE_COMPOSITION_TIME_OFFSETS, 0)? as i32,
        })
    }
}

fn u32_at(data: &[u8], at: usize) -> Option<u32> {
    data.get(at..)?.first_chunk().map(|bytes| u32::from_be_bytes(*bytes))
}
