//! Single files: recordings, what is left of them after a crash, and segments made on demand.

mod rig;

use std::io::Cursor;
use std::time::Duration;

use airloom_media::TrackId;
use airloom_segmenter::mp4::{Demuxer, Entry, Error, Index, Limits, Progressive, Vod, fragmented};
use airloom_segmenter::{Config, Part};
use mp4_atom::DecodeMaybe;
use rig::flv::{self, Tag};
use rig::{AUDIO, Rig, VIDEO};
use symphonia::core::codecs::{CODEC_TYPE_AAC, Decoder, DecoderOptions};
use symphonia::core::formats::{FormatOptions, FormatReader};
use symphonia::core::io::{MediaSourceStream, MediaSourceStreamOptions};
use symphonia::default::codecs::AacDecoder;
use symphonia::default::formats::IsoMp4Reader;

const FIXTURE: &[u8] = include_bytes!("fixtures/pyramid.flv");

fn recorded() -> Rig {
    let mut rig = Rig::new(Config::default());
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

/// A recording as it stands on a disk: the head, then all parts as they came.
fn recording(rig: &Rig) -> Vec<u8> {
    let mut file = fragmented(&[rig.init_of(VIDEO), rig.init_of(AUDIO)]).unwrap().to_vec();
    for chunk in rig.parts.iter().flat_map(Part::chunks) {
        file.extend_from_slice(chunk);
    }
    file
}

fn index_with(file: &[u8], limits: Limits) -> Result<Index, Error> {
    let mut demuxer = Demuxer::new(file.len() as u64, limits);
    while let Some(range) = demuxer.poll_request() {
        assert!(!range.is_empty());
        let data = file[range.start as usize..range.end as usize].to_vec();
        demuxer.handle_input(data.into())?;
    }
    demuxer.finish()
}

fn index(file: &[u8]) -> Index {
    index_with(file, Limits::default()).unwrap()
}

/// Decode time, composition offset, sync and bytes of every sample.
fn samples<'f>(index: &Index, track: u32, file: &'f [u8]) -> Vec<(i64, i64, bool, &'f [u8])> {
    let track = index.track(TrackId::new(track)).expect("the track is there");
    let one = |entry: Entry| {
        let range = entry.range().start as usize..entry.range().end as usize;
        let (time, offset) = (entry.decode_time.ticks(), entry.composition_offset.ticks());
        (time, offset, entry.sync, &file[range])
    };
    track.entries().map(one).collect()
}

/// What the segmenter put out, in the same form.
fn expected(rig: &Rig, track: TrackId) -> Vec<(i64, i64, bool, &[u8])> {
    let samples = rig.of(track).into_iter().flat_map(airloom_segmenter::Segment::samples);
    samples
        .map(|sample| {
            let (time, offset) = (sample.decode_time.ticks(), sample.composition_offset.ticks());
            (time, offset, sample.sync, &sample.data[..])
        })
        .collect()
}

fn written(progressive: &Progressive, source: &[u8]) -> Vec<u8> {
    let mut file = progressive.head().to_vec();
    for range in progressive.media() {
        file.extend_from_slice(&source[range.start as usize..range.end as usize]);
    }
    assert_eq!(file.len() as u64, progressive.size());
    file
}

#[test]
fn a_recording_is_read_as_it_was_written() {
    let rig = recorded();
    let file = recording(&rig);
    let index = index(&file);
    assert!(index.is_fragmented());
    assert_eq!((index.whole(), index.damage()), (file.len() as u64, None));
    for (number, track) in [(1, VIDEO), (2, AUDIO)] {
        assert_eq!(samples(&index, number, &file), expected(&rig, track));
    }
    let tracks: Vec<_> =
        index.tracks().iter().map(|indexed| indexed.track().codec.to_string()).collect();
    assert_eq!(tracks, [rig.init_of(VIDEO), rig.init_of(AUDIO)].map(|init| init.codec.to_string()));
}

