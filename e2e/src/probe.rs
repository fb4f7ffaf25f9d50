//! ffprobe: what others take a file to be.

use std::process::Command;
use std::time::Duration;

use serde_json::Value;

use crate::process;

/// The streams of a file or playlist, pictures first, with all that ffprobe tells of them.
pub fn streams(input: &str) -> Vec<Value> {
    let mut command = Command::new("ffprobe");
    command.args(["-v", "error", "-show_streams", "-of", "json", input]);
    let text = process::run(Duration::from_mins(1), &mut command);
    let told: Value = serde_json::from_str(&text).expect("JSON");
    let mut streams = told["streams"].as_array().expect("streams").clone();
    streams.sort_by_key(|stream| stream["codec_type"] != "video");
    streams
}

/// The string of RFC 6381 for a stream, by its profile and level: of encoders with the usual
/// settings, eight bits and no constraints but what x265 always states.
pub fn codec(stream: &Value) -> String {
    let profile = stream["profile"].as_str().unwrap_or_default();
    let level = stream["level"].as_i64().unwrap_or_default();
    match (stream["codec_name"].as_str().expect("a codec"), profile) {
        ("h264", "High") => format!("avc1.6400{level:02X}"),
        ("hevc", "Main") => format!("hvc1.1.6.L{level}.90"),
        ("av1", "Main") => format!("av01.0.{level:02}M.08"),
        // ffprobe tells no level; up to 73,728 pixels and 2,764,800 a second are 1.1.
        ("vp9", "Profile 0") => "vp09.00.11.08".to_owned(),
        ("aac", "LC") => "mp4a.40.2".to_owned(),
        ("mp3", _) => "mp4a.6B".to_owned(),
        ("ac3", _) => "ac-3".to_owned(),
        ("eac3", _) => "ec-3".to_owned(),
        ("opus", _) => "Opus".to_owned(),
        ("flac", _) => "fLaC".to_owned(),
        other => panic!("{other:?} is not of these tests"),
    }
}
