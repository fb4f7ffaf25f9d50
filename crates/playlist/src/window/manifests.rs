use airloom_media::{Duration, Rounding, Timescale, Timestamp};
use bytes::Bytes;

use super::log::{Entry, State};
use super::{LiveWindow, Phase, Track, Zero};
use crate::dash::{self, LowLatency, Mpd, Period, Presentation, Representation};
use crate::decimal::Micros;
use crate::hls::multivariant;
use crate::{Answer, Rendered, Rendition};

/// A text that speaks of the whole stream, as last rendered.
#[derive(Debug, Default)]
pub(super) struct Manifest {
    /// Whether it may differ by now.
    pub(super) stale: bool,
    text: Option<Rendered>,
}

impl Manifest {
    /// Takes a new rendering; one that says the same changes nothing.
    fn renew(&mut self, mut text: String, version: u64) -> Rendered {
        self.stale = false;
        text.shrink_to_fit();
        match &self.text {
            Some(old) if old.body == text.as_bytes() => old.clone(),
            _ => self.text.insert(Rendered { body: Bytes::from(text), version }).clone(),
        }
    }
}

/// A fortieth of a second: one frame of AAC, which segments of sound differ by.
const GUESS_MARGIN: u64 = 40;

impl Track {
    /// Its segments that the Period of the sequence numbers from `first` to `end` (excluded)
    /// lists: the first run without a gap, since numbers must be consecutive. The segment being
    /// made is one of them where it is played.
    fn run(&self, first: u64, end: u64, low_latency: bool) -> Vec<&Entry> {
        let first = first.max(self.joined);
        self.log
            .listed()
            .filter(|entry| (first..end).contains(&entry.sequence))
            .skip_while(|entry| entry.state == State::Gap)
            .take_while(|entry| entry.state == State::Closed || (low_latency && entry.is_growing()))
            .collect()
    }

    /// Its `@bandwidth` in the Period that begins with `first`, if it is in that.
    fn dash_bandwidth(&self, first: u64) -> Option<u64> {
        let mut known = self.dash_bandwidths.iter();
        known.find(|(era, _)| *era == first).map(|(_, bandwidth)| *bandwidth)
    }

    /// How long the segment being made is going to be, by what the one before it was.
    ///
    /// Clients look for the segment after it where they were told that it ends, so a guess has to
    /// be a little long: one too short leads them to the same segment again.
    fn guess(&self, target_duration: u32) -> Duration {
        let timescale = u64::from(self.rendition.timescale.hz());
        let target = u64::from(target_duration) * timescale;
        let mut closed = self.log.entries.iter().rev().filter(|e| e.state == State::Closed);
        // The first one of a stream is short by design.
        let before = closed.next().filter(|_| closed.next().is_some());
        let length = before.map_or(target, |before| before.ticks.ticks());
        Duration::new(length.saturating_add(timescale / GUESS_MARGIN))
    }
}

impl LiveWindow {
    pub(super) fn multivariant(&mut self) -> Answer {
        if self.is_unfinished() {
            return Answer::NotFound;
        }
        match self.phase {
            Phase::Starting => return self.wait(None),
            Phase::Ended if !self.is_playable() => return Answer::NotFound,
            Phase::Live | Phase::Ended => {}
        }
        if let (Some(text), false) = (&self.multivariant.text, self.multivariant.stale) {
            return Answer::Ready(text.clone());
        }
        let offered = |track: &&Track| track.log.is_playable() && track.log.bandwidth.is_measured();
        let entries: Vec<_> = self
            .tracks
            .iter()
            .filter(offered)
            .filter(|track| !track.log.is_interrupted() || !self.has_stand_in(track))
            .map(|track| multivariant::Entry {
                rendition: &track.rendition,
                peak: track.log.bandwidth.peak(),
                average: track.log.bandwidth.average(),
                independent: if self.ended() {
                    track.log.is_independent()
                } else {
                    track.log.is_faithful()
                },
            })
            .collect();
        let text = multivariant::render(&entries, &self.settings.session);
        Answer::Ready(self.multivariant.renew(text, self.version))
    }

    /// Whether another encoding of the programme has media where this track has none.
    pub(super) fn has_stand_in(&self, track: &Track) -> bool {
        let Rendition { format, variant, .. } = &track.rendition;
        self.tracks.iter().any(|other| {
            other.rendition.format.kind() == format.kind()
                && other.rendition.variant != *variant
                && other.log.is_playable()
                && !other.log.is_interrupted()
        })
    }

    pub(super) fn manifest(&mut self) -> Answer {
        if self.is_unfinished() {
            return Answer::NotFound;
        }
        let Some(available_from) = self.available_from else {
            return if self.ended() { Answer::NotFound } else { self.wait(None) };
        };
        if let (Some(text), false) = (&self.mpd.text, self.mpd.stale) {
            return Answer::Ready(text.clone());
        }
        self.settled = true;
        // 5.4.1: another text has another time, also where the clock stands or was set back.
        self.published = self.published.max(self.publish_floor);
        self.publish_floor = self.published.after(Micros(1000));
        self.settle_bandwidths();
        let periods = self.periods();
        let presentation = if self.ended() {
            let last = self.tracks.iter().filter_map(|track| track.log.last_media());
            let end = last.map(Entry::end_date).max().unwrap_or(available_from);
            Presentation::Static { duration: end.nanos_since(available_from) }
        } else {
            Presentation::Dynamic {
                available_from,
                published: self.published,
                time_shift: match self.settings.playlist_type {
                    Some(_) => None,
                    None => Some(self.settings.window.0.saturating_mul(1000)),
                },
                time_url: &self.settings.time_url,
                low_latency: self.low_latency(),
            }
        };
        let text =
            dash::render(&Mpd { presentation, target_duration: self.target_duration, periods });
        Answer::Ready(self.mpd.renew(text, self.version))
    }

