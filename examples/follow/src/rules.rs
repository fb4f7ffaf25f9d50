//! The rules, each with its clause of RFC 8216bis.

use std::collections::HashSet;
use std::fmt;

use crate::{Attributes, Playlist, playlist};

/// A rule that is broken.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Broken {
    /// The clause.
    pub clause: &'static str,
    /// How.
    pub what: String,
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.clause, self.what)
    }
}

struct Findings(Vec<Broken>);

impl Findings {
    fn unless(&mut self, kept: bool, clause: &'static str, what: impl FnOnce() -> String) {
        if !kept {
            self.0.push(Broken { clause, what: what() });
        }
    }
}

const SECOND: u64 = 1_000_000;

/// The clause by which parts must not be much shorter than `PART-TARGET`.
pub const SHORT: &str = "4.4.4.9 (85 %)";

/// What one playlist breaks by itself.
pub fn alone(list: &Playlist) -> Vec<Broken> {
    let mut found = Findings(Vec::new());
    let target = list.target * SECOND;
    found.unless(list.target > 0, "4.4.3.1", || "no EXT-X-TARGETDURATION".to_owned());
    versions(list, &mut found);
    control(list, target, &mut found);
    let mut uris = HashSet::new();
    for segment in &list.segments {
        let name = segment.sequence;
        if !segment.uri.is_empty() {
            let rounded = (segment.duration + SECOND / 2) / SECOND;
            found.unless(rounded <= list.target, "4.4.3.1", || {
                format!(
                    "segment {name} lasts {} us, the target is {} s",
                    segment.duration, list.target
                )
            });
            found.unless(segment.duration > 0, "4.4.4.1", || {
                format!("segment {name} has no EXTINF")
            });
        }
        let parts = segment.parts.iter().map(|part| &part.uri);
        for uri in parts.chain([&segment.uri]).filter(|uri| !uri.is_empty()) {
            found.unless(uris.insert(uri.clone()), "4.4.4", || format!("{uri} is listed twice"));
        }
        found.unless(segment.map.is_none() || list.version >= 6, "8", || {
            "EXT-X-MAP needs version 6".to_owned()
        });
        let independent = segment.parts.first().is_none_or(|part| part.independent);
        found.unless(!list.independent || segment.gap || independent, "4.4.2.1", || {
            format!("segment {name} is not independent, all are said to be")
        });
    }
    let live = !list.ended && list.playlist_type.as_deref() != Some("VOD");
    let dated = list.segments.iter().any(|segment| segment.date.is_some());
    found.unless(!live || list.part_target.is_none() || dated, "B.1", || {
        "Low Latency without EXT-X-PROGRAM-DATE-TIME".to_owned()
    });
    found.unless(!list.ended || list.hint.is_none(), "4.4.5.3", || {
        "an ended playlist hints at more".to_owned()
    });
    found.unless(list.hint.as_ref().is_none_or(|hint| !uris.contains(hint)), "4.4.5.3", || {
        "what is hinted at is there already".to_owned()
    });
    let parted = list.segments.iter().any(|segment| !segment.parts.is_empty());
    found.unless(!parted || list.ended || list.hint.is_some(), "B.1", || {
        "there are parts, and the next is not hinted at".to_owned()
    });
    parts(list, target, &mut found);
    dates(list, &mut found);
    ranges(list, &mut found);
    for report in &list.reports {
        let relative = report.value("URI").is_none_or(|uri| !uri.contains("://"));
        found.unless(relative, "4.4.5.4", || format!("an absolute address: {report:?}"));
    }
    found.0
}

fn versions(list: &Playlist, found: &mut Findings) {
    found.unless(list.skipped == 0 || list.version >= 9, "8", || {
        "EXT-X-SKIP needs version 9".to_owned()
    });
}

