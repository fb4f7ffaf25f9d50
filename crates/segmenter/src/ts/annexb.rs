//! H.264 and HEVC samples as byte streams (ISO/IEC 14496-10 and 23008-2, annex B of both).

use airloom_media::{avc, hevc};
use bytes::Bytes;

use super::Error;
use super::stream_type::StreamType;

/// What a NAL unit is to a byte stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Decoding can start with it.
    Access,
    /// A slice of any other picture.
    Slice,
    Vps,
    Sps,
    Pps,
    Delimiter,
    Other,
}

/// Whose NAL units they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Coding {
    Avc,
    Hevc,
}

impl Coding {
    /// By `nal_unit_type` (table 7-1 of both).
    #[inline]
    const fn kind(self, nal: &[u8]) -> Kind {
        let [first, ..] = nal else { return Kind::Other };
        match self {
            Self::Avc => match *first & 0x1F {
                1..=4 => Kind::Slice,
                5 => Kind::Access,
                7 => Kind::Sps,
                8 => Kind::Pps,
                9 => Kind::Delimiter,
                _ => Kind::Other,
            },
            Self::Hevc => match *first >> 1 & 0x3F {
                16..=21 => Kind::Access,
                0..=31 => Kind::Slice,
                32 => Kind::Vps,
                33 => Kind::Sps,
                34 => Kind::Pps,
                35 => Kind::Delimiter,
                _ => Kind::Other,
            },
        }
    }

    /// An access unit delimiter for pictures of any type. That of HEVC is of the sub-layer of its
    /// access unit (ISO/IEC 23008-2, 7.4.2.2), of which `slice` is one.
    #[inline]
    fn delimiter(self, slice: &[u8]) -> &'static [u8] {
        match self {
            Self::Avc => &DELIMITER,
            Self::Hevc => {
                let plus_1 = slice.get(1).map_or(1, |second| usize::from(second & 7));
                let [lowest, ..] = &HEVC_DELIMITERS;
                HEVC_DELIMITERS.get(plus_1.saturating_sub(1)).unwrap_or(lowest)
            }
        }
    }
}

/// A start code with the `zero_byte` that the first NAL unit of an access unit and parameter
/// sets need (B.1.2).
const LONG_START: [u8; 4] = [0, 0, 0, 1];
/// The start code of any other NAL unit.
const SHORT_START: [u8; 3] = [0, 0, 1];
/// The access unit delimiter of H.264.
const DELIMITER: [u8; 6] = [0, 0, 0, 1, 0x09, 0xF0];
/// Those of HEVC, by `TemporalId`.
static HEVC_DELIMITERS: [[u8; 7]; 7] = [
    [0, 0, 0, 1, 0x46, 1, 0x50],
    [0, 0, 0, 1, 0x46, 2, 0x50],
    [0, 0, 0, 1, 0x46, 3, 0x50],
    [0, 0, 0, 1, 0x46, 4, 0x50],
    [0, 0, 0, 1, 0x46, 5, 0x50],
    [0, 0, 0, 1, 0x46, 6, 0x50],
    [0, 0, 0, 1, 0x46, 7, 0x50],
];

const fn start_code(kind: Kind) -> &'static [u8] {
    if matches!(kind, Kind::Vps | Kind::Sps | Kind::Pps) { &LONG_START } else { &SHORT_START }
}

/// How a track's samples are framed, and what goes before its random access points.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct AnnexB {
    coding: Coding,
    length_size: u8,
    /// Each with its start code.
    parameter_sets: Vec<u8>,
}

impl AnnexB {
    pub(super) fn new(config: &avc::Config) -> Self {
        let sets = config.sequence_parameter_sets().iter().chain(config.picture_parameter_sets());
        Self {
            coding: Coding::Avc,
            length_size: config.length_size(),
            parameter_sets: with_start_codes(sets),
        }
    }

    pub(super) fn hevc(config: &hevc::Config) -> Self {
        Self {
            coding: Coding::Hevc,
            length_size: config.length_size(),
            parameter_sets: with_start_codes(config.parameter_sets().iter()),
        }
    }

    pub(super) const fn stream_type(&self) -> StreamType {
        match self.coding {
            Coding::Avc => StreamType::H264,
            Coding::Hevc => StreamType::HEVC,
        }
    }

