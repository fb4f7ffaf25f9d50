//! Every pair of codecs, from a foreign MP4 file to HLS, DASH and MPEG-TS, judged by ffmpeg's own
//! readers and decoders and by a reader of transport packets.

use std::path::Path;

use airloom_e2e::film::Film;
use airloom_e2e::frames::Frames;
use airloom_e2e::nginx::Files;
use airloom_e2e::packets::{self, Form, Kind, SECOND};
use airloom_e2e::scratch::Scratch;
use airloom_e2e::transport::{Transport, Unit};
use airloom_e2e::{http, mpd, package, probe, segments};
use airloom_segmenter::{Event, Output};

/// Down to what MPEG-TS carries unchanged, of each codec that it has.
const AVC: &str = "h264_mp4toannexb,filter_units=remove_types=6-9";
const HEVC: &str = "hevc_mp4toannexb,filter_units=remove_types=32-35|39-40";
const AVC_AAC: Form = Form::Carried(AVC, "aac_adtstoasc");
const AVC_MP3: Form = Form::Carried(AVC, "");
const HEVC_AC3: Form = Form::Carried(HEVC, "");

/// Pictures are the same, one by one. Sound is, but for what an edit list takes off its beginning:
/// segments have none, so what primes the decoder is heard there, in front of the first picture.
/// `early` is how many frames may be missing at its end.
fn same_frames(got: &Frames, source: &Frames, early: usize, what: &str) {
    assert!(got.hashes(0) == source.hashes(0), "pictures of {what}");
    let (got, source) = (got.hashes(1), source.hashes(1));
    // The first that is heard whole.
    let whole = &source[1..];
    let primed = got.iter().position(|hash| *hash == whole[0]).expect("the second frame of sound");
    assert!(primed <= 2, "{primed} frames in front");
    let got = &got[primed..];
    assert!(whole.starts_with(got) && got.len() + early >= whole.len(), "sound of {what}");
}

/// `examples/package` makes a folder of it, whose two manifests name all of it.
fn packaged(film: &Film) {
    let folder = Scratch::new();
    let file = film.file();
    let source = file.display().to_string();
    package::run(&file, folder.path(), &[]);
    let media = packets::of(&source, Form::Exact);
    let frames = Frames::without_a_word(&source);
    let codecs: Vec<_> = probe::streams(&source).iter().map(probe::codec).collect();
    let server = Files::start(folder.path());

    let playlist = server.url("index.m3u8");
    packets::of(&playlist, Form::Exact).assert_exact(&media);
    same_frames(&Frames::without_a_word(&playlist), &frames, 0, "HLS");
    let text = String::from_utf8(http::fetch(&playlist)).expect("UTF-8");
    assert!(text.contains(&format!("CODECS=\"{}\"", codecs.join(","))), "{codecs:?} in {text}");

    let manifest = server.url("manifest.mpd");
    mpd::pull(&manifest).assert_exact(&media);
    // ffmpeg's DASH reader ends with the track that ends first.
    same_frames(&Frames::without_a_word(&manifest), &frames, 6, "DASH");
    let text = String::from_utf8(http::fetch(&manifest)).expect("UTF-8");
    let named = codecs.iter().all(|codec| text.contains(&format!("codecs=\"{codec}\"")));
    assert!(named, "{codecs:?} in {text}");
    for input in [playlist, manifest] {
        let streams = probe::streams(&input);
        assert_eq!(streams.iter().map(probe::codec).collect::<Vec<_>>(), codecs);
    }
}

#[test]
fn h264_and_aac() {
    packaged(&Film::AVC_AAC);
}

#[test]
fn hevc_and_ac3() {
    packaged(&Film::HEVC_AC3);
}

#[test]
fn hevc_and_eac3() {
    packaged(&Film::HEVC_EAC3);
}

#[test]
fn av1_and_opus() {
    packaged(&Film::AV1_OPUS);
}

#[test]
fn vp9_and_flac() {
    packaged(&Film::VP9_FLAC);
}

#[test]
fn h264_and_mp3() {
    packaged(&Film::AVC_MP3);
}

