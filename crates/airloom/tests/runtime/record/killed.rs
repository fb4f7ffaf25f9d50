use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use airloom::Origin;
use airloom::origin::{Event, Observer, StreamName};
use airloom::record::{Config, CutShort, Recorder};

use super::studio::{Studio, index};
use crate::camera::Camera;

/// Where the process that is killed records; it is this program again.
const FOLDER: &str = "AIRLOOM_TEST_RECORDING";

/// Parts the recorder was told of.
#[derive(Debug, Default)]
struct Told(AtomicUsize);

impl Observer for Told {
    fn observe(&self, _: &StreamName, event: &Event) {
        if matches!(event, Event::Part { .. }) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }
}

/// Records as fast as it can, and prints how many parts were told of whenever none waits: all but
/// the last one are then on their way to the disk.
#[tokio::test]
async fn the_one_that_is_killed() {
    let Some(folder) = std::env::var_os(FOLDER) else { return };
    let told = Arc::new(Told::default());
    // What has gathered longer than a part lasts is another matter.
    let mut config = Config::default();
    config.gather = std::time::Duration::ZERO;
    let recorder = Recorder::open(folder, config).unwrap();
    let observer = Arc::new(recorder.clone());
    let origin = Origin::builder().observer(told.clone()).observer(observer).build();
    let mut camera = Camera::publish(&origin, "cam").unwrap();
    for step in 1..30_000 {
        camera.run_to(f64::from(step) * 0.1);
        while !recorder.metrics().contains("airloom_recordings_queue_bytes 0\n") {
            std::thread::yield_now();
        }
        println!("parts {}", told.0.load(Ordering::SeqCst));
    }
}

/// Starts it, kills it after `lines` lines and `moment` turns of a loop, and gives the parts it told of.
fn kill_after(folder: &Path, lines: u64, moment: u64) -> usize {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "record::killed::the_one_that_is_killed", "--nocapture"])
        .env(FOLDER, folder)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut output = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut parts = |line: std::io::Result<String>| {
        // The harness begins a line of its own.
        let line = line.unwrap();
        let (_, count) = line.rsplit_once("parts ")?;
        count.parse::<usize>().ok()
    };
    let mut told = 0;
    let mut seen = 0;
    while seen < lines {
        let line = output.next().expect("it goes on until it is killed");
        if let Some(count) = parts(line) {
            (told, seen) = (count, seen + 1);
        }
    }
    for _ in 0..moment {
        std::hint::spin_loop();
    }
    child.kill().unwrap();
    child.wait().unwrap();
    // What it still said, up to a line that may be cut off.
    let mut rest: Vec<_> = output.collect();
    rest.pop();
    rest.into_iter().filter_map(&mut parts).next_back().unwrap_or(told)
}

/// Whole parts of a file.
fn parts(file: &[u8]) -> usize {
    let (mut at, mut count) = (0, 0);
    while let Some(header) = file.get(at..at + 8) {
        count += usize::from(header[4..8] == *b"mdat");
        at += u32::from_be_bytes(header[..4].try_into().unwrap()) as usize;
    }
    assert_eq!(at, file.len(), "the last box is whole");
    count
}

#[tokio::test]
async fn a_hundred_kills_cost_a_part_each_at_most() {
    // SplitMix64, so that a failure comes again.
    let mut state = 0x00a1_510a_u64;
    let mut random = move || {
        state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = state;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    };
    for round in 0..100 {
        let folder = tempfile::tempdir().unwrap();
        let (lines, moment) = (1 + random() % 60, random() % 500_000);
        let told = kill_after(folder.path(), lines, moment);
        let studio = Studio::open(folder.path());
        let recordings = studio.recorder.recordings();
        let [recording] = &recordings[..] else {
            assert!(told <= 1, "round {round}: {told} parts were told of, and nothing is there");
            continue;
        };
        assert_eq!(recording.cut_short, Some(CutShort::Killed));
        let raw = std::fs::read(folder.path().join(&recording.id).join("1.mp4")).unwrap();
        assert!(parts(&raw) + 1 >= told, "round {round}: {} of {told}", parts(&raw));
        let index = index(&raw);
        assert_eq!(index.damage(), None, "round {round}");
        for track in index.tracks() {
            let mut end = track.start();
            for entry in track.entries() {
                assert_eq!(entry.decode_time, end, "round {round}: a hole");
                end = end.checked_add(entry.duration).unwrap();
            }
        }
        let id = &recording.id;
        let playlist = studio.get(&format!("/vod/{id}/1.m3u8")).await;
        assert!(playlist.text().ends_with("#EXT-X-ENDLIST\n"), "round {round}");
        let movie = studio.get(&format!("/vod/{id}/video.mp4")).await;
        let frames: usize = super::studio::index(&movie.body).entries().count();
        assert_eq!(frames, index.entries().count(), "round {round}");
    }
}

/// A loss of power may leave the length without the bytes.
#[tokio::test(start_paused = true)]
async fn zeros_and_rubbish_at_the_end_are_cut_off() {
    for rubbish in [vec![0; 10_000], vec![0xFF; 333], b"\0\0\0\x08free".to_vec()] {
        let folder = tempfile::tempdir().unwrap();
        let studio = Studio::open(folder.path());
        let mut camera = Camera::publish(&studio.origin, "cam").unwrap();
        camera.run_to(5.0);
        let before = studio.wrap().await.remove(0);
        let path = folder.path().join(&before.id);
        // As it was before it was finished.
        let sheet = std::fs::read(path.join("recording.json")).unwrap();
        let mut sheet: serde_json::Value = serde_json::from_slice(&sheet).unwrap();
        sheet["finished"] = serde_json::Value::Null;
        std::fs::write(path.join("recording.json"), sheet.to_string()).unwrap();
        let whole = std::fs::read(path.join("1.mp4")).unwrap();
        std::fs::write(path.join("1.mp4"), [whole.clone(), rubbish].concat()).unwrap();
        let again = Recorder::open(folder.path(), Config::default()).unwrap();
        let after = again.recordings().remove(0);
        assert_eq!(after.duration, before.duration);
        assert_eq!(after.cut_short, Some(CutShort::Killed));
        assert_eq!(std::fs::read(path.join("1.mp4")).unwrap(), whole);
    }
}
