//! What is encrypted is decrypted by ffmpeg's own readers, given the key, to the same frames.

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use airloom_e2e::clip::Clip;
use airloom_e2e::frames::Frames;
use airloom_e2e::package;
use airloom_e2e::scratch::Scratch;
use airloom_rtmp::flv::{Event, FileReader};
use airloom_segmenter::encrypt::{Encryptor, Key, Scheme, aes_128};
use airloom_segmenter::{Config, Output, Segmenter};
use bytes::Bytes;

/// ffmpeg's HLS reader takes keys of few names.
const KEYS: [&str; 2] = ["-allowed_extensions", "ALL"];
const KEY: [u8; 16] = *b"a key for a test";
const IV: [u8; 16] = *b"0123456789abcdef";

/// What the segmenter makes of the clip.
fn outputs() -> Vec<Output> {
    let mut config = Config::recorded();
    config.ts = true;
    let mut segmenter = Segmenter::new(config);
    let mut reader = FileReader::new(&airloom_rtmp::Config::default());
    let mut outputs = Vec::new();
    let file = Bytes::from(fs::read(Clip::SMALL.file()).expect("the clip"));
    for start in (0..file.len()).step_by(1 << 18) {
        let piece = file.slice(start..(start + (1 << 18)).min(file.len()));
        reader.handle_input(piece).expect("FLV");
        while let Some(event) = reader.poll_output() {
            match event {
                Event::Track(track) => segmenter.set_track(track).expect("a track"),
                Event::Sample(sample) => segmenter.handle_input(sample).expect("a sample"),
                _ => {}
            }
            outputs.extend(std::iter::from_fn(|| segmenter.poll_output()));
        }
    }
    segmenter.finish();
    outputs.extend(std::iter::from_fn(|| segmenter.poll_output()));
    outputs
}

/// Writes each track's header and segments one after another, as a player joins them.
fn joined(folder: &Path, name: &str, outputs: &[Output]) -> Vec<PathBuf> {
    let mut tracks: Vec<_> = outputs
        .iter()
        .filter_map(|output| match output {
            Output::Init(init) => Some(init.track),
            _ => None,
        })
        .collect();
    tracks.sort_unstable();
    tracks.dedup();
    assert_eq!(tracks.len(), 2);
    let file = |track| {
        let own = outputs.iter().filter(|output| match output {
            Output::Init(init) => init.track == track,
            Output::Segment(segment) => segment.track == track,
            _ => false,
        });
        let path = folder.join(format!("{name}-{track}.mp4"));
        let data: Vec<u8> = own.flat_map(Output::chunks).flatten().copied().collect();
        fs::write(&path, data).expect("a file");
        path
    };
    tracks.into_iter().map(file).collect()
}

fn hex(key: &[u8; 16]) -> String {
    format!("{:032x}", u128::from_be_bytes(*key))
}

/// The frames of what is encrypted under a key. Read from front to back: where it may seek, ffmpeg 5.1
/// looks for the keys' subsamples of one fragment by the samples of another.
fn decrypted(input: &Path, key: &[u8; 16]) -> Frames {
    Frames::with(&["-seekable", "0", "-decryption_key", &hex(key)], input)
}

fn common(scheme: Scheme) {
    let folder = Scratch::new();
    let clear = outputs();
    let mut encryptor = Encryptor::new(scheme, Key::new([0xA1; 16], KEY).with_iv(IV));
    let mut encrypted = Vec::new();
    for output in clear.clone() {
        encryptor.handle_input(output).expect("what can be encrypted");
        encrypted.extend(std::iter::from_fn(|| encryptor.poll_output()));
    }
    let clear = joined(folder.path(), "clear", &clear);
    let encrypted = joined(folder.path(), "encrypted", &encrypted);
    for (clear, encrypted) in clear.iter().zip(&encrypted) {
        assert_ne!(fs::read(clear).expect("a file"), fs::read(encrypted).expect("a file"));
        assert_eq!(decrypted(encrypted, &KEY), Frames::of(clear), "{}", clear.display());
    }
}

