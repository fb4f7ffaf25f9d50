//! A reader of media playlists written from RFC 8216bis, independent of the code under test: it
//! refuses what the text forbids.

use std::collections::HashSet;

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Playlist {
    pub version: u64,
    pub target: u64,
    pub media_sequence: u64,
    pub discontinuity_sequence: u64,
    pub independent: bool,
    pub control: Vec<(String, String)>,
    pub part_target: Option<u64>,
    pub skipped: u64,
    pub segments: Vec<Listed>,
    pub hint: Option<String>,
    pub map_hint: Option<String>,
    pub reports: Vec<String>,
    /// Attributes by identifier.
    pub ranges: Vec<(String, Vec<(String, String)>)>,
    pub ended: bool,
}

/// A segment, or the parts of one that is not complete (`uri` is then empty).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Listed {
    pub sequence: u64,
    pub discontinuity_number: u64,
    pub map: Option<String>,
    /// Tags of the keys that hold for it, by key system.
    pub keys: Vec<(String, String)>,
    /// Milliseconds since the epoch.
    pub date: Option<u64>,
    pub gap: bool,
    /// Microseconds.
    pub duration: u64,
    pub uri: String,
    pub parts: Vec<ListedPart>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedPart {
    pub duration: u64,
    pub uri: String,
    pub independent: bool,
}

impl Playlist {
    /// Reads a playlist and checks all that one playlist alone can break.
    pub fn read(text: &str) -> Self {
        assert!(text.ends_with('\n'));
        let control = |c: char| c.is_control() && c != '\n' && c != '\t';
        assert!(!text.contains(control) && !text.contains('\u{FEFF}'), "4.1");
        let mut lines = text.lines();
        assert_eq!(lines.next(), Some("#EXTM3U"), "4.4.1.1");
        let mut list = Self::default();
        let mut current = Listed::default();
        let mut map = None;
        let mut keys: Vec<(String, String)> = Vec::new();
        let mut discontinuities = 0;
        let mut once = HashSet::new();
        let mut has_media = false;
        for line in lines {
            assert!(!list.ended, "nothing follows EXT-X-ENDLIST here");
            if !line.starts_with('#') {
                assert!(current.duration > 0, "4.4.4.1: every segment has an EXTINF");
                line.clone_into(&mut current.uri);
                current.keys.clone_from(&keys);
                list.push(std::mem::take(&mut current), map.clone(), discontinuities);
                continue;
            }
            let (tag, value) = line.split_once(':').unwrap_or((line, ""));
            let unique = [
                "#EXT-X-VERSION",
                "#EXT-X-TARGETDURATION",
                "#EXT-X-MEDIA-SEQUENCE",
                "#EXT-X-DISCONTINUITY-SEQUENCE",
                "#EXT-X-SERVER-CONTROL",
                "#EXT-X-PART-INF",
                "#EXT-X-SKIP",
                "#EXT-X-INDEPENDENT-SEGMENTS",
                "#EXT-X-PLAYLIST-TYPE",
            ];
            if unique.contains(&tag) {
                assert!(once.insert(tag), "{tag} twice");
            }
            match tag {
                "#EXT-X-VERSION" => list.version = value.parse().unwrap(),
                "#EXT-X-TARGETDURATION" => list.target = value.parse().unwrap(),
                "#EXT-X-INDEPENDENT-SEGMENTS" => list.independent = true,
                "#EXT-X-MEDIA-SEQUENCE" => {
                    assert!(!has_media, "4.4.3.2: before the first segment");
                    list.media_sequence = value.parse().unwrap();
                }
                "#EXT-X-DISCONTINUITY-SEQUENCE" => {
                    assert!(!has_media, "4.4.3.3: before the first segment");
                    list.discontinuity_sequence = value.parse().unwrap();
                }
                "#EXT-X-SERVER-CONTROL" => list.control = attributes(value),
                "#EXT-X-PLAYLIST-TYPE" => assert!(["EVENT", "VOD"].contains(&value), "4.4.3.5"),
                "#EXT-X-KEY" => {
                    assert!(current.parts.is_empty(), "4.4.4.9: before the first part");
                    if attribute(value, "METHOD") == "NONE" {
                        assert_eq!(attributes(value).len(), 1, "4.4.4.4: nothing beside NONE");
                        keys.clear();
                        continue;
                    }
                    quoted(&attribute(value, "URI"));
                    let counter = attribute(value, "METHOD") == "SAMPLE-AES-CTR";
                    assert!(!counter || find(value, "IV").is_none(), "4.4.4.4: no IV");
                    let system = find(value, "KEYFORMAT").unwrap_or("\"identity\"".to_owned());
                    keys.retain(|(known, _)| *known != system);
                    keys.push((system, value.to_owned()));
                }
                "#EXT-X-DATERANGE" => list.range(value),
                "#EXT-X-PART-INF" => {
                    list.part_target = Some(micros(&attribute(value, "PART-TARGET")));
                }
                "#EXT-X-SKIP" => {
                    list.skipped = attribute(value, "SKIPPED-SEGMENTS").parse().unwrap();
                    assert!(list.skipped > 0);
                }
                "#EXT-X-DISCONTINUITY" => {
                    has_media = true;
                    assert!(current.parts.is_empty(), "it applies to what follows");
                    discontinuities += 1;
                }
                "#EXT-X-MAP" => {
                    assert!(current.parts.is_empty());
                    map = Some(quoted(&attribute(value, "URI")));
                }
                "#EXT-X-PROGRAM-DATE-TIME" => {
                    assert!(current.date.is_none() && current.parts.is_empty());
                    current.date = Some(date(value));
                }
                "#EXT-X-GAP" => current.gap = true,
                "#EXT-X-PART" => {
                    has_media = true;
                    current.parts.push(ListedPart {
                        duration: micros(&attribute(value, "DURATION")),
                        uri: quoted(&attribute(value, "URI")),
                        independent: find(value, "INDEPENDENT").as_deref() == Some("YES"),
                    });
                }
                "#EXTINF" => {
                    has_media = true;
                    current.duration = micros(value.strip_suffix(',').unwrap());
                }
                "#EXT-X-PRELOAD-HINT" => {
                    let uri = quoted(&attribute(value, "URI"));
                    let place = match attribute(value, "TYPE").as_str() {
                        "PART" => &mut list.hint,
                        "MAP" => &mut list.map_hint,
                        other => panic!("4.4.5.3: no type {other}"),
                    };
                    assert_eq!(place.replace(uri), None, "6.2.6: one of a type");
                }
                "#EXT-X-RENDITION-REPORT" => list.reports.push(value.to_owned()),
                "#EXT-X-ENDLIST" => list.ended = true,
                _ => panic!("a tag that is not in the specification: {line}"),
            }
        }
        if current.parts.is_empty() {
            assert_eq!(current, Listed::default(), "tags that apply to nothing");
        } else {
            current.keys = keys;
            list.push(current, map, discontinuities);
        }
        list.check(text);
        list
    }

