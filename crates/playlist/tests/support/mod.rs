//! A stream on virtual time, and the reader that judges its playlists.

#![allow(dead_code, unreachable_pub, reason = "each test file takes what it needs")]

pub mod playlist;

use std::time::Duration as Std;

use airloom_media::{Duration, Timescale, Timestamp, TrackId};
use airloom_playlist::{
    Answer, Config, Error, Format, FrameRate, Input, LiveWindow, Output, Part, Rendition, Request,
    Resource, Segment, TsSegment, VideoRange, WallTime,
};

pub const VIDEO: TrackId = TrackId::new(1);
pub const AUDIO: TrackId = TrackId::new(2);
pub const VIDEO_LIST: Resource = Resource::Media { track: VIDEO };
pub const AUDIO_LIST: Resource = Resource::Media { track: AUDIO };

/// 2023-11-14T22:13:20Z.
pub const NOON: u64 = 1_700_000_000;

/// A window, and the wall clock of whoever feeds it.
pub struct Stage {
    pub window: LiveWindow,
    /// Milliseconds since [`NOON`].
    pub clock: u64,
}

pub fn video(init: u64) -> Rendition {
    Rendition {
        track: VIDEO,
        timescale: Timescale::MPEG,
        codecs: "avc1.640028".to_owned(),
        init,
        format: Format::Video {
            width: 1920,
            height: 1080,
            frame_rate: FrameRate::new(30, 1),
            range: VideoRange::Sdr,
        },
        language: None,
        presentation_delay: Duration::ZERO,
        part_target: None,
        variant: 0,
    }
}

pub fn audio(init: u64) -> Rendition {
    Rendition {
        track: AUDIO,
        timescale: Timescale::new(48_000).unwrap(),
        codecs: "mp4a.40.2".to_owned(),
        init,
        format: Format::Audio { sample_rate: 48_000, channels: 2 },
        language: None,
        presentation_delay: Duration::ZERO,
        part_target: None,
        variant: 0,
    }
}

/// Ticks a millisecond of a track.
pub fn per_ms(track: TrackId) -> u64 {
    if track == VIDEO { 90 } else { 48 }
}

impl Stage {
    pub fn new(config: Config) -> Self {
        Self { window: LiveWindow::new(config), clock: 0 }
    }

    /// Both tracks announced.
    pub fn with_tracks(config: Config) -> Self {
        let mut stage = Self::new(config);
        stage.input(Input::Track(video(0))).unwrap();
        stage.input(Input::Track(audio(0))).unwrap();
        stage
    }

    pub fn now(&self) -> WallTime {
        WallTime::from_unix(Std::from_secs(NOON) + Std::from_millis(self.clock))
    }

    pub fn input(&mut self, input: Input) -> Result<(), Error> {
        let now = self.now();
        self.window.handle_input(now, input)
    }

    /// A part given in milliseconds.
    pub fn part(&mut self, track: TrackId, sequence: u64, index: u32, start: i64, length: u64) {
        let per_ms = per_ms(track);
        self.input(Input::Part(Part {
            track,
            sequence,
            index,
            start: Timestamp::new(start * per_ms as i64),
            duration: Duration::new(length * per_ms),
            independent: index == 0 || track == AUDIO,
            discontinuity: false,
            bytes: length * 100,
        }))
        .unwrap();
    }

    /// A segment given in milliseconds.
    pub fn segment(&mut self, track: TrackId, sequence: u64, start: i64, length: u64) {
        self.try_segment(track, sequence, start, length).unwrap();
    }

    pub fn try_segment(
        &mut self,
        track: TrackId,
        sequence: u64,
        start: i64,
        length: u64,
    ) -> Result<(), Error> {
        let per_ms = per_ms(track);
        self.input(Input::Segment(Segment {
            track,
            sequence,
            start: Timestamp::new(start * per_ms as i64),
            duration: Duration::new(length * per_ms),
            independent: true,
            discontinuity: false,
            bytes: length * 100,
        }))
    }

    pub fn ts(&mut self, sequence: u64, start: i64, length: u64) {
        self.input(Input::TsSegment(TsSegment {
            sequence,
            start: Timestamp::new(start * 90),
            duration: Duration::new(length * 90),
            discontinuity: false,
        }))
        .unwrap();
    }

    /// Segments of two seconds in ten parts, in both tracks and TS, as time goes by: `sequence`
    /// starts at `sequence * 2 s`.
    pub fn live(&mut self, sequences: std::ops::Range<u64>) {
        for sequence in sequences {
            let start = sequence as i64 * 2000;
            for index in 0..10 {
                self.clock += 200;
                self.part(VIDEO, sequence, index, start + i64::from(index) * 200, 200);
                self.part(AUDIO, sequence, index, start + i64::from(index) * 200, 200);
            }
            self.segment(VIDEO, sequence, start, 2000);
            self.segment(AUDIO, sequence, start, 2000);
            self.ts(sequence, start, 2000);
        }
    }

    /// The same without parts.
    pub fn whole(&mut self, sequences: std::ops::Range<u64>) {
        for sequence in sequences {
            let start = sequence as i64 * 2000;
            self.clock += 2000;
            self.segment(VIDEO, sequence, start, 2000);
            self.segment(AUDIO, sequence, start, 2000);
            self.ts(sequence, start, 2000);
        }
    }

    pub fn answer(&mut self, resource: Resource) -> Answer {
        self.window.answer(&Request::new(resource))
    }

    pub fn ask(&mut self, resource: Resource, query: &str) -> Answer {
        match Request::from_query(resource, query) {
            Ok(request) => self.window.answer(&request),
            Err(reason) => Answer::BadRequest(reason),
        }
    }

    pub fn text(&mut self, resource: Resource) -> String {
        ready(self.answer(resource))
    }

    pub fn evicted(&mut self) -> Vec<Resource> {
        let mut evicted = Vec::new();
        while let Some(output) = self.window.poll_output() {
            match output {
                Output::Evicted(resource) => evicted.push(resource),
                output => panic!("unexpected {output:?}"),
            }
        }
        evicted
    }
}

pub fn ready(answer: Answer) -> String {
    match answer {
        Answer::Ready(rendered) => String::from_utf8(rendered.body.to_vec()).unwrap(),
        other => panic!("expected a text, got {other:?}"),
    }
}

pub fn is_waiting(answer: &Answer) -> bool {
    matches!(answer, Answer::Wait(_))
}

/// Lines of `text` that start with `#tag` and a colon, or are it.
pub fn tags<'a>(text: &'a str, tag: &str) -> Vec<&'a str> {
    let matches = |line: &&str| {
        let rest = line.strip_prefix('#').and_then(|line| line.strip_prefix(tag));
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(':'))
    };
    text.lines().filter(matches).collect()
}
