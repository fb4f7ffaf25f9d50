//! Recordings: what was published is there when the stream has ended, in every form, and after a
//! kill.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use airloom_e2e::clip::Clip;
use airloom_e2e::packets::{self, Form, Kind, Media};
use airloom_e2e::process::{self, Process};
use airloom_e2e::scratch::Scratch;
use airloom_e2e::server::Live;
use airloom_e2e::{busy, ffmpeg, hls, mpd, wait};
use serde_json::Value;

const SOON: Duration = Duration::from_mins(2);

/// One browser at a time: two on a small machine stall each other.
static BROWSER: Mutex<()> = Mutex::new(());

/// The recordings of a name, newest first, once there is one.
fn recordings(live: &Live, name: &str) -> Vec<Value> {
    wait::until(SOON, "a recording", || {
        let list = live.get("/vod").json();
        let list = list.as_array().expect("an array of recordings").clone();
        let own: Vec<_> = list.into_iter().filter(|one| one["name"] == name).collect();
        (!own.is_empty()).then_some(own)
    })
}

/// Publishes the clip, waits for its end, and gives the recording.
fn record(live: &Live, name: &str) -> Value {
    let mut publisher = ffmpeg::publish(&Clip::SMALL.file(), &live.rtmp_url(name));
    assert!(publisher.wait(Duration::from_mins(1)).success(), "{}", publisher.errors());
    live.wait_for_state(name, "ended", SOON);
    let ended = Instant::now();
    let recording = recordings(live, name).remove(0);
    eprintln!("ready {:?} after the stream was seen to have ended", ended.elapsed());
    recording
}

fn member<'a>(recording: &'a Value, name: &str) -> &'a str {
    recording[name].as_str().unwrap_or_else(|| panic!("no {name} in {recording}"))
}

/// Where the pictures of `part` are among those of `whole`, all of them in order.
fn place(part: &Media, whole: &Media) -> std::ops::Range<usize> {
    let hashes = |media: &Media| {
        let pictures = &media.track(Kind::Video).packets;
        pictures.iter().map(|packet| packet.hash.clone()).collect::<Vec<_>>()
    };
    let (part, whole) = (hashes(part), hashes(whole));
    let start = whole.windows(part.len()).position(|run| run == part);
    let start = start.expect("an unbroken run of the pictures");
    start..start + part.len()
}

/// The media of a recording as it lies on the disk.
fn raw(data: &Path, recording: &Value) -> PathBuf {
    data.join("recordings").join(member(recording, "id")).join("1.mp4")
}

#[test]
fn every_packet_is_in_every_form() {
    let data = Scratch::new();
    let live = Live::start_in(data.path(), &[], &["--resume", "0", "--record"]);
    let recording = record(&live, "kept");
    let source = Clip::SMALL.media(Form::Exact);
    let seconds = recording["duration_s"].as_f64().expect("a duration");
    assert!((seconds - f64::from(Clip::SMALL.seconds)).abs() < 0.2, "{recording}");

    for form in ["hls", "mp4"] {
        let media = packets::of(&live.url(member(&recording, form)), Form::Exact);
        media.assert_same(&source);
    }
    mpd::pull(&live.url(member(&recording, "dash"))).assert_same(&source);
    packets::of(&raw(data.path(), &recording).display().to_string(), Form::Exact)
        .assert_same(&source);

    // What another process finds is the same.
    let files = ["index.m3u8", "1.m3u8", "2.m3u8", "manifest.mpd", "video.mp4"];
    let id = member(&recording, "id").to_owned();
    let get = |live: &Live| files.map(|file| live.get(&format!("/vod/{id}/{file}")).body);
    let before = get(&live);
    let (status, _, errors) = live.end("TERM");
    assert!(status.success(), "{errors}");
    let live = Live::start_in(data.path(), &[], &[]);
    assert_eq!(live.get("/vod").json()[0], recording);
    assert!(get(&live) == before, "served otherwise after a restart");
}