    /// 4.4.5.1: what a date range must have, and of each identifier one here.
    fn range(&mut self, value: &str) {
        let id = quoted(&attribute(value, "ID"));
        assert!(self.ranges.iter().all(|(known, _)| *known != id), "{id} twice");
        date(&quoted(&attribute(value, "START-DATE")));
        for name in ["DURATION", "PLANNED-DURATION"] {
            find(value, name).as_deref().map(micros);
        }
        let out_and_in = find(value, "SCTE35-OUT").and(find(value, "SCTE35-IN"));
        assert!(out_and_in.is_none() || find(value, "DURATION").is_some(), "4.4.5.1.1: {value}");
        self.ranges.push((id, attributes(value)));
    }

    fn push(&mut self, mut listed: Listed, map: Option<String>, discontinuities: u64) {
        listed.sequence = self.media_sequence + self.skipped + self.segments.len() as u64;
        listed.discontinuity_number = self.discontinuity_sequence + discontinuities;
        listed.map = map;
        self.segments.push(listed);
    }

    /// Complete segments.
    pub fn complete(&self) -> impl DoubleEndedIterator<Item = &Listed> {
        self.segments.iter().filter(|segment| !segment.uri.is_empty())
    }

    pub fn control(&self, name: &str) -> Option<u64> {
        let (_, value) = self.control.iter().find(|(key, _)| key == name)?;
        Some(micros(value))
    }

