//! Fragments: what they cost to read, and what they say of their samples.

use airloom_media::TrackId;
use airloom_segmenter::mp4::{BoxType, Error, Limits};

use crate::file::{Trak, boxed, file, index, index_with, words};

const DEFAULT_BASE_IS_MOOF: u32 = 0x02_0000;

/// `moof` of one run; `fields` are those of `trun` behind its count.
fn moof(tfhd: &[u32], flags: u32, count: u32, fields: &[u32]) -> Vec<u8> {
    let trun = boxed(*b"trun", [words(&[flags, count]), words(fields)]);
    boxed(*b"moof", [boxed(*b"traf", [boxed(*b"tfhd", [words(tfhd)]), trun])])
}

fn mvex(track: u32, description: u32, duration: u32, size: u32, flags: u32) -> Vec<u8> {
    boxed(*b"mvex", [boxed(*b"trex", [words(&[0, track, description, duration, size, flags])])])
}

fn limits(samples: usize) -> Limits {
    let mut limits = Limits::default();
    limits.samples = samples;
    limits
}

/// 60 bytes can state 4 billion samples, any number of times. What they state is not counted one by
/// one, and no limit of samples is touched by what is not read.
#[test]
fn a_count_of_an_unknown_track_costs_its_bytes_only() {
    let mut source = file(&[Trak::video(1, 10, 10)], &mvex(1, 1, 0, 0, 0));
    for _ in 0..20_000 {
        source.extend(moof(&[DEFAULT_BASE_IS_MOOF, 9], 0, u32::MAX, &[]));
    }
    let index = index_with(&source, limits(10)).unwrap();
    assert_eq!((index.tracks()[0].len(), index.damage()), (10, None));
    assert_eq!(index.whole(), source.len() as u64);
}

/// Where each has fields, these have to be there.
#[test]
fn fields_of_an_unknown_track_are_bytes_of_the_file() {
    let head = file(&[Trak::video(1, 10, 10)], &mvex(1, 1, 0, 0, 0));
    // Duration and size of each of two samples; where there is no offset, moof is their media.
    let mut good = head.clone();
    good.extend(moof(&[DEFAULT_BASE_IS_MOOF, 9], 0x300, 2, &[1, 5, 1, 7]));
    assert_eq!(index(&good).damage(), None);
    let mut bad = head;
    bad.extend(moof(&[DEFAULT_BASE_IS_MOOF, 9], 0x300, u32::MAX, &[1, 5, 1, 7]));
    let read = index(&bad);
    let found = read.damage().unwrap();
    assert!(matches!(found, Error::Truncated { field: "sample_size", .. }), "{found}");
}

/// The bytes of samples that are not read are still where the next track's data begins.
#[test]
fn an_unknown_track_has_its_place_in_the_data() {
    for (flags, size, fields) in [(0, 5, &[][..]), (0x200, 0, &[2, 3, 10][..])] {
        let mut source = file(&[Trak::video(1, 10, 10)], &mvex(1, 1, 0, 0, 0));
        let start = source.len() as u64;
        let trun =
            |flags, count, fields: &[u32]| boxed(*b"trun", [words(&[flags, count]), words(fields)]);
        // default-sample-size present, base implied: behind the data before.
        let other =
            boxed(*b"traf", [boxed(*b"tfhd", [words(&[0x10, 9, size])]), trun(flags, 3, fields)]);
        let own = boxed(*b"traf", [boxed(*b"tfhd", [words(&[0x10, 1, 4])]), trun(0, 2, &[])]);
        source.extend(boxed(*b"moof", [other, own]));
        let index = index(&source);
        let places: Vec<_> =
            index.tracks()[0].entries().skip(10).map(|entry| entry.offset).collect();
        assert_eq!(places, [start + 15, start + 19]);
    }
}

/// `Limits::samples` is for the whole file, not for a fragment.
#[test]
fn samples_are_counted_over_all_fragments() {
    let mut source = file(&[Trak::video(1, 10, 10)], &mvex(1, 1, 3600, 0, 0));
    for _ in 0..4 {
        source.extend(moof(&[DEFAULT_BASE_IS_MOOF, 1], 0, 30, &[]));
    }
    assert_eq!(index_with(&source, limits(130)).unwrap().tracks()[0].len(), 130);
    let error = index_with(&source, limits(129)).unwrap_err();
    assert_eq!(error, Error::Limit { limit: "samples", value: 130, max: 129 });
}

