//! The program as a whole, on a file of two tracks.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use airloom_media::{Sample, Track, TrackId};
use airloom_rtmp::flv::{Event, FileReader, Kind, Muxer, Tag};
use airloom_segmenter::mp4::fragmented;
use airloom_segmenter::{Config, Output, Segmenter};

const FILE: &str =
    concat!(env!("CARGO_MANIFEST_DIR"), "/../../crates/segmenter/tests/fixtures/pyramid.flv");

fn packaged(folder: &str, flags: &[&str]) -> PathBuf {
    let (folder, found) = run(FILE.as_ref(), folder, flags);
    assert!(found.starts_with("video 1: avc1."), "{found}");
    folder
}

/// The folder, and what was said.
fn run(file: &Path, folder: &str, flags: &[&str]) -> (PathBuf, String) {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(folder);
    let _ = fs::remove_dir_all(&folder);
    let done = Command::new(env!("CARGO_BIN_EXE_package"))
        .args(flags)
        .arg(file)
        .arg(&folder)
        .output()
        .unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    (folder, String::from_utf8(done.stdout).unwrap())
}

/// The same media as an MP4 file, its sound so many times.
fn mp4(name: &str, sounds: u32, change: impl FnOnce(&mut Vec<u8>)) -> PathBuf {
    let mut config = Config::recorded();
    config.limits.tracks = 1 + sounds as usize;
    let mut segmenter = Segmenter::new(config);
    let mut reader = FileReader::new(&airloom_rtmp::Config::default());
    reader.handle_input(fs::read(FILE).unwrap().into()).unwrap();
    let copies = |id: TrackId| match id.get() {
        1 => 1..=1,
        _ => 2..=1 + sounds,
    };
    while let Some(event) = reader.poll_output() {
        match event {
            Event::Track(track) => copies(track.id).for_each(|id| {
                segmenter.set_track(Track { id: TrackId::new(id), ..track.clone() }).unwrap();
            }),
            Event::Sample(sample) => copies(sample.track).for_each(|id| {
                let sample = Sample { track: TrackId::new(id), ..sample.clone() };
                segmenter.handle_input(sample).unwrap();
            }),
            other => panic!("{other:?}"),
        }
    }
    segmenter.finish();
    let (mut inits, mut media) = (Vec::new(), Vec::<u8>::new());
    while let Some(output) = segmenter.poll_output() {
        match output {
            Output::Init(init) => inits.push(init),
            Output::Segment(segment) => segment.chunks().for_each(|chunk| media.extend(chunk)),
            _ => {}
        }
    }
    let mut file = fragmented(&inits.iter().collect::<Vec<_>>()).unwrap().to_vec();
    change(&mut file);
    file.extend(media);
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    fs::write(&path, file).unwrap();
    path
}

fn names(folder: &Path, playlist: &str) -> Vec<String> {
    let text = fs::read_to_string(folder.join(playlist)).unwrap();
    let media = text.lines().filter(|line| !line.starts_with('#'));
    media.map(str::to_owned).collect()
}

#[test]
fn everything_a_playlist_names_is_in_the_folder() {
    let folder = packaged("clear", &[]);
    for playlist in ["1.m3u8", "2.m3u8"] {
        let text = fs::read_to_string(folder.join(playlist)).unwrap();
        assert!(text.ends_with("#EXT-X-ENDLIST\n"));
        let names = names(&folder, playlist);
        assert!(names.len() > 1);
        for name in names {
            let media = fs::read(folder.join(name)).unwrap();
            assert_eq!(media[4..8], *b"styp");
        }
    }
    assert_eq!(names(&folder, "index.m3u8"), ["1.m3u8"]);
    let manifest = fs::read_to_string(folder.join("manifest.mpd")).unwrap();
    assert!(manifest.contains("type=\"static\""));
}

#[test]
fn an_encrypted_folder_names_its_key() {
    let folder = packaged("encrypted", &["--cbcs"]);
    assert_eq!(fs::read(folder.join("key.bin")).unwrap().len(), 16);
    let text = fs::read_to_string(folder.join("1.m3u8")).unwrap();
    let lines: Vec<_> = text.lines().collect();
    let map = lines.iter().position(|line| line.starts_with("#EXT-X-MAP")).unwrap();
    assert!(lines[map + 1].starts_with("#EXT-X-KEY:METHOD=SAMPLE-AES,URI=\"key.bin\""));
    let init = fs::read(folder.join("1-init-0.mp4")).unwrap();
    assert!(init.windows(4).any(|four| four == b"encv"));
    let manifest = fs::read_to_string(folder.join("manifest.mpd")).unwrap();
    assert_eq!(manifest.matches("<ContentProtection ").count(), 2);
}

/// A live encoder sends a few tracks; a disc has more languages than that.
#[test]
fn a_file_of_many_tracks_is_packaged_whole() {
    let (folder, found) = run(&mp4("many.mp4", 20, |_| {}), "many", &[]);
    assert!(!found.contains("left out"), "{found}");
    assert!(found.contains("video 1: avc1."), "{found}");
    for track in 1..=21 {
        assert!(names(&folder, &format!("{track}.m3u8")).len() > 1);
    }
}

#[test]
fn what_segments_cannot_say_is_said() {
    let upright = mp4("upright.mp4", 1, |head| {
        let tkhd = head.windows(4).position(|four| four == b"tkhd").unwrap();
        let quarter: [i32; 5] = [0, 0x1_0000, 0, -0x1_0000, 0];
        let quarter: Vec<_> = quarter.iter().flat_map(|value| value.to_be_bytes()).collect();
        head[tkhd + 44..tkhd + 64].copy_from_slice(&quarter);
    });
    let (_, found) = run(&upright, "upright", &[]);
    assert!(found.contains("is to be turned by 90° clockwise"), "{found}");
    let (_, found) = run(&mp4("plain.mp4", 1, |_| {}), "plain", &[]);
    assert!(!found.contains("turned"), "{found}");
}

/// What Enhanced RTMP tells of colours is no media that would be missing.
#[test]
fn colours_are_not_called_left_out() {
    let mut file = fs::read(FILE).unwrap();
    let colour = Tag::new(Kind::Video, 0, b"\x94avc1\x02\0\x09colorInfo\x06"[..].into());
    let tag: Vec<u8> = Muxer::tag(&colour).unwrap().into_iter().flatten().collect();
    // Behind the file's header, and the length of no tag before.
    file.splice(13..13, tag);
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("colour.flv");
    fs::write(&path, file).unwrap();
    let (_, found) = run(&path, "colour", &[]);
    assert!(!found.contains("left out"), "{found}");
}
