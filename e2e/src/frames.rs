//! Decoded frames: whether what comes out looks and sounds like what went in.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use crate::process::Process;

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
        Self::read(options, &input.display().to_string()).0
    }

    /// As [`of`](Self::of) of a file or an address, and the reader must have nothing to say.
    pub fn without_a_word(input: &str) -> Self {
        let (frames, said) = Self::read(&[], input);
        assert_eq!(said, "", "{input}");
        frames
    }

    fn read(options: &[&str], input: &str) -> (Self, String) {
        let mut command = Command::new("ffmpeg");
        command.args(["-nostdin", "-v", "error", "-xerror"]).args(options).args(["-i", input]);
        // Pictures first, whatever order the container has.
        command.args(["-map", "0:v?", "-map", "0:a?", "-f", "framehash", "-"]);
        let mut reader = Process::start(&mut command);
        let status = reader.wait(Duration::from_mins(1));
        assert!(status.success(), "ffmpeg ended with {status}:\n{}", reader.errors());
        let text = reader.output();
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        let frames: Vec<_> = lines.map(str::to_owned).collect();
        assert!(frames.len() > 40, "{} frames of {input}", frames.len());
        (Self(frames), reader.errors())
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
