//! From source times to the output's timeline: jumps, restarts, and where a new timeline begins.

use airloom_media::{Delta, Duration, Sample, Timestamp, Track, TrackId};

use super::Segmenter;
use super::clock::{Change, source_to_mpeg};
use super::input::{Input, Presence, Turned};
use super::lane::{Reconfiguration, Timed};
use crate::{Discontinuity, DropReason, Event};

/// Samples that may wait for a new timeline to be settled, whatever their times say.
const MOST_TURNING: usize = 4096;

/// A jump of this many samples that ends where it began was none.
const GLITCH: usize = 2;

/// No sample lasts longer than so many seconds, whatever it says: its duration has 32 bits.
const LONGEST_SAID: i64 = 3600;

/// Negative first times are moved to at least this, in ticks of 90 kHz: room for the other tracks
/// to begin earlier.
const SHIFTED_TO: i64 = 10 * 90_000;

/// A timeline has ended, at least for one track, and it is not yet known where the next begins for
/// all of them: their samples wait.
#[derive(Debug)]
pub(super) struct Turn {
    reason: Discontinuity,
    /// In the order of their arrival.
    waiting: Vec<(usize, Sample, Option<Box<Track>>)>,
    bytes: usize,
}

impl Turn {
    pub(super) fn restart() -> Self {
        Self { reason: Discontinuity::Restart, waiting: Vec::new(), bytes: 0 }
    }

    fn jump(track: TrackId, by: i64) -> Self {
        let reason = Discontinuity::Jump { track, by: Delta::new(by) };
        Self { reason, waiting: Vec::new(), bytes: 0 }
    }

    /// Whether everything before it is already out.
    pub(super) fn is_restart(&self) -> bool {
        self.reason == Discontinuity::Restart
    }

    /// How a track is described by what waits of it, if that says so.
    pub(super) fn described(&self, index: usize) -> Option<&Track> {
        let mut of = self.waiting.iter().rev().filter(|(other, ..)| *other == index);
        of.find_map(|(_, _, change)| change.as_deref())
    }
}

impl Segmenter {
    /// Takes a sample, and the new description it begins with.
    pub(super) fn handle(&mut self, index: usize, sample: Sample, change: Option<Box<Track>>) {
        if self.turn.is_none() {
            match self.jumped(index, &sample, change.as_deref()) {
                None => return self.accept(index, sample, change),
                Some(by) => self.begin_turn(sample.track, by),
            }
        }
        self.handle_turning(index, sample, change);
    }

    #[cold]
    fn begin_turn(&mut self, track: TrackId, by: i64) {
        self.turn = Some(Turn::jump(track, by));
    }

    /// How far the sample is from the one before it, if it cannot belong to the same timeline.
    fn jumped(&self, index: usize, sample: &Sample, change: Option<&Track>) -> Option<i64> {
        let source = sample.decode_time.ticks();
        let input = self.inputs.get(index)?;
        if change.is_some_and(|track| track.timescale != input.track.timescale) {
            // The times before were counted by another clock.
            return (!input.clock.is_fresh()).then_some(0);
        }
        let by = input.clock.jump(source)?;
        (by <= 0 || !(self.was_said(input, by) || self.returned(index, source))).then_some(by)
    }

    /// Whether the sample before lasts so long by its own word, in media that is all there.
    #[cold]
    fn was_said(&self, input: &Input, by: i64) -> bool {
        let by = u64::try_from(by).ok().and_then(|by| input.clock.lasts(Duration::new(by)));
        let said = input.lane.said(input.clock.last());
        let longest = i64::from(input.lane.output().hz()) * LONGEST_SAID;
        let lasts = by.zip(said).is_some_and(|(by, said)| by <= said && by <= longest);
        lasts && !self.policy.settled_target
    }