#[test]
fn a_finished_recording_has_the_same_samples_and_its_tables_in_front() {
    let rig = recorded();
    let source = recording(&rig);
    let file = written(&Progressive::new(&index(&source)).unwrap(), &source);
    assert_eq!(file[4..8], *b"ftyp");
    assert_eq!(file[32..36], *b"moov");
    let again = index(&file);
    assert!(!again.is_fragmented());
    for (number, track) in [(1, VIDEO), (2, AUDIO)] {
        assert_eq!(samples(&again, number, &file), expected(&rig, track));
    }
    let reader = mp4::Mp4Reader::read_header(Cursor::new(&file[..]), file.len() as u64).unwrap();
    let counts = [1, 2].map(|number| reader.sample_count(number).unwrap() as usize);
    assert_eq!(counts, [VIDEO, AUDIO].map(|track| expected(&rig, track).len()));
    // Made of itself it is itself.
    assert_eq!(written(&Progressive::new(&again).unwrap(), &file), file);
}

fn bit_rates(file: &[u8]) -> Vec<mp4_atom::Btrt> {
    let (mut data, mut rates) = (file, Vec::new());
    while let Ok(Some(found)) = mp4_atom::Any::decode_maybe(&mut data) {
        let mp4_atom::Any::Moov(moov) = found else { continue };
        for entry in moov.trak.iter().flat_map(|trak| &trak.mdia.minf.stbl.stsd.codecs) {
            rates.extend(match entry {
                mp4_atom::Codec::Avc1(entry) => entry.btrt.clone(),
                mp4_atom::Codec::Mp4a(entry) => entry.btrt.clone(),
                _ => None,
            });
        }
    }
    rates
}

/// `btrt` says what the file takes, in a finished recording and in segments on demand.
#[test]
fn bit_rates_are_measured_and_written() {
    let rig = recorded();
    let file = recording(&rig);
    assert_eq!(bit_rates(&file), [], "nobody knows them while it runs");
    let index = index(&file);
    let finished = bit_rates(Progressive::new(&index).unwrap().head());
    let vod = Vod::new(index.clone(), Duration::from_secs(1));
    for (number, track) in [VIDEO, AUDIO].into_iter().enumerate() {
        let sizes =
            rig.samples(track).iter().map(|sample| sample.data.len() as u64).collect::<Vec<_>>();
        let lasts: u64 = rig.samples(track).iter().map(|sample| sample.duration.ticks()).sum();
        let hz = u64::from(rig.init_of(track).timescale.hz());
        let rate = &finished[number];
        assert_eq!(u64::from(rate.avg_bitrate), sizes.iter().sum::<u64>() * 8 * hz / lasts);
        assert_eq!(u64::from(rate.buffer_size_db), *sizes.iter().max().unwrap());
        assert!(rate.max_bitrate >= rate.avg_bitrate);
        assert_eq!(bit_rates(&vod.init(track).unwrap()).first(), Some(rate));
    }
}

/// A writer that is killed loses the part it was writing, and nothing before that.
#[test]
fn a_recording_cut_at_any_byte_loses_its_last_part_at_most() {
    let rig = recorded();
    let file = recording(&rig);
    let head = fragmented(&[rig.init_of(VIDEO), rig.init_of(AUDIO)]).unwrap().len();
    let mut ends = vec![(head, [0, 0])];
    for part in &rig.parts {
        let (end, mut counts) = *ends.last().unwrap();
        counts[usize::from(part.track == AUDIO)] += part.samples().len();
        ends.push((end + part.size, counts));
    }
    // Every byte of the first parts, then steps that hit every kind of place.
    let cuts = (0..head + 12_000).chain((head..file.len()).step_by(97)).chain([file.len()]);
    for cut in cuts {
        let cut_off = index_with(&file[..cut], Limits::default());
        if cut < head {
            assert!(cut_off.is_err(), "nothing can be told without its head, {cut}");
            continue;
        }
        let cut_off = cut_off.unwrap();
        let (end, counts) = *ends.iter().rev().find(|(end, _)| *end <= cut).unwrap();
        let found = [0, 1].map(|track| cut_off.tracks()[track].len());
        assert_eq!(found, counts, "cut at {cut}");
        assert!((end..=end + 24).contains(&(cut_off.whole() as usize)), "cut at {cut}");
        assert_eq!(cut_off.damage().is_some(), cut as u64 != cut_off.whole(), "cut at {cut}");
        if counts != [0, 0] {
            let recovered = written(&Progressive::new(&cut_off).unwrap(), &file[..cut]);
            assert_eq!(index(&recovered).tracks()[0].len(), counts[0]);
        }
    }
}

