//! Whatever happens to a stream, its playlists keep the rules, and a client that keeps them too
//! is never refused and never waits past one part.

mod support;

use airloom_media::{Duration, Timescale, Timestamp, TrackId};
use airloom_playlist::{
    Answer, Config, DateRange, Error, Gap, Input, Key, KeyMethod, Limits, LiveWindow, Output, Part,
    Protection, Request, Resource, Segment, Skip, TsSegment, WallTime,
};
use proptest::prelude::*;
use support::playlist::Playlist;
use support::{AUDIO, Stage, VIDEO, audio, video};

/// What happens. A segmenter cuts all tracks of a programme at the same times, each at its first
/// frame from there on.
#[derive(Debug, Clone)]
enum Op {
    /// So many frames make a part.
    Part(TrackId, u64),
    /// The segment ends before its time.
    Close(TrackId),
    /// The segment is over, and nobody says so.
    Abandon(TrackId),
    /// A segment in one piece.
    Whole(TrackId),
    /// The track loses so many segments.
    Skip(TrackId, u64),
    /// The track has nothing for a segment, and says so.
    Gap(TrackId),
    /// New parameter sets.
    Reconfigure(TrackId),
    /// The publisher is back after so long, its clock elsewhere; said by itself or with the media.
    Republish { pause: u64, clock: i64, said: bool },
    /// The wall clock is stepped back.
    Step(u64),
    /// Something is said to happen, by its number, for so long; or that it is over.
    Range(u8, Option<u64>),
    /// Media is encrypted by so many key systems from the next segment on.
    Protect(TrackId, usize),
}

fn op() -> impl Strategy<Value = Op> {
    let track = || prop_oneof![Just(VIDEO), Just(AUDIO)];
    prop_oneof![
        24 => (track(), 1..10u64).prop_map(|(track, frames)| Op::Part(track, frames)),
        2 => track().prop_map(Op::Close),
        1 => track().prop_map(Op::Abandon),
        4 => track().prop_map(Op::Whole),
        1 => (track(), 1..6u64).prop_map(|(track, count)| Op::Skip(track, count)),
        1 => track().prop_map(Op::Gap),
        1 => track().prop_map(Op::Reconfigure),
        1 => (0..20_000u64, -50_000_000..50_000_000i64, any::<bool>())
            .prop_map(|(pause, clock, said)| Op::Republish { pause, clock, said }),
        1 => (0..2000u64).prop_map(Op::Step),
        1 => (0..6u8, prop::option::of(0..20u64)).prop_map(|(id, length)| Op::Range(id, length)),
        1 => (track(), 0..3usize).prop_map(|(track, systems)| Op::Protect(track, systems)),
    ]
}

/// Lengths of the programme's segments in milliseconds; a number may have nothing to it.
fn lengths() -> impl Strategy<Value = Vec<i64>> {
    prop::collection::vec(prop_oneof![8 => 300..1900i64, 1 => Just(0)], 400)
}

/// A track as its segmenter sees it.
#[derive(Debug)]
struct Encoder {
    track: TrackId,
    sequence: u64,
    parts: u32,
    /// Milliseconds from the programme's clock to the publisher's.
    clock: i64,
    segment_start: i64,
    at: i64,
    broken: bool,
    /// Nothing came since the last discontinuity or loss, so nothing is lost now: the first that
    /// comes dates a discontinuity for all tracks, and tracks that begin seconds apart would be
    /// dated over what was before; and wide losses start a list again.
    fresh: bool,
}

impl Encoder {
    fn new(track: TrackId) -> Self {
        Self {
            track,
            sequence: 0,
            parts: 0,
            clock: 0,
            segment_start: 0,
            at: 0,
            broken: false,
            fresh: false,
        }
    }

    fn frame(&self) -> i64 {
        if self.track == VIDEO { 3000 } else { 1024 }
    }

