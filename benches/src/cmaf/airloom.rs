//! airloom-rtmp's FLV reader into airloom-segmenter.

use airloom_rtmp::Limits;
use airloom_rtmp::flv::{Demuxer, Event, TagReader};
use airloom_segmenter::{Config, Error, Output, Segmenter};

use crate::Failure;
use crate::input::Input;
use crate::output::{Collect, Lane, Muxer};

pub(super) const CMAF: Muxer =
    Muxer { name: "airloom-segmenter, parts of 200 ms", run: |input, out| run(input, out, false) };
pub(super) const WITH_TS: Muxer = Muxer {
    name: "airloom-segmenter, parts of 200 ms, MPEG-TS measured too",
    run: |input, out| run(input, out, true),
};

fn run(input: &Input, out: &mut dyn Collect, ts: bool) -> Result<(), Failure> {
    let mut demuxer = Demuxer::new(Limits::default());
    let mut reader = TagReader::new();
    let mut config = Config::default();
    config.ts = ts;
    let mut segmenter = Segmenter::new(config);
    let head = input.file.len() - input.tags.iter().map(|tag| tag.whole.len()).sum::<usize>();
    demuxer.read(&mut input.file.slice(..head))?;
    for tag in &input.tags {
        let mut whole = tag.whole.clone();
        while let Some(tag) = demuxer.read(&mut whole)? {
            let mut result: Result<(), Error> = Ok(());
            reader.read(tag, |event| {
                let handled = match event {
                    Event::Track(track) => segmenter.set_track(track),
                    Event::Sample(sample) => segmenter.handle_input(sample),
                    _ => Ok(()),
                };
                if handled.is_err() {
                    result = handled;
                }
            });
            result?;
            drain(&mut segmenter, out);
        }
    }
    segmenter.finish();
    drain(&mut segmenter, out);
    Ok(())
}

fn drain(segmenter: &mut Segmenter, out: &mut dyn Collect) {
    while let Some(output) = segmenter.poll_output() {
        match output {
            Output::Init(init) => out.put(lane(init.track), &init.data),
            Output::Part(part) => {
                for chunk in part.chunks() {
                    out.put(lane(part.track), chunk);
                }
            }
            // Whole segments share the bytes of their parts.
            other => {
                std::hint::black_box(other);
            }
        }
    }
}

fn lane(track: airloom_media::TrackId) -> Lane {
    if track == TagReader::VIDEO { Lane::Video } else { Lane::Audio }
}