    fn check(&self, text: &str) {
        // Of a delta update without some date ranges, 10.
        let needed = if self.skipped > 0 {
            self.version.clamp(9, 10)
        } else if self.segments.iter().any(|segment| segment.map.is_some()) {
            6
        } else {
            3
        };
        assert_eq!(self.version, needed, "6.2.1, section 8: no more than is needed\n{text}");
        let mut uris = HashSet::new();
        let dated = self.segments.iter().any(|segment| segment.date.is_some());
        for segment in &self.segments {
            let rounded = (segment.duration + 500_000) / 1_000_000;
            assert!(rounded <= self.target, "4.4.3.1: EXTINF within TARGETDURATION\n{text}");
            assert!(segment.date.is_some(), "every segment is dated");
            if !segment.uri.is_empty() {
                assert!(uris.insert(segment.uri.clone()), "{} twice", segment.uri);
            }
            for part in &segment.parts {
                assert!(uris.insert(part.uri.clone()), "{} twice", part.uri);
                let target = self.part_target.expect("4.4.3.7: PART needs PART-INF");
                assert!(part.duration <= target, "4.4.4.9: no longer than PART-TARGET\n{text}");
            }
            if !segment.uri.is_empty() && !segment.parts.is_empty() {
                let sum: u64 = segment.parts.iter().map(|part| part.duration).sum();
                assert_eq!(sum, segment.duration, "a segment is the sum of its parts\n{text}");
            }
            if self.independent {
                assert!(segment.parts.first().is_none_or(|part| part.independent), "4.4.2.1");
            }
        }
        if let Some(hint) = &self.hint {
            assert!(!uris.contains(hint), "what is hinted is not there yet\n{text}");
            assert!(!self.ended, "an ended playlist hints nothing");
        }
        let parted = self.segments.iter().any(|segment| !segment.parts.is_empty());
        assert!(!parted || self.ended || self.hint.is_some(), "B.1: the next part is hinted at");
        if let Some(map) = &self.map_hint {
            let last = self.segments.last().and_then(|last| last.map.as_ref());
            assert!(self.hint.is_some() && last != Some(map), "B.1: a map that is new");
        }
        assert!(self.segments.is_empty() || self.ranges.is_empty() || dated, "4.4.5.1");
        for report in &self.reports {
            let uri = quoted(&attribute(report, "URI"));
            assert!(!uri.contains(':') && !uri.starts_with('/'), "4.4.5.4: relative");
            attribute(report, "LAST-MSN").parse::<u64>().unwrap();
        }
        let skips = self.control("CAN-SKIP-UNTIL").is_some();
        let ranges = self.control.iter().any(|(name, _)| name == "CAN-SKIP-DATERANGES");
        assert!(skips || !ranges, "4.4.3.8: CAN-SKIP-DATERANGES requires CAN-SKIP-UNTIL");
        if let Some(hold_back) = self.control("HOLD-BACK") {
            assert!(hold_back >= 3 * self.target * 1_000_000, "4.4.3.8");
        }
        if let Some(skip) = self.control("CAN-SKIP-UNTIL") {
            assert!(skip >= 6 * self.target * 1_000_000, "4.4.3.8");
        }
        if let Some(part_target) = self.part_target {
            let hold_back = self.control("PART-HOLD-BACK").expect("4.4.3.8: required with parts");
            assert!(hold_back >= 3 * part_target, "Apple's authoring rules, 14.3");
        }
        self.check_dates(text);
        self.check_part_listing(text);
    }

    /// 6.2.1: dates are not ambiguous, and follow the media where nothing breaks it.
    fn check_dates(&self, text: &str) {
        for pair in self.segments.windows(2) {
            let [a, b] = pair else { continue };
            let (from, to) = (a.date.unwrap(), b.date.unwrap());
            let end = from + a.duration / 1000;
            if a.gap || b.gap || a.discontinuity_number != b.discontinuity_number {
                assert!(to + 1000 > end, "6.2.1: no overlap of a second\n{text}");
            } else {
                assert!(to + 1 >= end, "dates follow the media: {to} after {end}\n{text}");
            }
        }
    }

    /// 6.2.2: parts stand near the live edge, and there of every segment that has some.
    fn check_part_listing(&self, text: &str) {
        let Some(_) = self.part_target else { return };
        let total: u64 = self.complete().map(|segment| segment.duration).sum();
        let mut end = 0;
        for segment in self.complete() {
            end += segment.duration;
            if total - end >= 3 * self.target * 1_000_000 {
                assert!(segment.parts.is_empty(), "6.2.2: parts only near the end\n{text}");
            }
        }
    }

    /// Whether `next` has nothing of this one: it began anew after a wide jump of numbers.
    pub fn is_replaced_by(&self, next: &Self) -> bool {
        self.segments.last().is_none_or(|last| last.sequence < next.media_sequence)
    }