    fn hz(&self) -> i64 {
        if self.track == VIDEO { 90_000 } else { 48_000 }
    }

    /// Where segment `sequence` begins, in ticks.
    fn bound(&self, bounds: &[i64], sequence: u64) -> i64 {
        (bounds[sequence as usize] + self.clock) * self.hz() / 1000
    }

    /// Goes to `sequence`, past what nobody has media for.
    fn seek(&mut self, bounds: &[i64], sequence: u64) {
        self.sequence = sequence;
        self.at = self.at.max(self.bound(bounds, sequence));
        while self.at >= self.bound(bounds, self.sequence + 1) {
            self.sequence += 1;
        }
        self.parts = 0;
        self.segment_start = self.at;
    }
}

/// A player that keeps to RFC 8216bis, 6.3.
#[derive(Debug)]
struct Client {
    track: TrackId,
    held: Option<Playlist>,
    /// The same as `examples/follow` reads it.
    judged: Option<follow::Playlist>,
    request: Request,
}

impl Client {
    fn new(track: TrackId) -> Self {
        Self { track, held: None, judged: None, request: Request::new(Resource::Media { track }) }
    }

    /// Asks again; says whether it was answered.
    fn ask(&mut self, window: &mut LiveWindow) -> bool {
        let text = match window.answer(&self.request) {
            Answer::Ready(rendered) => String::from_utf8(rendered.body.to_vec()).unwrap(),
            Answer::Wait(wait) => {
                assert!(wait.at_most > std::time::Duration::ZERO);
                return false;
            }
            // Before it was offered, a track may be given up.
            Answer::NotFound if self.held.is_none() => return false,
            // A track that is gone for the whole window is gone.
            Answer::NotFound => {
                self.held = None;
                self.judged = None;
                self.request = Request::new(self.request.resource);
                return false;
            }
            other => panic!("{:?} was answered {other:?}", self.request),
        };
        let playlist = Playlist::read(&text);
        if let Some(held) = &self.held {
            held.check_successor(&playlist);
            if held.is_replaced_by(&playlist) {
                self.judged = None;
            }
        }
        self.judge(&text);
        Self::fetch_all(&playlist, window);
        independent_reader_agrees(&text, &playlist);
        self.check_delta(&playlist, window);
        let last = playlist.segments.last().unwrap();
        let (msn, part) = if last.uri.is_empty() {
            (last.sequence, last.parts.len() as u32)
        } else {
            (last.sequence + 1, 0)
        };
        self.request.msn = Some(msn);
        self.request.part = playlist.part_target.map(|_| part);
        self.held = Some(playlist);
        true
    }

    /// Asks a reader that knows nothing of this crate.
    fn judge(&mut self, text: &str) {
        let (list, mut broken) = follow::Playlist::read(text);
        broken.extend(follow::rules::alone(&list));
        if let Some(before) = self.judged.replace(list.clone()) {
            broken.extend(follow::rules::after(&before, &list));
        }
        // How long parts are is the segmenter's doing, which this one does at random.
        broken.retain(|broken| broken.clause != follow::rules::SHORT);
        assert!(broken.is_empty(), "{broken:?}\n{text}");
    }

    /// Everything listed is there, and the hint will be.
    fn fetch_all(list: &Playlist, window: &mut LiveWindow) {
        let mut fetch = |uri: &str| {
            let resource = Resource::parse(uri).expect("a name of ours");
            window.answer(&Request::new(resource))
        };
        for segment in &list.segments {
            let map = segment.map.as_ref().expect("CMAF needs a header");
            assert!(matches!(fetch(map), Answer::Stored(_)), "{map}");
            if !segment.uri.is_empty() {
                let stored = matches!(fetch(&segment.uri), Answer::Stored(_));
                assert_eq!(stored, !segment.gap, "{}", segment.uri);
            }
            for part in &segment.parts {
                assert!(matches!(fetch(&part.uri), Answer::Stored(_)), "{}", part.uri);
            }
        }
        if let Some(hint) = &list.hint {
            assert!(matches!(fetch(hint), Answer::Wait(_)), "{hint}");
        }
    }

