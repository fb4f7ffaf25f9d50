use super::mdat::{self, mdat_header};
use super::mfhd::{self, mfhd};
use super::styp::styp;
use super::traf::{self, traf};
use super::trun::{Run, Stated};
use super::writer::{kind, words};

/// One fragment of one track.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Fragment<'a> {
    pub(crate) track_id: u32,
    /// `sequence_number` of `mfhd`.
    pub(crate) number: u32,
    pub(crate) base_media_decode_time: u64,
    pub(crate) samples: &'a [Stated],
    /// Whether a segment starts here that has a `styp`.
    pub(crate) starts_segment: bool,
}

/// All of a CMAF chunk but its payload (ISO/IEC 23000-19, 7.3.2.3): `styp` where a segment starts,
/// `moof` (ISO/IEC 14496-12, 8.8.4) and the header of an `mdat` with `payload` bytes.
pub(crate) fn chunk_header(out: &mut Vec<u8>, fragment: &Fragment<'_>, payload: u32) {
    let run = Run::of(fragment.samples);
    let moof = 8 + mfhd::SIZE + traf::size(&run, fragment.samples.len());
    if fragment.starts_segment {
        styp(out);
    }
    let start = out.len();
    words(out, [moof as u32, kind(*b"moof")]);
    mfhd(out, fragment.number);
    traf(out, fragment, &run, (moof + mdat::HEADER_SIZE) as u32);
    debug_assert_eq!(out.len() - start, moof);
    mdat_header(out, payload);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mp4::STYP;
    use crate::mp4::tests::{boxes, child};

    #[test]
    fn the_data_offset_points_behind_the_header_of_mdat() {
        let samples: Vec<_> = (0..9)
            .map(|n| Stated { duration: 1024, size: 300 + n, composition_offset: 0, sync: true })
            .collect();
        for starts_segment in [false, true] {
            let fragment = Fragment {
                track_id: 2,
                number: 7,
                base_media_decode_time: 0,
                samples: &samples,
                starts_segment,
            };
            let payload = samples.iter().map(|sample| sample.size).sum();
            let mut header = Vec::new();
            chunk_header(&mut header, &fragment, payload);
            let mut whole = header.clone();
            whole.resize(header.len() + payload as usize, 0);
            let top: Vec<_> = boxes(&whole).into_iter().map(|(kind, _)| kind).collect();
            let moof_at = if starts_segment { STYP } else { 0 };
            assert_eq!(top[usize::from(starts_segment)..], [*b"moof", *b"mdat"]);
            let trun = child(child(child(&whole, *b"moof"), *b"traf"), *b"trun");
            let offset = u32::from_be_bytes(trun[8..12].try_into().unwrap()) as usize;
            assert_eq!(moof_at + offset, header.len());
        }
    }
}
