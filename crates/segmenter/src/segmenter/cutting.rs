//! Where segments begin and end, on all tracks at once.

use airloom_media::TrackId;

use super::Segmenter;
use super::lane::Timed;
use super::schedule::Boundary;
use crate::ts_segment::Plan;
use crate::{Cut, Discontinuity, Event};

/// Why a segment begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Begin {
    /// The deciding track has a sync sample, late enough.
    Sync,
    /// The one before it could not go on.
    Forced(Cut),
    /// A track has a new description. A sample of the track at this index is in hand: what that
    /// track has in its queue comes later, whichever of them begins the description.
    New(TrackId, usize),
}

impl Segmenter {
    /// Takes a sample of the deciding track: first what it decides, then the sample itself.
    pub(super) fn pace(&mut self, index: usize, mut timed: Timed) {
        let (mpeg, sync) = (timed.mpeg, timed.sync);
        let reconfigured = match &timed.change {
            Some(change) if change.sequence.is_some() => self.awaited,
            Some(_) => self.inputs.get(index).map(|input| input.track.id),
            None => self.awaited,
        };
        match self.schedule.open() {
            None => self.begin_stream(mpeg, sync),
            Some(open) if open.provisional => self.begin_where_it_is(mpeg, sync),
            Some(_) => match reconfigured {
                Some(track) => {
                    if timed.change.is_some() {
                        self.cut_before_held(index);
                    } else {
                        self.force(index, &timed);
                    }
                    self.begin(mpeg, sync, Begin::New(track, index));
                }
                None => self.decide(index, &timed),
            },
        }
        if let Some(change) = &mut timed.change {
            change.sequence = self.schedule.open().map(|open| open.sequence);
        }
        let (inputs, mut sink) = self.split();
        if let Some(input) = inputs.get_mut(index) {
            input.lane.take(timed, &mut sink);
        }
    }

    /// Begins a segment where this sample, or the one held before it, calls for one.
    #[inline]
    fn decide(&mut self, index: usize, timed: &Timed) {
        self.force(index, timed);
        let Some(open) = self.schedule.open() else { return };
        if !timed.sync {
            return;
        }
        let length = timed.mpeg.saturating_sub(open.start);
        let due = length >= self.least(index, open);
        // Keyframes 1.5 s apart are too early for a target of 2 s, and two of them too late: better
        // a short segment than one whose successor begins blind.
        let interval = match self.inputs.get(index) {
            Some(sound) if !sound.lane.is_video() => sound.frame(),
            _ => self.keyframes.note(timed.mpeg, self.cap),
        };
        let last_chance = interval <= self.cap && length.saturating_add(interval) > self.cap;
        if due || last_chance {
            self.begin(timed.mpeg, true, Begin::Sync);
        }
    }

    /// Begins a segment if the open one cannot go on.
    #[inline]
    fn force(&mut self, index: usize, timed: &Timed) {
        let (Some(open), Some(input)) = (self.schedule.open(), self.inputs.get(index)) else {
            return;
        };
        let start = open.start;
        if input.lane.is_full(&self.policy) {
            return self.begin(timed.mpeg, timed.sync, Begin::Forced(Cut::Size));
        }
        if self.is_overlong(index, timed) {
            // The held sample would end here: it has to be the next segment's.
            if let Some((held, sync)) = input.lane.held_at()
                && held > start
            {
                self.begin(held, sync, Begin::Forced(Cut::Duration));
            }
            // A held sample from before the open segment takes one more to get past.
            for _ in 0..2 {
                if self.is_overlong(index, timed) {
                    self.begin(timed.mpeg, timed.sync, Begin::Forced(Cut::Duration));
                }
            }
        }
    }

    /// Whether the open segment would be too long if it went on until `timed`.
    fn is_overlong(&self, index: usize, timed: &Timed) -> bool {
        let start = self.schedule.open().map_or(timed.mpeg, |open| open.start);
        let input = self.inputs.get(index);
        timed.mpeg.saturating_sub(start) > self.cap
            || input.is_some_and(|input| input.lane.is_overlong(Some(timed.decode_time)))
    }

