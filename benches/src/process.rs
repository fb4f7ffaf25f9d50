//! `ffmpeg -c copy` as a whole process: what anybody would start instead of using a library.

use std::process::{Command, Stdio};
use std::time::Duration;

use nix::sys::resource::{Usage, UsageWho, getrusage};
use nix::sys::time::TimeValLike;

use crate::Failure;
use crate::input::Input;
use crate::measure::{Contender, Cost, Tally};

/// Reads the input's file and writes `format` to nowhere. Its figure is the process's CPU time from
/// start to end, on all of its threads.
pub fn ffmpeg<'a>(input: &'a Input, name: &str, format: &'static [&'static str]) -> Contender<'a> {
    let run = move || {
        let mut command = Command::new("ffmpeg");
        command.args(["-nostdin", "-v", "error", "-y", "-i"]).arg(&input.path);
        command.args(["-map", "0", "-c", "copy"]).args(format).arg("/dev/null");
        command.stdin(Stdio::null()).status()
    };
    let mut contender = Contender::new(name, || Ok(Tally::default()));
    contender.counted = false;
    contender.pass = Box::new(move |_| {
        let before = children();
        let status = run();
        let cost = Cost { cpu: children().saturating_sub(before), ..Cost::default() };
        let tally = Tally { items: 1, bytes: input.file.len() as u64 };
        let result = match status {
            Ok(status) if status.success() => Ok(tally),
            Ok(status) => Err(Failure::from(status.to_string())),
            Err(error) => Err(error.into()),
        };
        (cost, result)
    });
    contender.check = Box::new(|| Ok("the process whole, its start included".to_owned()));
    contender
}

/// CPU time of all processes that this one has waited for.
fn children() -> Duration {
    let time = |usage: Usage| {
        usage.user_time().num_microseconds() + usage.system_time().num_microseconds()
    };
    let micros = getrusage(UsageWho::RUSAGE_CHILDREN).map_or(0, time);
    Duration::from_micros(micros.unsigned_abs())
}