/// MPEG-TS of a film: its packets, its frames beside those of CMAF, and the rules of the format.
/// `types` are the `stream_type`s of pictures and sound.
fn transported(film: &Film, types: [u8; 2], form: Form) {
    let folder = Scratch::new();
    let file = film.file();
    let outputs = segments::of(&file);
    for output in &outputs {
        let Output::Event(event) = output else { continue };
        // Files of pictures with reordering begin below zero.
        assert!(matches!(event, Event::Shifted { .. }), "{event:?}");
    }
    let rendered = segments::transport(&outputs);
    assert_eq!(rendered.len(), 3, "a keyframe a second");
    rules(&Transport::read(rendered.iter().map(|segment| &segment[..])), types);

    let whole = segments::joined(folder.join("whole.ts"), &rendered).display().to_string();
    let source = packets::of(&file.display().to_string(), form);
    let pictures = &source.track(Kind::Video).packets;
    assert!(pictures.iter().any(|picture| picture.pts > picture.dts + SECOND / 25), "B-frames");
    packets::of(&whole, form).assert_exact(&source);
    let streams = probe::streams(&whole);
    let names: Vec<_> = streams.iter().map(probe::codec).collect();
    assert_eq!(names.len(), 2);
    let own = probe::streams(&file.display().to_string());
    assert_eq!(names, own.iter().map(probe::codec).collect::<Vec<_>>());

    package::run(&file, folder.path(), &[]);
    let cmaf = Frames::without_a_word(&folder.join("index.m3u8").display().to_string());
    let frames = Frames::without_a_word(&whole);
    for stream in [0, 1] {
        assert!(frames.hashes(stream) == cmaf.hashes(stream), "stream {stream} beside CMAF");
    }
    each_alone(folder.path(), &rendered);
}

/// Whoever joins at a segment decodes it from there on.
fn each_alone(folder: &Path, rendered: &[bytes::Bytes]) {
    for segment in rendered {
        let path = segments::joined(folder.join("alone.ts"), std::slice::from_ref(segment));
        let frames = Frames::without_a_word(&path.display().to_string());
        assert!(frames.hashes(0).len() >= 20, "{} pictures", frames.hashes(0).len());
    }
}

/// ISO/IEC 13818-1, as far as players fail without it.
fn rules(transport: &Transport, types: [u8; 2]) {
    let [pictures, sound] = types.map(|kind| transport.pid(kind));
    assert_eq!(transport.declared.len(), 2);
    assert_eq!(transport.clock, pictures, "the clock is told by the pictures");
    let millisecond = 27_000;
    for pair in transport.clocks.windows(2) {
        assert!(pair[0] < pair[1] && pair[1] - pair[0] <= 40 * millisecond, "{pair:?}");
    }
    for unit in transport.units.values().flatten() {
        let lead = unit.dts * 300 - unit.clock;
        assert!(unit.dts <= unit.pts && lead <= 1000 * millisecond, "{lead}");
    }
    // ATSC A/53 and A/52 want both of AC-3.
    let (stream_id, registered): (u8, &[u8]) = match types[1] {
        0x81 => (0xBD, b"AC-3"),
        0x87 => (0xBD, b"EAC3"),
        _ => (0xC0, b""),
    };
    assert!(transport.units[&sound].iter().all(|unit| unit.stream_id == stream_id));
    assert!(transport.declared[&sound].1.ends_with(registered));
    let hevc = types[0] == 0x24;
    assert!(transport.units[&pictures].iter().all(|unit| unit.stream_id == 0xE0));
    let access = transport.units[&pictures].iter().filter(|unit| entered(unit, hevc)).count();
    assert_eq!(access, 3);
}

/// An access unit begins with its delimiter, has one, and, where decoding can start, all parameter
/// sets before the first slice; whether it can.
fn entered(unit: &Unit, hevc: bool) -> bool {
    let kind = |nal: &&[u8]| if hevc { nal[0] >> 1 & 0x3F } else { nal[0] & 0x1F };
    let kinds: Vec<u8> = unit.nals().iter().map(kind).collect();
    let (delimiter, sets, access): (u8, &[u8], _) =
        if hevc { (35, &[32, 33, 34], 16..=21) } else { (9, &[7, 8], 5..=5) };
    assert_eq!(kinds[0], delimiter, "{kinds:?}");
    assert!(!kinds[1..].contains(&delimiter), "{kinds:?}");
    let Some(slice) = kinds.iter().position(|kind| access.contains(kind)) else {
        assert!(!unit.random_access, "{kinds:?}");
        return false;
    };
    assert!(unit.random_access);
    assert!(sets.iter().all(|set| kinds[..slice].contains(set)), "{kinds:?}");
    true
}

#[test]
fn h264_and_aac_in_mpeg_ts() {
    transported(&Film::AVC_AAC, [0x1B, 0x0F], AVC_AAC);
}

#[test]
fn hevc_and_ac3_in_mpeg_ts() {
    transported(&Film::HEVC_AC3, [0x24, 0x81], HEVC_AC3);
}

#[test]
fn hevc_and_eac3_in_mpeg_ts() {
    transported(&Film::HEVC_EAC3, [0x24, 0x87], HEVC_AC3);
}

#[test]
fn h264_and_mp3_in_mpeg_ts() {
    transported(&Film::AVC_MP3, [0x1B, 0x03], AVC_MP3);
}