#[test]
fn a_clip_across_a_break_plays() {
    let live = Live::start(&["--resume", "10", "--record"]);
    let url = live.rtmp_url("broken");
    for round in 0..2 {
        let mut publisher = ffmpeg::publish(&Clip::SMALL.file(), &url);
        assert!(publisher.wait(Duration::from_mins(1)).success(), "{}", publisher.errors());
        if round == 0 {
            live.wait_for_state("broken", "resuming", SOON);
        }
    }
    live.wait_for_state("broken", "ended", SOON);
    let recording = recordings(&live, "broken").remove(0);
    let count = Clip::SMALL.media(Form::Exact).track(Kind::Video).packets.len();
    let hls = live.url(member(&recording, "hls"));
    let whole = packets::of(&hls, Form::Exact);
    assert_eq!(whole.track(Kind::Video).packets.len(), count * 2);
    let clip = packets::of(&format!("{hls}?from=5&to=11"), Form::Exact);
    let run = place(&clip, &whole);
    assert!(run.start <= 150 && run.end >= 330 && run.len() <= 330, "{run:?}");
    let id = member(&recording, "id");
    let movie = live.url(&format!("/vod/{id}/clip.mp4?from=5&to=11"));
    let movie = packets::of(&movie, Form::Exact);
    let run = place(&movie, &whole);
    assert!(run.start <= 150 && run.end >= 330 && run.len() <= 250, "{run:?}");
    movie.track(Kind::Video).assert_monotone();
}

#[test]
fn a_killed_server_keeps_what_it_had() {
    let data = Scratch::new();
    let flags = ["--resume", "0", "--record"];
    let source = Clip::SMALL.media(Form::Exact);
    for round in 0..3u32 {
        let live = Live::start_in(data.path(), &[], &flags);
        let name = format!("killed{round}");
        let _publisher = ffmpeg::publish(&Clip::SMALL.file(), &live.rtmp_url(&name));
        let base = live.url(&format!("/live/{name}/index.m3u8"));
        hls::wait_for_segments(&base, SOON);
        let frames = u64::from(60 + round * 37);
        let taken = |frames: u64| {
            wait::until(SOON, "frames", || {
                live.stream(&name).filter(|stream| stream["frames_in"].as_u64() > Some(frames))
            });
        };
        // What makes a part takes 200 ms to come, and a writer without a processor its time.
        taken(frames + 12);
        wait::until(SOON, "an empty queue", || {
            live.get("/metrics").text().contains("airloom_recordings_queue_bytes 0\n").then_some(())
        });
        taken(frames + 20);
        live.end("KILL");
        let live = Live::start_in(data.path(), &[], &flags);
        let recording = recordings(&live, &name).remove(0);
        assert_eq!(recording["cut_short"], "killed", "{recording}");
        let file = raw(data.path(), &recording).display().to_string();
        process::run(SOON, Command::new("ffprobe").args(["-v", "error", "-show_format", &file]));
        for url in [file, live.url(member(&recording, "mp4")), live.url(member(&recording, "hls"))]
        {
            let media = packets::of(&url, Form::Exact);
            let run = place(&media, &source);
            assert!(run.start == 0 && run.end as u64 >= frames, "{run:?} of {frames}");
        }
        let (status, _, errors) = live.end("TERM");
        assert!(status.success(), "{errors}");
    }
}

/// Who comes late sees the stream from its start, while it is on air.
#[test]
fn a_stream_on_air_is_rewound_to_its_start() {
    let live = Live::start(&["--segment", "1", "--window", "2", "--record"]);
    let _publisher = ffmpeg::publish_for_ever(&Clip::SMALL.file(), &live.rtmp_url("rewound"));
    let led = live.url("/live/rewound/dvr.m3u8");
    let list = wait::until(SOON, "twelve segments", || {
        let id = live.get("/vod?on_air=1").json()[0]["id"].as_str()?.to_owned();
        let list = live.get(&format!("/vod/{id}/1.m3u8"));
        (list.status == 200 && list.text().matches("#EXTINF").count() >= 12).then(|| list.text())
    });
    assert!(list.contains("#EXT-X-PLAYLIST-TYPE:EVENT"), "{list}");
    let mut command = Command::new("ffprobe");
    let options = ["-v", "error", "-live_start_index", "0", "-read_intervals", "%+#1"];
    let command = command.args(options).args(["-show_entries", "packet=flags", "-select_streams"]);
    let said = process::run(SOON, command.args(["v", "-of", "csv=p=0", &led]));
    assert!(said.starts_with('K'), "{said}");
}

/// A thumbnail: since when it stands, its sheet, and where it is on it.
struct Cue {
    from: f64,
    sheet: String,
    crop: String,
}

