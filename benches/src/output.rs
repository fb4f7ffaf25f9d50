//! What comes out of a muxer: counted while it is timed, read back by ffprobe in the pass before.

use std::fs::File;
use std::hint::black_box;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::Failure;
use crate::input::{Input, Kind};
use crate::measure::{Contender, Tally};

/// Which tracks a piece of output belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lane {
    /// Both in one file.
    Muxed,
    Video,
    Audio,
}

impl Lane {
    const fn name(self) -> &'static str {
        match self {
            Self::Muxed => "muxed",
            Self::Video => "video",
            Self::Audio => "audio",
        }
    }
}

/// Takes the bytes of a muxer, in order.
pub trait Collect {
    fn put(&mut self, lane: Lane, bytes: &[u8]);
}

impl Collect for Tally {
    fn put(&mut self, _: Lane, bytes: &[u8]) {
        self.add(black_box(bytes).len());
    }
}

/// One file a lane.
struct Files {
    stem: PathBuf,
    extension: &'static str,
    open: Vec<(Lane, PathBuf, File)>,
    failed: Option<std::io::Error>,
}

impl Collect for Files {
    fn put(&mut self, lane: Lane, bytes: &[u8]) {
        if !self.open.iter().any(|(open, ..)| *open == lane) {
            let mut name = self.stem.as_os_str().to_owned();
            name.push(format!(".{}.{}", lane.name(), self.extension));
            match File::create(&name) {
                Ok(file) => self.open.push((lane, name.into(), file)),
                Err(error) => self.failed = Some(error),
            }
        }
        for (_, _, file) in self.open.iter_mut().filter(|(open, ..)| *open == lane) {
            if let Err(error) = file.write_all(bytes) {
                self.failed = Some(error);
            }
        }
    }
}

/// A muxer over the whole input.
#[derive(Debug, Clone, Copy)]
pub struct Muxer {
    pub name: &'static str,
    pub run: fn(&Input, &mut dyn Collect) -> Result<(), Failure>,
}

/// Puts a muxer among the contenders. Its first pass writes files to `directory`, and the note is
/// what ffprobe found in them. A measured pass goes over the input so many `times`.
pub fn enter<'a>(
    contenders: &mut Vec<Contender<'a>>,
    input: &'a Input,
    (directory, extension): (&Path, &'static str),
    muxer: Muxer,
    times: u64,
) {
    let Muxer { name, run } = muxer;
    let stem = directory.join(name.replace(|c: char| !c.is_ascii_alphanumeric(), "-"));
    let mut contender = Contender::new(name, move || {
        let mut tally = Tally::default();
        for _ in 0..times {
            run(input, &mut tally)?;
        }
        // Headers only add to what came in; less than that is not all of it.
        if tally.bytes < input.payload_len() as u64 * times {
            return Err(format!("writes only {} bytes", tally.bytes).into());
        }
        Ok(tally)
    });
    contender.check = Box::new(move || {
        let mut files = Files { stem: stem.clone(), extension, open: Vec::new(), failed: None };
        run(input, &mut files)?;
        if let Some(error) = files.failed {
            return Err(error.into());
        }
        Ok(judge(input, files.open.iter().map(|(lane, path, _)| (*lane, path.as_path()))))
    });
    contenders.push(contender);
}

/// A presentation time in microseconds.
type Time = i64;

/// What ffprobe reads in the files, said against the input.
fn judge<'a>(input: &Input, files: impl Iterator<Item = (Lane, &'a Path)>) -> String {
    let (mut video, mut audio) = (Vec::new(), Vec::new());
    for (lane, path) in files {
        for (own, stream, times) in [(Lane::Video, "v", &mut video), (Lane::Audio, "a", &mut audio)]
        {
            if lane == Lane::Muxed || lane == own {
                match probe(path, stream) {
                    Some(found) => *times = found,
                    None => return "ffprobe could not be run".to_owned(),
                }
            }
        }
    }
    let sent = |kind| {
        input
            .samples()
            .filter(move |tag| tag.kind == kind)
            .map(|tag| (i64::from(tag.timestamp) + i64::from(tag.composition_offset())) * 1000)
            .collect::<Vec<Time>>()
    };
    let (sent_video, sent_audio) = (sent(Kind::Video), sent(Kind::Audio));
    // A container may start its time anywhere, but both tracks at one place.
    let shift = match (video.first(), sent_video.first()) {
        (Some(found), Some(sent)) => found - sent,
        _ => 0,
    };
    format!(
        "{}; {}",
        verdict("video", &sent_video, &video, shift),
        verdict("audio", &sent_audio, &audio, shift)
    )
}

fn verdict(name: &str, sent: &[Time], found: &[Time], shift: Time) -> String {
    if sent.len() != found.len() {
        return format!("{} of {} {name} frames", found.len(), sent.len());
    }
    let worst = sent.iter().zip(found).map(|(sent, found)| (found - shift - sent).abs()).max();
    match worst.unwrap_or(0) {
        // FLV counts milliseconds, so half of one either way is what it can say.
        0..=1500 => format!("all {} {name} frames, in time", sent.len()),
        worst => format!("all {} {name} frames, up to {} ms off", sent.len(), worst / 1000),
    }
}

/// Presentation times of a stream's packets, in file order.
fn probe(path: &Path, stream: &str) -> Option<Vec<Time>> {
    let output = Command::new("ffprobe")
        .args(["-v", "quiet", "-select_streams", stream])
        .args(["-show_entries", "packet=pts_time", "-of", "csv=p=0"])
        .arg(path)
        .output()
        .ok()?;
    let text = String::from_utf8_lossy(&output.stdout);
    Some(
        text.lines()
            .filter(|line| !line.is_empty())
            .map(|line| {
                let seconds = line.trim_end_matches(',').parse::<f64>();
                seconds.map_or(Time::MAX / 2, |seconds| (seconds * 1e6).round() as Time)
            })
            .collect(),
    )
}
