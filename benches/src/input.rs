//! The stream that every contender is given.

mod chunks;
mod commands;
mod flv;
mod synthetic;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use bytes::Bytes;

pub use chunks::{ChunkWriter, set_chunk_size};
pub use commands::publish_commands;
pub use flv::{Kind, Tag, tags};

/// The arguments that make the stream: 1080p30 H.264 with two B-frames and a keyframe every 2 s at
/// a constant 6 Mbit/s, and 160 kbit/s AAC at 48 kHz stereo, for 60 s; noise keeps the rate up.
const FFMPEG: &[&str] = &[
    "-f",
    "lavfi",
    "-i",
    "testsrc2=size=1920x1080:rate=30:duration=60,noise=alls=24:allf=t:all_seed=7,format=yuv420p",
    "-f",
    "lavfi",
    "-i",
    "anoisesrc=sample_rate=48000:duration=60:amplitude=0.4:seed=7",
    "-ac",
    "2",
    "-c:v",
    "libx264",
    "-preset",
    "superfast",
    "-profile:v",
    "high",
    "-bf",
    "2",
    "-b_strategy",
    "0",
    "-g",
    "60",
    "-keyint_min",
    "60",
    "-sc_threshold",
    "0",
    "-b:v",
    "6M",
    "-minrate",
    "6M",
    "-maxrate",
    "6M",
    "-bufsize",
    "6M",
    "-threads",
    "2",
    "-c:a",
    "aac",
    "-b:a",
    "160k",
    "-fflags",
    "+bitexact",
    "-flags:v",
    "+bitexact",
    "-flags:a",
    "+bitexact",
    "-f",
    "flv",
];

/// An FLV file in memory, its tags, and where it came from.
#[derive(Debug)]
pub struct Input {
    /// The whole file.
    pub file: Bytes,
    /// Its tags in order, each a slice of `file`.
    pub tags: Vec<Tag>,
    /// Where the file lies.
    pub path: PathBuf,
    /// How it was made, for the head of a table.
    pub origin: &'static str,
}

impl Input {
    /// Reads the stream from `directory`, making it first where it is missing: with ffmpeg, or
    /// where that is not installed or fails, from arithmetic.
    pub fn open(directory: &Path) -> std::io::Result<Self> {
        std::fs::create_dir_all(directory)?;
        let encoded = directory.join("1080p30-6M.flv");
        let synthetic = directory.join("1080p30-6M.synthetic.flv");
        let (path, origin) = if encoded.exists() || encode(&encoded) {
            (encoded, "encoded by ffmpeg (x264, two B-frames)")
        } else {
            if !synthetic.exists() {
                std::fs::write(&synthetic, synthetic::file())?;
            }
            (synthetic, "synthetic (no ffmpeg here): sizes and times of such a stream, no pictures")
        };
        let file = Bytes::from(std::fs::read(&path)?);
        let tags = tags(&file)?;
        Ok(Self { file, tags, path, origin })
    }

    /// The first tags of this stream, those of `kind` or all of them, about `size` bytes: copied
    /// into memory of their own, so that they lie as close together as they would have come.
    pub fn beginning(&self, size: usize, kind: Option<Kind>) -> std::io::Result<Self> {
        let head = self.file.len() - self.tags.iter().map(|tag| tag.whole.len()).sum::<usize>();
        let mut file = self.file[..head].to_vec();
        for tag in &self.tags {
            if file.len() >= size {
                break;
            }
            if kind.is_none_or(|kind| kind == tag.kind) {
                file.extend_from_slice(&tag.whole);
            }
        }
        let file = Bytes::from(file);
        let tags = tags(&file)?;
        Ok(Self { file, tags, path: self.path.clone(), origin: self.origin })
    }

    /// The tags that carry frames: no script data, no sequence headers, no end of sequence.
    pub fn samples(&self) -> impl Iterator<Item = &Tag> {
        self.tags.iter().filter(|tag| tag.is_sample())
    }

    /// Bytes of elementary stream in all samples, without FLV's own headers.
    pub fn payload_len(&self) -> usize {
        self.samples().map(|tag| tag.payload().len()).sum()
    }

    /// One line: what the stream is.
    pub fn describe(&self) -> String {
        let video = self.samples().filter(|tag| tag.kind == Kind::Video).count();
        let audio = self.samples().filter(|tag| tag.kind == Kind::Audio).count();
        format!(
            "{:.1} MB of FLV, {}: {video} video and {audio} audio samples, {:.1} MB of payload",
            self.file.len() as f64 / 1e6,
            self.origin,
            self.payload_len() as f64 / 1e6,
        )
    }
}

/// Whether ffmpeg made the file; it is complete or not there at all.
fn encode(path: &Path) -> bool {
    eprintln!("making the input with ffmpeg, once; this takes a minute or two");
    let unfinished = path.with_extension("unfinished");
    let status = Command::new("ffmpeg")
        .args(["-nostdin", "-v", "error", "-y"])
        .args(FFMPEG)
        .arg(&unfinished)
        .stdin(Stdio::null())
        .status();
    status.is_ok_and(|status| status.success()) && std::fs::rename(&unfinished, path).is_ok()
}