    /// 6.2.5.1: a delta update is the playlist without what is skipped.
    fn check_delta(&self, whole: &Playlist, window: &mut LiveWindow) {
        let request =
            Request { skip: Skip::Segments, ..Request::new(Resource::Media { track: self.track }) };
        let Answer::Ready(rendered) = window.answer(&request) else { panic!("it was there") };
        let delta = Playlist::read(std::str::from_utf8(&rendered.body).unwrap());
        assert_eq!(delta.media_sequence, whole.media_sequence);
        assert_eq!(delta.discontinuity_sequence, whole.discontinuity_sequence);
        let skipped = delta.skipped as usize;
        let (gone, kept) = whole.segments.split_at(skipped);
        let total: u64 = kept.iter().filter(|s| !s.uri.is_empty()).map(|s| s.duration).sum();
        assert!(gone.is_empty() || total >= 6 * whole.target * 1_000_000, "skip boundary");
        let plain = |segment: &support::playlist::Listed| {
            (segment.sequence, segment.date, segment.uri.clone(), segment.parts.clone())
        };
        let (kept, delta): (Vec<_>, Vec<_>) =
            (kept.iter().map(plain).collect(), delta.segments.iter().map(plain).collect());
        assert_eq!(kept, delta);
    }
}

/// m3u8-rs does not know the Low-Latency tags; without them it must read the same.
fn independent_reader_agrees(text: &str, list: &Playlist) {
    let low_latency = ["#EXT-X-PART", "#EXT-X-PRELOAD-HINT", "#EXT-X-RENDITION-REPORT"];
    let plain: String = text
        .split_inclusive('\n')
        .filter(|line| !low_latency.iter().any(|tag| line.starts_with(tag)))
        .collect();
    let (_, read) = m3u8_rs::parse_media_playlist(plain.as_bytes()).expect("m3u8-rs reads it");
    assert_eq!(read.media_sequence, list.media_sequence);
    assert_eq!(read.discontinuity_sequence, list.discontinuity_sequence);
    assert_eq!(read.target_duration, list.target);
    assert_eq!(read.end_list, list.ended);
    let complete: Vec<_> = list.complete().collect();
    assert_eq!(read.segments.len(), complete.len());
    for (theirs, ours) in read.segments.iter().zip(complete) {
        assert_eq!(theirs.uri, ours.uri);
        // Its durations are single floats.
        let micros = (f64::from(theirs.duration) * 1e6) as u64;
        assert!(micros.abs_diff(ours.duration) < 2);
        let date = theirs.program_date_time.expect("dated").timestamp_millis();
        assert_eq!(Some(date as u64), ours.date);
    }
}

/// dash-mpd-core reads the manifest, and all that it lists can be had: what is complete at once,
/// what is not as it is made.
fn manifest_holds(window: &mut LiveWindow) {
    let Answer::Ready(text) = window.answer(&Request::new(Resource::Mpd)) else { return };
    let text = std::str::from_utf8(&text.body).unwrap();
    // The times of a manifest have no sign; segmenters give none that needs one.
    if text.contains("=\"-") {
        return;
    }
    let mpd = dash_mpd_core::parse(text).expect("dash-mpd-core reads it");
    let mut available = |name: &str| {
        let resource = Resource::parse(name).expect("a name of ours");
        matches!(window.answer(&Request::new(resource)), Answer::Stored(_) | Answer::Growing(_))
    };
    let mut numbers = std::collections::HashMap::new();
    for period in &mpd.periods {
        for representation in period.adaptations.iter().flat_map(|set| &set.representations) {
            let template = representation.SegmentTemplate.as_ref().unwrap();
            let init = template.initialization.as_ref().unwrap();
            assert!(available(init), "{init}\n{text}");
            let media = template.media.as_ref().unwrap();
            let mut number = template.startNumber.unwrap();
            let mut end = None;
            for run in &template.SegmentTimeline.as_ref().unwrap().segments {
                let start = run.t.or(end).expect("a start");
                assert!(end.is_none_or(|end| start >= end), "segments overlap\n{text}");
                let count = 1 + run.r.unwrap_or(0).unsigned_abs();
                end = Some(start + run.d * count);
                for _ in 0..count {
                    let name = media.replace("$Number$", &number.to_string());
                    assert!(available(&name), "{name}\n{text}");
                    number += 1;
                }
            }
            let id = representation.id.clone().unwrap();
            let first = template.startNumber.unwrap();
            if let Some(before) = numbers.insert(id, number) {
                assert!(first >= before, "numbers only grow\n{text}");
            }
        }
    }
}

