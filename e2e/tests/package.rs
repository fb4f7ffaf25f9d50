//! Files of others as folders of HLS and DASH, judged by ffmpeg's own readers and decoders.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use airloom_e2e::clip::Clip;
use airloom_e2e::frames::Frames;
use airloom_e2e::nginx::Files;
use airloom_e2e::packets::{self, Form};
use airloom_e2e::scratch::Scratch;
use airloom_e2e::{mpd, package, process};

/// The clip in another container, as ffmpeg writes it.
fn remuxed(folder: &Path, name: &str, options: &[&str]) -> PathBuf {
    let path = folder.join(name);
    let mut command = Command::new("ffmpeg");
    command.args(["-nostdin", "-v", "error", "-i"]).arg(Clip::SMALL.file());
    command.args(["-map", "0", "-c", "copy"]).args(options).arg(&path);
    process::run(Duration::from_mins(1), &mut command);
    path
}

/// Every packet with its times, and every frame as it decodes.
fn same(file: &Path) {
    let folder = Scratch::new();
    package::run(file, folder.path(), &[]);
    let source = Clip::SMALL.file();
    let frames = Frames::of(&source);
    let playlist = folder.join("index.m3u8");
    let packaged = packets::of(&playlist.display().to_string(), Form::Exact);
    // As ffmpeg reads the file itself: a fragmented one has lost the offset of its sound.
    packaged.assert_same(&packets::of(&file.display().to_string(), Form::Exact));
    let decoded = Frames::of(&playlist);
    for stream in [0, 1] {
        assert!(decoded.hashes(stream) == frames.hashes(stream), "stream {stream}");
    }
}

#[test]
fn an_flv_file() {
    same(&Clip::SMALL.file());
}

/// Pictures with reordering start with an edit list there.
#[test]
fn an_mp4_file_of_ffmpeg() {
    let folder = Scratch::new();
    let file = remuxed(folder.path(), "plain.mp4", &["-f", "mp4"]);
    let data = std::fs::read(&file).expect("a file");
    assert!(data.windows(4).any(|four| four == b"elst"));
    same(&file);
    same(&remuxed(folder.path(), "fast.mp4", &["-f", "mp4", "-movflags", "faststart"]));
}

#[test]
fn a_fragmented_mp4_file_of_ffmpeg() {
    let folder = Scratch::new();
    let flags = "frag_keyframe+empty_moov+default_base_moof";
    same(&remuxed(folder.path(), "fragmented.mp4", &["-f", "mp4", "-movflags", flags]));
}

/// A folder plays from whatever serves files, and the program shows how far it is.
#[test]
fn a_folder_on_a_static_file_server() {
    let folder = Scratch::new();
    let (file, clip) = (remuxed(folder.path(), "plain.mp4", &["-f", "mp4"]), Clip::SMALL.file());
    let site = folder.join("site");
    let (found, shown) = package::told(&file, &site);
    let tracks: Vec<_> = found.lines().take(2).collect();
    assert!(tracks[0].starts_with("video 1: avc1.6400") && tracks[1] == "audio 2: mp4a.40.2");
    let mut bars: Vec<_> = shown.split('\r').collect();
    let done = bars.pop().expect("an end");
    assert_eq!(done.trim_end(), format!("{}: done", site.display()));
    assert_eq!(bars.remove(0), "");
    let mut percents: Vec<usize> = bars.iter().map(|bar| percent(bar)).collect();
    percents.dedup();
    assert!(percents.len() > 50 && percents.iter().any(|percent| *percent > 95), "{percents:?}");

    let server = Files::start(&site);
    let frames = Frames::of(&clip);
    for name in ["index.m3u8", "manifest.mpd"] {
        let url = server.url(name);
        packets::of(&url, Form::Exact).assert_same(&Clip::SMALL.media(Form::Exact));
        let played = Frames::without_a_word(&url);
        for stream in [0, 1] {
            assert!(played.hashes(stream) == frames.hashes(stream), "{name}, stream {stream}");
        }
    }
    // The timeline of the manifest is that of the media, segment by segment.
    mpd::pull(&server.url("manifest.mpd")).assert_same(&Clip::SMALL.media(Form::Exact));
}

/// What a progress bar of 25 columns tells.
fn percent(bar: &str) -> usize {
    let (columns, percent) = bar.strip_prefix('[').and_then(|bar| bar.split_once("] ")).expect(bar);
    let percent = percent.strip_suffix(" %").and_then(|number| number.parse().ok()).expect(bar);
    assert_eq!(columns, format!("{:25}", "#".repeat(percent / 4)));
    percent
}
