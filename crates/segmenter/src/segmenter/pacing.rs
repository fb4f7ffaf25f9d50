//! Which track decides where segments begin, and who waits for whom.

use super::Segmenter;
use super::cutting::Begin;
use super::input::{Input, Presence};
use super::lane::Timed;
use crate::{Absence, Cut, Event};

/// A track that is behind the others by up to so many waits, but comes, is waited for as long as
/// that takes.
const MOST_LAG: i64 = 3;

impl Segmenter {
    /// Passes a sample to its lane, now or when the pacer has come as far.
    #[inline]
    pub(super) fn route(&mut self, index: usize, timed: Timed) {
        let mpeg = timed.mpeg;
        let Some(input) = self.inputs.get_mut(index) else { return };
        let known = input.newest;
        input.newest = Some(known.map_or(mpeg, |newest| newest.max(mpeg)));
        if input.presence != Presence::Present {
            self.welcome(index, mpeg);
        }
        if self.target_duration.is_none() {
            // A track that comes second may begin first.
            self.origin = self.origin.min(mpeg);
        }
        if self.pacer == Some(index) {
            if timed.sync {
                self.note_lead(index, mpeg);
            }
            self.pace(index, timed);
            if self.schedule.has_history() {
                self.drop_laggards(mpeg);
            }
            self.release();
        } else {
            self.note_lag(index, mpeg, self.reached());
            let (limit, most) = (self.policy.limits.held_bytes, self.policy.limits.segment_samples);
            let Some(input) = self.inputs.get_mut(index) else { return };
            input.push(timed);
            let crowded = input.queued > limit || input.queue.len() > most;
            // As a rule the pacer is not as far: then what waits goes on waiting.
            let first = input.queue.front().map_or(i64::MAX, |front| front.mpeg);
            if self.reached().is_some_and(|reached| first <= reached) {
                self.release();
            }
            self.check_pacer(index, mpeg, crowded);
        }
    }

    /// A track that was not waited for delivers: from now on it is, unless it is far behind.
    #[cold]
    fn welcome(&mut self, index: usize, mpeg: i64) {
        let newest = self
            .pacer
            .filter(|pacer| *pacer != index)
            .and_then(|pacer| self.inputs.get(pacer).and_then(|input| input.newest));
        let Some(input) = self.inputs.get_mut(index) else { return };
        // Less than the most, so that one at the edge of it does not come and go.
        let most = self.policy.stall.saturating_mul(MOST_LAG - 1);
        let near = newest.is_none_or(|newest| mpeg >= newest.saturating_sub(most));
        if !near {
            return;
        }
        let was = std::mem::replace(&mut input.presence, Presence::Present);
        let (track, known) = (input.track.id, input.lane.is_known());
        self.note_lead(index, mpeg);
        if was == Presence::Late && known {
            self.event(Event::TrackBack { track });
        }
        self.choose_pacer();
    }

    /// The first video track that is there decides; without one, the first audio track.
    pub(super) fn choose_pacer(&mut self) {
        let find = |video: bool, presence: Presence| {
            self.inputs
                .iter()
                .position(|input| input.lane.is_video() == video && input.presence == presence)
        };
        let chosen = find(true, Presence::Present)
            .or_else(|| find(true, Presence::Expected))
            .or_else(|| find(false, Presence::Present))
            .or_else(|| find(false, Presence::Expected));
        if chosen == self.pacer || chosen.is_none() {
            return;
        }
        self.pacer = chosen;
        self.limit_lengths();
        // What it has in its queue was waiting for another.
        while let Some(timed) = self.pop_queue(chosen) {
            if let Some(index) = chosen {
                self.pace(index, timed);
            }
        }
    }

    pub(super) fn pop_queue(&mut self, index: Option<usize>) -> Option<Timed> {
        self.inputs.get_mut(index?)?.pop()
    }

    /// A follower has come to `mpeg`: if the pacer is too far behind, the others go on without it.
    fn check_pacer(&mut self, follower: usize, mpeg: i64, crowded: bool) {
        let Some(pacer) = self.pacer.and_then(|pacer| self.inputs.get(pacer)) else { return };
        let waiting = self.inputs.get(follower).and_then(|input| input.queue.front());
        let Some(waiting) = waiting else { return };
        let since = pacer.newest.unwrap_or(waiting.mpeg);
        if !crowded && mpeg.saturating_sub(since) <= self.patience(pacer) {
            return;
        }
        if let Some(pacer) = self.pacer {
            self.leave_behind(pacer);
            self.choose_pacer();
            self.release();
        }
    }

