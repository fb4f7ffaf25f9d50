//! What tables and headers say, in segments on demand and in finished recordings.

use std::time::Duration;

use airloom_media::TrackId;
use airloom_segmenter::mp4::{Demuxer, Error, Limits, Matrix, Progressive, Vod};

use crate::boxes;
use crate::file::{Trak, boxed, file, index, segments, times, words, written};

/// As a phone held upright records.
const UPRIGHT: [i32; 9] = [0, 0x1_0000, 0, -0x1_0000, 0, 0, 360 << 16, 0, 0x4000_0000];

#[test]
fn pictures_stay_turned_and_sound_keeps_its_language() {
    let mut video = Trak::video(1, 20, 10);
    video.matrix = UPRIGHT;
    let mut sound = Trak::sound(2, 30);
    sound.language = *b"deu";
    let source = file(&[video, sound], &[]);
    let one = index(&source);
    assert_eq!(one.tracks()[0].matrix(), Matrix::new(UPRIGHT));
    assert_eq!(one.tracks()[0].matrix().rotation(), Some(90));
    let vod = Vod::new(one.clone(), Duration::from_secs(1));
    let [video, sound] =
        [1, 2].map(|track| index(&vod.init(TrackId::new(track)).unwrap()).tracks()[0].clone());
    let copy = index(&written(&one, &source));
    for (video, sound) in [(&video, &sound), (&copy.tracks()[0], &copy.tracks()[1])] {
        assert_eq!(video.matrix(), Matrix::new(UPRIGHT));
        assert_eq!((video.language(), sound.language()), (None, Some("deu")));
        assert_eq!(sound.matrix(), Matrix::UNITY);
    }
}

#[test]
fn a_last_delta_that_steps_back_is_no_gap() {
    for (delta, expected) in [(u32::MAX, 0), (u32::MAX - 1000, 0), (1 << 31, 1 << 31), (5, 5)] {
        let mut video = Trak::video(1, 3, 1);
        *video.deltas.last_mut().unwrap() = delta;
        let index = index(&file(&[video.clone()], &[]));
        let last = index.tracks()[0].entry(2).unwrap();
        assert_eq!(last.duration.ticks(), expected);
        assert_eq!(index.tracks()[0].duration().ticks(), 7200 + expected);
        // In the middle it keeps the time, as before.
        video.deltas = vec![3600, delta, 3600];
        let index = self::index(&file(&[video], &[]));
        assert_eq!(times(&index, 1), [0, 3600, 3600 + expected as i64]);
    }
}

/// `stts` has 32 bits; a longer gap would put all that follows early.
#[test]
fn a_gap_that_no_table_can_say_is_an_error() {
    let gap = |time: u64| {
        let mvex = boxed(*b"mvex", [boxed(*b"trex", [words(&[0, 1, 1, 400_000, 0, 0])])]);
        let mut video = Trak::video(1, 2, 1);
        video.timescale = 10_000_000;
        let mut source = file(&[video], &mvex);
        let tfdt = words(&[0x0100_0000, (time >> 32) as u32, time as u32]);
        let traf = [
            boxed(*b"tfhd", [words(&[0x02_0000, 1])]),
            boxed(*b"tfdt", [tfdt]),
            boxed(*b"trun", [words(&[0, 3])]),
        ];
        source.extend(boxed(*b"moof", [boxed(*b"traf", traf)]));
        source
    };
    let longest = u64::from(u32::MAX) - 480_000;
    let good = gap(3600 + longest);
    let one = index(&good);
    assert_eq!(times(&one, 1)[2], 3600 + longest as i64);
    assert_eq!(times(&one, 1), times(&index(&written(&one, &good)), 1));
    let error = Progressive::new(&index(&gap(3601 + longest))).unwrap_err();
    let track = TrackId::new(1);
    assert_eq!(error, Error::Gap { track, number: 1, duration: longest + 1 });
}

/// The size of `mdat` while it is not known yet that it needs 64 bits.
#[test]
fn media_just_below_32_bits_gets_a_header_of_64() {
    for size in u32::MAX - 12..=u32::MAX {
        let mut video = Trak::video(1, 1, 1);
        video.size = 0;
        let mut head = file(&[video], &[]);
        let at = head.windows(4).position(|window| window == b"stsz").unwrap();
        head[at + 8..at + 12].copy_from_slice(&size.to_be_bytes());
        let len = head.len() as u64 + u64::from(size);
        let mut demuxer = Demuxer::new(len, Limits::default());
        head.resize(1 << 14, 0);
        while let Some(range) = demuxer.poll_request() {
            let end = (range.end as usize).min(head.len());
            demuxer
                .handle_input(head[(range.start as usize).min(end)..end].to_vec().into())
                .unwrap();
        }
        let progressive = Progressive::new(&demuxer.finish().unwrap()).unwrap();
        let moov = boxes::children(&progressive.head()[..progressive.head().len() - 16]);
        assert_eq!(moov.iter().map(|(kind, _)| *kind).collect::<Vec<_>>(), [*b"ftyp", *b"moov"]);
        assert_eq!(progressive.size(), progressive.head().len() as u64 + u64::from(size));
    }
}

#[test]
fn samples_of_no_bytes_have_no_range() {
    let mut video = Trak::video(1, 20, 10);
    video.size = 0;
    let index = index(&file(&[video], &[]));
    let vod = Vod::new(index, Duration::from_millis(400));
    let segments = segments(&vod, 1);
    assert_eq!(segments.len(), 2);
    assert!(segments.iter().all(|segment| segment.media.is_empty()));
}