/// What a manifest may become (ISO/IEC 23009-1, 5.4.1): Periods keep what they are.
fn check_successor(before: &dash_mpd_core::MPD, next: &dash_mpd_core::MPD) {
    assert_eq!(before.availabilityStartTime, next.availabilityStartTime);
    assert!(before.publishTime < next.publishTime, "another text has another time");
    for period in &before.periods {
        let Some(now) = next.periods.iter().find(|now| now.id == period.id) else { continue };
        assert_eq!(period.start, now.start);
        let shape = |period: &dash_mpd_core::Period| {
            let mut shape = Vec::new();
            for set in &period.adaptations {
                for it in &set.representations {
                    let template = it.SegmentTemplate.as_ref().unwrap();
                    let (offset, init) =
                        (template.presentationTimeOffset, template.initialization.clone());
                    shape.push((set.id.clone(), it.id.clone(), it.bandwidth, offset, init));
                }
            }
            shape
        };
        let (old, new) = (shape(period), shape(now));
        // What left the window altogether is not there any more.
        assert!(new.iter().all(|kept| old.contains(kept)), "{old:?} {new:?}");
    }
}

struct World {
    stage: Stage,
    /// The last manifest.
    mpd: Option<(String, dash_mpd_core::MPD)>,
    /// What was said of the things that happen: when they began, and how long they last.
    ranges: std::collections::HashMap<u8, (WallTime, Option<u64>)>,
    bounds: Vec<i64>,
    encoders: [Encoder; 2],
    clients: [Client; 2],
    inits: u64,
    evicted: std::collections::BTreeSet<Resource>,
}

impl World {
    fn new(config: Config, lengths: &[i64]) -> Self {
        let sum = |at: &mut i64, length: &i64| Some(std::mem::replace(at, *at + length));
        let mut world = Self {
            stage: Stage::with_tracks(config),
            mpd: None,
            ranges: std::collections::HashMap::new(),
            bounds: lengths.iter().scan(0, sum).collect(),
            encoders: [Encoder::new(VIDEO), Encoder::new(AUDIO)],
            clients: [Client::new(VIDEO), Client::new(AUDIO)],
            inits: 0,
            evicted: std::collections::BTreeSet::new(),
        };
        world.align(None);
        world
    }

    fn encoder(&mut self, track: TrackId) -> &mut Encoder {
        if track == VIDEO { &mut self.encoders[0] } else { &mut self.encoders[1] }
    }

    fn seek(&mut self, track: TrackId, sequence: u64) {
        let bounds = std::mem::take(&mut self.bounds);
        self.encoder(track).seek(&bounds, sequence);
        self.bounds = bounds;
    }

    /// Says whether the input was taken; a track that was given up goes on where it may.
    fn input(&mut self, track: TrackId, input: Input) -> bool {
        match self.stage.input(input) {
            Ok(()) => true,
            Err(Error::SequenceFell { expected, .. }) => {
                self.seek(track, expected);
                false
            }
            Err(error) => panic!("{error}"),
        }
    }