/// The samples of a track that breaks behind its tables were work all the same; a second track of
/// one number is none.
#[test]
fn samples_of_tracks_that_are_left_out_count() {
    let good = Trak::video(1, 10, 10);
    let twice = file(&[good.clone(), good.clone(), good.clone()], &[]);
    let read = index_with(&twice, limits(10)).unwrap();
    assert_eq!((read.tracks().len(), read.skipped().len()), (1, 2));

    let mut broken = Trak::video(2, 10, 10);
    broken.offsets = vec![0; 9];
    let mut source = file(&[broken, good], &[]);
    let at = source.windows(4).position(|window| window == b"ctts").unwrap();
    source[at + 11] = 10;
    let read = index_with(&source, limits(20)).unwrap();
    assert_eq!((read.tracks().len(), read.skipped().len()), (1, 1));
    let error = index_with(&source, limits(19)).unwrap_err();
    assert_eq!(error, Error::Limit { limit: "samples", value: 20, max: 19 });
}

fn is_second(error: &Error, named_by: [u8; 4]) -> bool {
    let named_by = BoxType(named_by);
    matches!(error, Error::Description { kind, index: 2, .. } if *kind == named_by)
}

#[test]
fn samples_of_a_second_description_are_not_read_as_the_first() {
    // The fragment says so, or trex does for it.
    for (default, tfhd, kind) in [
        (1, &[DEFAULT_BASE_IS_MOOF | 0x02, 1, 2][..], b"tfhd"),
        (2, &[DEFAULT_BASE_IS_MOOF, 1][..], b"trex"),
    ] {
        let mut source =
            file(&[Trak::video(1, 0, 1), Trak::sound(2, 5)], &mvex(1, default, 3600, 0, 0));
        source.extend(moof(tfhd, 0, 3, &[]));
        source.extend(moof(&[DEFAULT_BASE_IS_MOOF, 1], 0, 3, &[]));
        let index = index(&source);
        assert!(index.track(TrackId::new(1)).is_none());
        let [skipped] = index.skipped() else { panic!("one track is left out") };
        assert_eq!((skipped.track, skipped.handler), (TrackId::new(1), BoxType(*b"vide")));
        assert!(is_second(&skipped.error, *kind), "{}", skipped.error);
        assert_eq!((index.tracks()[0].len(), index.damage()), (5, None));
    }
    // What trex says does not hold where the fragment says otherwise.
    let mut source = file(&[Trak::video(1, 0, 1)], &mvex(1, 2, 3600, 0, 0));
    source.extend(moof(&[DEFAULT_BASE_IS_MOOF | 0x02, 1, 1], 0, 3, &[]));
    assert_eq!(index(&source).tracks()[0].len(), 3);

    let mut second = Trak::video(1, 10, 10);
    second.description = 2;
    let index = index(&file(&[second], &[]));
    assert!(is_second(&index.skipped()[0].error, *b"stsc"));
}

#[test]
fn a_picture_that_depends_on_others_is_no_place_to_begin() {
    let flags = [0x0200_0000, 0x0100_0000, 0x0101_0000, 0x0001_0000, 0, 0x0300_0000];
    let mut source = file(&[Trak::video(1, 0, 1), Trak::sound(2, 0)], &mvex(1, 1, 3600, 0, 0));
    source.extend(moof(&[DEFAULT_BASE_IS_MOOF, 1], 0x400, 6, &flags));
    source.extend(moof(&[DEFAULT_BASE_IS_MOOF, 2], 0x400, 6, &flags));
    let index = index(&source);
    let sync = |track: usize| -> Vec<_> {
        index.tracks()[track].entries().map(|entry| entry.sync).collect()
    };
    assert_eq!(sync(0), [true, false, false, false, true, true]);
    assert_eq!(sync(1), [true, true, false, false, true, true]);
}
