//! What is encrypted is decrypted by ffmpeg's own readers, given the key, to the same frames.

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use airloom_e2e::clip::Clip;
use airloom_e2e::frames::Frames;
use airloom_e2e::scratch::Scratch;
use airloom_e2e::{package, process};
use airloom_rtmp::flv::{Event, FileReader};
use airloom_segmenter::encrypt::{Encryptor, Key, Scheme, aes_128};
use airloom_segmenter::mp4::{self, Index, Limits, fragmented};
use airloom_segmenter::{Config, Init, Output, Segmenter};
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

/// What the segmenter makes of pictures that ffmpeg codes with these options, of so many slices each.
fn pictures(folder: &Scratch, size: &str, slices: usize, options: &[&str]) -> Vec<Output> {
    let file = folder.join("pictures.mp4");
    let mut command = Command::new("ffmpeg");
    // Noise, so that no slice is too short to be encrypted.
    let source = format!("testsrc2=s={size}:r=30:d=2,noise=alls=30:allf=t");
    command.args(["-hide_banner", "-nostdin", "-loglevel", "error", "-f", "lavfi", "-i", &source]);
    command.args(["-pix_fmt", "yuv420p", "-g", "30"]).args(options).arg(&file);
    process::run(Duration::from_mins(2), &mut command);
    let file = Bytes::from(fs::read(file).expect("pictures"));
    let at = |range: &std::ops::Range<u64>| {
        let place = |place| usize::try_from(place).expect("a place in memory");
        file.slice(place(range.start)..place(range.end))
    };
    let index =
        Index::read(file.len() as u64, Limits::default(), |range| Ok::<_, mp4::Error>(at(&range)));
    let index = index.expect("MP4");
    let [track] = index.tracks() else { panic!("{} tracks", index.tracks().len()) };
    let hevc = track.track().codec.to_string().starts_with("hvc1");
    let mut segmenter = Segmenter::new(Config::recorded());
    segmenter.set_track(track.track().clone()).expect("a track");
    let mut outputs = Vec::new();
    for entry in index.entries() {
        let data = at(&entry.range());
        assert_eq!(slices_of(&data, hevc), slices);
        segmenter.handle_input(entry.sample(data)).expect("a sample");
        outputs.extend(std::iter::from_fn(|| segmenter.poll_output()));
    }
    segmenter.finish();
    outputs.extend(std::iter::from_fn(|| segmenter.poll_output()));
    outputs
}