    /// Both tracks go on with the same number, as a segmenter has it where anything changes.
    fn align(&mut self, clock: Option<i64>) {
        for track in [VIDEO, AUDIO] {
            self.apply(&Op::Close(track));
        }
        let next = self.encoders.iter().map(|encoder| encoder.sequence).max().unwrap();
        for track in [VIDEO, AUDIO] {
            if let Some(clock) = clock {
                let encoder = self.encoder(track);
                (encoder.clock, encoder.at) = (clock, i64::MIN);
            }
            self.seek(track, next);
        }
    }

    /// Says which track has something new that its clients must hear of.
    fn apply(&mut self, op: &Op) -> Option<TrackId> {
        match *op {
            Op::Part(track, frames) => {
                let (bounds, encoder) = (self.bounds.clone(), self.encoder(track));
                // The segmenter keeps to the part target of 200 ms.
                let length = (frames as i64 * encoder.frame()).min(encoder.hz() / 5);
                let part = Part {
                    track,
                    sequence: encoder.sequence,
                    index: encoder.parts,
                    start: Timestamp::new(encoder.at),
                    duration: Duration::new(length as u64),
                    independent: encoder.parts == 0,
                    discontinuity: encoder.parts == 0 && encoder.broken,
                    bytes: length as u64,
                };
                let pass = length * 1000 / encoder.hz();
                self.stage.clock += pass as u64;
                if !self.input(track, Input::Part(part)) {
                    return None;
                }
                let encoder = self.encoder(track);
                encoder.at += length;
                encoder.parts += 1;
                encoder.broken = false;
                encoder.fresh = false;
                if encoder.at >= encoder.bound(&bounds, encoder.sequence + 1) {
                    self.apply(&Op::Close(track));
                }
                Some(track)
            }
            Op::Close(track) => {
                let encoder = self.encoder(track);
                if encoder.parts == 0 {
                    return None;
                }
                let length = (encoder.at - encoder.segment_start) as u64;
                let segment = Segment {
                    track,
                    sequence: encoder.sequence,
                    start: Timestamp::new(encoder.segment_start),
                    duration: Duration::new(length),
                    independent: true,
                    discontinuity: false,
                    bytes: length,
                };
                let next = encoder.sequence + 1;
                if self.input(track, Input::Segment(segment)) {
                    self.seek(track, next);
                }
                None
            }
            Op::Abandon(track) => {
                let encoder = self.encoder(track);
                let next = encoder.sequence + 1;
                if encoder.parts > 0 {
                    self.seek(track, next);
                }
                None
            }
            Op::Whole(track) => {
                self.apply(&Op::Close(track));
                let (bounds, encoder) = (self.bounds.clone(), self.encoder(track));
                let end = encoder.bound(&bounds, encoder.sequence + 1);
                let frames = (end - encoder.at + encoder.frame() - 1) / encoder.frame();
                let length = frames * encoder.frame();
                let segment = Segment {
                    track,
                    sequence: encoder.sequence,
                    start: Timestamp::new(encoder.at),
                    duration: Duration::new(length as u64),
                    independent: true,
                    discontinuity: encoder.broken,
                    bytes: length as u64,
                };
                let next = encoder.sequence + 1;
                if !self.input(track, Input::Segment(segment)) {
                    return None;
                }
                let encoder = self.encoder(track);
                encoder.broken = false;
                encoder.fresh = false;
                encoder.at += length;
                self.seek(track, next);
                Some(track)
            }
            Op::Skip(track, count) => {
                if self.encoders.iter().any(|encoder| encoder.fresh) {
                    return None;
                }
                self.apply(&Op::Close(track));
                let encoder = self.encoder(track);
                encoder.fresh = true;
                let next = encoder.sequence + count;
                self.seek(track, next);
                None
            }
            Op::Gap(track) => {
                self.apply(&Op::Close(track));
                let (bounds, encoder) = (self.bounds.clone(), self.encoder(track));
                let next = encoder.sequence + 1;
                let gap = Gap {
                    track,
                    sequence: encoder.sequence,
                    start: Timestamp::new(encoder.at),
                    duration: Duration::new((encoder.bound(&bounds, next) - encoder.at) as u64),
                    discontinuity: encoder.broken,
                };
                if self.input(track, Input::Gap(gap)) {
                    let encoder = self.encoder(track);
                    (encoder.broken, encoder.fresh) = (false, false);
                    self.seek(track, next);
                }
                None
            }
            Op::Reconfigure(track) => {
                self.align(None);
                self.inits += 1;
                let init = self.inits;
                let rendition = if track == VIDEO { video(init) } else { audio(init) };
                self.stage.input(Input::Track(rendition)).unwrap();
                self.stage.input(Input::Discontinuity).unwrap();
                for encoder in &mut self.encoders {
                    encoder.broken = false;
                    encoder.fresh = true;
                }
                None
            }
            Op::Republish { pause, clock, said } => {
                self.align(Some(clock));
                self.stage.clock += pause;
                if said {
                    self.stage.input(Input::Discontinuity).unwrap();
                }
                for encoder in &mut self.encoders {
                    encoder.broken = !said;
                    encoder.fresh = true;
                }
                None
            }
            Op::Range(number, length) => {
                let now = self.stage.now();
                let (start, known) = *self.ranges.entry(number).or_insert((now, None));
                let length = known.or(length);
                self.ranges.insert(number, (start, length));
                let range = DateRange::new(format!("range-{number}"), start).unwrap();
                let range = range.with_scte35_out(vec![0xFC].into()).unwrap();
                let range = match length.map(std::time::Duration::from_secs) {
                    Some(length) => {
                        range.with_duration(length).with_scte35_in(vec![0xFC].into()).unwrap()
                    }
                    None => range,
                };
                self.stage.input(Input::DateRange(range)).unwrap();
                None
            }
            Op::Protect(track, systems) => {
                self.inits += 1;
                let key = |system: &str| {
                    let uri = format!("key-{}", self.inits);
                    Key::new(KeyMethod::SampleAes, uri).unwrap().with_format(system).unwrap()
                };
                let keys = ["identity", "com.example"].iter().take(systems).map(|it| key(it));
                let protection = Protection { keys: keys.collect(), content: Vec::new() };
                self.stage.input(Input::Protect(track, protection)).unwrap();
                None
            }
            Op::Step(back) => {
                self.stage.clock = self.stage.clock.saturating_sub(back);
                None
            }
        }
    }

