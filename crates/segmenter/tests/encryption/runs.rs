//! Which bytes of a picture are encrypted (ISO/IEC 23001-7, 9.5).

use std::ops::Range;

use airloom_media::{Delta, Sample, Timescale, Timestamp, Track, avc, hevc};
use airloom_segmenter::{Config, Part};
use proptest::prelude::*;

use super::decryptor::{Decrypted, Protection};
use super::rig::{VIDEO, X264};
use super::*;

const HEVC: &[u8] = include_bytes!("../../../media/src/hevc/x265.bin");

/// What `saiz` can count, of vectors of eight bytes.
const MOST: usize = 40;
const LEAD: usize = 96;

/// A picture by its NAL units: whether each is a slice, and its bytes.
#[derive(Debug, Clone)]
struct Picture {
    hevc: bool,
    length_size: u8,
    nals: Vec<(bool, usize)>,
    /// How many bytes the last NAL unit is short of what its length says.
    missing: usize,
    /// Bytes after the last NAL unit, fewer than a length has.
    rest: usize,
}

impl Picture {
    fn of(length_size: u8, nals: Vec<(bool, usize)>) -> Self {
        Self { hevc: false, length_size, nals, missing: 0, rest: 0 }
    }

    fn codec(&self) -> Codec {
        let (record, at) = if self.hevc { (HEVC, 21) } else { (X264, 4) };
        let mut record = record.to_vec();
        record[at] = record[at] & 0xFC | (self.length_size - 1);
        let record = Bytes::from(record);
        if self.hevc {
            Codec::Hevc(hevc::Config::decode(record).unwrap())
        } else {
            Codec::Avc(avc::Config::decode(record).unwrap())
        }
    }

    /// The sample, and where in it each NAL unit lies.
    fn sample(&self) -> (Vec<u8>, Vec<(bool, Range<usize>)>) {
        let (mut data, mut places) = (Vec::new(), Vec::new());
        let most = (1u64 << (8 * self.length_size)) - 1;
        for (index, &(slice, size)) in self.nals.iter().enumerate() {
            let last = index + 1 == self.nals.len();
            let told = size as u64 + if last { self.missing as u64 } else { 0 };
            let told = told.min(most);
            data.extend(&told.to_be_bytes()[8 - usize::from(self.length_size)..]);
            let start = data.len();
            data.extend((0..size).map(|byte| (byte * 31 + index) as u8));
            if let Some(first) = data.get_mut(start) {
                *first = match (self.hevc, slice) {
                    (false, true) => 0x41,
                    (false, false) => 0x06,
                    (true, true) => 0x02,
                    (true, false) => 0x4E,
                };
            }
            // What goes beyond the sample may be a slice.
            places.push((slice || told > size as u64, start..data.len()));
        }
        data.extend(std::iter::repeat_n(0, self.rest));
        (data, places)
    }

    /// What it is encrypted to and back.
    fn encrypted(&self, scheme: Scheme) -> (Vec<u8>, Decrypted) {
        let mut segmenter = Segmenter::new(Config::recorded());
        let (timescale, codec) = (Timescale::MILLIS, self.codec());
        segmenter.set_track(Track { id: VIDEO, timescale, codec }).unwrap();
        let sample = Sample {
            track: VIDEO,
            decode_time: Timestamp::new(0),
            composition_offset: Delta::ZERO,
            duration: None,
            sync: true,
            data: self.sample().0.into(),
        };
        segmenter.handle_input(sample).unwrap();
        segmenter.finish();
        let mut encryptor = Encryptor::new(scheme, key(1));
        let outputs = std::iter::from_fn(|| segmenter.poll_output());
        let outputs: Vec<_> = outputs.flat_map(|output| encrypt(&mut encryptor, output)).collect();
        let part: Part = segments(&outputs, VIDEO).remove(0).parts[0].clone();
        let protection = Protection::of(&inits(&outputs)[0]);
        let mut samples = protection.decrypt(content(1), &part);
        assert_eq!(samples.len(), 1);
        (part.payload[0].to_vec(), samples.remove(0))
    }

