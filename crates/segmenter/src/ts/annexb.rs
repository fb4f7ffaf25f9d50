//! H.264 samples as byte streams (ISO/IEC 14496-10, annex B).

use airloom_media::avc;

use super::Error;

/// `nal_unit_type` (ISO/IEC 14496-10, table 7-1).
mod kind {
    pub(super) const IDR: u8 = 5;
    pub(super) const SPS: u8 = 7;
    pub(super) const PPS: u8 = 8;
    pub(super) const AUD: u8 = 9;
}

/// A start code with the `zero_byte` that the first NAL unit of an access unit and parameter
/// sets need (B.1.2).
const LONG_START: [u8; 4] = [0, 0, 0, 1];
/// The start code of any other NAL unit.
const SHORT_START: [u8; 3] = [0, 0, 1];
/// An access unit delimiter for pictures of any type.
const DELIMITER: [u8; 6] = [0, 0, 0, 1, 0x09, 0xF0];

const fn nal_type(nal: &[u8]) -> u8 {
    match nal {
        [first, ..] => *first & 0x1F,
        [] => 0,
    }
}

const fn start_code(nal: &[u8]) -> &'static [u8] {
    if matches!(nal_type(nal), kind::SPS | kind::PPS) { &LONG_START } else { &SHORT_START }
}

/// How a track's samples are framed, and what goes before its random access points.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct AnnexB {
    length_size: u8,
    /// Each with its start code.
    parameter_sets: Vec<u8>,
}

impl AnnexB {
    pub(super) fn new(config: &avc::Config) -> Self {
        let sets = config.sequence_parameter_sets().iter().chain(config.picture_parameter_sets());
        let mut parameter_sets = Vec::new();
        for set in sets.filter(|set| !set.is_empty()) {
            parameter_sets.extend_from_slice(&LONG_START);
            parameter_sets.extend_from_slice(set);
        }
        Self { length_size: config.length_size(), parameter_sets }
    }

    /// Walks a sample once, checking every length; `None` where it holds no NAL unit.
    pub(super) fn picture<'a>(
        &'a self,
        data: &'a [u8],
        sync: bool,
        unit: usize,
    ) -> Result<Option<Picture<'a>>, Error> {
        let (mut random_access, mut sps, mut pps) = (sync, false, false);
        let mut delimiter: Option<&[u8]> = None;
        let mut first = true;
        let mut len = 0;
        let mut nals = Nals { rest: data, length_size: self.length_size };
        for nal in nals.by_ref() {
            match nal_type(nal) {
                kind::AUD if first => delimiter = Some(nal),
                other => {
                    random_access |= other == kind::IDR;
                    sps |= other == kind::SPS;
                    pps |= other == kind::PPS;
                    len += start_code(nal).len() + nal.len();
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
            if random_access && !(sps && pps) { &self.parameter_sets } else { &[] };
        len += delimiter.map_or(DELIMITER.len(), |nal| LONG_START.len() + nal.len());
        len += parameter_sets.len();
        let nals = Nals { rest: data, length_size: self.length_size };
        Ok(Some(Picture { delimiter, parameter_sets, nals, len, random_access }))
    }
}

/// One access unit: delimiter, parameter sets where decoding can start, the sample's NAL units.
#[derive(Debug, Clone)]
pub(super) struct Picture<'a> {
    /// The delimiter the sample starts with, if it does.
    delimiter: Option<&'a [u8]>,
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
            None => put(&DELIMITER),
        }
        put(self.parameter_sets);
        for nal in nals {
            put(start_code(nal));
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
        AnnexB { length_size, parameter_sets: vec![0, 0, 0, 1, 0x67, 1, 0, 0, 0, 1, 0x68, 2] }
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