    /// Whether a track comes back after a long silence to where the others went on: that is no jump.
    #[cold]
    fn returned(&self, index: usize, source: i64) -> bool {
        let mpeg = self.inputs.get(index).and_then(|input| input.clock.mpeg(source));
        mpeg.zip(self.newest_of_others(index))
            .is_some_and(|(mpeg, newest)| mpeg.abs_diff(newest) <= self.longest_step())
    }

    /// The latest time any other track has on this timeline.
    pub(super) fn newest_of_others(&self, index: usize) -> Option<i64> {
        let others = self.inputs.iter().enumerate().filter(|(other, _)| *other != index);
        others.filter_map(|(_, input)| input.newest).max()
    }

    /// What a forward step may be: no more than a segment can hold.
    pub(super) fn longest_step(&self) -> u64 {
        self.policy.jump.min(self.cap).unsigned_abs()
    }

    #[cold]
    fn handle_turning(&mut self, index: usize, sample: Sample, change: Option<Box<Track>>) {
        let source = sample.decode_time.ticks();
        let jumped = self.jumped(index, &sample, change.as_deref()).is_some();
        let steps_within = -self.policy.repair..=self.longest_step().cast_signed();
        let beside = self.newest_of_others(index);
        let Some(turn) = &mut self.turn else { return };
        let Some(input) = self.inputs.get_mut(index) else { return };
        match input.turned {
            None if !turn.is_restart() && !jumped && !input.clock.is_fresh() => {
                // Still, or for ever, on the old timeline.
                input.continues = true;
                return self.accept(index, sample, change);
            }
            None => {
                let timescale = change.as_deref().unwrap_or(&input.track).timescale;
                let first = source_to_mpeg(source, timescale);
                input.turned = Some(Turned { first, last: first, timescale, beside });
                input.continues = false;
            }
            Some(turned) => {
                let at = source_to_mpeg(source, turned.timescale);
                let steps = at.zip(turned.last).map(|(at, last)| at.saturating_sub(last));
                if change.is_some() || steps.is_none_or(|step| !steps_within.contains(&step)) {
                    let alone = turn.waiting.iter().all(|(other, ..)| *other == index);
                    if !turn.is_restart() && !jumped && alone && turn.waiting.len() <= GLITCH {
                        self.undo_turn(index);
                    } else {
                        self.resolve();
                    }
                    return self.handle(index, sample, change);
                }
                input.turned = Some(Turned { last: at, ..turned });
            }
        }
        turn.bytes += sample.data.len();
        turn.waiting.push((index, sample, change));
        if self.is_turned() {
            self.resolve();
        }
    }

    /// The jump was one of a sample or two: they are put where the track was.
    fn undo_turn(&mut self, index: usize) {
        let Some(turn) = self.turn.take() else { return };
        let Some(input) = self.inputs.get_mut(index) else { return };
        input.turned = None;
        let last = input.clock.last_source();
        for input in &mut self.inputs {
            input.continues = false;
        }
        for (index, sample, change) in turn.waiting {
            let decode_time = last.map_or(sample.decode_time, Timestamp::new);
            self.accept(index, Sample { decode_time, ..sample }, change);
        }
    }

    /// Whether it is known, or has to be assumed, where the new timeline begins for all tracks.
    fn is_turned(&self) -> bool {
        let Some(turn) = &self.turn else { return false };
        let waits_long = self.inputs.iter().any(|input| {
            input.turned.is_some_and(|turned| {
                let span = turned.last.zip(turned.first).map(|(last, first)| last - first);
                span.is_none_or(|span| span > self.policy.stall)
            })
        });
        let everyone = self
            .inputs
            .iter()
            .all(|input| input.turned.is_some() || input.presence == Presence::Late);
        waits_long
            || turn.bytes > self.policy.limits.held_bytes
            || turn.waiting.len() >= MOST_TURNING
            // A second sample bears the first one out.
            || (everyone && turn.waiting.len() >= GLITCH)
    }

