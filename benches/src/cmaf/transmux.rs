//! transmux 0.28, incremental: `StreamingFlvDemux` into `LlHlsSegmenter` or `Segmenter`.

use transmux::{
    DemuxEvent, LlHlsSegmenter, LlHlsStageOutput, Sample, Segmenter, StreamingFlvDemux, TrackId,
    TrackSpec,
};

use crate::Failure;
use crate::input::Input;
use crate::output::{Collect, Lane, Muxer};

pub(super) const PARTS: Muxer = Muxer {
    name: "transmux 0.28 `LlHlsSegmenter`, parts of 200 ms",
    run: |input, out| run::<LlHlsSegmenter>(input, out),
};

pub(super) const SEGMENTS: Muxer = Muxer {
    name: "transmux 0.28 `Segmenter`, no parts",
    run: |input, out| run::<Segmenter>(input, out),
};

/// What the two segmenters have in common.
trait Stage: Sized {
    fn new(tracks: Vec<TrackSpec>) -> transmux::Result<Self>;
    fn init(&self) -> transmux::Result<Vec<u8>>;
    fn push(&mut self, track: TrackId, sample: Sample) -> transmux::Result<()>;
    fn finish(&mut self) -> transmux::Result<()>;
    fn drain(&mut self, out: &mut dyn Collect);
}

impl Stage for LlHlsSegmenter {
    fn new(tracks: Vec<TrackSpec>) -> transmux::Result<Self> {
        Self::with_part_target(tracks, 1000, 2.0, 200)
    }

    fn init(&self) -> transmux::Result<Vec<u8>> {
        self.init_segment()
    }

    fn push(&mut self, track: TrackId, sample: Sample) -> transmux::Result<()> {
        Self::push(self, track, sample)
    }

    fn finish(&mut self) -> transmux::Result<()> {
        self.flush()
    }

    fn drain(&mut self, out: &mut dyn Collect) {
        // The whole segments repeat what the parts hold: built and taken, but not judged twice.
        for part in self.take_ready_parts() {
            out.put(Lane::Muxed, &part.bytes);
        }
        for segment in self.take_ready_segments() {
            std::hint::black_box(LlHlsStageOutput::Segment(segment));
        }
    }
}

impl Stage for Segmenter {
    fn new(tracks: Vec<TrackSpec>) -> transmux::Result<Self> {
        Self::new(tracks, 1000, 2.0)
    }

    fn init(&self) -> transmux::Result<Vec<u8>> {
        self.init_segment()
    }

    fn push(&mut self, track: TrackId, sample: Sample) -> transmux::Result<()> {
        Self::push(self, track, sample)
    }

    fn finish(&mut self) -> transmux::Result<()> {
        self.flush()
    }

    fn drain(&mut self, out: &mut dyn Collect) {
        for segment in self.take_ready() {
            out.put(Lane::Muxed, &segment);
        }
    }
}

/// The demultiplexer announces tracks one after the other and the segmenters want them all at
/// once, so the first samples wait until both are there.
fn run<S: Stage>(input: &Input, out: &mut dyn Collect) -> Result<(), Failure> {
    let mut demux = StreamingFlvDemux::new();
    let mut tracks = Vec::new();
    let mut early = Vec::new();
    let mut stage: Option<S> = None;
    // The file header, then each tag as it would arrive.
    let head = input.file.len() - input.tags.iter().map(|tag| tag.whole.len()).sum::<usize>();
    demux.feed(&input.file[..head])?;
    for index in 0..=input.tags.len() {
        match input.tags.get(index) {
            Some(tag) => demux.feed(&tag.whole)?,
            None => demux.finish(),
        }
        while let Some(event) = demux.poll_event() {
            match (event, &mut stage) {
                (DemuxEvent::TrackAdded(track), None) => {
                    tracks.push(track);
                    if tracks.len() == 2 {
                        let mut new = S::new(std::mem::take(&mut tracks))?;
                        out.put(Lane::Muxed, &new.init()?);
                        for (track, sample) in early.drain(..) {
                            new.push(track, sample)?;
                        }
                        stage = Some(new);
                    }
                }
                (DemuxEvent::Sample { track_id, sample, .. }, None) => {
                    early.push((track_id, sample));
                }
                (DemuxEvent::Sample { track_id, sample, .. }, Some(stage)) => {
                    stage.push(track_id, sample)?;
                    stage.drain(out);
                }
                _ => {}
            }
        }
    }
    let mut stage = stage.ok_or("finds no two tracks")?;
    stage.finish()?;
    stage.drain(out);
    Ok(())
}