    /// Walks a sample once, checking every length; `None` where it holds no NAL unit.
    pub(super) fn picture<'a>(
        &'a self,
        data: &'a [u8],
        sync: bool,
        unit: usize,
    ) -> Result<Option<Picture<'a>>, Error> {
        let (mut random_access, mut sps, mut pps) = (sync, false, false);
        let mut vps = self.coding == Coding::Avc;
        let mut delimiter: Option<&[u8]> = None;
        let mut slice: &[u8] = &[];
        let mut first = true;
        let mut len = 0;
        let mut nals = Nals { rest: data, length_size: self.length_size };
        for nal in nals.by_ref() {
            match self.coding.kind(nal) {
                Kind::Delimiter if first => delimiter = Some(nal),
                other => {
                    random_access |= other == Kind::Access;
                    vps |= other == Kind::Vps;
                    sps |= other == Kind::Sps;
                    pps |= other == Kind::Pps;
                    if slice.is_empty() && matches!(other, Kind::Access | Kind::Slice) {
                        slice = nal;
                    }
                    len += start_code(other).len() + nal.len();
                }
            }
            first = false;
        }
        if !nals.rest.is_empty() {
            let offset = data.len() - nals.rest.len();
            return Err(Error::Truncated { unit, field: "NALUnitLength", offset });
        }
        if first {
            return Ok(None);
        }
        let parameter_sets: &[u8] =
            if random_access && !(vps && sps && pps) { &self.parameter_sets } else { &[] };
        let added = self.coding.delimiter(slice);
        len += delimiter.map_or(added.len(), |nal| LONG_START.len() + nal.len());
        len += parameter_sets.len();
        let nals = Nals { rest: data, length_size: self.length_size };
        let coding = self.coding;
        Ok(Some(Picture { coding, delimiter, added, parameter_sets, nals, len, random_access }))
    }
}

fn with_start_codes<'a>(sets: impl Iterator<Item = &'a Bytes>) -> Vec<u8> {
    let mut out = Vec::new();
    for set in sets.filter(|set| !set.is_empty()) {
        out.extend_from_slice(&LONG_START);
        out.extend_from_slice(set);
    }
    out
}

/// One access unit: delimiter, parameter sets where decoding can start, the sample's NAL units.
#[derive(Debug, Clone)]
pub(super) struct Picture<'a> {
    coding: Coding,
    /// The delimiter the sample starts with, if it does.
    delimiter: Option<&'a [u8]>,
    /// The one it is given otherwise, with its start code.
    added: &'static [u8],
    parameter_sets: &'a [u8],
    nals: Nals<'a>,
    len: usize,
    random_access: bool,
}

impl<'a> Picture<'a> {
    /// Bytes of the access unit as a byte stream.
    pub(super) const fn len(&self) -> usize {
        self.len
    }

    /// Whether it holds an IDR picture or was said to be a place to start.
    pub(super) const fn random_access(&self) -> bool {
        self.random_access
    }

    /// Hands out the pieces of the byte stream in order.
    pub(super) fn pieces(&self, mut put: impl FnMut(&'a [u8])) {
        let mut nals = self.nals.clone();
        match self.delimiter {
            Some(delimiter) => {
                nals.next();
                put(&LONG_START);
                put(delimiter);
            }
            None => put(self.added),
        }
        put(self.parameter_sets);
        for nal in nals {
            put(start_code(self.coding.kind(nal)));
            put(nal);
        }
    }
}

/// The NAL units of a sample that are not empty. Ends early, with something in `rest`, where a
/// length or its NAL unit is cut short.
#[derive(Debug, Clone)]
struct Nals<'a> {
    rest: &'a [u8],
    length_size: u8,
}

