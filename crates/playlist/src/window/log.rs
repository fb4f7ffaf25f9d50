use std::collections::VecDeque;
use std::sync::Arc;

use airloom_media::{Duration, Timescale, Timestamp, TrackId};
use bytes::Bytes;

use crate::decimal::Micros;
use crate::hls::media;
use crate::{Key, Protection, Resource, WallTime};

/// How far a segment has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    /// Its parts are coming.
    Open,
    /// Complete.
    Closed,
    /// The track has no media for it.
    Gap,
}

/// One segment of one playlist. Its lines are written when their content comes in, and kept.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) sequence: u64,
    pub(crate) start: Timestamp,
    pub(crate) end: Timestamp,
    /// The sum of its parts' durations: `end - start` where they touch.
    pub(crate) ticks: Duration,
    /// When, by its era, its media was received; what PROGRAM-DATE-TIME says.
    pub(crate) date: WallTime,
    /// As written: the sum of its parts as written.
    pub(crate) micros: Micros,
    /// Media of this log up to its end, gaps included.
    pub(crate) total: Micros,
    pub(crate) state: State,
    pub(crate) independent: bool,
    pub(crate) tagged: bool,
    /// The CMAF header it needs; none for MPEG-TS.
    pub(crate) init: Option<u64>,
    /// How it is encrypted, if it is.
    pub(crate) protection: Option<Arc<Protection>>,
    pub(crate) bytes: u64,
    pub(crate) part_count: u32,
    /// The name its first part was promised under, where that is not its own.
    pub(crate) promised_as: Option<(u64, u32)>,
    /// PROGRAM-DATE-TIME, PART, GAP, EXTINF and URI lines, in this order.
    text: String,
    /// Where in `text` the PART lines are.
    parts: std::ops::Range<usize>,
}

impl Entry {
    pub(crate) fn new(
        sequence: u64,
        start: Timestamp,
        date: WallTime,
        (init, protection): (Option<u64>, Option<Arc<Protection>>),
        tagged: bool,
    ) -> Self {
        let mut text = String::with_capacity(128);
        media::write_date(&mut text, date);
        let parts = text.len()..text.len();
        Self {
            sequence,
            start,
            end: start,
            ticks: Duration::ZERO,
            date,
            micros: Micros(0),
            total: Micros(0),
            state: State::Open,
            independent: true,
            tagged,
            init,
            protection,
            bytes: 0,
            part_count: 0,
            promised_as: None,
            text,
            parts,
        }
    }

    /// Whether playlists may list it as a segment.
    pub(crate) fn is_complete(&self) -> bool {
        self.state != State::Open
    }

    /// Whether it is being made and has parts to give away.
    pub(crate) fn is_growing(&self) -> bool {
        self.state == State::Open && self.part_count > 0
    }

    /// Whether playlists list its parts.
    pub(crate) fn lists_parts(&self) -> bool {
        !self.parts.is_empty()
    }

    /// When the media after it is due.
    pub(crate) fn end_date(&self) -> WallTime {
        self.date.after(self.micros)
    }

    fn forget_parts(&mut self) {
        self.text.replace_range(self.parts.clone(), "");
        self.parts.end = self.parts.start;
        // Parts are most of it, and segments live on without them for long.
        self.text.shrink_to_fit();
    }
}

/// A change to one log's own content.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Addition {
    pub(crate) end: Timestamp,
    pub(crate) duration: Duration,
    pub(crate) micros: Micros,
    pub(crate) bytes: u64,
}

/// How long entries are listed and kept.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Keep {
    pub(crate) window: Micros,
    pub(crate) linger: Micros,
    pub(crate) target: Micros,
    pub(crate) entries: usize,
}

/// At least this many complete segments are listed, once there are as many.
const LEAST_LISTED: usize = 6;
/// Target durations from the end within which parts are listed (RFC 8216bis, 6.2.2).
const PARTS_WITHIN: u64 = 3;

/// The segments of one playlist, in order: those listed, and before them those that linger.
#[derive(Debug)]
pub(crate) struct Log {
    /// `None` for MPEG-TS.
    pub(crate) track: Option<TrackId>,
    pub(crate) timescale: Timescale,
    pub(crate) entries: VecDeque<Entry>,
    /// Index of the first entry listed.
    listed: usize,
    /// The least sequence number that may still begin.
    pub(crate) next: Option<u64>,
    /// Media so far, complete segments only, gaps included.
    pub(crate) total: Micros,
    longest: Micros,
    /// Whether any segment ever had parts.
    parted: bool,
    /// Whether each segment so far could be decoded alone.
    faithful: bool,
    /// The part that playlists promised and that has not come yet.
    pub(crate) promised: Option<(u64, u32)>,
    /// Sequence numbers evicted and not told yet: from, to (excluded).
    evicted: VecDeque<(u64, u64)>,
    pub(crate) bandwidth: Bandwidth,
    pub(crate) version: u64,
    pub(crate) whole: Option<Bytes>,
    pub(crate) delta: Option<Bytes>,
    /// The delta update that skips date ranges too.
    pub(crate) bare_delta: Option<Bytes>,
}

