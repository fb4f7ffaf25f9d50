use super::writer::{kind, words};

const DATA_OFFSET: u32 = 0x01;
pub(super) const FIRST_SAMPLE_FLAGS: u32 = 0x04;
pub(super) const SAMPLE_DURATION: u32 = 0x100;
pub(super) const SAMPLE_SIZE: u32 = 0x200;
pub(super) const SAMPLE_FLAGS: u32 = 0x400;
pub(super) const SAMPLE_COMPOSITION_TIME_OFFSETS: u32 = 0x800;

/// `sample_depends_on` 2: decoding can start here (ISO/IEC 14496-12, 8.8.3.1).
pub(super) const SYNC: u32 = 0x0200_0000;
/// `sample_depends_on` 1 and `sample_is_non_sync_sample`.
pub(super) const NON_SYNC: u32 = 0x0101_0000;

/// What a run says of one sample.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stated {
    pub(crate) duration: u32,
    pub(crate) size: u32,
    pub(crate) composition_offset: i32,
    pub(crate) sync: bool,
}

impl Stated {
    pub(super) const fn flags(&self) -> u32 {
        if self.sync { SYNC } else { NON_SYNC }
    }
}

/// Which fields the samples of a fragment share, and which each must state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Run {
    /// The duration, where it is the same for all.
    pub(super) default_duration: Option<u32>,
    /// Flags of the samples that do not state theirs.
    pub(super) default_flags: u32,
    flags: u32,
    version: u8,
}

impl Run {
    /// Looks at the samples once.
    pub(super) fn of(samples: &[Stated]) -> Self {
        let [first, rest @ ..] = samples else {
            return Self { default_duration: None, default_flags: SYNC, flags: 0, version: 0 };
        };
        let (mut same_duration, mut offsets, mut negative) = (true, 0, false);
        let mut syncs = 0;
        for sample in samples {
            same_duration &= sample.duration == first.duration;
            offsets |= sample.composition_offset;
            negative |= sample.composition_offset < 0;
            syncs += usize::from(sample.sync);
        }
        syncs -= usize::from(first.sync);
        let mut flags = DATA_OFFSET | SAMPLE_SIZE;
        if !same_duration {
            flags |= SAMPLE_DURATION;
        }
        if offsets != 0 {
            flags |= SAMPLE_COMPOSITION_TIME_OFFSETS;
        }
        // Video: a sync sample first and none after it. Audio: nothing but sync samples.
        let default_flags = if syncs == rest.len() && first.sync { SYNC } else { NON_SYNC };
        if syncs > 0 && (syncs < rest.len() || !first.sync) {
            flags |= SAMPLE_FLAGS;
        } else if first.flags() != default_flags {
            flags |= FIRST_SAMPLE_FLAGS;
        }
        Self {
            default_duration: same_duration.then_some(first.duration),
            default_flags,
            flags,
            version: u8::from(negative),
        }
    }

    const fn sample_size(&self) -> usize {
        let fields = SAMPLE_DURATION | SAMPLE_SIZE | SAMPLE_FLAGS | SAMPLE_COMPOSITION_TIME_OFFSETS;
        (self.flags & fields).count_ones() as usize * 4
    }
}

/// Bytes of [`trun`].
pub(super) fn size(run: &Run, samples: usize) -> usize {
    let first_flags = if run.flags & FIRST_SAMPLE_FLAGS == 0 { 0 } else { 4 };
    20 + first_flags + samples * run.sample_size()
}

/// `trun` (ISO/IEC 14496-12, 8.8.8). Version 1, with signed offsets, only where one is negative.
pub(super) fn trun(out: &mut Vec<u8>, run: &Run, samples: &[Stated], data_offset: u32) {
    let (size, flags) = (size(run, samples.len()) as u32, u32::from(run.version) << 24 | run.flags);
    words(out, [size, kind(*b"trun"), flags, samples.len() as u32, data_offset]);
    if let Some(first) = samples.first()
        && run.flags & FIRST_SAMPLE_FLAGS != 0
    {
        words(out, [first.flags()]);
    }
    let size = run.sample_size();
    let start = out.len();
    out.resize(start + samples.len() * size, 0);
    let entries = out.get_mut(start..).unwrap_or_default().chunks_exact_mut(size);
    for (entry, sample) in entries.zip(samples) {
        let mut fields = entry.as_chunks_mut().0.iter_mut();
        let mut field = |stated: bool, value: u32| {
            if stated && let Some(field) = fields.next() {
                *field = value.to_be_bytes();
            }
        };
        field(run.flags & SAMPLE_DURATION != 0, sample.duration);
        field(true, sample.size);
        field(run.flags & SAMPLE_FLAGS != 0, sample.flags());
        let offset = sample.composition_offset as u32;
        field(run.flags & SAMPLE_COMPOSITION_TIME_OFFSETS != 0, offset);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(duration: u32, composition_offset: i32, sync: bool) -> Stated {
        Stated { duration, size: 3, composition_offset, sync }
    }

    fn written(samples: &[Stated]) -> (Run, Vec<u8>) {
        let run = Run::of(samples);
        let mut out = Vec::new();
        trun(&mut out, &run, samples, 100);
        assert_eq!(out.len(), size(&run, samples.len()), "the size is known beforehand");
        (run, out)
    }

    #[test]
    fn audio_states_sizes_only() {
        let (run, out) = written(&[sample(1024, 0, true), sample(1024, 0, true)]);
        assert_eq!((run.default_duration, run.default_flags), (Some(1024), SYNC));
        assert_eq!(out, *b"\0\0\0\x1Ctrun\0\0\x02\x01\0\0\0\x02\0\0\0\x64\0\0\0\x03\0\0\0\x03");
    }

    #[test]
    fn a_key_frame_first_is_said_once() {
        let (run, out) = written(&[sample(3000, 6000, true), sample(3000, 0, false)]);
        assert_eq!(run.default_flags, NON_SYNC);
        assert_eq!(out[8..12], [0, 0, 0x0A, 0x05]);
        assert_eq!(out[20..24], SYNC.to_be_bytes());
    }

    #[test]
    fn a_key_frame_in_the_middle_makes_every_sample_state_its_flags() {
        let (_, out) = written(&[sample(1, 0, false), sample(2, 0, true), sample(3, 0, false)]);
        assert_eq!(out[8..12], [0, 0, 0x07, 0x01]);
        let (_, out) = written(&[sample(1, 0, true), sample(1, 0, false), sample(1, 0, true)]);
        assert_eq!(out[8..12], [0, 0, 0x06, 0x01]);
        let (_, out) = written(&[sample(1, 0, false), sample(1, 0, true)]);
        assert_eq!(out[8..12], [0, 0, 0x06, 0x01]);
    }

    #[test]
    fn a_negative_offset_raises_the_version() {
        let (_, out) = written(&[sample(3000, -1, false)]);
        assert_eq!(out[8..12], [1, 0, 0x0A, 0x01]);
        assert_eq!(out[24..28], [0xFF; 4]);
    }

    #[test]
    fn one_sync_sample_alone() {
        let (run, out) = written(&[sample(3000, 0, true)]);
        assert_eq!(run.default_flags, SYNC);
        assert_eq!(out[8..12], [0, 0, 0x02, 0x01]);
    }
}