/// How many slices there are in a picture of H.264 or HEVC, by lengths of four bytes.
fn slices_of(mut data: &[u8], hevc: bool) -> usize {
    let mut count = 0;
    while let Some((length, rest)) = data.split_first_chunk() {
        let slice =
            if hevc { rest[0] >> 1 & 0x3F < 32 } else { (1..=5).contains(&(rest[0] & 0x1F)) };
        count += usize::from(slice);
        data = &rest[u32::from_be_bytes(*length) as usize..];
    }
    count
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

fn encrypted(scheme: Scheme, clear: &[Output]) -> Vec<Output> {
    let mut encryptor = Encryptor::new(scheme, Key::new([0xA1; 16], KEY, IV));
    let mut encrypted = Vec::new();
    for output in clear {
        encryptor.handle_input(output.clone()).expect("what can be encrypted");
        encrypted.extend(std::iter::from_fn(|| encryptor.poll_output()));
    }
    encrypted
}

fn common(folder: &Scratch, scheme: Scheme, clear: &[Output], tracks: usize) {
    let encrypted = joined(folder.path(), "encrypted", &encrypted(scheme, clear));
    let clear = joined(folder.path(), "clear", clear);
    assert_eq!((clear.len(), encrypted.len()), (tracks, tracks));
    for (clear, encrypted) in clear.iter().zip(&encrypted) {
        assert_ne!(fs::read(clear).expect("a file"), fs::read(encrypted).expect("a file"));
        assert_eq!(decrypted(encrypted, &KEY), Frames::of(clear), "{}", clear.display());
    }
}

#[test]
fn cenc_is_decrypted_to_the_same_frames() {
    common(&Scratch::new(), Scheme::Cenc, &outputs(), 2);
}

#[test]
fn cbcs_is_decrypted_to_the_same_frames() {
    common(&Scratch::new(), Scheme::Cbcs, &outputs(), 2);
}

fn pictures_by_both(size: &str, slices: usize, options: &[&str]) {
    let folder = Scratch::new();
    let clear = pictures(&folder, size, slices, options);
    for scheme in [Scheme::Cbcs, Scheme::Cenc] {
        common(&folder, scheme, &clear, 1);
    }
}

const X264: [&str; 4] = ["-c:v", "libx264", "-preset", "superfast"];

#[test]
fn pictures_of_four_slices_are_decrypted_to_the_same_frames() {
    pictures_by_both("640x360", 4, &[&X264[..], &["-x264-params", "slices=4"]].concat());
}

/// One a row of macroblocks: more than can be told one by one.
#[test]
fn pictures_of_68_slices_are_decrypted_to_the_same_frames() {
    pictures_by_both("640x1080", 68, &[&X264[..], &["-x264-params", "slices=68"]].concat());
}

#[test]
fn hevc_is_decrypted_to_the_same_frames() {
    let options = ["-c:v", "libx265", "-preset", "ultrafast", "-tag:v", "hvc1"];
    let slices = ["-x265-params", "slices=2:log-level=error"];
    pictures_by_both("320x180", 2, &[&options[..], &slices].concat());
}

/// Each half has a key of its own.
#[test]
fn what_is_under_each_of_two_keys_is_decrypted_to_the_same_frames() {
    for scheme in [Scheme::Cbcs, Scheme::Cenc] {
        let folder = Scratch::new();
        let clear = outputs();
        let keys = [KEY, *b"a key after that"];
        let mut encryptor = Encryptor::new(scheme, Key::new([0xA1; 16], keys[0], IV));
        let (mut encrypted, mut turn) = (Vec::new(), None);
        for output in clear.clone() {
            let second = matches!(&output, Output::Segment(segment) if segment.sequence == 1);
            encryptor.handle_input(output).expect("what can be encrypted");
            encrypted.extend(std::iter::from_fn(|| encryptor.poll_output()));
            if second && turn.is_none() {
                turn = Some(encryptor.rotate(Key::new([0xA2; 16], keys[1], IV)));
            }
        }
        assert_eq!(turn, Some(2));
        for (number, key) in keys.iter().enumerate() {
            let half = |outputs: &[Output], id: usize| -> Vec<Output> {
                let of_half = |output: &&Output| match output {
                    Output::Init(init) => init.id as usize == id,
                    Output::Segment(segment) => usize::from(segment.sequence >= 2) == number,
                    _ => false,
                };
                outputs.iter().filter(of_half).cloned().collect()
            };
            let clear = joined(folder.path(), "clear", &half(&clear, 0));
            let encrypted = joined(folder.path(), "encrypted", &half(&encrypted, number));
            assert_eq!((clear.len(), encrypted.len()), (2, 2));
            for (clear, encrypted) in clear.iter().zip(&encrypted) {
                assert_eq!(decrypted(encrypted, key), Frames::of(clear), "{}", clear.display());
            }
        }
    }
}

/// Both tracks in one file, as they come.
fn recording(path: &Path, outputs: &[Output]) {
    let inits: Vec<&Init> = outputs
        .iter()
        .filter_map(|output| match output {
            Output::Init(init) => Some(init),
            _ => None,
        })
        .collect();
    assert_eq!(inits.len(), 2);
    let mut file = fragmented(&inits).expect("two tracks").to_vec();
    let segments = outputs.iter().filter(|output| matches!(output, Output::Segment(_)));
    segments.flat_map(Output::chunks).for_each(|chunk| file.extend_from_slice(chunk));
    fs::write(path, file).expect("a file");
}

#[test]
fn a_recording_of_encrypted_tracks_is_decrypted_to_the_same_frames() {
    for scheme in [Scheme::Cbcs, Scheme::Cenc] {
        let folder = Scratch::new();
        let outputs = outputs();
        let [clear, coded] = ["clear.mp4", "encrypted.mp4"].map(|name| folder.join(name));
        recording(&clear, &outputs);
        recording(&coded, &encrypted(scheme, &outputs));
        assert_eq!(decrypted(&coded, &KEY), Frames::of(&clear));
    }
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