    /// What DASH clients are told that play the segment being made.
    fn low_latency(&self) -> Option<LowLatency> {
        let (part, hold_back) = self.settings.parts.filter(|_| !self.ended())?;
        let update = dash::update_period(self.target_duration, true) / 1000;
        let early = Micros::from_secs(self.target_duration).0.saturating_sub(part.0);
        // A client learns of a segment up to a whole update late, and asks for that update late too
        // where its page has other things to do: at one update behind, dash.js stalls now and then.
        let usual = Micros(hold_back.0 + 2 * update);
        let target = self.settings.dash_latency.unwrap_or(usual);
        Some(LowLatency { target, early: Micros(early), part })
    }

    /// Eras with the first sequence number after each.
    fn bounded_eras(&self) -> Vec<(super::era::Era, u64)> {
        let ends = self.eras.iter().skip(1).map(|era| era.first).chain([u64::MAX]);
        self.eras.iter().copied().zip(ends).collect()
    }

    fn periods(&self) -> Vec<Period<'_>> {
        let available_from = self.available_from.unwrap_or_default();
        let mut periods = Vec::new();
        for (era, end) in self.bounded_eras() {
            let (Some(zero), Some(received)) = (era.zero, era.start()) else { continue };
            let mut representations = Vec::new();
            for track in &self.tracks {
                let Some(bandwidth) = track.dash_bandwidth(era.first) else { continue };
                let run = track.run(era.first, end, self.settings.parts.is_some());
                let Some(first) = run.first() else { continue };
                let guess = track.guess(self.target_duration);
                let length = |entry: &Entry| {
                    if entry.is_growing() { entry.ticks.max(guess) } else { entry.ticks }
                };
                let timescale = track.rendition.timescale;
                representations.push(Representation {
                    rendition: &track.rendition,
                    protection: first.protection.as_deref(),
                    init: first.init.unwrap_or(track.rendition.init),
                    bandwidth,
                    presentation_time_offset: zero.ticks(timescale).unwrap_or_default(),
                    start_number: first.sequence,
                    independent: run.iter().all(|entry| entry.independent),
                    segments: run.iter().map(|entry| (entry.start, length(entry))).collect(),
                });
            }
            if !representations.is_empty() {
                let start = received.nanos_since(available_from);
                periods.push(Period { id: era.first, start, received, representations });
            }
        }
        periods
    }

    /// What a Period was given out with it keeps (ISO/IEC 23009-1, 5.4.1): its tracks, and of each the
    /// `@bandwidth` measured then.
    fn settle_bandwidths(&mut self) {
        let low_latency = self.settings.parts.is_some();
        let eras = self.bounded_eras();
        for track in &mut self.tracks {
            track
                .dash_bandwidths
                .retain(|(known, _)| eras.iter().any(|(era, _)| era.first == *known));
            for (era, end) in eras.iter().filter(|(era, _)| era.zero.is_some() && !era.given) {
                if !track.run(era.first, *end, low_latency).is_empty() {
                    track.dash_bandwidths.push((era.first, track.log.bandwidth.peak()));
                }
            }
        }
        for era in self.eras.iter_mut() {
            let mut tracks = self.tracks.iter();
            era.given |= tracks.any(|track| track.dash_bandwidth(era.first).is_some());
        }
    }

    /// Whether the Period of `sequence` was given out without the track at `index`, and there is no
    /// later one that it will be in.
    pub(super) fn is_left_out(&self, index: usize, sequence: u64) -> bool {
        let era = self.eras.of(sequence);
        let track = self.tracks.get(index);
        era.given
            && self.eras.is_last(sequence)
            && track.is_some_and(|track| track.dash_bandwidth(era.first).is_none())
    }

    /// Fixes where Periods start, once each of their tracks has begun a segment in it, or one has
    /// two: from then on they may be listed.
    pub(super) fn settle_eras(&mut self) {
        if self.phase == Phase::Starting {
            return;
        }
        for (era, end) in self.bounded_eras() {
            if era.zero.is_some() || era.origin.is_none() {
                continue;
            }
            let mut starts = Vec::new();
            let (mut longest, mut awaited) = (0, 0);
            for track in self.tracks.iter().filter(|track| track.log.is_playable()) {
                let run = track.run(era.first, end, self.settings.parts.is_some());
                longest = longest.max(run.iter().filter(|entry| entry.is_complete()).count());
                match run.first() {
                    Some(first) => starts.push((first.start, track.rendition.timescale)),
                    None if track.log.is_interrupted() && self.has_stand_in(track) => {}
                    None => awaited += 1,
                }
            }
            let settled = longest > 1 || awaited == 0 || self.ended();
            let zero = if settled { self.zero(&starts) } else { None };
            let Some(zero) = zero else { continue };
            if let Some(era) = self.eras.iter_mut().find(|other| other.first == era.first) {
                era.zero = Some(zero);
                if self.available_from.is_none() {
                    self.available_from = era.start();
                }
            }
        }
    }

    /// The earliest of `starts`, moved back to a point that every track's clock has a tick for.
    fn zero(&self, starts: &[(Timestamp, Timescale)]) -> Option<Zero> {
        let hz = self.tracks.iter().map(|track| track.rendition.timescale.hz());
        let per_second = Timescale::new(hz.reduce(gcd)?)?;
        let units = starts
            .iter()
            .filter_map(|(start, timescale)| start.rescale(*timescale, per_second, Rounding::Down))
            .min()?
            .ticks();
        Some(Zero { units, per_second })
    }
}

fn gcd(a: u32, b: u32) -> u32 {
    if b == 0 { a } else { gcd(b, a % b) }
}