fn control(list: &Playlist, target: u64, found: &mut Findings) {
    if let Some(hold_back) = list.control.micros("HOLD-BACK") {
        found.unless(hold_back >= 3 * target, "4.4.3.8", || {
            format!("HOLD-BACK {hold_back} us is below three target durations")
        });
    }
    if let Some(skip) = list.control.micros("CAN-SKIP-UNTIL") {
        found.unless(skip >= 6 * target, "4.4.3.8", || {
            format!("CAN-SKIP-UNTIL {skip} us is below six target durations")
        });
    }
    let skips = list.control.value("CAN-SKIP-UNTIL").is_some();
    found.unless(skips || list.control.value("CAN-SKIP-DATERANGES").is_none(), "4.4.3.8", || {
        "CAN-SKIP-DATERANGES without CAN-SKIP-UNTIL".to_owned()
    });
    if let Some(part) = list.part_target {
        let hold_back = list.control.micros("PART-HOLD-BACK").unwrap_or(0);
        found.unless(hold_back >= 2 * part, "4.4.3.8", || {
            format!("PART-HOLD-BACK {hold_back} us is below two part targets")
        });
        found.unless(hold_back >= 3 * part, "4.4.3.8 (should)", || {
            format!("PART-HOLD-BACK {hold_back} us is below three part targets")
        });
    }
}

fn parts(list: &Playlist, target: u64, found: &mut Findings) {
    let total: u64 = list.segments.iter().map(|segment| segment.duration).sum();
    let mut end = 0;
    for segment in &list.segments {
        end += segment.duration;
        if segment.parts.is_empty() {
            continue;
        }
        let name = segment.sequence;
        let Some(part_target) = list.part_target else {
            found.unless(false, "4.4.3.7", || "EXT-X-PART without EXT-X-PART-INF".to_owned());
            return;
        };
        let end_of_it = segment.parts.len() - 1;
        for (index, part) in segment.parts.iter().enumerate() {
            let length = part.duration;
            found.unless(length <= part_target, "4.4.4.9", || {
                format!("part {name}.{index} lasts {length} us, PART-TARGET is {part_target} us")
            });
            // The last part of a segment may be shorter, of an open one nobody knows which it is;
            // and so may those that a client can begin with.
            let free = index == end_of_it || part.independent;
            found.unless(free || length * 100 >= part_target * 85, SHORT, || {
                format!("part {name}.{index} lasts {length} us, less than 85 % of PART-TARGET")
            });
        }
        if !segment.uri.is_empty() {
            let sum: u64 = segment.parts.iter().map(|part| part.duration).sum();
            found.unless(sum.abs_diff(segment.duration) <= 1000, "4.4.4.9", || {
                format!("the parts of segment {name} last {sum} us, it {} us", segment.duration)
            });
            found.unless(total - end < 3 * target, "6.2.2", || {
                format!("parts of segment {name} are listed far from the end")
            });
        }
    }
}

fn dates(list: &Playlist, found: &mut Findings) {
    for pair in list.segments.windows(2) {
        let [a, b] = pair else { continue };
        let (Some(from), Some(to)) = (a.date, b.date) else { continue };
        // Dates have milliseconds.
        found.unless(to + 2000 >= from + a.duration || a.gap || b.gap, "4.4.4.6", || {
            format!("segment {} is dated into the one before it", b.sequence)
        });
    }
}

/// Date ranges: each whole, and of one identifier the same (4.4.5.1).
fn ranges(list: &Playlist, found: &mut Findings) {
    let dated = list.segments.iter().any(|segment| segment.date.is_some());
    let none = list.date_ranges.is_empty() || list.segments.is_empty();
    found.unless(none || dated, "4.4.5.1", || "a date range without a date".to_owned());
    for (place, range) in list.date_ranges.iter().enumerate() {
        let id = range.value("ID").unwrap_or_default();
        found.unless(!id.is_empty(), "4.4.5.1", || format!("no ID: {range:?}"));
        let first = list.date_ranges.iter().take(place).find(|other| other.value("ID") == Some(id));
        let dated = range.value("START-DATE").map(playlist::date);
        let whole =
            dated.is_some_and(|date| date.is_some()) || (dated.is_none() && first.is_some());
        found.unless(whole, "4.4.5.1", || format!("no START-DATE: {range:?}"));
        if let Some(first) = first {
            keeps(first, range, found);
        }
        if let Some(end) = range.value("END-DATE").and_then(playlist::date) {
            let start = range.value("START-DATE").and_then(playlist::date).unwrap_or(0);
            found.unless(end >= start, "4.4.5.1", || format!("ends before it begins: {range:?}"));
        }
    }
}

/// What is said of one date range twice is the same.
fn keeps(before: &Attributes, now: &Attributes, found: &mut Findings) {
    for (name, value) in before.iter() {
        let same = now.value(name).is_none_or(|now| now == value);
        found.unless(same, "4.4.5.1", || format!("{name} changed: {now:?}"));
    }
}