    /// How long the open segment has to be before a sync sample may end it.
    pub(super) fn least(&self, index: usize, open: &Boundary) -> i64 {
        if !open.independent {
            // It began where nobody can join; the first chance to do better is taken.
            return 1;
        }
        let video = self.inputs.get(index).filter(|input| input.lane.is_video());
        if video.is_some_and(|video| video.lane.is_blind(open.sequence)) {
            // Sound began it, and what there is of the pictures nobody can join.
            1
        } else if open.sequence == self.policy.first_sequence {
            self.policy.first_segment
        } else if video.is_some_and(|video| !video.lane.has_content()) {
            // It comes to a segment that sound began: its keyframe is worth one of its own.
            1
        } else if video.is_some() {
            self.policy.segment_early
        } else {
            // Every frame could begin a segment: the one nearest to the target does.
            let frame = self.inputs.get(index).map_or(0, super::Input::frame);
            (self.policy.segment - frame / 2).max(1)
        }
    }

    /// The first segment, from the earliest sample there is.
    #[cold]
    fn begin_stream(&mut self, mpeg: i64, independent: bool) {
        let start = self.earliest_queued(mpeg);
        self.origin = start;
        self.schedule.push(Boundary {
            sequence: self.policy.first_sequence,
            start,
            discontinuity: false,
            independent,
            provisional: false,
            closed: Vec::new(),
        });
    }

    /// The first sample of a new timeline says where its first segment really begins.
    #[cold]
    fn begin_where_it_is(&mut self, mpeg: i64, independent: bool) {
        let start = self.earliest_queued(mpeg);
        if let Some(open) = self.schedule.open_mut() {
            (open.start, open.independent, open.provisional) = (start, independent, false);
        }
    }

    fn earliest_queued(&self, mpeg: i64) -> i64 {
        let fronts = self.inputs.iter().filter_map(|input| input.queue.front());
        fronts.map(|timed| timed.mpeg).fold(mpeg, i64::min)
    }

    /// Begins the next segment at `mpeg`.
    #[cold]
    pub(super) fn begin(&mut self, mpeg: i64, independent: bool, why: Begin) {
        self.steady = None;
        if let Begin::New(_, in_hand) = why {
            self.drain_before_changes(in_hand);
        }
        let Some(open) = self.schedule.open() else { return };
        let (sequence, earliest) = (open.sequence.saturating_add(1), open.start + 1);
        let start = match why {
            Begin::Sync if mpeg < earliest => return,
            _ => mpeg.max(earliest),
        };
        self.settle_target_duration(start);
        match why {
            Begin::Forced(cut) if !independent => self.event(Event::ForcedCut { sequence, cut }),
            Begin::New(track, in_hand) => {
                let reason = Discontinuity::Reconfigured { track };
                self.event(Event::Discontinuity { sequence, reason });
                self.admit_changes(sequence, in_hand);
                self.awaited = None;
            }
            _ => {}
        }
        self.schedule.push(Boundary {
            sequence,
            start,
            discontinuity: matches!(why, Begin::New(..)),
            independent,
            provisional: false,
            closed: Vec::new(),
        });
        for input in &mut self.inputs {
            input.lane.reschedule(&self.schedule);
        }
        self.close_late();
    }

    /// Brings out what waits in queues before a new description: it is of the old one, and so of
    /// the open segment, whatever its time.
    fn drain_before_changes(&mut self, in_hand: usize) {
        for index in 0..self.inputs.len() {
            let waiting = self.inputs.get(index).filter(|_| index != in_hand);
            let before = waiting.and_then(|input| input.queue.iter().position(Timed::is_undecided));
            let Some(before) = before else { continue };
            for _ in 0..before {
                let Some(timed) = self.pop_queue(Some(index)) else { break };
                self.take_leftover(index, timed);
            }
            self.cut_before_held(index);
            let (inputs, mut sink) = self.split();
            if let Some(input) = inputs.get_mut(index) {
                input.lane.flush(&mut sink);
            }
        }
    }