    fn step(&mut self, op: &Op) {
        let version = self.stage.window.version();
        let news = self.apply(op);
        assert!(self.stage.window.version() >= version);
        for client in &mut self.clients {
            let follows = client.held.is_some();
            let answered = client.ask(&mut self.stage.window);
            if follows && news == Some(client.track) {
                assert!(answered, "{:?} waits past one part", client.request);
                // Having it, it asks for the next, which is not there.
                assert!(!client.ask(&mut self.stage.window));
            }
        }
        for resource in [Resource::Multivariant, Resource::Ts] {
            let _ = self.stage.answer(resource);
        }
        manifest_holds(&mut self.stage.window);
        self.check_manifest();
        self.check_renditions(news);
        while let Some(output) = self.stage.window.poll_output() {
            match output {
                Output::Evicted(resource) => {
                    assert!(self.evicted.insert(resource), "{resource} evicted twice");
                    assert_eq!(self.stage.answer(resource), Answer::NotFound);
                }
                other => panic!("{other:?}"),
            }
        }
    }
}

impl World {
    fn check_manifest(&mut self) {
        let Answer::Ready(text) = self.stage.answer(Resource::Mpd) else { return };
        let text = String::from_utf8(text.body.to_vec()).unwrap();
        if text.contains("=\"-") || self.mpd.as_ref().is_some_and(|(known, _)| *known == text) {
            return;
        }
        let mpd = dash_mpd_core::parse(&text).unwrap();
        if let Some((_, before)) = &self.mpd {
            check_successor(before, &mpd);
        }
        self.mpd = Some((text, mpd));
    }

