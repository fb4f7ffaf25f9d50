//! Decoded frames: whether what comes out looks and sounds like what went in.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use crate::process;

/// A hash of each frame that ffmpeg decodes, with its time, as `-f framehash` prints them.
#[derive(Debug, PartialEq, Eq)]
pub struct Frames(Vec<String>);

impl Frames {
    /// Those of a file or playlist. Whatever does not decode is an error (`-xerror`).
    pub fn of(input: &Path) -> Self {
        Self::with(&[], input)
    }

    /// As [`of`](Self::of), with options for the reader.
    pub fn with(options: &[&str], input: &Path) -> Self {
        let mut command = Command::new("ffmpeg");
        command.args(["-nostdin", "-v", "error", "-xerror"]).args(options).arg("-i").arg(input);
        // Pictures first, whatever order the container has.
        command.args(["-map", "0:v?", "-map", "0:a?", "-f", "framehash", "-"]);
        let text = process::run(Duration::from_mins(1), &mut command);
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        let frames: Vec<_> = lines.map(str::to_owned).collect();
        assert!(frames.len() > 50, "{} frames of {}", frames.len(), input.display());
        Self(frames)
    }

    /// The hashes alone of one of its streams: containers begin their times where they will.
    pub fn hashes(&self, stream: usize) -> Vec<&str> {
        let own = format!("{stream},");
        let own = self.0.iter().filter(|line| line.starts_with(&own));
        let hashes: Vec<_> = own.filter_map(|line| line.rsplit(", ").next()).collect();
        assert!(!hashes.is_empty(), "no stream {stream}");
        hashes
    }
}
