//! MP4 files: whatever is read can be cut into segments and written as a finished recording, and
//! that reads the same. Nothing is asked for or held beyond the limits, and whatever a file states,
//! reading it is work for its bytes and for the samples that the limits allow.

#![no_main]

use std::time::Duration;

use airloom_segmenter::mp4::{Demuxer, Error, Index, Limits, Progressive, Vod};
use bytes::Bytes;
use libfuzzer_sys::fuzz_target;

/// Low, so that reaching them is quick.
const SAMPLES: usize = 10_000;

fn limits(samples: usize) -> Limits {
    let mut limits = Limits::default();
    limits.samples = samples;
    limits.tracks = 8;
    limits.metadata = 1 << 20;
    limits.probe = 64;
    limits
}

fn read(file: &[u8], samples: usize) -> Result<Index, Error> {
    let mut demuxer = Demuxer::new(file.len() as u64, limits(samples));
    let mut requests = 0;
    while let Some(range) = demuxer.poll_request() {
        assert!(range.start < range.end && range.end <= file.len() as u64);
        requests += 1;
        assert!(requests <= 2 * file.len() + 2, "it does not get on");
        let range = range.start as usize..range.end as usize;
        demuxer.handle_input(Bytes::copy_from_slice(&file[range]))?;
    }
    demuxer.finish()
}

fuzz_target!(|file: &[u8]| {
    // By default as many as a few fragments state in 60 bytes each: were they counted again for
    // each, or for tracks that are not read, an input would take longer than it may.
    let all = Limits::default().samples;
    let count = |index: &Index| index.tracks().iter().map(|track| track.len()).sum::<usize>();
    assert!(
        read(file, all).is_ok_and(|index| count(&index) <= all) || read(file, SAMPLES).is_err()
    );
    let Ok(index) = read(file, SAMPLES) else { return };
    assert!(index.whole() <= file.len() as u64);
    assert!(count(&index) <= SAMPLES);
    for entry in index.entries() {
        assert!(entry.range().end <= file.len() as u64);
    }

    let vod = Vod::new(index.clone(), Duration::from_secs(2));
    for track in index.tracks() {
        let id = track.track().id;
        let mut samples = 0u64;
        for number in 0..vod.len().min(200) {
            let Some(segment) = vod.segment(id, number) else { continue };
            assert!(segment.size >= segment.header.len() as u64);
            assert!(segment.media.iter().all(|range| range.end <= file.len() as u64));
            samples += segment.duration.ticks();
        }
        if vod.len() <= 200 {
            assert_eq!(samples, track.entries().map(|entry| entry.duration.ticks()).sum());
        }
    }

    let Ok(finished) = Progressive::new(&index) else { return };
    // Samples may overlap in a hostile file; a copy of each would be larger than any input.
    if finished.size() > 1 << 24 {
        return;
    }
    let mut copy = finished.head().to_vec();
    for range in finished.media() {
        copy.extend_from_slice(&file[range.start as usize..range.end as usize]);
    }
    assert_eq!(copy.len() as u64, finished.size());
    let again = read(&copy, SAMPLES).expect("what was written can be read");
    assert_eq!((again.skipped(), again.damage(), again.broken()), (&[][..], None, None));
    let filled = index.tracks().iter().filter(|track| !track.is_empty());
    for (track, again) in filled.zip(again.tracks()) {
        assert_eq!(track.len(), again.len());
        for (one, other) in track.entries().zip(again.entries()) {
            assert_eq!(one.size, other.size);
            assert_eq!(one.composition_offset, other.composition_offset);
            assert_eq!(one.duration, other.duration);
        }
        assert_eq!((again.edited().before, again.edited().after), (0, 0));
        assert_eq!(track.matrix(), again.matrix());
        assert_eq!(track.language(), again.language());
    }
});