    /// Checks that `next` is what this playlist may become (6.2.1, 6.2.2).
    pub fn check_successor(&self, next: &Self) {
        assert_eq!(self.target, next.target, "TARGETDURATION never changes");
        assert_eq!(self.control, next.control);
        assert!(
            next.skipped > 0 || self.version == next.version,
            "6.2.1: no line but by the rules"
        );
        if next.media_sequence > self.media_sequence && !next.ended && !self.is_replaced_by(next) {
            let length: u64 = next.complete().map(|segment| segment.duration).sum();
            assert!(next.skipped > 0 || length >= 3 * next.target * 1_000_000, "6.2.2: too short");
        }
        self.check_ranges(next);
        assert!(next.media_sequence >= self.media_sequence, "MEDIA-SEQUENCE never falls");
        assert!(next.discontinuity_sequence >= self.discontinuity_sequence);
        assert!(!self.ended || self == next, "an ended playlist stays");
        for old in &self.segments {
            let Some(new) = next.segments.iter().find(|new| new.sequence == old.sequence) else {
                assert!(old.sequence < next.media_sequence + next.skipped, "removed from within");
                continue;
            };
            assert_eq!(old.discontinuity_number, new.discontinuity_number);
            if next.skipped == 0 {
                assert_eq!(old.map, new.map);
            }
            assert_eq!(old.date, new.date);
            if next.skipped == 0 {
                assert_eq!(old.keys, new.keys, "6.2.3");
            }
            if !old.uri.is_empty() {
                assert_eq!((&old.uri, old.duration, old.gap), (&new.uri, new.duration, new.gap));
            }
            if new.parts.is_empty() {
                assert!(old.parts.is_empty() || !new.uri.is_empty());
            } else {
                assert!(new.parts.starts_with(&old.parts), "parts are only appended");
            }
        }
        // The part that comes next is the one that was promised.
        if let Some(hint) = &self.hint {
            let known: HashSet<_> =
                self.segments.iter().flat_map(|s| &s.parts).map(|part| &part.uri).collect();
            let last = self.segments.last().map_or(0, |last| last.sequence);
            let fresh = next
                .segments
                .iter()
                .filter(|segment| segment.sequence >= last)
                .flat_map(|segment| &segment.parts)
                .find(|part| !known.contains(&part.uri));
            if let Some(fresh) = fresh {
                assert_eq!(&fresh.uri, hint, "the hinted part is the next one");
            }
        }
    }
}

impl Playlist {
    /// 6.2.1: a date range stays while any of it is listed, and says what it said.
    fn check_ranges(&self, next: &Self) {
        let first = next.segments.iter().find_map(|segment| segment.date).unwrap_or(0);
        for (id, before) in &self.ranges {
            let value = |name: &str| before.iter().find(|(known, _)| known == name);
            let Some((_, now)) = next.ranges.iter().find(|(known, _)| known == id) else {
                let start = value("START-DATE").map(|(_, start)| date(&quoted(start))).unwrap();
                let end = value("DURATION").map(|(_, length)| start + micros(length) / 1000);
                // Of one without an end, that may have come out since.
                assert!(end.is_none_or(|end| end <= first), "{id} is gone too early");
                continue;
            };
            assert!(before.iter().all(|said| now.contains(said)), "{id}: {before:?} {now:?}");
        }
    }
}

/// 4.2: names of capitals, digits and hyphens, each once; no white space beside them.
fn attributes(value: &str) -> Vec<(String, String)> {
    let mut attributes = Vec::new();
    let mut rest = value;
    while !rest.is_empty() {
        let (key, after) = rest.split_once('=').unwrap();
        let end = if let Some(quoted) = after.strip_prefix('"') {
            quoted.find('"').unwrap() + 2
        } else {
            after.find(',').unwrap_or(after.len())
        };
        let in_name = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '-';
        assert!(!key.is_empty() && key.chars().all(in_name), "4.2: {value}");
        assert!(find_in(&attributes, key).is_none(), "4.2: {key} twice in {value}");
        attributes.push((key.to_owned(), after[..end].to_owned()));
        rest = after[end..].strip_prefix(',').unwrap_or("");
    }
    attributes
}

fn find_in(attributes: &[(String, String)], name: &str) -> Option<String> {
    attributes.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone())
}

fn find(value: &str, name: &str) -> Option<String> {
    find_in(&attributes(value), name)
}

fn attribute(value: &str, name: &str) -> String {
    find(value, name).unwrap_or_else(|| panic!("{name} is missing in {value}"))
}

fn quoted(value: &str) -> String {
    value.strip_prefix('"').unwrap().strip_suffix('"').unwrap().to_owned()
}

/// A decimal-floating-point with at least five digits after the point, in microseconds.
fn micros(value: &str) -> u64 {
    let (whole, fraction) = value.split_once('.').unwrap();
    assert!(fraction.len() >= 5, "{value}");
    let micros: u64 = format!("{fraction:0<6}").parse().unwrap();
    whole.parse::<u64>().unwrap() * 1_000_000 + micros
}

/// Milliseconds since the epoch of a UTC time in 2023 or 2024.
fn date(value: &str) -> u64 {
    let digits = |range: std::ops::Range<usize>| value[range].parse::<u64>().unwrap();
    assert!(value.len() == 24 && value.ends_with('Z'), "{value}");
    let days_before = [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334];
    let (year, month, day) = (digits(0..4), digits(5..7), digits(8..10));
    let leap = u64::from(year == 2024 && month > 2);
    let days = (year - 1970) * 365 + 13 + days_before[month as usize - 1] + day - 1 + leap;
    let seconds = days * 86_400 + digits(11..13) * 3600 + digits(14..16) * 60 + digits(17..19);
    seconds * 1000 + digits(20..23)
}