    /// Notes how far behind the deciding track, which is at `reached`, another one comes.
    #[inline]
    pub(super) fn note_lag(&mut self, index: usize, mpeg: i64, reached: Option<i64>) {
        let lag = reached.filter(|it| *it != i64::MAX).map_or(0, |it| it.saturating_sub(mpeg));
        let most = self.policy.stall.saturating_mul(MOST_LAG);
        if let Some(input) = self.inputs.get_mut(index) {
            input.lag = lag.clamp(0, most);
        }
    }

    /// Notes how far behind the others the deciding track comes.
    #[cold]
    pub(super) fn note_lead(&mut self, index: usize, mpeg: i64) {
        self.note_lag(index, mpeg, self.newest_of_others(index));
    }

    /// How far behind the others a track may be: by what it always is, by a wait, and while its
    /// samples wait for a new timeline to be settled by another.
    fn patience(&self, input: &Input) -> i64 {
        let waits = if input.turned.is_some() { 2 } else { 1 };
        self.policy.stall.saturating_mul(waits).saturating_add(input.lag)
    }

    /// The pacer has come to `mpeg`: followers that are a whole wait behind a segment's end lose
    /// it.
    fn drop_laggards(&mut self, mpeg: i64) {
        for index in 0..self.inputs.len() {
            let Some(input) = self.inputs.get(index) else { continue };
            if input.presence == Presence::Late || self.pacer == Some(index) {
                continue;
            }
            let end = self.schedule.end(input.lane.sequence());
            if end < mpeg && mpeg - end > self.patience(input) {
                self.leave_behind(index);
            }
        }
    }

    /// Stops waiting for a track: its segments close as the schedule has them.
    #[cold]
    fn leave_behind(&mut self, index: usize) {
        let Some(input) = self.inputs.get_mut(index) else { return };
        let began = input.newest.is_some() || input.lane.is_known();
        let absence = if began { Absence::Stopped } else { Absence::NotYet };
        input.presence = Presence::Late;
        let track = input.track.id;
        self.event(Event::TrackAbsent { track, absence });
        self.close_late();
    }

    /// Moves every track that nobody waits for into the open segment.
    pub(super) fn close_late(&mut self) {
        let Some(sequence) = self.schedule.open().map(|open| open.sequence) else { return };
        let (inputs, mut sink) = self.split();
        for input in inputs {
            if input.presence == Presence::Late && input.lane.sequence() < sequence {
                input.lane.flush(&mut sink);
                input.lane.advance_to(sequence, &mut sink);
                // The last sample's length was a guess; the next one may come earlier than that.
                input.clock.not_before(input.lane.end());
            }
        }
    }

    /// Where the pacer is; `None` while it has not begun.
    #[inline]
    pub(super) fn reached(&self) -> Option<i64> {
        match self.pacer.and_then(|pacer| self.inputs.get(pacer)) {
            Some(pacer) => pacer.newest,
            None => Some(i64::MAX),
        }
    }

    /// Passes on what followers have up to where the pacer is.
    #[inline]
    pub(super) fn release(&mut self) {
        let pacer = self.pacer;
        let Some(reached) = self.reached() else { return };
        let steady = self.steady.is_some();
        let mut awaited = None;
        let mut overlong = false;
        let (inputs, mut sink) = self.split();
        for (index, input) in inputs.iter_mut().enumerate() {
            if pacer == Some(index) {
                continue;
            }
            while let Some(front) = input.queue.front() {
                if front.mpeg > reached {
                    break;
                }
                if steady && front.change.is_none() && input.lane.goes_on(front.decode_time) {
                    let Some(timed) = input.pop() else { break };
                    input.lane.go_on(timed, &mut sink);
                    continue;
                }
                if front.is_undecided() {
                    awaited = Some(input.track.id);
                    break;
                }
                if input.lane.is_overlong(Some(front.decode_time)) {
                    overlong = true;
                    break;
                }
                let Some(timed) = input.pop() else { break };
                input.lane.take(timed, &mut sink);
            }
        }
        if awaited.is_some() {
            (self.awaited, self.steady) = (awaited, None);
        }
        if overlong && let Some(open) = self.schedule.open() {
            // A track that is behind has more for this segment than fits: it ends for all of them.
            let now = reached.max(open.start).saturating_add(1);
            self.begin(now, false, Begin::Forced(Cut::Duration));
            self.release();
        }
    }
}
