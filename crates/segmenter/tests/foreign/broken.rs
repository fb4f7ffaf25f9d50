//! What is broken beside the tracks, and tracks that are: it is told, and costs nothing else.

use airloom_media::TrackId;
use airloom_segmenter::mp4::{BoxType, Error, IndexedTrack, Limits};

use crate::file::{Trak, boxed, file, index, index_with, words};

#[test]
fn a_broken_box_behind_the_tracks_leaves_them() {
    let traks = [Trak::video(1, 20, 10), Trak::sound(2, 30)];
    // A `udta` that is longer than what holds it.
    let index = index(&file(&traks, &[0, 0, 0x10, 0, b'u', b'd', b't', b'a', 1, 2, 3, 4]));
    let lengths: Vec<_> = index.tracks().iter().map(IndexedTrack::len).collect();
    assert_eq!(lengths, [20, 30]);
    let broken = index.broken().unwrap();
    assert!(matches!(broken, Error::Truncated { kind: BoxType(kind), .. } if kind == b"udta"));
    assert_eq!(index.damage(), None, "the file goes on as it should");
}

#[test]
fn a_broken_box_before_all_tracks_is_an_error() {
    let mut source = file(&[Trak::video(1, 20, 10)], &[]);
    let at = source.windows(4).position(|window| window == b"trak").unwrap();
    source[at - 4] = 0xFF;
    let error = index_with(&source, Limits::default()).unwrap_err();
    assert!(matches!(error, Error::Truncated { kind: BoxType(kind), .. } if kind == *b"trak"));
}

#[test]
fn padding_of_zeros_in_moov_is_nothing() {
    for zeros in [4, 8, 100] {
        let index = index(&file(&[Trak::video(1, 20, 10)], &vec![0; zeros]));
        assert_eq!((index.tracks()[0].len(), index.broken()), (20, None));
    }
}

/// The defaults that fragments count on may have been in what could not be read.
#[test]
fn fragments_are_not_read_without_the_defaults_that_broke() {
    let trex = boxed(*b"trex", [words(&[0, 1, 1, 3600])]);
    for more in [boxed(*b"mvex", [trex]), b"\xFF\0\0\0mvex".to_vec()] {
        let mut source = file(&[Trak::video(1, 20, 10)], &more);
        let whole = source.len() as u64;
        let run = boxed(*b"trun", [words(&[0, 5])]);
        let tfhd = boxed(*b"tfhd", [words(&[0x02_0000, 1])]);
        source.extend(boxed(*b"moof", [boxed(*b"traf", [tfhd, run])]));
        let index = index(&source);
        assert_eq!(index.tracks()[0].len(), 20);
        assert_eq!(index.damage(), index.broken());
        assert!(index.damage().is_some());
        assert_eq!(index.whole(), whole);
    }
}

#[test]
fn a_track_without_a_header_is_left_out_alone() {
    let short = boxed(*b"tkhd", [words(&[7, 0, 0, 9])]);
    for (head, id) in [(Vec::new(), 0), (short, 9), (boxed(*b"tkhd", []), 0)] {
        let mut nameless = Trak::sound(9, 20);
        nameless.head = Some(head);
        let index = index(&file(&[nameless, Trak::video(1, 20, 10)], &[]));
        assert_eq!(index.tracks()[0].len(), 20);
        let [skipped] = index.skipped() else { panic!("one track is left out") };
        assert_eq!((skipped.track, skipped.handler), (TrackId::new(id), BoxType(*b"soun")));
        let expected = matches!(
            skipped.error,
            Error::Missing { kind: BoxType(kind), .. } | Error::Truncated { kind: BoxType(kind), .. }
            if kind == *b"tkhd"
        );
        assert!(expected, "{}", skipped.error);
    }
}

#[test]
fn media_of_another_file_is_not_read_out_of_this_one() {
    let mut elsewhere = Trak::video(1, 20, 10);
    elsewhere.reference = boxed(*b"url ", [words(&[0]), b"other.mp4\0".to_vec()]);
    let index = index(&file(&[elsewhere, Trak::sound(2, 30)], &[]));
    assert_eq!(index.tracks().len(), 1);
    let [skipped] = index.skipped() else { panic!("one track is left out") };
    assert_eq!(skipped.track, TrackId::new(1));
    assert!(
        matches!(skipped.error, Error::Elsewhere { kind: BoxType(kind), .. } if kind == *b"url ")
    );
}