    /// Lets nothing wait any longer: what waits may begin a turn of its own when it is gone over.
    pub(super) fn resolve_all(&mut self) {
        while self.turn.as_ref().is_some_and(|turn| !turn.waiting.is_empty()) {
            // The first sample of each track gets its place, so that fewer wait each time.
            self.resolve();
        }
    }

    /// Settles where the new timeline begins, and goes on with what waited for that.
    fn resolve(&mut self) {
        let Some(turn) = self.turn.take() else { return };
        let Some(&(reference, ..)) = turn.waiting.first() else {
            // Restarted, and nothing came since.
            self.turn = turn.is_restart().then_some(turn);
            return;
        };
        let split = self.inputs.iter().any(|input| input.continues);
        if split && !turn.is_restart() {
            self.rebase_turned();
        } else {
            if !turn.is_restart() {
                self.end_timeline(turn.reason);
            }
            self.begin_timeline(reference);
        }
        for input in &mut self.inputs {
            input.turned = None;
            input.continues = false;
        }
        for (index, sample, change) in turn.waiting {
            self.handle(index, sample, change);
        }
    }

    /// Places the new timeline right behind the old one: as early as no track goes back, with the
    /// tracks as far from each other as the source has them. Those that are too far from the track
    /// at `reference` to be of its time have a clock of their own: they are moved when they come.
    fn begin_timeline(&mut self, reference: usize) {
        let first = |input: &Input| input.turned.and_then(|turned| turned.first);
        let reference = self.inputs.get(reference).and_then(first);
        let jump = self.policy.jump.unsigned_abs();
        let begins = |input: &Input| {
            let near = |first: &i64| reference.is_none_or(|it| it.abs_diff(*first) <= jump);
            first(input).filter(near)
        };
        let earliest = self.inputs.iter().filter_map(begins).min();
        let behind = |input: &Input| input.end()?.checked_sub(begins(input).or(earliest)?);
        // Without either there is nothing behind which, or nothing that, could be placed.
        let offset = self.inputs.iter().filter_map(behind).max().unwrap_or(self.offset);
        let below_zero = earliest.and_then(|earliest| earliest.checked_add(offset)).unwrap_or(0);
        self.offset = offset - below_zero.min(0);
        for input in &mut self.inputs {
            input.clock.begin(self.offset, input.lane.end());
            input.newest = None;
        }
    }

    /// Some tracks went on and some jumped: those that jumped are moved to where the others are.
    fn rebase_turned(&mut self) {
        for index in 0..self.inputs.len() {
            let turned = self.inputs.get(index).and_then(|input| input.turned);
            if let Some(turned) = turned {
                // Where they were then: meanwhile they have gone on.
                self.rebase(index, turned.first, turned.beside);
            }
        }
    }

    /// Moves one track so that `mpeg`, by the source's clock, is where the others are, and not
    /// before its own end.
    fn rebase(&mut self, index: usize, mpeg: Option<i64>, others: Option<i64>) {
        let Some(input) = self.inputs.get_mut(index) else { return };
        let held = input.newest.map(|newest| newest.saturating_add(input.frame()));
        let at = others.max(input.end()).max(held);
        let offset = at.zip(mpeg).and_then(|(at, mpeg)| at.checked_sub(mpeg));
        // A time no clock can hold: the sample will be left out, and the next one begins anew.
        let Some(offset) = offset else { return input.clock.begin(self.offset, None) };
        input.clock.begin(offset, None);
        input.lane.forget_produced();
        let track = input.track.id;
        self.event(Event::Rebased { track, by: Delta::new(offset) });
    }

