use bytes::Bytes;

use super::ftyp::ftyp;
use super::mdia::mdia;
use super::mvex::mvex;
use super::mvhd::mvhd;
use super::stated::{StatedFragment, stated_header};
use super::stbl;
use super::stsd::stsd;
use super::tkhd::tkhd;
use super::trun::Stated;
use super::writer::{boxed, full_box, u16, u32};
use super::{Presentation, Table, is_supported};
use crate::Part;

/// `senc` tells where in each sample the cipher was at work.
const SUBSAMPLES: u32 = 2;

/// How a track is encrypted (ISO/IEC 23001-7).
#[derive(Debug, Clone, Copy)]
pub(crate) struct Protection<'a> {
    /// `cenc` or `cbcs`.
    pub(crate) scheme: [u8; 4],
    pub(crate) key_id: [u8; 16],
    /// The initialization vector of all samples, where they have none of their own.
    pub(crate) constant_iv: Option<[u8; 16]>,
    /// Blocks of a pattern that are encrypted, and that are not; zeros for no pattern.
    pub(crate) pattern: (u8, u8),
    /// Whole `pssh` boxes.
    pub(crate) pssh: &'a [Bytes],
}

/// What a decoder must know of one sample.
#[derive(Debug, Clone, Default)]
pub(crate) struct Auxiliary {
    pub(crate) iv: Option<[u8; 8]>,
    /// Clear and encrypted bytes, in turn; empty where all of it is encrypted. At most
    /// [`MOST_SUBSAMPLES`](Self::MOST_SUBSAMPLES).
    pub(crate) subsamples: Vec<(u16, u32)>,
}

impl Auxiliary {
    /// `saiz` counts in eight bits what is told of a sample: a vector of eight bytes, how many
    /// subsamples there are in two, and six for each.
    pub(crate) const MOST_SUBSAMPLES: usize = (u8::MAX as usize - 8 - 2) / 6;

    fn size(&self) -> usize {
        let iv = self.iv.map_or(0, |iv| iv.len());
        let subsamples = if self.subsamples.is_empty() { 0 } else { 2 + 6 * self.subsamples.len() };
        iv + subsamples
    }
}

/// A CMAF header of an encrypted track: the sample entry becomes `encv` or `enca`.
pub(crate) fn protected_init(
    presentation: Presentation<'_>,
    protection: &Protection<'_>,
) -> Option<Bytes> {
    if !is_supported(presentation.codec) {
        return None;
    }
    let mut out = Vec::with_capacity(1024);
    ftyp(&mut out);
    boxed(&mut out, *b"moov", |out| {
        mvhd(out, presentation.timescale, 0, presentation.track_id.wrapping_add(1));
        boxed(out, *b"trak", |out| {
            tkhd(out, presentation, 0);
            mdia(out, presentation, (0, None), |out| {
                stbl::empty(out, |out| entry(out, presentation, protection));
            });
        });
        mvex(out, presentation.track_id);
        for pssh in protection.pssh {
            out.extend_from_slice(pssh);
        }
    });
    Some(Bytes::from(out))
}

/// `stsd` around the entry that the codec alone would have, and a `sinf` (ISO/IEC 14496-12, 8.12)
/// in it.
fn entry(out: &mut Vec<u8>, presentation: Presentation<'_>, protection: &Protection<'_>) {
    let start = out.len();
    stsd(out, presentation);
    // stsd: size, type, version, entry_count; then the entry's own size and type.
    let (size, kind) = (start + 16, start + 20);
    let Some(original) = out.get(kind..kind + 4).and_then(<[u8]>::first_chunk).copied() else {
        return;
    };
    sinf(out, original, protection);
    let protected = match presentation.codec.kind() {
        airloom_media::Kind::Audio => *b"enca",
        _ => *b"encv",
    };
    patch(out, kind, protected);
    let end = out.len();
    patch(out, size, ((end - size) as u32).to_be_bytes());
    patch(out, start, ((end - start) as u32).to_be_bytes());
}

fn patch(out: &mut [u8], at: usize, bytes: [u8; 4]) {
    if let Some(field) = out.get_mut(at..at + 4) {
        field.copy_from_slice(&bytes);
    }
}

fn sinf(out: &mut Vec<u8>, original: [u8; 4], protection: &Protection<'_>) {
    boxed(out, *b"sinf", |out| {
        boxed(out, *b"frma", |out| out.extend(original));
        full_box(out, *b"schm", 0, 0, |out| {
            out.extend(protection.scheme);
            u32(out, 0x0001_0000); // scheme_version
        });
        boxed(out, *b"schi", |out| tenc(out, protection));
    });
}

