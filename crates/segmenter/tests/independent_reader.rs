//! What was written, read by the `mp4` crate, against what an encoder sent.

mod rig;

use std::io::Cursor;

use airloom_media::TrackId;
use airloom_segmenter::{Config, Segment};
use rig::flv::{self, Tag};
use rig::{AUDIO, Rig, VIDEO};

const FIXTURE: &[u8] = include_bytes!("fixtures/pyramid.flv");

fn fed(config: Config) -> Rig {
    let mut rig = Rig::new(config);
    for tag in flv::read(FIXTURE) {
        match tag {
            Tag::Track(track) => rig.set_track(track),
            Tag::Picture { time, offset, sync, data } => rig.feed(VIDEO, time, offset, sync, data),
            Tag::Sound { time, data } => rig.feed(AUDIO, time, 0, true, data),
        }
    }
    rig.finish();
    rig
}

/// The track as one file: its init and all of its segments.
fn file(rig: &Rig, track: TrackId) -> Vec<u8> {
    let mut file = rig.init_of(track).data.to_vec();
    for chunk in rig.of(track).into_iter().flat_map(Segment::chunks) {
        file.extend_from_slice(chunk);
    }
    file
}

fn read(file: &[u8]) -> mp4::Mp4Reader<Cursor<&[u8]>> {
    mp4::Mp4Reader::read_header(Cursor::new(file), file.len() as u64).unwrap()
}

/// Decode time, composition offset, duration and size of every sample.
fn samples(reader: &mp4::Mp4Reader<Cursor<&[u8]>>) -> Vec<(u64, i64, u32, u32)> {
    let mut samples = Vec::new();
    for moof in &reader.moofs {
        let [traf] = &moof.trafs[..] else { panic!("one track a fragment") };
        let mut time = traf.tfdt.as_ref().unwrap().base_media_decode_time;
        let trun = traf.trun.as_ref().unwrap();
        for index in 0..trun.sample_count as usize {
            let duration = trun.sample_durations.get(index).copied();
            let duration = duration.or(traf.tfhd.default_sample_duration).unwrap();
            let offset = trun.sample_cts.get(index).map_or(0, |cts| i64::from(*cts as i32));
            samples.push((time, offset, duration, trun.sample_sizes[index]));
            time += u64::from(duration);
        }
    }
    samples
}

#[test]
fn the_initialization_segments_say_what_the_encoder_said() {
    let rig = fed(Config::default());
    let video = file(&rig, VIDEO);
    let reader = read(&video);
    let track = &reader.tracks()[&1];
    assert_eq!((track.width(), track.height()), (160, 90));
    assert_eq!(track.timescale(), 90_000);
    assert_eq!(track.media_type().unwrap(), mp4::MediaType::H264);
    assert!(reader.moov.mvex.is_some());

    let audio = file(&rig, AUDIO);
    let reader = read(&audio);
    let track = &reader.tracks()[&2];
    assert_eq!(track.timescale(), 44_100);
    assert_eq!(track.media_type().unwrap(), mp4::MediaType::AAC);
    assert_eq!(track.sample_freq_index().unwrap().freq(), 44_100);
    assert_eq!(track.channel_config().unwrap(), mp4::ChannelConfig::Mono);
}

/// Measured: scuffle computes offsets through the frame rate, and gives 600 of 1800 frames the time of
/// another. Here it is integers throughout.
#[test]
fn every_picture_has_the_very_times_the_encoder_gave_it() {
    for part in [Config::default().part, None] {
        let mut config = Config::default();
        config.part = part;
        let rig = fed(config);
        let file = file(&rig, VIDEO);
        let read = samples(&read(&file));
        let sent: Vec<_> = flv::read(FIXTURE)
            .into_iter()
            .filter_map(|tag| match tag {
                Tag::Picture { time, offset, data, .. } => {
                    Some((time as u64 * 90, offset * 90, data.len() as u32))
                }
                _ => None,
            })
            .collect();
        let read: Vec<_> =
            read.into_iter().map(|(at, offset, _, size)| (at, offset, size)).collect();
        assert_eq!(read, sent);
        assert!(rig.events.is_empty(), "{:?}", rig.events);
    }
}

#[test]
fn sound_is_gapless_from_its_own_first_time() {
    let rig = fed(Config::default());
    let file = file(&rig, AUDIO);
    let read = samples(&read(&file));
    let sent: Vec<_> = flv::read(FIXTURE)
        .into_iter()
        .filter_map(|tag| match tag {
            Tag::Sound { time, data } => Some((time, data.len() as u32)),
            _ => None,
        })
        .collect();
    assert_eq!(read.len(), sent.len());
    let first = (sent[0].0 as u64 * 44_100 + 500) / 1000;
    for (index, (read, sent)) in read.iter().zip(&sent).enumerate() {
        assert_eq!(*read, (first + index as u64 * 1024, 0, 1024, sent.1));
        // Within a millisecond of what the encoder could say.
        assert!((read.0 as i64 * 1000 - sent.0 * 44_100).abs() <= 44_100);
    }
}

#[test]
fn mpeg_ts_segments_hold_the_same_samples() {
    let rig = fed(Config::default());
    for ts in &rig.ts {
        let beside = rig.segments.iter().filter(|segment| segment.sequence == ts.sequence);
        let payload: usize = beside.map(|segment| segment.samples().count()).sum();
        let carried: usize = ts.segments().map(|segment| segment.samples().count()).sum();
        assert_eq!(payload, carried);
        assert!(ts.independent);
    }
    assert_eq!(rig.ts.len(), rig.of(VIDEO).len());
}