fn cues(text: &str) -> Vec<Cue> {
    let cue = |block: &str| {
        let (times, link) = block.split_once('\n').expect("times and a link");
        let (from, _) = times.split_once(" --> ").expect("two times");
        let seconds = |sum: f64, part: &str| sum * 60.0 + part.parse::<f64>().expect("a number");
        let (sheet, place) = link.trim().split_once("#xywh=").expect("a media fragment");
        let [x, y, width, height] = place.split(',').collect::<Vec<_>>()[..] else {
            panic!("{place}");
        };
        Cue {
            from: from.split(':').fold(0.0, seconds),
            sheet: sheet.to_owned(),
            crop: format!("{width}:{height}:{x}:{y}"),
        }
    };
    let (head, blocks) = text.split_once("\n\n").expect("cues");
    assert_eq!(head, "WEBVTT");
    blocks.split("\n\n").map(cue).collect()
}

/// One picture as ffmpeg sees it: 160 x 90 pixels of grey.
fn grey(options: &[&str], input: &Path, filter: &str) -> Vec<u8> {
    let mut command = Command::new("ffmpeg");
    command.args(["-nostdin", "-v", "error"]).args(options).arg("-i").arg(input);
    command.args(["-vf", filter, "-frames:v", "1", "-pix_fmt", "gray", "-f", "rawvideo", "-"]);
    let output = command.output().expect("ffmpeg");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.stdout.len(), 160 * 90);
    output.stdout
}

#[test]
fn thumbnails_are_the_pictures_of_their_times() {
    let (data, sheets) = (Scratch::new(), Scratch::new());
    let live = Live::start_in(data.path(), &[], &["--resume", "0", "--record"]);
    let recording = record(&live, "thumbs");
    let text = live.get(member(&recording, "thumbnails"));
    assert_eq!((text.status, text.header("content-type")), (200, "text/vtt; charset=utf-8"));
    let cues = cues(&text.text());
    assert!(cues.len() >= 2 && cues[0].from == 0.0, "{}", text.text());
    for (number, cue) in cues.iter().enumerate() {
        let sheet = live.get(&format!("/vod/{}/{}", member(&recording, "id"), cue.sheet));
        assert_eq!((sheet.status, sheet.header("content-type")), (200, "image/jpeg"));
        let file = sheets.join(&format!("{number}.jpg"));
        std::fs::write(&file, &sheet.body).expect("a sheet");
        let found = grey(&[], &file, &format!("crop={}", cue.crop));
        let own = |from: f64| {
            let filter = format!("select=gte(t\\,{from}),scale=160:90:flags=area");
            grey(&["-skip_frame", "nokey"], &Clip::SMALL.file(), &filter)
        };
        // A hundredth of a shade of grey, on the average.
        let apart = |picture: &[u8]| {
            let sum: usize =
                found.iter().zip(picture).map(|(a, b)| usize::from(a.abs_diff(*b))).sum();
            sum * 100 / found.len()
        };
        let (right, wrong) = (apart(&own(cue.from - 0.02)), apart(&own(cue.from + 0.98)));
        eprintln!("{} s: {right} from its picture, {wrong} from the next keyframe", cue.from);
        assert!(right < 500 && right < wrong, "{right} and {wrong} at {} s", cue.from);
    }
    // What it costs to look is not paid again.
    let sheet = format!("/vod/{}/{}", member(&recording, "id"), cues[0].sheet);
    assert_eq!(live.get(&sheet).body, live.get(&sheet).body);
    live.get(&format!("/vod/{}/thumbnails-99.jpg", member(&recording, "id"))).assert_problem(404);
}

fn browser(form: &str) {
    let _one = BROWSER.lock();
    let live = Live::start(&["--resume", "0", "--record"]);
    let recording = record(&live, "watched");
    let scripts = Path::new(env!("CARGO_MANIFEST_DIR")).join("browser");
    busy::attempt(form, || {
        let mut script = Process::start(
            Command::new("node")
                .arg(scripts.join("vod.mjs"))
                .args([&live.url(""), member(&recording, "id"), form])
                .arg(Clip::SMALL.seconds.to_string())
                .current_dir(&scripts),
        );
        let status = script.wait(Duration::from_mins(5));
        let report = format!("{}{}", script.output(), script.errors()).trim_end().to_owned();
        if status.success() { Ok(report) } else { Err(report) }
    });
}

#[test]
fn chromium_plays_the_recording_by_hls() {
    browser("hls");
}

#[test]
fn chromium_plays_the_recording_as_a_file() {
    browser("mp4");
}
