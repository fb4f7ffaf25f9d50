//! Segments on demand out of an MP4 file of two hours.

use std::fs::File;
use std::hint::black_box;
use std::io::Write;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::time::{Duration, Instant};

use airloom_media::Timestamp;
use airloom_segmenter::mp4::{self, Index, Limits, Progressive, Vod};
use airloom_segmenter::{Config, Output, Segmenter};
use bytes::Bytes;
use cpu_time::ThreadTime;

use crate::Failure;
use crate::input::Input;
use crate::measure::median;
use crate::ts::{AUDIO, VIDEO, sample, tracks};

const HOURS: i64 = 2;
/// The input lasts a minute.
const ROUND: i64 = 60_000;

/// Prints the table.
///
/// # Errors
///
/// Where the file cannot be made, or not be read as it was made.
pub fn run(input: &Input, directory: &Path, rounds: usize) -> Result<(), Failure> {
    let path = directory.join("two-hours.mp4");
    let (length, samples) = make(input, &path)?;
    println!("### Segments on demand\n");
    println!(
        "A file of {HOURS} h, {:.1} GB, {samples} samples, sparse: `moov` is all that is on the disk. \
         CPU time of the one thread; of a segment also the time that passed, its bytes read from the file \
         (holes, so from memory). The index is made in one pass over the file's tables, {rounds} times; \
         then every segment of it is cut, those far apart one after another, so that no cache helps. \
         Asked is under 1 ms a segment.\n",
        length as f64 / 1e9
    );
    println!("| | median | 99 of 100 | longest |\n|---|---:|---:|---:|");

    let file = File::open(&path)?;
    let mut indexing = Vec::new();
    let mut vod = None;
    for _ in 0..rounds.max(1) {
        let start = ThreadTime::now();
        let index = open(&file, length)?;
        indexing.push(start.elapsed());
        vod = Some(Vod::new(index, Duration::from_secs(2)));
    }
    let vod = vod.ok_or("no round")?;
    row("index", "ms", 1e3, &indexing);

    let (mut cutting, mut whole) = (Vec::new(), Vec::new());
    let mut payload = Vec::new();
    // A step that has no divisor in common with the number of segments goes over all of them.
    let step = (vod.len() * 5 / 8..).find(|step| divisor(*step, vod.len()) == 1).unwrap_or(1);
    for turn in 0..vod.len() {
        for track in [VIDEO, AUDIO] {
            let number = turn * step % vod.len();
            let start = ThreadTime::now();
            let segment = black_box(vod.segment(track, number)).ok_or("a segment is missing")?;
            cutting.push(start.elapsed());
            let start = Instant::now();
            let segment = black_box(vod.segment(track, number)).unwrap_or(segment);
            payload.clear();
            payload.extend_from_slice(&segment.header);
            for range in &segment.media {
                let at = payload.len();
                payload.resize(at + (range.end - range.start) as usize, 0);
                file.read_exact_at(&mut payload[at..], range.start)?;
            }
            whole.push(start.elapsed());
            if payload.len() as u64 != segment.size {
                return Err("a segment is not as long as it says".into());
            }
        }
    }
    row("a track's segment of 2 s: header and byte ranges", "us", 1e6, &cutting);
    row("the same and its bytes read, time passed", "us", 1e6, &whole);
    println!();
    std::fs::remove_file(path)?;
    Ok(())
}

fn divisor(a: usize, b: usize) -> usize {
    if b == 0 { a } else { divisor(b, a % b) }
}

fn row(name: &str, unit: &str, scale: f64, times: &[Duration]) {
    let mut sorted: Vec<f64> = times.iter().map(|time| time.as_secs_f64() * scale).collect();
    sorted.sort_by(f64::total_cmp);
    let rank = |hundredths: usize| sorted[(sorted.len() - 1) * hundredths / 100];
    let (most, longest) = (rank(99), rank(100));
    println!("| {name} | {:.1} {unit} | {most:.1} {unit} | {longest:.1} {unit} |", median(sorted));
}

fn open(file: &File, length: u64) -> Result<Index, Failure> {
    Index::read(length, Limits::default(), |range: Range<u64>| -> Result<Bytes, Failure> {
        let mut data = vec![0; (range.end.min(length) - range.start) as usize];
        file.read_exact_at(&mut data, range.start)?;
        Ok(data.into())
    })
}

/// Writes the input so many times one after another as one progressive file whose media is a hole.
fn make(input: &Input, path: &Path) -> Result<(u64, usize), Failure> {
    let fragmented = Fragmented::of(input)?;
    let index = Index::read(fragmented.length, Limits::default(), |range| {
        Ok::<_, mp4::Error>(fragmented.read(&range))
    })?;
    let samples = index.tracks().iter().map(mp4::IndexedTrack::len).sum();
    let progressive = Progressive::new(&index)?;
    let mut file = File::create(path)?;
    file.write_all(progressive.head())?;
    let media: u64 = progressive.media().iter().map(|range| range.end - range.start).sum();
    let length = progressive.head().len() as u64 + media;
    file.set_len(length)?;
    Ok((length, samples))
}

/// A fragmented file of which only headers are in memory.
struct Fragmented {
    /// With their places.
    headers: Vec<(u64, Bytes)>,
    length: u64,
}

impl Fragmented {
    fn of(input: &Input) -> Result<Self, Failure> {
        let mut segmenter = Segmenter::new(Config::recorded());
        for track in tracks(input)? {
            segmenter.set_track(track)?;
        }
        let (mut inits, mut parts) = (Vec::new(), Vec::new());
        let mut drain = |segmenter: &mut Segmenter| {
            while let Some(output) = segmenter.poll_output() {
                match output {
                    Output::Init(init) => inits.push(init),
                    Output::Segment(segment) => parts.extend(
                        segment.parts.iter().map(|part| (part.header.clone(), part.size as u64)),
                    ),
                    _ => {}
                }
            }
        };
        for round in 0..HOURS * 3_600_000 / ROUND {
            for tag in input.samples() {
                let mut sample = sample(tag);
                let time = sample.decode_time.ticks() + round * ROUND;
                sample.decode_time = Timestamp::new(time);
                segmenter.handle_input(sample)?;
                drain(&mut segmenter);
            }
        }
        segmenter.finish();
        drain(&mut segmenter);
        let head = mp4::fragmented(&inits.iter().collect::<Vec<_>>())?;
        let mut length = 0;
        let whole = (head.clone(), head.len() as u64);
        let headers = std::iter::once(whole).chain(parts).map(|(header, size)| {
            let at = length;
            length += size;
            (at, header)
        });
        let headers = headers.collect();
        Ok(Self { headers, length })
    }

    /// Payload reads as zeros: nobody looks at it.
    fn read(&self, range: &Range<u64>) -> Bytes {
        let mut out = vec![0; (range.end - range.start) as usize];
        let first = self.headers.partition_point(|(at, _)| *at <= range.start).saturating_sub(1);
        for (at, header) in self.headers[first..].iter().take_while(|(at, _)| *at < range.end) {
            let from = range.start.saturating_sub(*at) as usize;
            let to = at.saturating_sub(range.start) as usize;
            if let Some(header) = header.get(from..) {
                let length = header.len().min(out.len() - to);
                out[to..to + length].copy_from_slice(&header[..length]);
            }
        }
        out.into()
    }
}
