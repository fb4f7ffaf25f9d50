//! HE-AAC as a real encoder makes it, whichever way it signals SBR and parametric stereo.

mod rig;

use airloom_media::{Codec, TrackId};
use airloom_segmenter::Config;
use airloom_segmenter::mp4::{Demuxer, Limits};
use bytes::Bytes;
use rig::flv::{self, Tag};
use rig::{AUDIO, Rig};

struct Stream {
    file: &'static [u8],
    name: &'static str,
    /// Of the core, and of what comes out.
    hz: (u32, u32),
}

macro_rules! stream {
    ($file:literal, $name:literal, $core:literal, $output:literal) => {
        Stream {
            file: include_bytes!(concat!("fixtures/", $file, ".flv")),
            name: $name,
            hz: ($core, $output),
        }
    };
}

const STREAMS: [Stream; 5] = [
    stream!("he-explicit", "mp4a.40.5", 24_000, 48_000),
    stream!("he-compatible", "mp4a.40.5", 22_050, 44_100),
    // Nothing but its frames tells: players find out as they decode.
    stream!("he-implicit", "mp4a.40.2", 24_000, 24_000),
    stream!("hev2-explicit", "mp4a.40.29", 22_050, 44_100),
    stream!("hev2-compatible", "mp4a.40.29", 24_000, 48_000),
];

fn fed(file: &'static [u8]) -> (Rig, usize) {
    let mut rig = Rig::new(Config::default());
    let mut frames = 0;
    for tag in flv::read(file) {
        match tag {
            Tag::Track(track) => rig.set_track(track),
            Tag::Sound { time, data } => {
                rig.feed(AUDIO, time, 0, true, data);
                frames += 1;
            }
            Tag::Picture { .. } => panic!("there are no pictures"),
        }
    }
    rig.finish();
    (rig, frames)
}

#[test]
fn names_clocks_and_channels_are_those_of_the_signalling() {
    for Stream { file, name, hz: (core, output) } in STREAMS {
        let (rig, frames) = fed(file);
        let init = rig.init_of(AUDIO);
        assert_eq!(init.codec.to_string(), name);
        // 2048 samples of what comes out are 1024 of the core.
        assert_eq!(init.timescale.hz(), core, "{name}");
        let times = rig.times(AUDIO);
        assert_eq!(times.len(), frames);
        assert!(times.windows(2).all(|pair| pair[1] - pair[0] == 1024), "{name}");
        let sound = init.codec.sound().unwrap();
        assert_eq!(sound.output_frequency.hz(), output, "{name}");
        assert_eq!(sound.channels, 2, "{name}");
        rig.assert_everything_is_there();
    }
}

/// The record goes through untouched, so that the decoder sees what the encoder said.
#[test]
fn a_file_gives_the_same_configuration_back() {
    for Stream { file, name, .. } in STREAMS {
        let (rig, _) = fed(file);
        let init = rig.init_of(AUDIO);
        let mut demuxer = Demuxer::new(init.data.len() as u64, Limits::default());
        while let Some(range) = demuxer.poll_request() {
            let range = range.start as usize..range.end as usize;
            demuxer.handle_input(init.data.slice(range)).unwrap();
        }
        let index = demuxer.finish().unwrap();
        let read = &index.track(TrackId::new(init.number)).unwrap().track().codec;
        assert_eq!(read, &init.codec, "{name}");
        let (Codec::Aac(read), Tag::Track(track)) = (read, &flv::read(file)[0]) else { panic!() };
        let Codec::Aac(sent) = &track.codec else { panic!() };
        assert_eq!(read.raw(), sent.raw());
    }
}

/// ADTS can only say the core: AAC-LC at its rate, with the channels it has without parametric
/// stereo.
#[test]
fn in_a_transport_stream_it_is_its_core() {
    for Stream { file, name, hz: (core, _) } in STREAMS {
        let (rig, frames) = fed(file);
        let index = [(24_000, 6u8), (22_050, 7)].iter().find(|(hz, _)| *hz == core).unwrap().1;
        let channels = if name == "mp4a.40.29" { 1u8 } else { 2 };
        let headers = rig.ts.iter().map(|ts| {
            let bytes: Bytes = ts.render();
            let fixed = [0xFF, 0xF1, 1 << 6 | index << 2 | channels >> 2];
            bytes.windows(3).filter(|three| *three == fixed).count()
        });
        // A frame's own bytes may look like a header; a header never looks like anything else.
        assert!(headers.sum::<usize>() >= frames, "{name}");
    }
}
