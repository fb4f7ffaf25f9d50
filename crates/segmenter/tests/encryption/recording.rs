//! A recording of encrypted tracks.

use std::ops::Range;

use airloom_segmenter::mp4::{BoxType, Error, Index, Limits, fragmented};

use super::decryptor::Protection;
use super::*;

/// Inits of both tracks, under a key of two key systems.
fn encrypted(scheme: Scheme) -> Vec<Init> {
    let pssh = |system: u8| Bytes::from([&b"\0\0\0\x20pssh\0\0\0\0"[..], &[system; 20]].concat());
    let key = key(1).with_pssh(pssh(1)).with_pssh(pssh(2));
    let mut encryptor = Encryptor::new(scheme, key);
    let outputs = clear().into_iter().flat_map(|output| encrypt(&mut encryptor, output));
    inits(&outputs.collect::<Vec<_>>())
}

#[test]
fn its_head_says_how_each_track_is_encrypted() {
    for scheme in [Scheme::Cbcs, Scheme::Cenc] {
        let inits = encrypted(scheme);
        let head = fragmented(&[&inits[0], &inits[1]]).unwrap();
        let children = children(at(&head, &[b"moov"]));
        let all = |kind: &[u8; 4]| {
            let own = children.iter().filter(|(found, _)| found == kind);
            own.map(|(_, body)| *body).collect::<Vec<_>>()
        };
        for (init, trak) in inits.iter().zip(all(b"trak")) {
            assert_eq!(trak, at(&init.data, &[b"moov", b"trak"]));
            let protection = Protection::read(trak);
            assert_eq!((protection.scheme, protection.key_id), (scheme.four_cc(), [1; 16]));
        }
        let kinds: Vec<_> = children.iter().map(|(kind, _)| *kind).collect();
        assert_eq!(kinds, [*b"mvhd", *b"trak", *b"trak", *b"mvex", *b"pssh", *b"pssh"]);
        assert!(all(b"pssh")[0] < all(b"pssh")[1], "each key system once");
        assert_eq!(all(b"mvex")[0].len(), 64, "a trex for each track");
        let read = |range: Range<u64>| {
            Ok::<_, Error>(head.slice(range.start as usize..range.end as usize))
        };
        let index = Index::read(head.len() as u64, Limits::default(), read).unwrap();
        assert_eq!((index.tracks().len(), index.skipped().len()), (0, 2));
    }
}

/// `cmfc` is a file of one track (ISO/IEC 23000-19, 7.2).
#[test]
fn only_of_one_track_is_it_one_of_cmaf() {
    let inits = inits(&clear());
    let cmaf = |inits: &[&Init]| at(&fragmented(inits).unwrap(), &[b"ftyp"]).ends_with(b"cmfcmp41");
    assert!(cmaf(&[&inits[0]]) && cmaf(&[&inits[1]]));
    assert!(!cmaf(&[&inits[0], &inits[1]]));
}

#[test]
fn what_is_no_header_of_a_track_is_refused() {
    let mut init = inits(&clear()).remove(0);
    let whole = init.data.clone();
    init.data = whole.slice(..28);
    assert_eq!(fragmented(&[&init]), Err(Error::NoMovie));
    let mut empty = whole.slice(..28).to_vec();
    empty.extend(b"\0\0\0\x08moov");
    init.data = empty.into();
    let (parent, kind) = (BoxType(*b"moov"), BoxType(*b"trak"));
    assert_eq!(fragmented(&[&init]), Err(Error::Missing { parent, kind, offset: 36 }));
    for end in 0..whole.len() {
        init.data = whole.slice(..end);
        assert!(fragmented(&[&init]).is_err(), "cut at {end}");
    }
}
