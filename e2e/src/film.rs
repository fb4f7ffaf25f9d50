//! Foreign MP4 files, one for each pair of codecs, made once by ffmpeg and its encoders.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use crate::clip;
use crate::process;

/// Three seconds of pictures and sound in an MP4 file.
#[derive(Clone, Copy, Debug)]
pub struct Film {
    /// Name of its file.
    pub name: &'static str,
    /// ffmpeg's encoder of the pictures, and its options.
    pub video: &'static [&'static str],
    /// ffmpeg's encoder of the sound, and its options.
    pub audio: &'static [&'static str],
}

/// As a player finds pictures in an MP4 file of ffmpeg: three B-frames, one a reference.
const H264: &[&str] = &["libx264", "-preset", "superfast", "-bf", "3", "-b_strategy", "0"];

/// Open GOPs, as x265 makes them by itself: four pictures that are shown before their random access
/// point follow it.
const HEVC: &[&str] = &["libx265", "-preset", "ultrafast", "-bf", "4", "-tag:v", "hvc1"];

impl Film {
    /// H.264 and AAC.
    pub const AVC_AAC: Self = Self { name: "avc-aac", video: H264, audio: &["aac"] };
    /// HEVC and AC-3.
    pub const HEVC_AC3: Self = Self { name: "hevc-ac3", video: HEVC, audio: &["ac3"] };
    /// HEVC and E-AC-3.
    pub const HEVC_EAC3: Self = Self { name: "hevc-eac3", video: HEVC, audio: &["eac3"] };
    /// AV1 and Opus.
    pub const AV1_OPUS: Self = Self {
        name: "av1-opus",
        video: &["libsvtav1", "-preset", "12", "-svtav1-params", "lp=1"],
        audio: &["libopus"],
    };
    /// VP9 and FLAC.
    pub const VP9_FLAC: Self = Self {
        name: "vp9-flac",
        video: &["libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8", "-b:v", "300k"],
        audio: &["flac", "-sample_fmt", "s16"],
    };
    /// H.264 and MP3.
    pub const AVC_MP3: Self = Self { name: "avc-mp3", video: H264, audio: &["libmp3lame"] };

    /// Its file, made when it is not there yet.
    pub fn file(&self) -> PathBuf {
        clip::made(self.name, "mp4", &format!("{:?}", self.encoder()), |file| {
            process::run(Duration::from_mins(2), self.encoder().arg(file));
        })
    }

    fn encoder(&self) -> Command {
        let mut command = Command::new("ffmpeg");
        command
            .args(["-hide_banner", "-nostdin", "-loglevel", "error", "-y"])
            .args(["-f", "lavfi", "-i", "testsrc2=s=320x180:r=25:d=3"])
            .args(["-f", "lavfi", "-i", "sine=f=330:r=48000:d=3"])
            .args(["-pix_fmt", "yuv420p", "-g", "25", "-keyint_min", "25", "-c:v"])
            .args(self.video)
            .arg("-c:a")
            .args(self.audio)
            .args(["-b:a", "96k", "-ac", "2", "-strict", "experimental"]);
        command
    }
}
