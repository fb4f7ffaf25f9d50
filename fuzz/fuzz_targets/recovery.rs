//! What is left of a recording whose writer died: cut at any byte, with anything behind the cut, or
//! with a byte that is not what was written. Every part before the damage is there.
//!
//! Input: where to cut, what to do there, and bytes to put behind it.

#![no_main]

use std::sync::OnceLock;

use airloom_media::{Codec, Delta, Sample, Timescale, Timestamp, Track, TrackId, aac, avc};
use airloom_segmenter::mp4::{Demuxer, Index, Limits, Progressive, fragmented};
use airloom_segmenter::{Config, Init, Output, Segmenter};
use bytes::Bytes;
use fuzz::{AAC, AVC, head};
use libfuzzer_sys::fuzz_target;

/// A recording, and how many samples are there after how many bytes.
struct Recording {
    file: Vec<u8>,
    ends: Vec<(usize, usize)>,
}

fn recording() -> &'static Recording {
    static RECORDING: OnceLock<Recording> = OnceLock::new();
    RECORDING.get_or_init(|| {
        let mut segmenter = Segmenter::new(Config::default());
        let video = avc::Config::decode(Bytes::from_static(AVC[1])).expect("a good record");
        let audio = aac::Config::decode(Bytes::from_static(AAC[0])).expect("a good record");
        let timescale = Timescale::MILLIS;
        let ids = [TrackId::new(1), TrackId::new(2)];
        for (id, codec) in ids.into_iter().zip([Codec::Avc(video), Codec::Aac(audio)]) {
            segmenter.set_track(Track { id, timescale, codec }).expect("two tracks");
        }
        for time in (0..6_000).step_by(20) {
            for id in ids {
                let sample = Sample {
                    track: id,
                    decode_time: Timestamp::new(time),
                    composition_offset: Delta::ZERO,
                    duration: None,
                    sync: id == ids[1] || time % 1000 == 0,
                    data: Bytes::from(vec![0, 0, 0, 2, 0x41, time as u8]),
                };
                segmenter.handle_input(sample).expect("they are drained below");
            }
        }
        segmenter.finish();
        let outputs: Vec<_> = std::iter::from_fn(|| segmenter.poll_output()).collect();
        let inits: Vec<&Init> = outputs
            .iter()
            .filter_map(|output| match output {
                Output::Init(init) => Some(init),
                _ => None,
            })
            .collect();
        let mut file = fragmented(&inits).expect("two tracks").to_vec();
        let mut ends = vec![(file.len(), 0)];
        for output in &outputs {
            if let Output::Part(part) = output {
                part.chunks().for_each(|chunk| file.extend_from_slice(chunk));
                let before = ends.last().map_or(0, |(_, samples)| *samples);
                ends.push((file.len(), before + part.samples().len()));
            }
        }
        Recording { file, ends }
    })
}

fn read(file: &[u8]) -> Option<Index> {
    let mut demuxer = Demuxer::new(file.len() as u64, Limits::default());
    while let Some(range) = demuxer.poll_request() {
        let range = range.start as usize..range.end as usize;
        demuxer.handle_input(Bytes::copy_from_slice(&file[range])).ok()?;
    }
    demuxer.finish().ok()
}

fuzz_target!(|data: &[u8]| {
    let Some(([a, b, c, flips], behind)) = head(data) else { return };
    let Recording { file, ends } = recording();
    let cut = u32::from_be_bytes([0, a, b, c]) as usize % (file.len() + 1);
    let mut damaged = file[..cut].to_vec();
    if flips & 1 == 0 {
        damaged.extend_from_slice(behind);
    } else if let Some(byte) = damaged.last_mut() {
        // The head must be as it was written, or nothing can be said of the rest.
        *byte ^= if cut > ends[0].0 { flips } else { 0 };
    }
    let Some(index) = read(&damaged) else {
        assert!(cut < ends[0].0 || flips & 1 == 0 || behind.len() > 8);
        return;
    };
    if cut < ends[0].0 {
        return;
    }
    // What ended before the cut, the part with the broken byte not counted.
    let intact = cut - usize::from(flips & 1 == 1 && cut > ends[0].0);
    let whole =
        ends.iter().rev().find(|(end, _)| *end <= intact).map_or(0, |(_, samples)| *samples);
    let found: usize = index.tracks().iter().map(|track| track.len()).sum();
    assert!(found >= whole, "{found} of {whole} samples, cut at {cut}");
    if let Ok(finished) = Progressive::new(&index) {
        assert!(finished.media().iter().all(|range| range.end <= damaged.len() as u64));
    }
});
