use bytes::Bytes;

use super::{PPS, SPS, Sps, VPS};
use crate::Error;
use crate::bits::without_emulation_prevention;
use crate::parameter_sets::{Kind, Set};

/// An `HEVCDecoderConfigurationRecord` (ISO/IEC 14496-15, 8.3.3.1) of these sets; the first sequence
/// parameter set is what it says of profile, level and format. What only some sets say (segmentation,
/// parallelism, frame rate) it leaves unknown.
pub(super) fn record(sets: &[Set<'_>], length_size: u8) -> Result<Bytes, Error> {
    let of = |kind| sets.iter().filter(move |set| set.kind == kind).map(|set| set.nal);
    let first = of(Kind::Sequence).next().ok_or(Error::Malformed {
        field: "numOfArrays",
        offset: 22,
        value: 0,
    })?;
    let sps = Sps::decode(first)?;
    let rbsp = without_emulation_prevention(first);
    // Sub-layers and their nesting, then `profile_tier_level` up to the level.
    let Some(([layers], general)) = rbsp
        .get(2..)
        .and_then(|rest| rest.split_first_chunk::<1>())
        .and_then(|(layers, rest)| Some((layers, rest.first_chunk::<12>()?)))
    else {
        return Err(Error::Truncated { field: "general_level_idc", offset: rbsp.len() });
    };
    let mut out = vec![1];
    out.extend(general);
    out.extend([0xF0, 0, 0xFC, 0xFC | sps.chroma_format_idc]);
    out.extend([sps.bit_depth_luma, sps.bit_depth_chroma].map(|depth| 0xF8 | (depth - 8)));
    out.extend([0, 0]); // avgFrameRate
    let temporal_layers = (layers >> 1 & 7) + 1;
    out.push(temporal_layers << 3 | (layers & 1) << 2 | (length_size - 1));
    let kinds = [(Kind::Video, VPS), (Kind::Sequence, SPS), (Kind::Picture, PPS)];
    let arrays = || kinds.into_iter().filter(|(kind, _)| of(*kind).next().is_some());
    out.push(arrays().count() as u8);
    for (kind, nal_type) in arrays() {
        out.push(0x80 | nal_type); // array_completeness
        out.extend((of(kind).count() as u16).to_be_bytes());
        for nal in of(kind) {
            out.extend((nal.len() as u16).to_be_bytes());
            out.extend_from_slice(nal);
        }
    }
    Ok(out.into())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::Config;
    use super::super::tests::X265;
    use super::*;

    /// A slice of an IDR picture that refers to picture parameter set 0, and one that refers to 1.
    const IDR: &[u8] = &[0x26, 0x01, 0xA0];
    const OTHER_IDR: &[u8] = &[0x26, 0x01, 0x90];
    /// x265's own under the id 1.
    const OTHER_PPS: &[u8] = &[0x44, 0x01, 0x50, 0x1C, 0xF0, 0x62, 0x40];

    fn x265() -> Config {
        Config::decode(Bytes::from_static(X265)).unwrap()
    }

    fn sample(nals: &[&[u8]]) -> Vec<u8> {
        let mut out = Vec::new();
        for nal in nals {
            out.extend((nal.len() as u32).to_be_bytes());
            out.extend_from_slice(nal);
        }
        out
    }

    /// x265's sequence parameter set at level 3.1.
    fn higher() -> Vec<u8> {
        let mut nal = x265().parameter_sets()[1].to_vec();
        assert_eq!(std::mem::replace(&mut nal[17], 93), 60);
        nal
    }

    #[test]
    fn an_access_unit_says_what_the_record_said() {
        let config = x265();
        let [vps, sps, pps] = config.parameter_sets() else { panic!("three sets") };
        let unit = sample(&[&[0x46, 0x01, 0x10], vps, sps, pps, IDR]);
        assert_eq!(Config::of_access_unit(&unit, 4).unwrap().unwrap(), config);
        assert_eq!(config.in_band(&unit), Ok(None));
        for some in [&[sps, pps][..], &[vps, pps], &[vps, sps], &[]] {
            let some: Vec<_> = some.iter().map(|set| &set[..]).collect();
            assert_eq!(Config::of_access_unit(&sample(&some), 4), Ok(None));
            assert_eq!(config.in_band(&sample(&some)), Ok(None));
        }
    }

    #[test]
    fn a_set_with_the_same_id_replaces() {
        let config = x265();
        let found = config.in_band(&sample(&[&higher(), IDR])).unwrap().unwrap();
        assert_eq!(found.to_string(), "hvc1.1.6.L93.90");
        assert_eq!(found.parameter_sets().len(), 3);
        assert_eq!(found.parameter_sets()[1], higher());
        assert_eq!(found.in_band(&sample(&[&higher(), IDR])), Ok(None));
        let back = found.in_band(&sample(&[&config.parameter_sets()[1], IDR]));
        assert_eq!(back, Ok(Some(config)));
    }

    #[test]
    fn the_set_that_the_picture_refers_to_is_the_first() {
        let config = x265();
        let found = config.in_band(&sample(&[OTHER_PPS, OTHER_IDR])).unwrap().unwrap();
        let [.., sps, first, second] = found.parameter_sets() else { panic!("four sets") };
        assert_eq!((&first[..], &second[..]), (&config.parameter_sets()[2][..], OTHER_PPS));
        assert_eq!(sps, &config.parameter_sets()[1]);
        assert_eq!(found.to_string(), config.to_string());
    }

    #[test]
    fn sets_of_other_layers_are_passed_over() {
        let mut other = higher();
        other[1] |= 8;
        assert_eq!(x265().in_band(&sample(&[&other, IDR])), Ok(None));
    }

    #[test]
    fn bad_sets_are_located() {
        let config = x265();
        assert!(matches!(
            config.in_band(&sample(&[&higher()[..12], IDR])),
            Err(Error::Truncated { field: "general_profile_idc", .. })
        ));
        // Picture parameter set 64.
        assert!(matches!(
            config.in_band(&sample(&[&[0x44, 0x01, 0x02, 0x0C], IDR])),
            Err(Error::Malformed { field: "pps_pic_parameter_set_id", value: 64, .. })
        ));
        let endless = vec![&config.parameter_sets()[2][..]; 97];
        assert!(config.in_band(&sample(&endless[..96])).is_ok());
        assert!(matches!(
            config.in_band(&sample(&endless)),
            Err(Error::Unsupported { field: "numNalus", value: 97, .. })
        ));
    }

    proptest! {
        #[test]
        fn nothing_panics(
            kind in 30..36u8,
            body in prop::collection::vec(any::<u8>(), 0..200),
            tail in prop::collection::vec(any::<u8>(), 0..8),
        ) {
            let set = [&[kind << 1, 1], &body[..]].concat();
            let unit = [sample(&[&set, IDR]), tail].concat();
            if let Ok(Some(found)) = x265().in_band(&unit) {
                prop_assert_eq!(found.in_band(&unit), Ok(None));
            }
            let _ = Config::of_access_unit(&unit, 4);
        }
    }
}
