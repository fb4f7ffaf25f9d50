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

/// The command that publishes two files over and over, at the pace of their timestamps, each to its
/// own address: one encoder with two renditions.
pub fn pair(files: [&Path; 2], urls: [&str; 2]) -> Command {
    let mut command = Command::new("ffmpeg");
    command.args(["-hide_banner", "-nostdin", "-loglevel", "warning"]);
    for file in files {
        command.args(["-re", "-stream_loop", "-1", "-i"]).arg(file);
    }
    for (index, url) in urls.iter().enumerate() {
        command.args(["-map", &index.to_string(), "-c", "copy"]);
        command.args(["-flvflags", "no_duration_filesize", "-f", "flv", url]);
    }
    command
}

/// Plays a stream over RTMP, and says of every packet that it came.
pub fn play(url: &str) -> Process {
    let mut command = Command::new("ffmpeg");
    command.args(["-nostdin", "-v", "error", "-i", url]);
    command.args(["-map", "0", "-c", "copy", "-f", "framemd5", "-flush_packets", "1", "-"]);
    Process::start(&mut command)
}

/// Pulls a live playlist from its start to its end and prints the packets.
pub fn pull(playlist: &str, form: Form) -> Process {
    Process::start(&mut packets::command(&["-live_start_index", "0"], playlist, form))
}

/// Publishes a file over and over, its clock jumping `by` seconds after `at` seconds.
pub fn publish_with_jump(file: &Path, url: &str, at: u32, by: u32) -> Process {
    let command = publisher(&["-re", "-stream_loop", "-1"], file, url);
    let jump = format!("setts=ts=if(gt(TS*TB\\,{at})\\,TS+{by}/TB\\,TS)");
    let mut jumping = Command::new(command.get_program());
    let arguments: Vec<_> = command.get_args().map(std::ffi::OsStr::to_owned).collect();
    let (address, rest) = arguments.split_last().expect("an address");
    jumping.args(rest).args(["-bsf", &jump]).arg(address);
    Process::start(&mut jumping)
}
