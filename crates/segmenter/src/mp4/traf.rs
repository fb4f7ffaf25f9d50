use super::moof::Fragment;
use super::trun::{self, Run, trun};
use super::writer::{kind, words};
use super::{tfdt, tfhd};

/// Bytes of [`traf`].
pub(super) fn size(run: &Run, samples: usize) -> usize {
    8 + tfhd::size(run.default_duration) + tfdt::SIZE + trun::size(run, samples)
}

/// `traf` (ISO/IEC 14496-12, 8.8.6): one run of samples, `data_offset` bytes after `moof` starts.
pub(super) fn traf(out: &mut Vec<u8>, fragment: &Fragment<'_>, run: &Run, data_offset: u32) {
    words(out, [size(run, fragment.samples.len()) as u32, kind(*b"traf")]);
    tfhd::tfhd(out, fragment.track_id, run.default_duration, run.default_flags);
    tfdt::tfdt(out, fragment.base_media_decode_time);
    trun(out, run, fragment.samples, data_offset);
}