    /// Lets the new descriptions that wait in queues begin with segment `sequence`.
    fn admit_changes(&mut self, sequence: u64, in_hand: usize) {
        for (index, input) in self.inputs.iter_mut().enumerate() {
            if let Some(front) = input.queue.front_mut().filter(|_| index != in_hand)
                && let Some(change) = &mut front.change
            {
                change.sequence.get_or_insert(sequence);
            }
        }
    }

    /// A segment ends at `end`. After the first one the target duration stands, where it is to be
    /// settled.
    fn settle_target_duration(&mut self, end: i64) {
        let settles = self.policy.settled_target;
        if settles && self.target_duration.is_some() {
            return;
        }
        let start = match self.schedule.open() {
            Some(open) if self.target_duration.is_some() => open.start,
            _ => self.origin,
        };
        // What is in it already may reach further than where it ends.
        let end = self.inputs.iter().filter_map(super::Input::end).fold(end, i64::max);
        let longest = end.saturating_sub(start).saturating_add(self.margin());
        let rounded = longest.saturating_add(45_000) / 90_000;
        let wanted = (self.policy.segment + 89_999) / 90_000;
        // Both are at most a few minutes, or one silly segment.
        let seconds = u32::try_from(rounded.max(wanted)).unwrap_or(u32::MAX);
        self.target_duration = self.target_duration.max(Some(seconds));
        if settles {
            self.limit_lengths();
        }
    }

    /// How much longer than the pacer's a follower's segment may be: a frame.
    fn margin(&self) -> i64 {
        let followers =
            self.inputs.iter().enumerate().filter(|(index, _)| self.pacer != Some(*index));
        followers.map(|(_, input)| input.frame()).max().unwrap_or(0)
    }

    /// Derives from the target duration how long segments and steps may be.
    pub(super) fn limit_lengths(&mut self) {
        let settled = self.target_duration.filter(|_| self.policy.settled_target);
        self.cap = match settled {
            Some(seconds) => {
                (i64::from(seconds) * 90_000 + 44_999 - self.margin()).max(self.policy.segment / 2)
            }
            None => self.policy.max_segment,
        };
        let step = self.longest_step() as i64;
        let longest = match settled {
            Some(seconds) => i64::from(seconds) * 90_000 + 44_999,
            None => i64::MAX,
        };
        for input in &mut self.inputs {
            input.clock.limit_jump(step);
            input.lane.limit(longest, self.cap);
        }
    }

    /// Ends all segments and with them the timeline. The next begins where the first sample of
    /// the new one is. `false` if the stream has not begun.
    pub(super) fn end_timeline(&mut self, reason: Discontinuity) -> bool {
        if !self.drain() {
            return false;
        }
        let Some(open) = self.schedule.open_mut() else { return false };
        if self.inputs.iter().any(|input| input.lane.has_content()) || !open.closed.is_empty() {
            self.end_segment();
        }
        self.inputs.iter_mut().for_each(|input| input.lane.forget_produced());
        if let Some(open) = self.schedule.open_mut() {
            (open.discontinuity, open.provisional) = (true, true);
            let sequence = open.sequence;
            self.event(Event::Discontinuity { sequence, reason });
        }
        true
    }

    /// Ends all segments, for good.
    pub(super) fn end_stream(&mut self) {
        if self.drain() && self.inputs.iter().any(|input| input.lane.has_content()) {
            self.end_segment();
        }
    }

