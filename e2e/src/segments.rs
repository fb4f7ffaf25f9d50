//! What the segmenter makes of an MP4 file, MPEG-TS included, which no example writes to a disk.

use std::path::{Path, PathBuf};

use airloom_segmenter::mp4::{Index, Limits};
use airloom_segmenter::{Config, Output, Segmenter, TsSegment};
use bytes::Bytes;

/// Everything, in its order.
pub fn of(file: &Path) -> Vec<Output> {
    let mut config = Config::recorded();
    config.ts = true;
    // The keyframes of an open GOP are decoded before those four that are shown before them.
    config.segment = std::time::Duration::from_millis(800);
    config.first_segment = config.segment;
    let mut segmenter = Segmenter::new(config);
    let data = Bytes::from(std::fs::read(file).expect("a file"));
    let at = |range: std::ops::Range<u64>| {
        let place = |at: u64| usize::try_from(at).expect("a place in memory").min(data.len());
        data.slice(place(range.start)..place(range.end))
    };
    let read = |range| Ok::<_, airloom_segmenter::mp4::Error>(at(range));
    let index = Index::read(data.len() as u64, Limits::default(), read).expect("an MP4 file");
    for track in index.tracks() {
        segmenter.set_track(track.track().clone()).expect("a track");
    }
    let mut outputs = Vec::new();
    for entry in index.entries() {
        segmenter.handle_input(entry.sample(at(entry.range()))).expect("a sample");
        outputs.extend(std::iter::from_fn(|| segmenter.poll_output()));
    }
    segmenter.finish();
    outputs.extend(std::iter::from_fn(|| segmenter.poll_output()));
    outputs
}

/// Its MPEG-TS segments, rendered.
pub fn transport(outputs: &[Output]) -> Vec<Bytes> {
    let segments = outputs.iter().filter_map(|output| match output {
        Output::TsSegment(segment) => Some(segment),
        _ => None,
    });
    let rendered = |segment: &TsSegment| {
        let rendered = segment.render();
        assert_eq!(rendered.len(), segment.size, "the size is known beforehand");
        rendered
    };
    segments.map(rendered).collect()
}

/// Writes segments as one file, as a player joins them.
pub fn joined(path: PathBuf, segments: &[Bytes]) -> PathBuf {
    std::fs::write(&path, segments.concat()).expect("a file");
    path
}
