//! airloom-segmenter: `ts::render` alone, and through `Segmenter` with its policies.

use airloom_media::{Codec, Delta, Sample, Timescale, Timestamp, Track, TrackId, aac, avc};
use airloom_segmenter::ts::{self, AccessUnit, Counters, Program, Stream};
use airloom_segmenter::{Config, Output, Segmenter};

use crate::Failure;
use crate::input::{Input, Kind, Tag};
use crate::output::{Collect, Lane, Muxer};

pub(super) const RENDER: Muxer = Muxer { name: "airloom-segmenter `ts::render`", run: render };

pub(super) const SEGMENTER: Muxer =
    Muxer { name: "airloom-segmenter `Segmenter`, CMAF beside it", run: segmenter };

pub(crate) const VIDEO: TrackId = TrackId::new(1);
pub(crate) const AUDIO: TrackId = TrackId::new(2);

/// A frame as a source gives it.
pub(crate) fn sample(tag: &Tag) -> Sample {
    Sample {
        track: if tag.kind == Kind::Video { VIDEO } else { AUDIO },
        decode_time: Timestamp::new(i64::from(tag.timestamp)),
        composition_offset: Delta::new(i64::from(tag.composition_offset())),
        duration: None,
        sync: tag.is_key(),
        data: tag.payload(),
    }
}

fn configs(input: &Input) -> Result<(avc::Config, aac::Config), Failure> {
    let config = |kind| {
        let tag = input.tags.iter().find(|tag| tag.kind == kind && tag.is_config());
        tag.map(Tag::payload).ok_or("has no sequence header")
    };
    Ok((avc::Config::decode(config(Kind::Video)?)?, aac::Config::decode(config(Kind::Audio)?)?))
}

/// The two tracks of the input.
pub(crate) fn tracks(input: &Input) -> Result<[Track; 2], Failure> {
    let (video, audio) = configs(input)?;
    let track = |id, codec| Track { id, timescale: Timescale::MILLIS, codec };
    Ok([track(VIDEO, Codec::Avc(video)), track(AUDIO, Codec::Aac(audio))])
}

fn render(input: &Input, out: &mut dyn Collect) -> Result<(), Failure> {
    let (video, audio) = configs(input)?;
    let program = Program::new(Some(&video), Some(&audio), &ts::Config::default())?;
    let mut counters = Counters::default();
    let mut samples: Vec<Sample> = Vec::new();
    let mut flush = |samples: &mut Vec<Sample>| -> Result<(), Failure> {
        let units = samples.iter().map(|sample| {
            let stream = if sample.track == VIDEO { Stream::Video } else { Stream::Audio };
            AccessUnit::from_sample(stream, sample, Timescale::MILLIS)
        });
        let measured = ts::measure(&program, units.clone(), counters)?;
        out.put(Lane::Muxed, &ts::render(&program, units, counters)?);
        counters = measured.counters;
        samples.clear();
        Ok(())
    };
    for tag in input.samples() {
        if tag.kind == Kind::Video && tag.is_key() && !samples.is_empty() {
            flush(&mut samples)?;
        }
        samples.push(sample(tag));
    }
    flush(&mut samples)
}

fn segmenter(input: &Input, out: &mut dyn Collect) -> Result<(), Failure> {
    let mut config = Config::default();
    config.part = None;
    let mut segmenter = Segmenter::new(config);
    for track in tracks(input)? {
        segmenter.set_track(track)?;
    }
    for tag in input.samples() {
        segmenter.handle_input(sample(tag))?;
        drain(&mut segmenter, out);
    }
    segmenter.finish();
    drain(&mut segmenter, out);
    Ok(())
}

fn drain(segmenter: &mut Segmenter, out: &mut dyn Collect) {
    while let Some(output) = segmenter.poll_output() {
        if let Output::TsSegment(segment) = output {
            out.put(Lane::Muxed, &segment.render());
        }
    }
}
