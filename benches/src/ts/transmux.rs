//! transmux 0.28: `StreamingTsHlsSegmenter` over its own samples.

use ::transmux::ts_hls::StreamingTsHlsSegmenter;
use ::transmux::{DemuxEvent, Sample, StreamingFlvDemux, TrackSpec};

use crate::Failure;
use crate::input::{Input, Kind, Tag};
use crate::output::{Collect, Lane, Muxer};

pub(super) const MUXER: Muxer = Muxer { name: "transmux 0.28 `StreamingTsHlsSegmenter`", run };

/// Its own description of the tracks, from the sequence headers; they carry no payload to speak of.
fn tracks(input: &Input) -> Result<Vec<TrackSpec>, Failure> {
    let mut demux = StreamingFlvDemux::new();
    let head = input.file.len() - input.tags.iter().map(|tag| tag.whole.len()).sum::<usize>();
    demux.feed(&input.file[..head])?;
    for kind in [Kind::Video, Kind::Audio] {
        let config = input.tags.iter().find(|tag| tag.kind == kind && tag.is_config());
        demux.feed(&config.ok_or("has no sequence header")?.whole)?;
    }
    let mut tracks = Vec::new();
    while let Some(event) = demux.poll_event() {
        if let DemuxEvent::TrackAdded(track) = event {
            tracks.push(track);
        }
    }
    Ok(tracks)
}

fn run(input: &Input, out: &mut dyn Collect) -> Result<(), Failure> {
    let tracks = tracks(input)?;
    let [video, audio] = tracks.as_slice() else { return Err("finds no two tracks".into()) };
    let (video, audio) = (video.track_id, audio.track_id);
    let mut segmenter = StreamingTsHlsSegmenter::new(tracks, 2, 3)?;

    // It adds durations up; its own demultiplexer takes them from the next sample of the track.
    let samples: Vec<&Tag> = input.samples().collect();
    let mut next = [None; 2];
    let mut durations = vec![0; samples.len()];
    for (tag, duration) in samples.iter().zip(&mut durations).rev() {
        let next = &mut next[usize::from(tag.kind == Kind::Video)];
        *duration = next.map_or(0, |next: u32| next - tag.timestamp);
        *next = Some(tag.timestamp);
    }
    for (tag, duration) in samples.into_iter().zip(durations) {
        let track = if tag.kind == Kind::Video { video } else { audio };
        let dts = i64::from(tag.timestamp);
        let pts = dts + i64::from(tag.composition_offset());
        let sample = Sample::new(tag.payload(), Some(dts), Some(pts), Some(duration), tag.is_key());
        segmenter.push(track, sample)?;
        for segment in segmenter.take_ready() {
            out.put(Lane::Muxed, &segment.bytes);
        }
    }
    segmenter.finish()?;
    for segment in segmenter.take_ready() {
        out.put(Lane::Muxed, &segment.bytes);
    }
    Ok(())
}