impl<'a> Iterator for Nals<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        loop {
            let (length, after) = match self.length_size {
                1 => self.rest.split_first().map(|(&length, after)| (u32::from(length), after))?,
                2 => self
                    .rest
                    .split_first_chunk()
                    .map(|(&length, after)| (u32::from(u16::from_be_bytes(length)), after))?,
                _ => self
                    .rest
                    .split_first_chunk()
                    .map(|(&length, after)| (u32::from_be_bytes(length), after))?,
            };
            let (nal, rest) = after.split_at_checked(length as usize)?;
            self.rest = rest;
            if !nal.is_empty() {
                return Some(nal);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn annex_b(length_size: u8) -> AnnexB {
        let parameter_sets = vec![0, 0, 0, 1, 0x67, 1, 0, 0, 0, 1, 0x68, 2];
        AnnexB { coding: Coding::Avc, length_size, parameter_sets }
    }

    fn written(length_size: u8, data: &[u8], sync: bool) -> Option<Vec<u8>> {
        let annex_b = annex_b(length_size);
        let picture = annex_b.picture(data, sync, 0).unwrap()?;
        let mut out = Vec::new();
        picture.pieces(|piece| out.extend_from_slice(piece));
        assert_eq!(out.len(), picture.len());
        Some(out)
    }

    const AUD: [u8; 6] = DELIMITER;
    const SETS: [u8; 12] = [0, 0, 0, 1, 0x67, 1, 0, 0, 0, 1, 0x68, 2];

    #[test]
    fn every_length_size() {
        let expected = [&AUD[..], &[0, 0, 1, 0x41, 7, 0, 0, 1, 0x01]].concat();
        assert_eq!(written(1, &[2, 0x41, 7, 1, 0x01], false).unwrap(), expected);
        assert_eq!(written(2, &[0, 2, 0x41, 7, 0, 1, 0x01], false).unwrap(), expected);
        let four = [0, 0, 0, 2, 0x41, 7, 0, 0, 0, 1, 0x01];
        assert_eq!(written(4, &four, false).unwrap(), expected);
    }

    #[test]
    fn hevc_has_three_kinds_of_sets_and_a_delimiter_of_its_own() {
        let sets = vec![0, 0, 0, 1, 0x40, 1, 0, 0, 0, 1, 0x42, 1, 0, 0, 0, 1, 0x44, 1];
        let annex_b = AnnexB { coding: Coding::Hevc, length_size: 1, parameter_sets: sets.clone() };
        let written = |data: &[u8]| {
            let mut out = Vec::new();
            let picture = annex_b.picture(data, false, 0).unwrap().unwrap();
            picture.pieces(|piece| out.extend_from_slice(piece));
            assert_eq!(out.len(), picture.len());
            out
        };
        let aud = [0, 0, 0, 1, 0x46, 1, 0x50];
        // A delimiter is of the sub-layer of its picture: TSA_N of the second, TRAIL_N of the third,
        // behind a message of the first.
        let of = |plus_1| [0, 0, 0, 1, 0x46, plus_1, 0x50];
        assert_eq!(written(&[2, 0x04, 2]), [&of(2)[..], &[0, 0, 1, 0x04, 2]].concat());
        assert_eq!(
            written(&[2, 0x4E, 1, 2, 0, 3]),
            [&of(3)[..], &[0, 0, 1, 0x4E, 1, 0, 0, 1, 0, 3]].concat()
        );
        assert_eq!(written(&[1, 0x02]), [&aud[..], &[0, 0, 1, 0x02]].concat());
        // TRAIL_R, then IDR_W_RADL, then CRA with a delimiter and all sets of its own.
        assert_eq!(written(&[2, 0x02, 1]), [&aud[..], &[0, 0, 1, 0x02, 1]].concat());
        assert_eq!(written(&[2, 0x26, 1]), [&aud[..], &sets, &[0, 0, 1, 0x26, 1]].concat());
        assert_eq!(
            written(&[3, 0x46, 1, 0x10, 2, 0x40, 9, 2, 0x42, 9, 2, 0x44, 9, 2, 0x2A, 1]),
            *b"\0\0\0\x01\x46\x01\x10\0\0\0\x01\x40\x09\0\0\0\x01\x42\x09\
                \0\0\0\x01\x44\x09\0\0\x01\x2A\x01"
        );
    }

    #[test]
    fn an_idr_gets_the_parameter_sets_after_the_delimiter() {
        let expected = [&AUD[..], &SETS, &[0, 0, 1, 0x06, 9, 0, 0, 1, 0x65, 7]].concat();
        assert_eq!(written(1, &[2, 0x06, 9, 2, 0x65, 7], true).unwrap(), expected);
        // Whether or not it is marked.
        assert_eq!(written(1, &[2, 0x06, 9, 2, 0x65, 7], false).unwrap(), expected);
    }

    #[test]
    fn a_recovery_point_that_is_marked_gets_them_too() {
        let expected = [&AUD[..], &SETS, &[0, 0, 1, 0x41, 7]].concat();
        assert_eq!(written(1, &[2, 0x41, 7], true).unwrap(), expected);
    }

    #[test]
    fn parameter_sets_of_its_own_are_enough() {
        let expected =
            [&AUD[..], &[0, 0, 0, 1, 0x67, 3, 0, 0, 0, 1, 0x68, 4, 0, 0, 1, 0x65, 7]].concat();
        assert_eq!(written(1, &[2, 0x67, 3, 2, 0x68, 4, 2, 0x65, 7], true).unwrap(), expected);
    }

    #[test]
    fn one_set_of_its_own_is_not() {
        let expected = [&AUD[..], &SETS, &[0, 0, 0, 1, 0x67, 3, 0, 0, 1, 0x65, 7]].concat();
        assert_eq!(written(1, &[2, 0x67, 3, 2, 0x65, 7], true).unwrap(), expected);
    }

    #[test]
    fn a_delimiter_of_its_own_stays_first_and_alone() {
        let expected = [&[0, 0, 0, 1, 0x09, 0x10][..], &SETS, &[0, 0, 1, 0x65, 7]].concat();
        assert_eq!(written(1, &[2, 0x09, 0x10, 2, 0x65, 7], true).unwrap(), expected);
        // Even behind an empty NAL unit.
        assert_eq!(written(1, &[0, 2, 0x09, 0x10, 2, 0x65, 7], true).unwrap(), expected);
    }

    #[test]
    fn empty_nal_units_vanish_and_an_empty_sample_is_none() {
        assert_eq!(
            written(1, &[0, 1, 0x01, 0], false).unwrap(),
            [&AUD[..], &[0, 0, 1, 1]].concat()
        );
        assert_eq!(written(1, &[], true), None);
        assert_eq!(written(4, &[0; 8], true), None);
    }

    #[test]
    fn a_length_past_the_end_is_located() {
        let error =
            |length_size, data: &[u8]| annex_b(length_size).picture(data, false, 3).unwrap_err();
        let at = |offset| Error::Truncated { unit: 3, field: "NALUnitLength", offset };
        assert_eq!(error(1, &[1, 0x41, 3, 1, 2]), at(2));
        assert_eq!(error(2, &[0, 1, 0x41, 0]), at(3));
        assert_eq!(error(4, &[0xFF; 9]), at(0));
        assert_eq!(error(4, &[0, 0, 0, 1, 0x41, 0, 0, 0]), at(5));
    }
}