    /// Gives a sample of the current timeline its place and passes it on.
    #[inline]
    pub(super) fn accept(&mut self, index: usize, sample: Sample, change: Option<Box<Track>>) {
        let Some(input) = self.inputs.get(index) else { return };
        if input.clock.is_fresh() {
            self.settle_origin(index, &sample);
            if self.is_before_zero(index, &sample) {
                return self.drop_described(index, &sample, change, DropReason::TimeRange);
            }
        }
        let step = self.longest_step() as i64;
        let policy = &self.policy;
        let follows = self.pacer != Some(index);
        let Some(input) = self.inputs.get_mut(index) else { return };
        if follows && input.lane.is_full(policy) {
            return self.drop_described(index, &sample, change, DropReason::SegmentFull);
        }
        if let Some(track) = &change {
            input.count_by(track, policy, step);
        }
        let Ok(place) = input.clock.place(&sample) else {
            return self.drop_described(index, &sample, change, DropReason::TimeRange);
        };
        if let Some(track) = &change {
            input.track = Track::clone(track);
        }
        if let Some(duration) = sample.duration {
            input.state(place.decode_time, duration);
        }
        if input.lane.has_early() {
            input.lane.place_early(&input.clock);
        }
        let track = sample.track;
        match place.change {
            None => {}
            Some(Change::Repaired) => self.event(Event::Repaired {
                track,
                decode_time: sample.decode_time,
                moved_to: Timestamp::new(place.decode_time),
            }),
            Some(Change::Resync(moved)) => {
                self.event(Event::AudioResync { track, moved: Delta::new(moved) });
            }
        }
        let change = change.map(|track| self.reconfiguration(index, *track));
        let timed = Timed {
            decode_time: place.decode_time,
            mpeg: place.mpeg,
            composition_offset: place.composition_offset,
            sync: sample.sync,
            data: sample.data,
            change,
        };
        self.route(index, timed);
    }

    /// Whether a track begins where no segment can say its time, beside others that are under way:
    /// to move it would cost its place beside them.
    #[cold]
    fn is_before_zero(&self, index: usize, sample: &Sample) -> bool {
        let Some(input) = self.inputs.get(index) else { return false };
        let source = sample.decode_time.ticks();
        self.newest_of_others(index).is_some() && input.clock.mpeg(source).is_some_and(|it| it < 0)
    }

    /// Leaves a sample out, but not the description that it would begin.
    #[cold]
    fn drop_described(
        &mut self,
        index: usize,
        sample: &Sample,
        change: Option<Box<Track>>,
        reason: DropReason,
    ) {
        if let Some(input) = self.inputs.get_mut(index)
            && input.pending.is_none()
        {
            input.pending = change;
        }
        self.drop_sample(sample, reason);
    }

    #[cold]
    fn reconfiguration(&self, index: usize, track: Track) -> Box<Reconfiguration> {
        Box::new(Reconfiguration { track, sequence: self.entered(index) })
    }

    /// The open segment, if something new begins with it and the track is not in it yet: then its
    /// new description begins there as well.
    fn entered(&self, index: usize) -> Option<u64> {
        let open = self.schedule.open().filter(|open| open.discontinuity)?;
        let input = self.inputs.get(index)?;
        let outside = input.lane.sequence() < open.sequence || !input.lane.has_content();
        (outside && input.queue.is_empty()).then_some(open.sequence)
    }

    /// The first sample of a track on a timeline: where no segment can carry its time, or it is
    /// too far from the other tracks to be of their time, something is moved.
    #[cold]
    fn settle_origin(&mut self, index: usize, sample: &Sample) {
        let Some(input) = self.inputs.get(index) else { return };
        let source = sample.decode_time.ticks();
        let Some(mpeg) = input.clock.mpeg(source) else { return };
        match self.newest_of_others(index) {
            None if self.schedule.open().is_none() && mpeg < 0 => {
                let by = (SHIFTED_TO.saturating_sub(mpeg)) / 90_000 * 90_000;
                self.offset = by;
                for input in &mut self.inputs {
                    input.clock.begin(by, None);
                }
                self.event(Event::Shifted { by: Duration::new(by.unsigned_abs()) });
            }
            Some(newest) if mpeg.abs_diff(newest) > self.policy.jump.unsigned_abs() => {
                let mpeg = source_to_mpeg(source, input.track.timescale);
                self.rebase(index, mpeg, Some(newest));
            }
            _ => {}
        }
    }
}