/// When a date range is over, where that is known.
fn end(range: &Attributes) -> Option<u64> {
    let start = playlist::date(range.value("START-DATE")?)?;
    match range.value("END-DATE") {
        Some(end) => playlist::date(end),
        None => Some(start + range.micros("DURATION")?),
    }
}

/// What `next` breaks as what comes after `list` (6.2.1, 6.2.2, 6.2.5); both whole.
pub fn after(list: &Playlist, next: &Playlist) -> Vec<Broken> {
    let mut found = Findings(Vec::new());
    found.unless(list.target == next.target, "4.4.3.1", || "TARGETDURATION changed".to_owned());
    found.unless(list.part_target == next.part_target, "4.4.3.7", || {
        "PART-TARGET changed".to_owned()
    });
    found.unless(next.media_sequence >= list.media_sequence, "4.4.3.2", || {
        format!("MEDIA-SEQUENCE fell from {} to {}", list.media_sequence, next.media_sequence)
    });
    found.unless(next.discontinuity_sequence >= list.discontinuity_sequence, "4.4.3.3", || {
        "DISCONTINUITY-SEQUENCE fell".to_owned()
    });
    found.unless(list.version == next.version, "6.2.1", || "EXT-X-VERSION changed".to_owned());
    found.unless(list.control == next.control, "6.2.1", || {
        "EXT-X-SERVER-CONTROL changed".to_owned()
    });
    let complete = next.segments.iter().filter(|segment| !segment.uri.is_empty());
    let length: u64 = complete.map(|segment| segment.duration).sum();
    let enough = next.ended || length >= 3 * next.target * SECOND;
    found.unless(enough || next.media_sequence == list.media_sequence, "6.2.2", || {
        format!("segments were taken out, and {length} us are left")
    });
    gone(list, next, &mut found);
    let keeps = list.playlist_type.is_none() || next.media_sequence == list.media_sequence;
    found.unless(keeps, "4.4.3.5", || "an event lost its beginning".to_owned());
    found.unless(!list.ended || list == next, "6.2.1", || "it changed after its end".to_owned());
    for old in &list.segments {
        let name = old.sequence;
        let Some(new) = next.segments.iter().find(|new| new.sequence == name) else {
            found.unless(name < next.media_sequence, "6.2.2", || {
                format!("segment {name} was taken out of the middle")
            });
            continue;
        };
        let same = old.uri.is_empty() || (&old.uri, old.duration) == (&new.uri, new.duration);
        found.unless(same, "6.2.1", || format!("segment {name} changed"));
        found.unless(old.discontinuity == new.discontinuity, "6.2.2", || {
            format!("segment {name} has another discontinuity sequence number")
        });
        found.unless(old.date == new.date, "6.2.1", || format!("segment {name} has another date"));
        found.unless(old.map == new.map, "6.2.1", || format!("segment {name} has another map"));
        let same = old.keys.is_none() || new.keys.is_none() || old.keys == new.keys;
        found.unless(same, "6.2.1", || format!("segment {name} has other keys"));
        let appended = new.parts.starts_with(&old.parts);
        found.unless(new.parts.is_empty() || appended, "6.2.1", || {
            format!("parts of segment {name} changed")
        });
    }
    if let Some(hint) = &list.hint {
        let known: HashSet<_> =
            list.segments.iter().flat_map(|s| &s.parts).map(|part| &part.uri).collect();
        let from = list.segments.last().map_or(0, |segment| segment.sequence);
        let fresh = next.segments.iter().filter(|segment| segment.sequence >= from);
        let fresh = fresh.flat_map(|s| &s.parts).find(|part| !known.contains(&part.uri));
        found.unless(fresh.is_none_or(|part| &part.uri == hint), "4.4.5.3", || {
            format!("{hint} was hinted at, and another part came")
        });
    }
    found.0
}

/// Date ranges stay as long as any of their time is listed (6.2.1).
fn gone(list: &Playlist, next: &Playlist, found: &mut Findings) {
    let first = next.segments.iter().find_map(|segment| segment.date);
    for range in &list.date_ranges {
        let id = range.value("ID");
        let mut now = next.date_ranges.iter().filter(|now| now.value("ID") == id).peekable();
        if now.peek().is_none() {
            // Of one without an end, that may have come out since.
            let over = end(range).zip(first).is_none_or(|(end, first)| end < first + 1000);
            found.unless(over, "6.2.1", || format!("a date range is gone too early: {range:?}"));
        }
        now.for_each(|now| keeps(range, now, found));
    }
}