/// `tenc` (ISO/IEC 23001-7, 8.2).
fn tenc(out: &mut Vec<u8>, protection: &Protection<'_>) {
    let (crypt, skip) = protection.pattern;
    let version = u8::from(protection.constant_iv.is_some());
    full_box(out, *b"tenc", version, 0, |out| {
        out.extend([0, crypt << 4 | skip]);
        out.push(1); // default_isProtected
        out.push(if protection.constant_iv.is_some() { 0 } else { 8 });
        out.extend(protection.key_id);
        if let Some(iv) = protection.constant_iv {
            out.push(iv.len() as u8);
            out.extend(iv);
        }
    });
}

/// The header of an encrypted part: that of `part`, for `payload` in the place of its own.
pub(crate) fn protected_header(
    part: &Part,
    track_id: u32,
    number: u32,
    payload: &[Bytes],
    auxiliary: &[Auxiliary],
) -> Bytes {
    let stated = Table::of(&part.header)
        .zip(payload)
        .map(|(stated, data)| Stated { size: data.len() as u32, ..stated });
    let payload = payload.iter().map(|data| data.len() as u64).sum();
    let fragment = StatedFragment {
        track_id,
        number,
        base_media_decode_time: part.start.ticks().max(0).unsigned_abs(),
        starts_segment: false,
        samples: stated,
        payload,
    };
    let header = stated_header(&fragment, |out, moof| {
        // Without vectors and subsamples there is nothing to tell.
        if auxiliary.iter().any(|sample| sample.size() > 0) {
            boxes(out, auxiliary, moof);
        }
    });
    let mut front = in_front(&part.header).to_vec();
    indexed(&mut front, header.len() as u64 + fragment.payload);
    front.extend_from_slice(&header);
    Bytes::from(front)
}

/// Where there is a segment index in front, that of what was not encrypted: puts the new size in,
/// of the boxes behind it and of the `size` bytes that follow them.
fn indexed(front: &mut [u8], size: u64) {
    let at = if front.get(4..8) == Some(b"styp") { super::STYP } else { 0 };
    let Some((sidx, behind)) =
        front.get_mut(at..).and_then(|it| it.split_at_mut_checked(super::SIDX))
    else {
        return;
    };
    if sidx.get(4..8) == Some(b"sidx") {
        let size = u32::try_from(size.saturating_add(behind.len() as u64)).unwrap_or(u32::MAX);
        patch(sidx, 40, (size & 0x7FFF_FFFF).to_be_bytes());
    }
}

/// The boxes in front of `moof`: `styp`, `sidx`, `prft`, `emsg`.
fn in_front(header: &[u8]) -> &[u8] {
    let mut at = 0;
    while let Some((size, rest)) = header.get(at..).and_then(<[u8]>::split_first_chunk) {
        if rest.starts_with(b"moof") {
            break;
        }
        at += u32::from_be_bytes(*size).max(8) as usize;
    }
    header.get(..at).unwrap_or_default()
}

/// `saiz`, `saio` (ISO/IEC 14496-12, 8.7.8 and 8.7.9) and `senc` (ISO/IEC 23001-7, 7.2).
fn boxes(out: &mut Vec<u8>, auxiliary: &[Auxiliary], moof: usize) {
    full_box(out, *b"saiz", 0, 0, |out| {
        out.push(0); // default_sample_info_size: each states its own
        u32(out, auxiliary.len() as u32);
        out.extend(auxiliary.iter().map(|sample| sample.size() as u8));
    });
    let mut offset = 0;
    full_box(out, *b"saio", 0, 0, |out| {
        u32(out, 1);
        offset = out.len();
        u32(out, 0);
    });
    let subsamples = auxiliary.iter().any(|sample| !sample.subsamples.is_empty());
    let flags = if subsamples { SUBSAMPLES } else { 0 };
    let mut first = 0;
    full_box(out, *b"senc", 0, flags, |out| {
        u32(out, auxiliary.len() as u32);
        first = out.len();
        for sample in auxiliary {
            out.extend(sample.iv.into_iter().flatten());
            if subsamples {
                u16(out, sample.subsamples.len() as u16);
                for &(clear, encrypted) in &sample.subsamples {
                    u16(out, clear);
                    u32(out, encrypted);
                }
            }
        }
    });
    patch(out, offset, ((first - moof) as u32).to_be_bytes());
}
