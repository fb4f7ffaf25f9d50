//! What stands between one segment and the next: numbers without media, breaks of time, dates.

use airloom_media::Timestamp;

use super::log::{Entry, Log, State};
use super::{LiveWindow, Phase, Track};
use crate::WallTime;
use crate::decimal::Micros;

/// The shortest `EXT-X-GAP`: numbers that were left out without any time passing.
pub(super) const LEAST_GAP: Micros = Micros(1000);

/// A segment that opens.
#[derive(Debug, Clone, Copy)]
pub(super) struct Begin {
    pub(super) sequence: u64,
    pub(super) start: Timestamp,
    /// Of what came first of it.
    pub(super) end: Timestamp,
    pub(super) discontinuity: bool,
    pub(super) is_gap: bool,
}

impl LiveWindow {
    /// Opens a segment, with all that stands before it: the one before closed, numbers without
    /// media as gaps, the discontinuity, the date.
    pub(super) fn begin(
        &mut self,
        index: usize,
        now: WallTime,
        Begin { sequence, start, end, mut discontinuity, is_gap }: Begin,
    ) {
        if self.log(index).open().is_some() {
            // Only the log: to give numbers up now could give up the one that begins.
            self.close_log(index, State::Closed);
        }
        let timescale = self.log(index).timescale;
        let delay = self.tracks.get(index).map(|track| track.rendition.presentation_delay);
        let shown = start.checked_add(delay.unwrap_or_default()).unwrap_or(start);
        let init = self.tracks.get(index).map(|track| track.rendition.init);
        let missing = self.log(index).next.map_or(0, |next| sequence.saturating_sub(next));
        let mut continues = false;
        let wide = missing > u64::from(self.limits.gap);
        if let Some(before) = self.log(index).last_media() {
            let said = self.eras.tags_within(before.sequence, sequence);
            // One that others said before, and that this track comes to only now, is the same.
            discontinuity &= !(said && self.has_begun(sequence));
            let changes = before.init != init && !is_gap;
            // What nobody calls a break of time, and does not look like one, keeps its dates.
            let date = self.eras.of(sequence).wall(shown, timescale);
            continues = !discontinuity && date >= before.end_date();
            discontinuity |= (changes || wide) && !said;
        } else {
            // A track that joins does not break what the others have begun.
            discontinuity &= !self.has_begun(sequence);
        }
        if wide {
            self.eras.postpone(sequence);
            self.log_mut(index).restart(sequence);
        }
        if std::mem::take(&mut self.pending_discontinuity) {
            (discontinuity, continues) = (true, false);
        }
        if discontinuity {
            self.tag(sequence, continues);
        }
        let not_before = self.last_date();
        self.eras.date(sequence, (start, end, timescale), now, not_before);
        let date = self.eras.of(sequence).wall(shown, timescale);
        self.bridge(index, sequence, date);
        let after_gap =
            self.log(index).entries.back().is_some_and(|entry| entry.state == State::Gap);
        if after_gap && !is_gap && index < self.tracks.len() && self.phase != Phase::Starting {
            self.join(index, sequence);
        } else if !is_gap && self.is_left_out(index, sequence) {
            self.regroup(index, sequence);
        }
        if is_gap && !after_gap && self.phase == Phase::Live {
            self.part_ways(index, sequence);
        }
        let tagged = self.eras.tags(sequence);
        // In a gap nothing is decoded, so nothing new is needed.
        let before = self.log(index).entries.back().filter(|_| is_gap);
        let needs = before.map_or_else(
            || (init, self.tracks.get(index).and_then(|track| track.protection.clone())),
            |before| (before.init, before.protection.clone()),
        );
        self.log_mut(index).push(Entry::new(sequence, start, date, needs, tagged));
    }

    /// Lists the sequence numbers between the last one of a playlist and `sequence`, which begins
    /// at `date`, as missing.
    fn bridge(&mut self, index: usize, sequence: u64, date: WallTime) {
        if self.log(index).next.is_none() && index < self.tracks.len() {
            // Renditions must not differ by more than a segment (6.2.4): what the others list
            // already, this one lists as missing.
            let listed = self.furthest(index).into_iter().flat_map(Log::listed);
            let missing: Vec<u64> = listed
                .filter(|entry| entry.is_complete() && entry.sequence < sequence)
                .map(|entry| entry.sequence)
                .collect();
            let far =
                missing.last().is_none_or(|last| sequence - last > u64::from(self.limits.gap));
            for missing in missing.into_iter().filter(|_| !far) {
                self.push_gap(index, missing, LEAST_GAP, Some(date));
            }
        }
        let next = self.log(index).next.unwrap_or(sequence);
        for missing in next..sequence {
            // What no other track has either shares the time left, within what playlists bear.
            let before = self.log(index).entries.back().map(Entry::end_date);
            let left = before.map_or(0, |before| date.nanos_since(before)) / 1000;
            let target = Micros::from_secs(self.target_duration);
            let share = (left / (sequence - missing)).clamp(LEAST_GAP.0, target.0);
            self.push_gap(index, missing, Micros(share), Some(date));
        }
    }