    /// 6.2.4, B.1: what renditions must have in common, and must say of each other; `fresh` has just
    /// been rendered.
    fn check_renditions(&mut self, fresh: Option<TrackId>) {
        let Answer::Ready(index) = self.stage.answer(Resource::Multivariant) else { return };
        let index = String::from_utf8(index.body.to_vec()).unwrap();
        let (index, mut broken) = follow::multivariant::Multivariant::read(&index).unwrap();
        broken.extend(index.broken());
        assert!(broken.is_empty(), "{broken:?}\n{index:?}");
        let mut lists = Vec::new();
        for track in [VIDEO, AUDIO] {
            let Answer::Ready(list) = self.stage.answer(Resource::Media { track }) else { return };
            lists.push(Playlist::read(std::str::from_utf8(&list.body).unwrap()));
        }
        let [video, audio] = [&lists[0], &lists[1]];
        assert_eq!((video.target, &video.control), (audio.target, &audio.control));
        for one in &video.segments {
            let other = audio.segments.iter().find(|other| other.sequence == one.sequence);
            assert!(other.is_none_or(|it| it.discontinuity_number == one.discontinuity_number));
        }
        for link in index.links() {
            for (track, list, own) in [(VIDEO, video, "1.m3u8"), (AUDIO, audio, "2.m3u8")] {
                let mut reports = list.reports.iter();
                let reported = reports.any(|report| report.contains(&format!("URI=\"{link}\"")));
                let expected = fresh == Some(track) && list.part_target.is_some() && link != own;
                assert!(reported || !expected, "{own} says nothing of {link}");
            }
        }
        for (list, other) in [(video, audio), (audio, video)] {
            for report in &list.reports {
                let number = |name: &str| {
                    let (_, rest) = report.split_once(&format!(",{name}="))?;
                    rest.split(',').next()?.parse::<u64>().ok()
                };
                let (msn, part) = (number("LAST-MSN").unwrap(), number("LAST-PART"));
                let last = other.segments.last().map_or(0, |last| last.sequence);
                assert!(msn <= last, "{report} is ahead of {last}");
                let named = other.segments.iter().find(|segment| segment.sequence == msn);
                let parts = named.map_or(0, |named| named.parts.len() as u64);
                assert!(part.is_none_or(|part| parts == 0 || part < parts), "{report}");
            }
        }
    }
}