impl Log {
    pub(crate) fn new(track: Option<TrackId>, timescale: Timescale) -> Self {
        Self {
            track,
            timescale,
            entries: VecDeque::new(),
            listed: 0,
            next: None,
            total: Micros(0),
            longest: Micros(0),
            parted: false,
            faithful: true,
            promised: None,
            evicted: VecDeque::new(),
            bandwidth: Bandwidth::default(),
            version: 0,
            whole: None,
            delta: None,
            bare_delta: None,
        }
    }

    pub(crate) fn segment(&self, sequence: u64) -> Resource {
        match self.track {
            Some(track) => Resource::Segment { track, sequence },
            None => Resource::TsSegment { sequence },
        }
    }

    pub(crate) fn part(&self, (sequence, index): (u64, u32)) -> Option<Resource> {
        self.track.map(|track| Resource::Part { track, sequence, index })
    }

    /// The segment whose parts are coming.
    pub(crate) fn open(&self) -> Option<&Entry> {
        self.entries.back().filter(|entry| entry.state == State::Open)
    }

    fn index(&self, sequence: u64) -> Option<usize> {
        let index = self.entries.partition_point(|entry| entry.sequence < sequence);
        self.entries.get(index).filter(|entry| entry.sequence == sequence).map(|_| index)
    }

    pub(crate) fn entry(&self, sequence: u64) -> Option<&Entry> {
        self.entries.get(self.index(sequence)?)
    }

    pub(crate) fn entry_mut(&mut self, sequence: u64) -> Option<&mut Entry> {
        let index = self.index(sequence)?;
        self.entries.get_mut(index)
    }

    /// What playlists list, the open segment included.
    pub(crate) fn listed(&self) -> impl DoubleEndedIterator<Item = &Entry> + Clone {
        self.entries.range(self.listed.min(self.entries.len())..)
    }

    /// Whether anything listed can be played: a complete segment, or parts where there were
    /// complete ones before. At the start parts alone are not enough, since players refuse a
    /// playlist without segments.
    pub(crate) fn is_playable(&self) -> bool {
        let parts = self.open().is_some_and(Entry::lists_parts);
        (parts && self.total.0 > 0) || self.listed().any(|entry| entry.state == State::Closed)
    }

    /// Whether the list has just started again and has no segment yet.
    pub(crate) fn is_restarting(&self) -> bool {
        self.total.0 > 0 && !self.listed().any(Entry::is_complete)
    }

    /// Whether the last segment there was is missing, and nothing has come since.
    pub(crate) fn is_interrupted(&self) -> bool {
        self.entries.back().is_some_and(|last| last.state == State::Gap)
    }

    /// Whether each segment so far, listed or not, can be decoded alone, the open one included, and
    /// there are two to judge by: the first one tells nothing, since every stream begins with it.
    pub(crate) fn is_faithful(&self) -> bool {
        let begun = self.entries.iter().filter(|entry| entry.state != State::Gap).take(2).count();
        begun > 1 && self.is_independent()
    }

    /// The same, however few there are.
    pub(crate) fn is_independent(&self) -> bool {
        self.faithful && self.open().is_none_or(|open| open.independent)
    }

    /// Measures the peak again, the target duration being another than it was thought to be.
    pub(crate) fn remeasure(&mut self, target: Micros) {
        self.bandwidth.forget_peak();
        for entry in &self.entries {
            match entry.state {
                State::Open => {}
                State::Gap => self.bandwidth.interrupt(),
                State::Closed => self.bandwidth.extend(entry.bytes, entry.micros, target),
            }
        }
    }

    /// Media so far, the open segment included.
    pub(crate) fn progress(&self) -> Micros {
        Micros(self.total.0 + self.open().map_or(0, |open| open.micros.0))
    }

    /// The last segment with media.
    pub(crate) fn last_media(&self) -> Option<&Entry> {
        self.entries.iter().rev().find(|entry| entry.state != State::Gap)
    }

    /// The last complete segment's number.
    pub(crate) fn last_complete(&self) -> Option<u64> {
        self.entries.iter().rev().find(|entry| entry.is_complete()).map(|entry| entry.sequence)
    }

    pub(crate) fn push(&mut self, entry: Entry) {
        self.next = entry.sequence.checked_add(1);
        self.entries.push_back(entry);
        self.touch();
    }