    /// Passes on everything that waits. `false` if there never was anything.
    fn drain(&mut self) -> bool {
        if self.schedule.open().is_none() {
            let fronts = self.inputs.iter().filter_map(|input| input.queue.front());
            let Some(earliest) = fronts.map(|timed| timed.mpeg).min() else { return false };
            self.begin_stream(earliest, true);
        }
        for index in 0..self.inputs.len() {
            while let Some(timed) = self.pop_queue(Some(index)) {
                if timed.is_undecided()
                    && let Some(track) = self.inputs.get(index).map(|input| input.track.id)
                {
                    // Nobody is left to say where its new description begins.
                    self.pop_undecided(index, timed, Begin::New(track, index));
                    continue;
                }
                self.take_leftover(index, timed);
            }
        }
        for index in 0..self.inputs.len() {
            self.cut_before_held(index);
            let (inputs, mut sink) = self.split();
            if let Some(input) = inputs.get_mut(index) {
                input.lane.flush(&mut sink);
            }
        }
        true
    }

    /// Takes a sample on which the pacer has no say any more.
    fn take_leftover(&mut self, index: usize, timed: Timed) {
        self.cut_overlong(index, timed.mpeg, Some(timed.decode_time), timed.sync);
        let (inputs, mut sink) = self.split();
        if let Some(input) = inputs.get_mut(index) {
            input.lane.take(timed, &mut sink);
        }
    }

    /// Begins a segment if the open one cannot reach as far as `mpeg`, where the pacer has no say
    /// any more.
    fn cut_overlong(&mut self, index: usize, mpeg: i64, next: Option<i64>, sync: bool) {
        for _ in 0..2 {
            let (Some(open), Some(input)) = (self.schedule.open(), self.inputs.get(index)) else {
                return;
            };
            let end = mpeg.saturating_add(if next.is_none() { input.tail() } else { 0 });
            if end.saturating_sub(open.start) > self.cap || input.lane.is_overlong(next) {
                self.begin(mpeg, sync, Begin::Forced(Cut::Duration));
            }
        }
    }

    /// Begins a segment with the held sample if the open one cannot take it, as long as a frame is.
    fn cut_before_held(&mut self, index: usize) {
        let held = self.inputs.get(index).and_then(|input| input.lane.held_at());
        if let Some((held, sync)) = held {
            self.cut_overlong(index, held, None, sync);
        }
    }

    fn pop_undecided(&mut self, index: usize, mut timed: Timed, why: Begin) {
        self.cut_before_held(index);
        self.begin(timed.mpeg, timed.sync, why);
        if let Some(change) = &mut timed.change {
            change.sequence = self.schedule.open().map(|open| open.sequence);
        }
        let (inputs, mut sink) = self.split();
        if let Some(input) = inputs.get_mut(index) {
            input.lane.take(timed, &mut sink);
        }
    }

    /// Ends the open segment where the last sample of any track ends.
    fn end_segment(&mut self) {
        let Some(open) = self.schedule.open() else { return };
        let sequence = open.sequence.saturating_add(1);
        let ends = self.inputs.iter().filter_map(super::Input::end);
        let start = ends.fold(open.start + 1, i64::max);
        self.settle_target_duration(start);
        self.schedule.push(Boundary {
            sequence,
            start,
            discontinuity: false,
            independent: true,
            provisional: true,
            closed: Vec::new(),
        });
        let (inputs, mut sink) = self.split();
        for input in inputs {
            input.lane.reschedule(sink.schedule);
            input.lane.advance_to(sequence, &mut sink);
        }
    }

    /// Gives out the MPEG-TS segments that all tracks have closed, and forgets what lies behind.
    pub(super) fn assemble(&mut self) {
        while self.schedule.has_history()
            && let Some(oldest) = self.schedule.oldest()
            && self.inputs.iter().all(|input| input.lane.sequence() > oldest.sequence)
        {
            let Some((boundary, end)) = self.schedule.pop() else { return };
            if boundary.closed.is_empty() {
                continue;
            }
            let first = |video: bool| {
                let found = self.inputs.iter().find(|input| input.lane.is_video() == video);
                found.map(|input| input.track.id)
            };
            let plan = Plan {
                sequence: boundary.sequence,
                start: boundary.start,
                end: end.unwrap_or(boundary.start),
                discontinuity: boundary.discontinuity,
                video: first(true),
                audio: first(false),
            };
            self.assembly.assemble(&plan, &boundary.closed, &mut self.outputs);
        }
    }
}