fn config(low_latency: bool, window: u64) -> Config {
    Config {
        window: std::time::Duration::from_secs(window),
        linger: std::time::Duration::ZERO,
        part_target: low_latency.then_some(std::time::Duration::from_millis(200)),
        ..Config::default()
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn any_life_of_a_stream_keeps_the_rules(
        ops in prop::collection::vec(op(), 1..250),
        lengths in lengths(),
        window in 0..40u64,
    ) {
        let mut world = World::new(config(true, window), &lengths);
        for op in &ops {
            world.step(op);
        }
        world.stage.input(Input::End).unwrap();
        for client in &mut world.clients {
            if client.held.is_some() {
                prop_assert!(client.ask(&mut world.stage.window), "the end answers all");
                prop_assert!(client.held.as_ref().unwrap().ended);
            }
        }
    }

    #[test]
    fn any_life_without_low_latency_keeps_the_rules(
        ops in prop::collection::vec(op(), 1..150),
        lengths in lengths(),
    ) {
        let mut world = World::new(config(false, 10), &lengths);
        for op in &ops {
            // Parts are not listed, so only segments are news.
            let version = world.stage.window.version();
            world.apply(op);
            prop_assert!(world.stage.window.version() >= version);
            for client in &mut world.clients {
                client.ask(&mut world.stage.window);
            }
        }
    }
}

fn any_input() -> impl Strategy<Value = Input> {
    let track = (0..3u32).prop_map(TrackId::new);
    let sequence = prop_oneof![8 => 0..20u64, 1 => any::<u64>()];
    let start = prop_oneof![8 => -1000..1000i64, 1 => any::<i64>()];
    let duration = prop_oneof![8 => 0..1000u64, 1 => any::<u64>()];
    let media = (sequence, start, duration, any::<bool>(), any::<bool>());
    prop_oneof![
        2 => (track.clone(), 0..3u64, any::<bool>()).prop_map(|(track, init, is_video)| {
            let rendition = if is_video { video(init) } else { audio(init) };
            let timescale = Timescale::new(100).unwrap();
            Input::Track(airloom_playlist::Rendition { track, timescale, ..rendition })
        }),
        8 => (track.clone(), media.clone(), 0..4u32, any::<u64>()).prop_map(
            |(track, (sequence, start, duration, independent, discontinuity), index, bytes)| {
                Input::Part(Part {
                    track, sequence, index, start: Timestamp::new(start),
                    duration: Duration::new(duration), independent, discontinuity, bytes,
                })
            }
        ),
        8 => (track, media.clone(), any::<u64>()).prop_map(
            |(track, (sequence, start, duration, independent, discontinuity), bytes)| {
                Input::Segment(Segment {
                    track, sequence, start: Timestamp::new(start),
                    duration: Duration::new(duration), independent, discontinuity, bytes,
                })
            }
        ),
        2 => (0..3u32, media.clone()).prop_map(
            |(track, (sequence, start, duration, _, discontinuity))| Input::Gap(Gap {
                track: TrackId::new(track), sequence, start: Timestamp::new(start),
                duration: Duration::new(duration), discontinuity,
            })
        ),
        2 => media.prop_map(|(sequence, start, duration, _, discontinuity)| {
            Input::TsSegment(TsSegment {
                sequence, start: Timestamp::new(start), duration: Duration::new(duration),
                discontinuity,
            })
        }),
        1 => (0..10u32).prop_map(Input::TargetDuration),
        1 => Just(Input::Discontinuity),
    ]
}

proptest! {
    /// Inputs without any sense: refused or listed, never a panic, and numbers never fall.
    #[test]
    fn nonsense_does_no_harm(
        inputs in prop::collection::vec((any_input(), any::<u32>()), 1..120),
    ) {
        let limits = Limits { segments: 30, parts: 3, ..Limits::default() };
        let mut window = LiveWindow::new(Config { limits, ..Config::default() });
        let mut sequences = [(0, 0); 4];
        for (input, now) in inputs {
            let now = WallTime::from_unix(std::time::Duration::from_micros(u64::from(now)));
            let _ = window.handle_input(now, input);
            for (index, last) in sequences.iter_mut().enumerate() {
                let resource = match index {
                    3 => Resource::Ts,
                    index => Resource::Media { track: TrackId::new(index as u32) },
                };
                let Answer::Ready(rendered) = window.answer(&Request::new(resource)) else {
                    continue;
                };
                let plain: String = std::str::from_utf8(&rendered.body).unwrap()
                    .split_inclusive('\n')
                    .filter(|line| !line.starts_with("#EXT-X-PART"))
                    .collect();
                let (_, list) = m3u8_rs::parse_media_playlist(plain.as_bytes()).unwrap();
                let next = (list.media_sequence, list.discontinuity_sequence);
                prop_assert!(next.0 >= last.0 && next.1 >= last.1);
                *last = next;
            }
            for resource in [Resource::Multivariant, Resource::Mpd] {
                let _ = window.answer(&Request::new(resource));
            }
            while window.poll_output().is_some() {}
        }
    }
}