    /// Adds a part to the open segment; lists it where `listed`.
    pub(crate) fn push_part(&mut self, addition: Addition, independent: bool, listed: bool) {
        self.parted = true;
        let (track, promised) = (self.track, &mut self.promised);
        let Some(entry) = self.entries.back_mut() else { return };
        let own = (entry.sequence, entry.part_count);
        let mut name = own;
        if let Some(promise) = promised.take()
            && promise != own
            && entry.part_count == 0
        {
            entry.promised_as = Some(promise);
            name = promise;
        }
        if entry.part_count == 0 {
            entry.independent = independent;
        }
        entry.part_count += 1;
        entry.end = addition.end;
        entry.ticks = entry.ticks.checked_add(addition.duration).unwrap_or(entry.ticks);
        entry.micros.0 += addition.micros.0;
        entry.bytes = entry.bytes.saturating_add(addition.bytes);
        if let (true, Some(track)) = (listed, track) {
            let uri = Resource::Part { track, sequence: name.0, index: name.1 };
            media::write_part(&mut entry.text, addition.micros, uri, independent);
            entry.parts.end = entry.text.len();
        }
        self.touch();
    }

    /// Completes the last segment.
    pub(crate) fn close(&mut self, state: State, keep: Keep) {
        let Some(sequence) = self.entries.back().map(|entry| entry.sequence) else { return };
        let uri = self.segment(sequence);
        let Some(entry) = self.entries.back_mut() else { return };
        entry.state = state;
        media::write_segment(&mut entry.text, entry.micros, uri, state == State::Gap);
        self.total.0 += entry.micros.0;
        entry.total = self.total;
        match state {
            State::Gap => self.bandwidth.interrupt(),
            _ => self.bandwidth.add(entry.bytes, entry.micros, keep.target),
        }
        self.faithful &= entry.independent;
        self.slide(keep);
        self.touch();
    }

    /// Starts the list again at `sequence`: nothing that is there now is listed any more.
    pub(crate) fn restart(&mut self, sequence: u64) {
        self.listed = self.entries.len();
        self.next = Some(sequence);
        self.touch();
    }

    pub(crate) fn touch(&mut self) {
        self.whole = None;
        self.delta = None;
        self.bare_delta = None;
    }

    /// Drops from the list what is older than the window, and from memory what nobody can want.
    fn slide(&mut self, keep: Keep) {
        let length = self.listed().next().map_or(0, |first| {
            self.total.0 - (first.total.0.saturating_sub(first.micros.0)).min(self.total.0)
        });
        self.longest.0 = self.longest.0.max(length);

        let least = keep.window.0.max(3 * keep.target.0);
        // Counted only where something may go: a list that keeps all it has is long.
        let first = self.listed().next();
        let due = first.is_some_and(|first| self.total.0.saturating_sub(first.total.0) >= least);
        let mut complete =
            if due { self.listed().filter(|entry| entry.is_complete()).count() } else { 0 };
        while complete > LEAST_LISTED
            && let Some(first) = self.entries.get(self.listed)
            && self.total.0 - first.total.0 >= least
        {
            if let Some(first) = self.entries.get_mut(self.listed) {
                first.text = String::new();
                first.parts = 0..0;
            }
            self.listed += 1;
            complete -= 1;
        }

        let parts_within = PARTS_WITHIN * keep.target.0;
        let total = self.total.0;
        let parted = if self.parted { self.entries.len() } else { 0 };
        let latest = self.entries.iter_mut().rev().take(parted);
        for entry in latest.filter(|entry| entry.is_complete()) {
            if entry.parts.is_empty() && entry.part_count > 0 {
                break;
            }
            if total - entry.total.0 >= parts_within {
                entry.forget_parts();
            }
        }

        while let Some(first) = self.entries.front() {
            let promised = first.micros.0 + self.longest.0 + keep.linger.0;
            let over = self.entries.len() > keep.entries;
            if !over && (self.listed == 0 || total - first.total.0 < promised) {
                break;
            }
            let (sequence, has_media) = (first.sequence, first.state == State::Closed);
            self.entries.pop_front();
            self.listed = self.listed.saturating_sub(1);
            if !has_media {
                continue;
            }
            match self.evicted.back_mut() {
                Some((_, to)) if *to == sequence => *to += 1,
                _ => self.evicted.push_back((sequence, sequence + 1)),
            }
        }
    }

    /// The next segment that is evicted and not told yet.
    pub(crate) fn poll_evicted(&mut self) -> Option<Resource> {
        let (from, to) = self.evicted.front_mut()?;
        let sequence = *from;
        *from += 1;
        if from == to {
            self.evicted.pop_front();
        }
        Some(self.segment(sequence))
    }

    /// The name under which the next part will be found.
    pub(crate) fn hint(&self) -> Option<(u64, u32)> {
        self.promised.or_else(|| match self.open() {
            Some(open) => Some((open.sequence, open.part_count)),
            None => self.next.map(|next| (next, 0)),
        })
    }

