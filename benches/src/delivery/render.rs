//! What a part costs in rendering: what viewers ask for after it, once for all of them.

use airloom::media::{Duration, Timescale, Timestamp, TrackId};
use airloom::playlist::{
    Answer, Config, Format, Input, LiveWindow, Part, Rendition, Request, Resource, Segment,
    VideoRange, WallTime,
};
use cpu_time::ThreadTime;

use crate::Failure;
use crate::measure::median;

/// A segment of 2 s in parts of 200 ms, in ticks of 90 kHz.
const PARTS: u32 = 10;
const PART: u64 = 18_000;
/// As an origin counts.
const FIRST: u64 = 1_795_199_075;
/// Segments before anything is timed: more than the window of 60 s.
const BEFORE: u64 = 40;
/// Segments of a round.
const TIMED: u64 = 50;

pub fn run(rounds: usize) -> Result<(), Failure> {
    println!("### Delivery: rendering\n");
    println!(
        "`airloom-playlist`, a window of 60 s in segments of 2 s and parts of 200 ms, one track: CPU \
         of the thread for a part told and the answer rendered anew, {} parts a round, {rounds} \
         rounds, median.\n",
        TIMED * u64::from(PARTS)
    );
    println!("| | us a part | bytes |\n|---|---:|---:|");
    let track = TrackId::new(1);
    for (name, resource, query) in [
        ("nothing asked", None, ""),
        ("delta playlist", Some(Resource::Media { track }), "_HLS_skip=YES"),
        ("whole playlist", Some(Resource::Media { track }), ""),
        ("multivariant playlist", Some(Resource::Multivariant), ""),
        ("DASH manifest", Some(Resource::Mpd), ""),
    ] {
        let request = resource.map(|it| Request::from_query(it, query)).transpose()?;
        let (mut times, mut length) = (Vec::new(), 0);
        for _ in 0..rounds {
            let mut stream = Stream::new(track)?;
            for _ in 0..BEFORE {
                stream.segment(request.as_ref())?;
            }
            let start = ThreadTime::now();
            for _ in 0..TIMED {
                length = stream.segment(request.as_ref())?;
            }
            let parts = (TIMED * u64::from(PARTS)) as f64;
            times.push(start.elapsed().as_secs_f64() * 1e6 / parts);
        }
        println!("| {name} | {:.2} | {length} |", median(times));
    }
    println!();
    Ok(())
}

struct Stream {
    window: LiveWindow,
    track: TrackId,
    sequence: u64,
}

impl Stream {
    fn new(track: TrackId) -> Result<Self, Failure> {
        let mut window = LiveWindow::new(Config::default());
        let rendition = Rendition {
            track,
            timescale: Timescale::MPEG,
            codecs: "avc1.64001F".into(),
            init: 0,
            format: Format::Video {
                width: 1920,
                height: 1080,
                frame_rate: None,
                range: VideoRange::Sdr,
            },
            language: None,
            presentation_delay: Duration::ZERO,
            part_target: None,
            variant: 0,
        };
        window.handle_input(WallTime::UNIX_EPOCH, Input::Track(rendition))?;
        Ok(Self { window, track, sequence: FIRST })
    }

    /// A segment part by part, asking after each; how long the last answer was.
    fn segment(&mut self, request: Option<&Request>) -> Result<usize, Failure> {
        let (track, sequence) = (self.track, self.sequence);
        let length = PART * u64::from(PARTS);
        let start = (sequence * length) as i64;
        self.sequence += 1;
        let now = WallTime::from_unix(std::time::Duration::from_millis(sequence * 2000));
        let mut bytes = 0;
        for index in 0..PARTS {
            let start = Timestamp::new(start + i64::from(index) * PART as i64);
            let part = Part {
                track,
                sequence,
                index,
                start,
                duration: Duration::new(PART),
                independent: index == 0,
                discontinuity: false,
                bytes: 150_000,
            };
            self.window.handle_input(now, Input::Part(part))?;
            if index + 1 == PARTS {
                self.close(now, start_of(sequence, length), length)?;
            }
            while self.window.poll_output().is_some() {}
            if let Some(request) = request {
                match self.window.answer(request) {
                    Answer::Ready(text) => bytes = text.body.len(),
                    // Nothing is given out before the first segment is whole.
                    Answer::Wait(_) if sequence == FIRST => {}
                    _ => return Err("no answer".into()),
                }
            }
        }
        Ok(bytes)
    }

    fn close(&mut self, now: WallTime, start: Timestamp, length: u64) -> Result<(), Failure> {
        let segment = Segment {
            track: self.track,
            sequence: self.sequence - 1,
            start,
            duration: Duration::new(length),
            independent: true,
            discontinuity: false,
            bytes: 1_500_000,
        };
        Ok(self.window.handle_input(now, Input::Segment(segment))?)
    }
}

fn start_of(sequence: u64, length: u64) -> Timestamp {
    Timestamp::new((sequence * length) as i64)
}
