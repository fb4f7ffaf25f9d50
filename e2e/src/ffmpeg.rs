//! ffmpeg as publisher and as player.

use std::path::Path;
use std::process::Command;

use crate::packets::{self, Form};
use crate::process::Process;

/// Publishes a file as it is, at the pace of its timestamps.
pub fn publish(file: &Path, url: &str) -> Process {
    Process::start(&mut publisher(&["-re"], file, url))
}

/// Publishes a file over and over, at the pace of its timestamps.
pub fn publish_for_ever(file: &Path, url: &str) -> Process {
    Process::start(&mut publisher(&["-re", "-stream_loop", "-1"], file, url))
}

/// The command that publishes a file by stream copy; `options` go before the input.
pub fn publisher(options: &[&str], file: &Path, url: &str) -> Command {
    let mut command = Command::new("ffmpeg");
    command
        .args(["-hide_banner", "-nostdin", "-loglevel", "warning"])
        .args(options)
        .arg("-i")
        .arg(file)
        .args(["-map", "0", "-c", "copy", "-flvflags", "no_duration_filesize", "-f", "flv", url]);
    command
}

/// Pulls a live playlist from its start to its end and prints the packets.
pub fn pull(playlist: &str, form: Form) -> Process {
    Process::start(&mut packets::command(&["-live_start_index", "0"], playlist, form))
}
