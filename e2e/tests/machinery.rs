//! The comparison itself, tried on packagers that are not ours: ffmpeg's own HLS output,
//! served over HTTP, passes it, and an RTMP publish by stream copy changes nothing.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use airloom_e2e::clip::{Clip, Video};
use airloom_e2e::film::Film;
use airloom_e2e::packets::{Form, Media};
use airloom_e2e::process::{self, Process};
use airloom_e2e::scratch::Scratch;
use airloom_e2e::transport::Transport;
use airloom_e2e::{ffmpeg, packets, port, segments};

/// Serves the files of a directory until the test process ends; hands back its address.
fn serve(directory: PathBuf) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    std::thread::spawn(move || {
        for mut socket in listener.incoming().flatten() {
            let mut line = String::new();
            let mut reader = BufReader::new(socket.try_clone().expect("a socket"));
            let _ = reader.read_line(&mut line);
            let mut rest = String::new();
            while reader.read_line(&mut rest).is_ok_and(|read| read > 2) {
                rest.clear();
            }
            let path = line.split(' ').nth(1).unwrap_or("/").trim_start_matches('/').to_owned();
            let body = std::fs::read(directory.join(path)).unwrap_or_default();
            let head = format!(
                "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
                body.len()
            );
            let _ = socket.write_all(head.as_bytes()).and_then(|()| socket.write_all(&body));
        }
    });
    format!("http://{address}")
}

fn package(file: &Path, directory: &Path, format: &[&str], playlist: &str) {
    let mut command = Command::new("ffmpeg");
    command
        .args(["-hide_banner", "-nostdin", "-loglevel", "error", "-i"])
        .arg(file)
        .args(["-c", "copy", "-f", "hls", "-hls_time", "2", "-hls_list_size", "0"])
        .args(["-hls_playlist_type", "vod"])
        .args(format)
        .arg(playlist)
        .current_dir(directory);
    process::run(Duration::from_mins(1), &mut command);
}

#[test]
fn transport_stream_segments_by_ffmpeg_are_the_same() {
    let scratch = Scratch::new();
    package(&Clip::SMALL.file(), scratch.path(), &[], "ts.m3u8");
    let address = serve(scratch.path().to_owned());
    let output = ffmpeg::pull(&format!("{address}/ts.m3u8"), Form::Elementary);
    let media = Media::parse(&output.succeed(Duration::from_mins(1)));
    media.assert_same(&Clip::SMALL.media(Form::Elementary));
}

#[test]
fn cmaf_segments_by_ffmpeg_are_the_same() {
    let scratch = Scratch::new();
    let format = [
        "-hls_segment_type",
        "fmp4",
        "-hls_fmp4_init_filename",
        "init.mp4",
        "-hls_segment_options",
        // Its own choice of 15360 cannot express milliseconds.
        "video_track_timescale=90000",
    ];
    // 40 ms a picture: ffmpeg's fragments begin a millisecond early where the distance
    // alternates between 33 and 34.
    let video = Clip::SMALL.video.map(|video| Video { rate: 25, ..video });
    let clip = Clip { name: "rate-25", video, ..Clip::SMALL };
    package(&clip.file(), scratch.path(), &format, "index.m3u8");
    let address = serve(scratch.path().to_owned());
    let output = ffmpeg::pull(&format!("{address}/index.m3u8"), Form::Exact);
    let media = Media::parse(&output.succeed(Duration::from_mins(1)));
    media.assert_same(&clip.media(Form::Exact));
}

#[test]
fn a_segment_left_out_is_found() {
    let scratch = Scratch::new();
    package(&Clip::SMALL.file(), scratch.path(), &[], "ts.m3u8");
    let playlist = scratch.join("ts.m3u8");
    let text = std::fs::read_to_string(&playlist).expect("a playlist");
    let text = text.replace("ts1.ts", "ts2.ts");
    std::fs::write(&playlist, text).expect("a playlist to be replaced");
    let address = serve(scratch.path().to_owned());
    let output = ffmpeg::pull(&format!("{address}/ts.m3u8"), Form::Elementary);
    let media = Media::parse(&output.succeed(Duration::from_mins(1)));
    media.same(&Clip::SMALL.media(Form::Elementary)).expect_err("a missing segment");
}

#[test]
fn a_transport_packet_left_out_and_segments_that_changed_places_are_found() {
    let segments = segments::transport(&segments::of(&Film::AVC_AAC.file()));
    let read = |segments: &[Vec<u8>]| {
        std::panic::catch_unwind(|| Transport::read(segments.iter().map(Vec::as_slice))).is_ok()
    };
    let mut segments: Vec<_> = segments.iter().map(|segment| segment.to_vec()).collect();
    assert!(read(&segments));
    segments.swap(0, 1);
    assert!(!read(&segments), "changed places");
    segments.swap(0, 1);
    segments[1].drain(188 * 40..188 * 41);
    assert!(!read(&segments), "a packet less");
}

#[test]
fn publishing_a_clip_by_stream_copy_sends_what_is_in_the_file() {
    let scratch = Scratch::new();
    let url = format!("rtmp://127.0.0.1:{}/live/a", port::free());
    let file = scratch.join("received.flv");
    let mut receiver = Process::start(
        Command::new("ffmpeg")
            .args(["-hide_banner", "-nostdin", "-loglevel", "error", "-listen", "1", "-i", &url])
            .args(["-c", "copy", "-copyts"])
            .arg(&file),
    );
    // The receiver listens some time after it started; until then publishers are refused.
    let source = Clip::SMALL.file();
    airloom_e2e::wait::until(Duration::from_secs(30), "a publish to succeed", || {
        let mut publisher = Process::start(&mut ffmpeg::publisher(&[], &source, &url));
        publisher.wait(Duration::from_secs(30)).success().then_some(())
    });
    receiver.wait(Duration::from_secs(30));
    let received = packets::of(&file.display().to_string(), Form::Exact);
    received.assert_same(&Clip::SMALL.media(Form::Exact));
}
