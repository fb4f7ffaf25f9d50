use bytes::Bytes;

use super::mdat::mdat_header;
use super::trun::Stated;
use super::writer::{boxed, full_box, u32, u64};
use super::{mfhd, styp, tfdt, tfhd, trun};

/// Data offset; duration, size, flags and composition offset of each sample.
const FLAGS: u32 = 0x0F01;

/// A fragment whose samples nobody has looked at before: each states all of itself.
#[derive(Debug, Clone, Copy)]
pub(crate) struct StatedFragment<I> {
    pub(crate) track_id: u32,
    /// `sequence_number` of `mfhd`.
    pub(crate) number: u32,
    pub(crate) base_media_decode_time: u64,
    pub(crate) starts_segment: bool,
    pub(crate) samples: I,
    /// Bytes in all samples.
    pub(crate) payload: u64,
}

/// `styp` where a segment starts, `moof` (ISO/IEC 14496-12, 8.8.4) and the header of `mdat`.
/// `extra` adds boxes to `traf`; it is told where `moof` starts.
pub(crate) fn stated_header<I: Iterator<Item = Stated> + Clone>(
    fragment: &StatedFragment<I>,
    extra: impl FnOnce(&mut Vec<u8>, usize),
) -> Bytes {
    let samples = || fragment.samples.clone();
    let count = samples().count();
    let mut out = Vec::with_capacity(styp::SIZE + 100 + 16 * (count + 1));
    if fragment.starts_segment {
        styp::styp(&mut out);
    }
    let start = out.len();
    let mut data_offset = 0;
    boxed(&mut out, *b"moof", |out| {
        mfhd::mfhd(out, fragment.number);
        boxed(out, *b"traf", |out| {
            tfhd::tfhd(out, fragment.track_id, None, trun::SYNC);
            tfdt::tfdt(out, fragment.base_media_decode_time);
            let negative = samples().any(|sample| sample.composition_offset < 0);
            full_box(out, *b"trun", u8::from(negative), FLAGS, |out| {
                u32(out, count as u32);
                data_offset = out.len();
                u32(out, 0);
                for sample in samples() {
                    u32(out, sample.duration);
                    u32(out, sample.size);
                    u32(out, sample.flags());
                    u32(out, sample.composition_offset as u32);
                }
            });
            extra(out, start);
        });
    });
    let moof = out.len() - start;
    let large = fragment.payload > u64::from(u32::MAX) - 8;
    if large {
        u32(&mut out, 1);
        out.extend(*b"mdat");
        u64(&mut out, fragment.payload.saturating_add(16));
    } else {
        mdat_header(&mut out, fragment.payload as u32);
    }
    let header = (moof + if large { 16 } else { 8 }) as u32;
    if let Some(field) = out.get_mut(data_offset..data_offset + 4) {
        field.copy_from_slice(&header.to_be_bytes());
    }
    Bytes::from(out)
}