/// What a crash leaves on some file systems: the length is there, the bytes are not.
#[test]
fn zeros_at_the_end_of_a_recording_are_not_media() {
    let rig = recorded();
    let mut file = recording(&rig);
    let whole = file.len();
    file.resize(whole + 5000, 0);
    let index = index(&file);
    assert_eq!(index.whole(), whole as u64);
    assert!(index.damage().is_some());
    assert_eq!(samples(&index, 1, &file), expected(&rig, VIDEO));
}

#[test]
fn segments_on_demand_hold_every_sample_once() {
    let rig = recorded();
    let source = recording(&rig);
    for file in [written(&Progressive::new(&index(&source)).unwrap(), &source), source] {
        let vod = Vod::new(index(&file), Duration::from_millis(900));
        assert!(vod.len() > 2, "{}", vod.len());
        for (number, track) in [(1, VIDEO), (2, AUDIO)] {
            let id = TrackId::new(number);
            let mut stream = vod.init(id).unwrap().to_vec();
            let mut at = None;
            for number in 0..vod.len() {
                let segment = vod.segment(id, number).unwrap();
                assert!(segment.independent);
                assert!(at.is_none_or(|at| at == segment.start));
                at = segment.start.checked_add(segment.duration);
                let before = stream.len();
                stream.extend_from_slice(&segment.header);
                for range in &segment.media {
                    stream.extend_from_slice(&file[range.start as usize..range.end as usize]);
                }
                assert_eq!((stream.len() - before) as u64, segment.size);
            }
            assert_eq!(vod.segment(id, vod.len()), None);
            assert_eq!(samples(&index(&stream), number, &stream), expected(&rig, track));
        }
    }
}

#[test]
fn limits_are_told() {
    let file = recording(&recorded());
    let with = |change: fn(&mut Limits)| {
        let mut limits = Limits::default();
        change(&mut limits);
        index_with(&file, limits).unwrap_err()
    };
    assert!(matches!(with(|l| l.metadata = 100), Error::Limit { limit: "metadata", max: 100, .. }));
    assert!(matches!(with(|l| l.samples = 10), Error::Limit { limit: "samples", max: 10, .. }));
    assert!(matches!(with(|l| l.tracks = 1), Error::Limit { limit: "tracks", max: 1, .. }));
    assert_eq!(index_with(b"", Limits::default()).unwrap_err(), Error::NoMovie);
    assert_eq!(index_with(b"\0\0\0\x08free", Limits::default()).unwrap_err(), Error::NoMovie);
}

/// 4 billion samples of one size cost four bytes in a file.
#[test]
fn a_count_is_no_reason_to_allocate() {
    let source = recording(&recorded());
    let mut file = written(&Progressive::new(&index(&source)).unwrap(), &source);
    let at = file.windows(4).position(|window| window == b"stsz").unwrap();
    file[at + 8..at + 16].copy_from_slice(&[0, 0, 0, 1, 0xFF, 0xFF, 0xFF, 0xFF]);
    let error = index_with(&file, Limits::default()).unwrap_err();
    assert!(matches!(error, Error::Limit { limit: "samples", .. }), "{error}");
}

/// Symphonia reads the sound of both kinds of recording, and decodes every frame.
#[test]
fn sound_is_decoded_by_another_reader() {
    let rig = recorded();
    let source = recording(&rig);
    let finished = written(&Progressive::new(&index(&source)).unwrap(), &source);
    for file in [source, finished] {
        let stream = MediaSourceStream::new(
            Box::new(Cursor::new(file)),
            MediaSourceStreamOptions::default(),
        );
        let mut reader = IsoMp4Reader::try_new(stream, &FormatOptions::default()).unwrap();
        let track = reader.tracks().iter().find(|track| track.codec_params.codec == CODEC_TYPE_AAC);
        let (id, params) = track.map(|track| (track.id, track.codec_params.clone())).unwrap();
        assert_eq!(params.sample_rate, Some(44_100));
        let mut decoder = AacDecoder::try_new(&params, &DecoderOptions::default()).unwrap();
        let mut times = Vec::new();
        while let Ok(packet) = reader.next_packet() {
            if packet.track_id() == id {
                assert_eq!(decoder.decode(&packet).unwrap().frames(), 1024);
                times.push(packet.ts() as i64);
            }
        }
        let expected: Vec<_> = expected(&rig, AUDIO).iter().map(|sample| sample.0).collect();
        assert_eq!(times.len(), expected.len());
    }
}
