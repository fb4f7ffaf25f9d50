use bytes::Bytes;

use super::Sps;
use crate::Error;
use crate::parameter_sets::{Kind, Set};

/// An `AVCDecoderConfigurationRecord` (ISO/IEC 14496-15, 5.3.3.1) of these sets; the first sequence
/// parameter set is what it says of profile, level and format.
pub(super) fn record(sets: &[Set<'_>], length_size: u8) -> Result<Bytes, Error> {
    let of = |kind| sets.iter().filter(move |set| set.kind == kind).map(|set| set.nal);
    let first = of(Kind::Sequence).next().ok_or(Error::Malformed {
        field: "numOfSequenceParameterSets",
        offset: 5,
        value: 0,
    })?;
    let sps = Sps::decode(first)?;
    let (profile, level) = (sps.profile_idc, sps.level_idc);
    let mut out = vec![1, profile, sps.constraint_flags, level, 0xFC | (length_size - 1)];
    for (kind, reserved) in [(Kind::Sequence, 0xE0), (Kind::Picture, 0)] {
        out.push(reserved | of(kind).count() as u8);
        for nal in of(kind) {
            out.extend((nal.len() as u16).to_be_bytes());
            out.extend_from_slice(nal);
        }
    }
    if !matches!(profile, 66 | 77 | 88) {
        out.push(0xFC | sps.chroma_format_idc);
        out.push(0xF8 | (sps.bit_depth_luma - 8));
        out.push(0xF8 | (sps.bit_depth_chroma - 8));
        out.push(0); // numOfSequenceParameterSetExt
    }
    Ok(out.into())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::Config;
    use super::super::tests::X264;
    use super::*;

    fn sample(length_size: usize, nals: &[&[u8]]) -> Vec<u8> {
        let mut out = Vec::new();
        for nal in nals {
            out.extend_from_slice(&(nal.len() as u32).to_be_bytes()[4 - length_size..]);
            out.extend_from_slice(nal);
        }
        out
    }

    fn x264() -> Config {
        Config::decode(Bytes::from_static(X264)).unwrap()
    }

    /// 240x320, Baseline.
    const SMALL: &[u8] = &[0x67, 0x42, 0xC0, 0x0D, 0xDA, 0x0F, 0x0A, 0x69];
    /// The same with `seq_parameter_set_id` 1, and its picture parameter set 1.
    const OTHER: &[u8] = &[0x67, 0x42, 0xC0, 0x0D, 0x56, 0x83, 0xC2, 0x9A, 0x60];
    const PPS: &[u8] = &[0x68, 0xCE, 0x3C, 0x80];
    const OTHER_PPS: &[u8] = &[0x68, 0x48, 0xE3, 0xC8];
    const AUD: &[u8] = &[0x09, 0xF0];
    /// An IDR picture's slice that refers to picture parameter set 0, and one that refers to 1.
    const IDR: &[u8] = &[0x65, 0x88, 0x84];
    const OTHER_IDR: &[u8] = &[0x65, 0x88, 0x50];

    #[test]
    fn what_the_record_says_already_is_no_news() {
        let config = x264();
        let (sps, pps) =
            (&config.sequence_parameter_sets()[0], &config.picture_parameter_sets()[0]);
        assert_eq!(config.in_band(&sample(4, &[IDR])), Ok(None));
        assert_eq!(config.in_band(&sample(4, &[AUD, sps, pps, IDR])), Ok(None));
        // Another nal_ref_idc, and zeros behind.
        let mut other = sps.to_vec();
        other[0] = 0x27;
        other.extend([0, 0]);
        assert_eq!(config.in_band(&sample(4, &[&other, pps, IDR])), Ok(None));
        // Behind a slice stands no set of the same access unit.
        assert_eq!(config.in_band(&sample(4, &[IDR, SMALL])), Ok(None));
        assert_eq!(config.in_band(&[]), Ok(None));
    }

    #[test]
    fn a_set_with_the_same_id_replaces() {
        let config = x264();
        let found = config.in_band(&sample(4, &[AUD, SMALL, PPS, IDR])).unwrap().unwrap();
        assert_eq!(found.to_string(), "avc1.42C00D");
        assert_eq!(found.sequence_parameter_sets(), [SMALL]);
        assert_eq!(found.picture_parameter_sets(), [PPS]);
        assert_eq!((found.sps().width, found.length_size()), (240, 4));
        // And from there on it is no news.
        assert_eq!(found.in_band(&sample(4, &[SMALL, PPS, IDR])), Ok(None));
        assert_eq!(Config::decode(found.raw().clone()), Ok(found));
    }

    #[test]
    fn the_last_of_a_unit_with_the_same_id_counts() {
        let config = x264();
        let own = &config.sequence_parameter_sets()[0];
        let found = config.in_band(&sample(4, &[own, SMALL, IDR])).unwrap().unwrap();
        assert_eq!(found.sequence_parameter_sets(), [SMALL]);
        assert_eq!(found.in_band(&sample(4, &[own, SMALL, IDR])), Ok(None));
        assert_eq!(config.in_band(&sample(4, &[SMALL, own, IDR])), Ok(None));
    }

    #[test]
    fn a_picture_parameter_set_alone_is_news() {
        let config = x264();
        let found = config.in_band(&sample(4, &[PPS, IDR])).unwrap().unwrap();
        assert_eq!(found.picture_parameter_sets(), [PPS]);
        assert_eq!(found.sequence_parameter_sets(), config.sequence_parameter_sets());
        assert_eq!(found.sps(), config.sps());
        // What a record of High says behind its sets.
        assert_eq!(found.raw()[found.raw().len() - 4..], [0xFD, 0xF8, 0xF8, 0]);
    }

    #[test]
    fn the_set_that_the_picture_refers_to_is_the_first() {
        let config = x264();
        let unit = sample(4, &[OTHER, OTHER_PPS, OTHER_IDR]);
        let found = config.in_band(&unit).unwrap().unwrap();
        assert_eq!(found.sequence_parameter_sets().len(), 2);
        assert_eq!(found.picture_parameter_sets().len(), 2);
        assert_eq!((found.sps().width, found.to_string().as_str()), (240, "avc1.42C00D"));
        assert_eq!(found.in_band(&unit), Ok(None));
        // Back to what is known of old.
        let back = found.in_band(&sample(4, &[IDR])).unwrap().unwrap();
        assert_eq!((back.sps(), back.to_string()), (config.sps(), config.to_string()));
        assert_eq!(back.in_band(&sample(4, &[IDR])), Ok(None));
    }

    #[test]
    fn an_access_unit_alone_is_enough() {
        for length_size in [1, 2, 4] {
            let unit = sample(length_size.into(), &[AUD, SMALL, PPS, IDR]);
            let config = Config::of_access_unit(&unit, length_size).unwrap().unwrap();
            assert_eq!((config.to_string().as_str(), config.sps().width), ("avc1.42C00D", 240));
            assert_eq!(config.length_size(), length_size);
            assert_eq!(config.in_band(&unit), Ok(None));
        }
        let nothing = |nals: &[&[u8]]| Config::of_access_unit(&sample(4, nals), 4);
        assert_eq!(nothing(&[IDR]), Ok(None));
        assert_eq!(nothing(&[SMALL, IDR]), Ok(None));
        assert_eq!(nothing(&[PPS, IDR]), Ok(None));
        assert!(matches!(
            Config::of_access_unit(&[], 3),
            Err(Error::Malformed { field: "lengthSizeMinusOne", value: 2, .. })
        ));
        assert!(Config::of_access_unit(&[], 0).is_err());
    }

    #[test]
    fn bad_access_units_are_located() {
        let config = x264();
        let error = |data: &[u8]| config.in_band(data).unwrap_err();
        let truncated = |offset| Error::Truncated { field: "NALUnitLength", offset };
        assert_eq!(error(&[0, 0, 0]), truncated(0));
        assert_eq!(error(&[0, 0, 0, 2, 9, 0xF0, 0, 0, 0, 9, 0x67]), truncated(6));
        // A start code is a length of one.
        assert!(matches!(
            error(&[0, 0, 0, 1, 0x67, 0x42, 0xC0, 0x0D]),
            Error::Truncated { field: "profile_idc", .. }
        ));
        let large = [&[0x68][..], &[0xFF; 4096]].concat();
        let field = "pictureParameterSetNALUnit";
        assert_eq!(
            error(&sample(4, &[&large])),
            Error::Unsupported { field, offset: 4, value: 4097 }
        );
    }

    /// `ue(v)` of a sequence parameter set's id, in the place it has in [`SMALL`].
    fn numbered(id: u32) -> Vec<u8> {
        let rest = "1011010000011110000101001101001"; // of `SMALL` behind its id
        let code = format!("{:b}", id + 1);
        let mut bits = format!("{}{code}{}", "0".repeat(code.len() - 1), rest);
        bits.push('1');
        while bits.len() % 8 != 0 {
            bits.push('0');
        }
        let mut nal = SMALL[..4].to_vec();
        nal.extend(
            bits.as_bytes()
                .chunks(8)
                .map(|byte| byte.iter().fold(0, |value, bit| value << 1 | u8::from(*bit == b'1'))),
        );
        nal
    }

    #[test]
    fn no_more_sets_than_a_record_can_hold() {
        let sets: Vec<_> = (0..32).map(numbered).collect();
        let mut nals: Vec<_> = sets.iter().map(Vec::as_slice).collect();
        nals.push(PPS);
        nals.push(IDR);
        let found = Config::of_access_unit(&sample(2, &nals[1..]), 2).unwrap().unwrap();
        assert_eq!(found.sequence_parameter_sets().len(), 31);
        assert!(matches!(
            Config::of_access_unit(&sample(2, &nals), 2),
            Err(Error::Unsupported { field: "numOfSequenceParameterSets", value: 32, .. })
        ));
        assert!(matches!(
            found.in_band(&sample(2, &nals)),
            Err(Error::Unsupported { field: "numOfSequenceParameterSets", value: 32, .. })
        ));
        // The same ones without end.
        let endless = vec![PPS; 500];
        assert!(matches!(
            found.in_band(&sample(2, &endless)),
            Err(Error::Unsupported { field: "numOfPictureParameterSets", .. })
        ));
    }

    proptest! {
        #[test]
        fn nothing_panics(
            kind in 0x65..0x6Au8,
            body in prop::collection::vec(any::<u8>(), 0..200),
            tail in prop::collection::vec(any::<u8>(), 0..8),
        ) {
            let set = [&[kind], &body[..]].concat();
            let unit = [sample(4, &[&set, IDR]), tail].concat();
            if let Ok(Some(found)) = x264().in_band(&unit) {
                prop_assert_eq!(found.in_band(&unit), Ok(None));
            }
            let _ = Config::of_access_unit(&unit, 4);
        }

        #[test]
        fn what_a_unit_said_is_no_news_when_it_comes_again(
            picks in prop::collection::vec((0..6usize, 0..4u32), 0..12),
            idr in any::<bool>(),
        ) {
            let own = x264();
            let sets: Vec<_> = picks.into_iter().map(|(pick, id)| match pick {
                0 => own.sequence_parameter_sets()[0].to_vec(),
                1 => own.picture_parameter_sets()[0].to_vec(),
                2 => PPS.to_vec(),
                3 => OTHER_PPS.to_vec(),
                4 => OTHER.to_vec(),
                _ => numbered(id),
            }).collect();
            let mut nals: Vec<_> = sets.iter().map(Vec::as_slice).collect();
            nals.push(if idr { IDR } else { OTHER_IDR });
            let unit = sample(4, &nals);
            let alone = Config::of_access_unit(&unit, 4).unwrap();
            for found in [own.in_band(&unit).unwrap(), alone].into_iter().flatten() {
                prop_assert_eq!(found.in_band(&unit), Ok(None));
                prop_assert_eq!(Config::decode(found.raw().clone()), Ok(found));
            }
        }
    }
}