    /// The playlist of the track other than `index` that has come furthest.
    pub(super) fn furthest(&self, index: usize) -> Option<&Log> {
        let others = self.tracks.iter().enumerate().filter(|(other, _)| *other != index);
        others.map(|(_, track)| &track.log).max_by_key(|log| log.last_complete())
    }

    /// Lists `sequence` as missing: when it is in another track, as far as that lies between the
    /// media before it and `until`; or for as long as `unknown`.
    pub(super) fn push_gap(
        &mut self,
        index: usize,
        sequence: u64,
        unknown: Micros,
        until: Option<WallTime>,
    ) {
        // Nothing is decoded here, so nothing new is needed.
        let init = self.tracks.get(index).map(|track| track.rendition.init);
        let needs = self
            .log(index)
            .entries
            .back()
            .map_or((init, None), |before| (before.init, before.protection.clone()));
        let others = self.tracks.iter().enumerate().filter(|(other, _)| *other != index);
        let known = others.map(|(_, track)| &track.log).find_map(|log| {
            let entry = log.entry(sequence).filter(|entry| entry.is_complete())?;
            // Where a gap of another track lies was a guess; it is worth something only where it
            // is known how far it may reach.
            let sure = entry.state == State::Closed || until.is_some();
            sure.then(|| (entry.date, entry.end_date()))
        });
        let before = self.log(index).entries.back().map(Entry::end_date);
        let (date, micros) = match (known, before) {
            (Some((from, to)), before) => {
                let (from, to) = match until {
                    Some(until) => (from.min(until), to.min(until)),
                    None => (from, to),
                };
                let from = before.map_or(from, |before| from.max(before));
                (from, Micros((to.nanos_since(from) / 1000).max(LEAST_GAP.0)))
            }
            (None, Some(before)) => (before, unknown),
            (None, None) => return,
        };
        let after_gap = self.log(index).is_interrupted();
        if !after_gap && until.is_none() && self.phase == Phase::Live {
            self.part_ways(index, sequence);
        }
        let tagged = self.eras.tags(sequence);
        let mut entry = Entry::new(sequence, Timestamp::ZERO, date, needs, tagged);
        entry.micros = micros;
        self.log_mut(index).push(entry);
        self.close_log(index, State::Gap);
    }

    /// Puts `EXT-X-DISCONTINUITY` before `sequence`, in every playlist. The dates go on as they
    /// were where the media's clock `continues`, or was used for `sequence` already.
    fn tag(&mut self, sequence: u64, continues: bool) {
        let continues = continues || self.has_begun(sequence);
        if self.eras.begin(sequence, true, continues) {
            for log in self.logs_mut() {
                if let Some(entry) = log.entry_mut(sequence) {
                    entry.tagged = true;
                    log.touch();
                }
            }
        }
    }

    /// Whether any playlist has come to `sequence`.
    fn has_begun(&self, sequence: u64) -> bool {
        let logs = self.tracks.iter().map(|track| &track.log).chain([&self.ts]);
        logs.filter_map(|log| log.next).any(|next| next > sequence)
    }

    /// Begins a Period for a track that has media again from `sequence` on, or has none from there
    /// on: at that number if no track has listed it, so that no Period changes that was given out.
    /// The number it begins at.
    fn regroup(&mut self, index: usize, sequence: u64) -> u64 {
        let others = self.tracks.iter().enumerate().filter(|(other, _)| *other != index);
        let listed = others.filter_map(|(_, Track { log, .. })| {
            let growing =
                log.open().filter(|open| open.is_growing() && self.settings.parts.is_some());
            growing.map(|open| open.sequence).or(log.last_complete())
        });
        let from = listed.max().map_or(sequence, |last| sequence.max(last.saturating_add(1)));
        self.eras.begin(from, false, true);
        from
    }

    /// A track has media again from `sequence` on.
    fn join(&mut self, index: usize, sequence: u64) {
        let from = self.regroup(index, sequence);
        let first = self.log(index).entries.iter().all(|entry| entry.state == State::Gap);
        if let (true, Some(track)) = (first, self.tracks.get_mut(index)) {
            track.joined = from;
        }
    }

    /// A track has no media from `sequence` on. Where another encoding stands in for it, DASH clients
    /// are led there by a Period without the track.
    fn part_ways(&mut self, index: usize, sequence: u64) {
        if self.tracks.get(index).is_some_and(|track| self.has_stand_in(track)) {
            self.regroup(index, sequence);
        }
    }

    /// When the latest that is listed ends, gaps included.
    pub(super) fn last_date(&self) -> Option<WallTime> {
        let logs = self.tracks.iter().map(|track| &track.log).chain([&self.ts]);
        logs.filter_map(|log| log.entries.back()).map(Entry::end_date).max()
    }

    pub(super) fn discontinuity(&mut self) {
        let logs = self.tracks.iter().map(|track| &track.log).chain([&self.ts]);
        match logs.filter_map(|log| log.next).max() {
            Some(next) => self.tag(next, false),
            None => self.pending_discontinuity = true,
        }
    }
}