    /// What holds for every picture.
    fn check(&self, scheme: Scheme) -> Decrypted {
        let (clear, places) = self.sample();
        let (coded, decrypted) = self.encrypted(scheme);
        assert_eq!(decrypted.data, clear);
        assert_eq!(decrypted.told, clear.len());
        assert!((1..=MOST).contains(&decrypted.runs), "{} runs", decrypted.runs);
        let encrypted: Vec<_> =
            decrypted.encrypted.iter().filter(|range| !range.is_empty()).collect();
        for (slice, place) in places {
            let touched =
                encrypted.iter().any(|run| run.start < place.end && place.start < run.end);
            if slice && place.len() >= LEAD + 16 {
                assert!(touched, "a slice of {} bytes is clear", place.len());
            }
            if decrypted.runs < MOST {
                assert!(slice || !touched);
                let lead = place.start..place.end.min(place.start + LEAD);
                assert_eq!(coded[lead.clone()], clear[lead]);
            }
        }
        if scheme == Scheme::Cenc {
            assert!(encrypted.iter().all(|run| run.len() % 16 == 0));
        }
        decrypted
    }
}

fn picture() -> impl Strategy<Value = Picture> {
    let size = prop_oneof![
        8 => 0..300usize,
        8 => 90..130usize,
        4 => 0..4000usize,
        1 => 60_000..140_000usize,
    ];
    let nals = prop_oneof![
        proptest::collection::vec((any::<bool>(), size.clone()), 0..60),
        proptest::collection::vec((prop::bool::weighted(0.9), size), 30..140),
    ];
    let length_size = prop_oneof![Just(1u8), Just(2), Just(4)];
    (any::<bool>(), length_size, nals, prop_oneof![Just(0), 1..200_000usize], 0..4usize).prop_map(
        |(hevc, length_size, mut nals, missing, rest)| {
            let most = (1usize << (8 * length_size)) - 1;
            nals = nals.into_iter().map(|(slice, size)| (slice, most.min(size))).collect();
            // What is left after one that is cut would be part of it.
            let rest = if missing > 0 { 0 } else { rest.min(usize::from(length_size) - 1) };
            Picture { hevc, length_size, nals, missing, rest }
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 128, ..ProptestConfig::default() })]

    #[test]
    fn any_picture_is_told_to_its_last_byte_and_leaves_no_slice_clear(picture in picture()) {
        prop_assume!(!picture.sample().0.is_empty());
        picture.check(Scheme::Cbcs);
        picture.check(Scheme::Cenc);
    }
}

/// One slice a row of macroblocks, as broadcast encoders do: 37 of 68 were encrypted.
#[test]
fn all_slices_of_a_picture_of_68_are_encrypted() {
    let picture = Picture::of(4, vec![(true, 500); 68]);
    for scheme in [Scheme::Cbcs, Scheme::Cenc] {
        let encrypted = picture.check(scheme).encrypted;
        assert_eq!(encrypted.len(), MOST);
        let last = &encrypted[MOST - 1];
        assert_eq!((last.start / 504, last.end), (39, 68 * 504));
    }
}

/// A tail of clear bytes does not cost the sum.
#[test]
fn long_clear_bytes_are_told_in_several_runs() {
    let runs = |nals| Picture::of(4, nals).check(Scheme::Cenc).runs;
    assert_eq!(runs(vec![(true, 300), (false, 200_000)]), 5);
    assert_eq!(runs(vec![(false, 200_000), (true, 300)]), 4);
    assert_eq!(runs(vec![(false, 20)]), 1);
    assert_eq!(runs(vec![(false, 3_000_000), (true, 300)]), MOST);
    // The last run has no room for what is no whole block.
    let mut nals = vec![(true, 300); 39];
    nals.extend([(false, 200_000), (true, 300)]);
    assert_eq!(runs(nals), MOST);
}

/// The first byte of such a NAL unit may say anything.
#[test]
fn what_goes_beyond_the_sample_is_not_left_clear() {
    let picture = Picture { missing: 1, ..Picture::of(4, vec![(true, 300), (false, 300)]) };
    for scheme in [Scheme::Cbcs, Scheme::Cenc] {
        assert_eq!(picture.check(scheme).encrypted.len(), 2);
    }
}