#[test]
fn cenc_is_decrypted_to_the_same_frames() {
    common(Scheme::Cenc);
}

#[test]
fn cbcs_is_decrypted_to_the_same_frames() {
    common(Scheme::Cbcs);
}

/// A playlist of segments that are encrypted whole, each with its length in milliseconds; `init` stays
/// clear.
fn aes_128_playlist(
    folder: &Path,
    extension: &str,
    init: Option<&Bytes>,
    segments: &[(u64, Vec<Bytes>)],
) -> PathBuf {
    fs::write(folder.join("key.bin"), KEY).expect("a key");
    let mut text = "#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-TARGETDURATION:3\n".to_owned();
    if let Some(init) = init {
        fs::write(folder.join("init.mp4"), init).expect("a header");
        text += "#EXT-X-MAP:URI=\"init.mp4\"\n";
    }
    writeln!(text, "#EXT-X-KEY:METHOD=AES-128,URI=\"key.bin\",IV=0x{}", hex(&IV)).expect("text");
    for (number, (millis, chunks)) in segments.iter().enumerate() {
        let name = format!("{number}.{extension}");
        fs::write(folder.join(&name), aes_128(KEY, IV, chunks.iter())).expect("a segment");
        let (seconds, millis) = (millis / 1000, millis % 1000);
        writeln!(text, "#EXTINF:{seconds}.{millis:03},\n{name}").expect("text");
    }
    let path = folder.join(format!("{extension}.m3u8"));
    fs::write(&path, text + "#EXT-X-ENDLIST\n").expect("a playlist");
    path
}

#[test]
fn aes_128_of_mpeg_ts_is_decrypted_to_the_same_frames() {
    let folder = Scratch::new();
    let segments: Vec<_> = outputs()
        .iter()
        .filter_map(|output| match output {
            Output::TsSegment(segment) => {
                let millis = segment.duration.ticks() / 90;
                Some((millis, vec![segment.render()]))
            }
            _ => None,
        })
        .collect();
    let clear = folder.join("clear.ts");
    let whole: Vec<u8> = segments.iter().flat_map(|(_, chunks)| chunks.concat()).collect();
    fs::write(&clear, whole).expect("a file");
    let playlist = aes_128_playlist(folder.path(), "ts", None, &segments);
    let (encrypted, clear) = (Frames::with(&KEYS, &playlist), Frames::of(&clear));
    for stream in [0, 1] {
        assert!(encrypted.hashes(stream) == clear.hashes(stream), "stream {stream}");
    }
}

#[test]
fn aes_128_of_cmaf_is_decrypted_to_the_same_frames() {
    let folder = Scratch::new();
    let outputs = outputs();
    let clear = joined(folder.path(), "clear", &outputs).remove(0);
    let inits = outputs.iter().filter_map(|output| match output {
        Output::Init(init) => Some(init.clone()),
        _ => None,
    });
    let init = inits.min_by_key(|init| init.track).expect("a header");
    let segments: Vec<_> = outputs
        .iter()
        .filter_map(|output| match output {
            Output::Segment(segment) if segment.track == init.track => {
                let millis = segment.duration.ticks() * 1000 / u64::from(init.timescale.hz());
                Some((millis, segment.chunks().cloned().collect()))
            }
            _ => None,
        })
        .collect();
    let playlist = aes_128_playlist(folder.path(), "m4s", Some(&init.data), &segments);
    assert_eq!(Frames::with(&KEYS, &playlist).hashes(0), Frames::of(&clear).hashes(0));
}

#[test]
fn a_folder_of_package_is_decrypted_with_the_key_it_names() {
    let (clear, encrypted) = (Scratch::new(), Scratch::new());
    let source = Clip::SMALL.file();
    let files = package::joined(&source, encrypted.path(), &["--cbcs"]);
    let key = fs::read(encrypted.join("key.bin")).expect("a key").try_into().expect("16 bytes");
    for (encrypted, clear) in files.iter().zip(package::joined(&source, clear.path(), &[])) {
        assert_eq!(decrypted(encrypted, &key), Frames::of(&clear), "{}", clear.display());
    }
}
