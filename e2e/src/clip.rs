//! The clips that encoders publish, made once by ffmpeg from its own test sources.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::time::Duration;

use crate::packets::{self, Form, Media};
use crate::process;

/// What a clip contains.
#[derive(Clone, Copy, Debug)]
pub struct Clip {
    /// Name of its file.
    pub name: &'static str,
    /// Whole seconds.
    pub seconds: u32,
    /// Pictures, if any.
    pub video: Option<Video>,
    /// Sound, if any.
    pub audio: Option<Audio>,
}

/// H.264.
#[derive(Clone, Copy, Debug)]
pub struct Video {
    /// As `WIDTHxHEIGHT`.
    pub size: &'static str,
    /// Pictures a second.
    pub rate: u32,
    /// Consecutive B-frames.
    pub b_frames: u32,
    /// Seconds between key frames.
    pub key_frames: u32,
    /// As ffmpeg writes bit rates, such as `4M`.
    pub bit_rate: &'static str,
}

/// AAC.
#[derive(Clone, Copy, Debug)]
pub struct Audio {
    /// Samples a second.
    pub rate: u32,
    /// One or two.
    pub channels: u32,
    /// How much later than the picture it starts, in milliseconds.
    pub late: u32,
}

/// 48 kHz stereo that starts with the picture.
pub const STEREO: Audio = Audio { rate: 48_000, channels: 2, late: 0 };

impl Clip {
    /// A short 720p clip for tests that are not about its contents.
    pub const SMALL: Self = Self {
        name: "small",
        seconds: 8,
        video: Some(Video {
            size: "640x360",
            rate: 30,
            b_frames: 2,
            key_frames: 1,
            bit_rate: "800k",
        }),
        audio: Some(STEREO),
    };

    /// Its file, made when it is not there yet.
    pub fn file(&self) -> PathBuf {
        made(self.name, "flv", &format!("{:?}", self.encoder("OUT")), |copied| {
            let encoded = copied.with_extension("nut");
            let limit = Duration::from_mins(5);
            process::run(limit, &mut self.encoder(&encoded.display().to_string()));
            // By stream copy, as a publisher will send it: whatever FLV does to times has
            // then happened before the comparison starts.
            let mut copy = Command::new("ffmpeg");
            copy.args(["-hide_banner", "-nostdin", "-loglevel", "error", "-y", "-i"])
                .arg(&encoded)
                .args(["-map", "0", "-c", "copy", "-flvflags", "no_duration_filesize"])
                .arg(copied);
            process::run(limit, &mut copy);
            std::fs::remove_file(&encoded).expect("the clip that was copied");
        })
    }

    /// What the file contains.
    pub fn media(&self, form: Form) -> Media {
        packets::of(&self.file().display().to_string(), form)
    }

    fn encoder(&self, output: &str) -> Command {
        let mut command = Command::new("ffmpeg");
        command.args(["-hide_banner", "-nostdin", "-loglevel", "error", "-y"]);
        if let Some(video) = self.video {
            let Video { size, rate, .. } = video;
            let source = format!("testsrc2=s={size}:r={rate}:d={}", self.seconds);
            command.args(["-f", "lavfi", "-i", &source]);
        }
        if let Some(audio) = self.audio {
            let late = format!("{}ms", audio.late);
            let source = format!("sine=f=330:r={}:d={}", audio.rate, self.seconds);
            command.args(["-itsoffset", &late, "-f", "lavfi", "-i", &source]);
        }
        if let Some(video) = self.video {
            let interval = (video.key_frames * video.rate).to_string();
            command
                .args(["-c:v", "libx264", "-preset", "superfast", "-pix_fmt", "yuv420p"])
                .args(["-bf", &video.b_frames.to_string(), "-b:v", video.bit_rate])
                .args(["-g", &interval, "-keyint_min", &interval, "-sc_threshold", "0"])
                .args(["-x264-params", "nal-hrd=none:aud=0"]);
        }
        if let Some(audio) = self.audio {
            command.args(["-c:a", "aac", "-b:a", "128k", "-ac", &audio.channels.to_string()]);
        }
        command.arg(output);
        command
    }
}

/// A file that `make` makes when it is not there yet.
pub(crate) fn made(name: &str, extension: &str, recipe: &str, make: impl FnOnce(&Path)) -> PathBuf {
    // One at a time: two encoders at once only take each other's processor.
    static MAKING: Mutex<()> = Mutex::new(());
    let _making = MAKING.lock();
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/clips");
    std::fs::create_dir_all(&directory).expect("a directory for clips");
    // The recipe is part of the name: a changed one is another clip.
    let file = directory.join(format!("{name}-{:016x}.{extension}", fingerprint(recipe)));
    if !file.is_file() {
        let making = directory.join(format!("{name}-{}.{extension}", std::process::id()));
        make(&making);
        std::fs::rename(&making, &file).expect("a clip to be put in place");
    }
    file
}

/// FNV-1a.
fn fingerprint(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}