    /// Writes the listed segments, without the first `skipped`.
    pub(crate) fn write_segments(&self, out: &mut String, skipped: usize) {
        let mut previous: Option<&Entry> = None;
        for (index, entry) in self.listed().enumerate() {
            let init = entry.init.filter(|_| previous.is_none_or(|p| p.init != entry.init));
            let before = previous.and_then(|previous| previous.protection.as_deref());
            let keys = keys(before);
            let next = self::keys(entry.protection.as_deref());
            previous = Some(entry);
            if index < skipped {
                continue;
            }
            if entry.state == State::Open && entry.parts.is_empty() {
                // Low Latency is off: a segment is listed when it is complete.
                continue;
            }
            if entry.tagged {
                media::write_discontinuity(out);
            }
            // CMAF headers are not encrypted, so none may stand after a key for whole files. And a
            // key holds until another of its system or none at all (4.4.4.4).
            let whole = |keys: &[Key]| keys.iter().any(Key::is_whole_segment);
            let renewed = init.is_some() && whole(keys);
            if renewed || keys.iter().any(|key| !next.iter().any(|next| next.replaces(key))) {
                media::write_no_key(out);
            }
            if let (Some(track), Some(id)) = (self.track, init) {
                media::write_map(out, Resource::Init { track, id });
            }
            if renewed || keys != next {
                for key in next {
                    key.write(out, "EXT-X-KEY");
                }
            }
            out.push_str(&entry.text);
        }
    }

    /// How many listed segments end further than `boundary` from the end of the last complete one.
    pub(crate) fn skippable(&self, boundary: Micros) -> usize {
        self.listed()
            .take_while(|entry| entry.is_complete() && self.total.0 - entry.total.0 > boundary.0)
            .count()
    }

    /// Where the part or segment `(sequence, index)` of this log is kept, names it was promised
    /// under included.
    pub(crate) fn find_part(&self, sequence: u64, index: u32) -> Option<(u64, u32)> {
        if self.entry(sequence).is_some_and(|entry| index < entry.part_count) {
            return Some((sequence, index));
        }
        self.entries
            .iter()
            .find(|entry| entry.promised_as == Some((sequence, index)))
            .map(|entry| (entry.sequence, 0))
    }
}

fn keys(protection: Option<&Protection>) -> &[Key] {
    protection.map_or(&[], |protection| &protection.keys)
}

/// Segment bit rates as measured (RFC 8216bis, 4.1).
#[derive(Debug, Clone, Default)]
pub(crate) struct Bandwidth {
    bytes: u64,
    micros: u64,
    /// The highest of any set of neighbours that is long enough to count, and not too long.
    peak: u64,
    /// Size and length of the last ones in a row, as far as they can be in a set with the next.
    recent: VecDeque<(u64, u64)>,
}

impl Bandwidth {
    fn add(&mut self, bytes: u64, duration: Micros, target: Micros) {
        self.bytes = self.bytes.saturating_add(bytes);
        self.micros = self.micros.saturating_add(duration.0);
        self.extend(bytes, duration, target);
    }

    /// Takes the next in a row. Sets count that last from half a target duration to one and a half
    /// and half a second; one that is longer alone counts too, since playlists list it.
    fn extend(&mut self, bytes: u64, duration: Micros, target: Micros) {
        let longest = target.0 + target.0 / 2 + 500_000;
        self.recent.push_back((bytes, duration.0));
        let (mut size, mut length, mut used) = (0u64, 0u64, 0);
        for (bytes, micros) in self.recent.iter().rev() {
            let reach = length.saturating_add(*micros);
            if used > 0 && reach > longest {
                break;
            }
            (size, length, used) = (size.saturating_add(*bytes), reach, used + 1);
            if length.saturating_mul(2) >= target.0 {
                self.peak = self.peak.max(rate(size, length));
            }
        }
        self.recent.drain(..self.recent.len() - used);
    }

    /// What comes next does not lie in a row with what came before.
    fn interrupt(&mut self) {
        self.recent.clear();
    }

    fn forget_peak(&mut self) {
        self.peak = 0;
        self.recent.clear();
    }

    /// Whether there was a complete segment to measure.
    pub(crate) fn is_measured(&self) -> bool {
        self.micros > 0
    }

    pub(crate) fn peak(&self) -> u64 {
        self.peak.max(self.average())
    }

    pub(crate) fn average(&self) -> u64 {
        rate(self.bytes, self.micros).max(1)
    }
}

/// Bits a second, rounded up.
fn rate(bytes: u64, micros: u64) -> u64 {
    let bits = u128::from(bytes) * 8 * 1_000_000;
    u64::try_from(bits.div_ceil(u128::from(micros.max(1)))).unwrap_or(u64::MAX)
}
