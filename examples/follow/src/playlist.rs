use crate::rules::Broken;

/// A media playlist (RFC 8216bis, 4.4.3 to 4.4.5). Lengths are in microseconds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Playlist {
    /// `EXT-X-VERSION`.
    pub version: u64,
    /// `EXT-X-TARGETDURATION`, in seconds.
    pub target: u64,
    /// `EXT-X-MEDIA-SEQUENCE`.
    pub media_sequence: u64,
    /// `EXT-X-DISCONTINUITY-SEQUENCE`.
    pub discontinuity_sequence: u64,
    /// `EXT-X-INDEPENDENT-SEGMENTS`.
    pub independent: bool,
    /// `EXT-X-PLAYLIST-TYPE`.
    pub playlist_type: Option<String>,
    /// `EXT-X-SERVER-CONTROL`.
    pub control: Attributes,
    /// `PART-TARGET`.
    pub part_target: Option<u64>,
    /// `SKIPPED-SEGMENTS`.
    pub skipped: u64,
    /// Segments in order; the last one may be parts only.
    pub segments: Vec<Segment>,
    /// URI of `EXT-X-PRELOAD-HINT` for a part.
    pub hint: Option<String>,
    /// URI of `EXT-X-PRELOAD-HINT` for the map of that part.
    pub map_hint: Option<String>,
    /// `EXT-X-RENDITION-REPORT`.
    pub reports: Vec<Attributes>,
    /// `EXT-X-DATERANGE`.
    pub date_ranges: Vec<Attributes>,
    /// `EXT-X-ENDLIST`.
    pub ended: bool,
}

/// A segment, or the parts of one that is not complete: its `uri` is then empty.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Segment {
    /// Its media sequence number.
    pub sequence: u64,
    /// Its discontinuity sequence number.
    pub discontinuity: u64,
    /// The map that holds for it.
    pub map: Option<String>,
    /// The keys that hold for it, by key system, as their tags write them; `None` where no tag came
    /// before, or what came before was skipped.
    pub keys: Option<Vec<(String, String)>>,
    /// `EXT-X-PROGRAM-DATE-TIME`, microseconds since the Unix epoch.
    pub date: Option<u64>,
    /// `EXT-X-GAP`.
    pub gap: bool,
    /// `EXTINF`.
    pub duration: u64,
    /// Its address.
    pub uri: String,
    /// `EXT-X-PART`.
    pub parts: Vec<Part>,
}

/// A part.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Part {
    /// `DURATION`.
    pub duration: u64,
    /// `URI`.
    pub uri: String,
    /// `INDEPENDENT=YES`.
    pub independent: bool,
}

/// An attribute-list (4.2), without the quotes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Attributes(Vec<(String, String)>);

impl Attributes {
    /// Reads a list; `None` for what is none.
    pub fn read(mut text: &str) -> Option<Self> {
        let mut list = Vec::new();
        while !text.is_empty() {
            let (name, rest) = text.split_once('=')?;
            let (value, rest) = match rest.strip_prefix('"') {
                Some(quoted) => quoted.split_once('"')?,
                None => rest.split_at(rest.find(',').unwrap_or(rest.len())),
            };
            let in_name = |b: u8| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'-';
            if name.is_empty() || !name.bytes().all(in_name) {
                return None;
            }
            if list.iter().any(|(known, _)| known == name) {
                return None;
            }
            list.push((name.to_owned(), value.to_owned()));
            text = if rest.is_empty() { rest } else { rest.strip_prefix(',')? };
        }
        Some(Self(list))
    }

    /// The value called `name`.
    pub fn value(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Names and values, in the order they came.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// The value called `name`, seconds, in microseconds.
    pub fn micros(&self, name: &str) -> Option<u64> {
        micros(self.value(name)?)
    }
}

impl Playlist {
    /// Reads a playlist; says what in it cannot be read as the text wants it.
    pub fn read(text: &str) -> (Self, Vec<Broken>) {
        let mut reader = Reader::default();
        let mut lines = text.lines();
        if lines.next() != Some("#EXTM3U") {
            reader.broken("4.4.1.1", "does not begin with #EXTM3U".to_owned());
        }
        for line in lines.filter(|line| !line.is_empty()) {
            if line.chars().any(|c| c.is_control() && c != '\t') {
                reader.broken("4.1", format!("a control character: {line:?}"));
            }
            if reader.line(line).is_none() {
                reader.broken("4.2", format!("cannot be read: {line}"));
            }
        }
        if !reader.current.parts.is_empty() {
            reader.push();
        }
        (reader.list, reader.broken)
    }

    /// The playlist that this delta update stands for, where `before` is what the client has.
    #[must_use]
    pub fn over(mut self, before: &Self) -> Self {
        if self.skipped > 0 {
            let kept = self.media_sequence..self.media_sequence + self.skipped;
            let known = before.segments.iter().filter(|known| kept.contains(&known.sequence));
            let mut segments: Vec<_> = known.cloned().collect();
            // What holds at the end of what was skipped holds on (6.2.5.1).
            let last = segments.last().cloned().unwrap_or_default();
            for segment in &mut self.segments {
                let counted = last.discontinuity.saturating_sub(self.discontinuity_sequence);
                segment.discontinuity += counted;
                if segment.map.is_none() {
                    segment.map.clone_from(&last.map);
                }
                segment.keys = None;
            }
            segments.append(&mut self.segments);
            self.segments = segments;
            self.skipped = 0;
            // That of the update is for what it has and the playlist has not.
            self.version = before.version;
        }
        self
    }

    /// Sequence number and part that come after all that is listed.
    pub fn next(&self) -> (u64, u64) {
        match self.segments.last() {
            Some(open) if open.uri.is_empty() => (open.sequence, open.parts.len() as u64),
            Some(last) => (last.sequence + 1, 0),
            None => (self.media_sequence + self.skipped, 0),
        }
    }

    /// Whether blocking reloads are offered.
    pub fn blocks(&self) -> bool {
        self.control.value("CAN-BLOCK-RELOAD") == Some("YES")
    }
}

#[derive(Default)]
struct Reader {
    list: Playlist,
    current: Segment,
    map: Option<String>,
    keys: Option<Vec<(String, String)>>,
    discontinuities: u64,
    seen: Vec<String>,
    broken: Vec<Broken>,
}

impl Reader {
    fn broken(&mut self, clause: &'static str, what: String) {
        self.broken.push(Broken { clause, what });
    }

    fn push(&mut self) {
        let mut segment = std::mem::take(&mut self.current);
        let before = self.list.media_sequence + self.list.skipped;
        segment.sequence = before + self.list.segments.len() as u64;
        segment.discontinuity = self.list.discontinuity_sequence + self.discontinuities;
        segment.map.clone_from(&self.map);
        segment.keys.clone_from(&self.keys);
        self.list.segments.push(segment);
    }

    /// `None` where the line is not what its tag wants.
    fn line(&mut self, line: &str) -> Option<()> {
        if !line.starts_with('#') {
            line.clone_into(&mut self.current.uri);
            self.push();
            return Some(());
        }
        let (tag, value) = line.split_once(':').unwrap_or((line, ""));
        if ONCE.contains(&tag) {
            if self.seen.iter().any(|seen| seen == tag) {
                self.broken("4.4.3", format!("{tag} twice"));
            }
            self.seen.push(tag.to_owned());
        }
        let sequences = ["#EXT-X-MEDIA-SEQUENCE", "#EXT-X-DISCONTINUITY-SEQUENCE"];
        let begun = !self.list.segments.is_empty() || !self.current.parts.is_empty();
        if sequences.contains(&tag) && begun {
            self.broken("4.4.3.2", format!("{tag} after the first segment"));
        }
        let (list, current) = (&mut self.list, &mut self.current);
        match tag {
            "#EXT-X-VERSION" => list.version = value.parse().ok()?,
            "#EXT-X-TARGETDURATION" => list.target = value.parse().ok()?,
            "#EXT-X-INDEPENDENT-SEGMENTS" => list.independent = true,
            "#EXT-X-PLAYLIST-TYPE" => list.playlist_type = Some(value.to_owned()),
            "#EXT-X-MEDIA-SEQUENCE" => list.media_sequence = value.parse().ok()?,
            "#EXT-X-DISCONTINUITY-SEQUENCE" => list.discontinuity_sequence = value.parse().ok()?,
            "#EXT-X-SERVER-CONTROL" => list.control = Attributes::read(value)?,
            "#EXT-X-PART-INF" => {
                list.part_target = Some(Attributes::read(value)?.micros("PART-TARGET")?);
            }
            "#EXT-X-SKIP" => {
                list.skipped = Attributes::read(value)?.value("SKIPPED-SEGMENTS")?.parse().ok()?;
            }
            "#EXT-X-DISCONTINUITY" => self.discontinuities += 1,
            "#EXT-X-KEY" => {
                let key = Attributes::read(value)?;
                let keys = self.keys.get_or_insert_default();
                if key.value("METHOD")? == "NONE" {
                    keys.clear();
                    if key.iter().count() > 1 {
                        self.broken("4.4.4.4", format!("more than METHOD=NONE: {value}"));
                    }
                } else {
                    key.value("URI")?;
                    let system = key.value("KEYFORMAT").unwrap_or("identity").to_owned();
                    keys.retain(|(known, _)| *known != system);
                    keys.push((system, value.to_owned()));
                }
            }
            "#EXT-X-MAP" => self.map = Some(Attributes::read(value)?.value("URI")?.to_owned()),
            "#EXT-X-PROGRAM-DATE-TIME" => current.date = Some(date(value)?),
            "#EXT-X-GAP" => current.gap = true,
            "#EXTINF" => current.duration = micros(value.split(',').next()?)?,
            "#EXT-X-PART" => {
                let part = Attributes::read(value)?;
                current.parts.push(Part {
                    duration: part.micros("DURATION")?,
                    uri: part.value("URI")?.to_owned(),
                    independent: part.value("INDEPENDENT") == Some("YES"),
                });
            }
            "#EXT-X-PRELOAD-HINT" => {
                let hint = Attributes::read(value)?;
                let place = match hint.value("TYPE")? {
                    "PART" => &mut list.hint,
                    "MAP" => &mut list.map_hint,
                    _ => return Some(()),
                };
                if place.replace(hint.value("URI")?.to_owned()).is_some() {
                    self.broken("6.2.6 (should)", format!("a second hint of its type: {value}"));
                }
            }
            "#EXT-X-RENDITION-REPORT" => list.reports.push(Attributes::read(value)?),
            "#EXT-X-DATERANGE" => list.date_ranges.push(Attributes::read(value)?),
            "#EXT-X-ENDLIST" => list.ended = true,
            // 6.3.1: clients pass over what they do not know.
            _ => {}
        }
        Some(())
    }
}

const ONCE: [&str; 10] = [
    "#EXT-X-VERSION",
    "#EXT-X-INDEPENDENT-SEGMENTS",
    "#EXT-X-TARGETDURATION",
    "#EXT-X-MEDIA-SEQUENCE",
    "#EXT-X-DISCONTINUITY-SEQUENCE",
    "#EXT-X-PLAYLIST-TYPE",
    "#EXT-X-SERVER-CONTROL",
    "#EXT-X-PART-INF",
    "#EXT-X-SKIP",
    "#EXT-X-ENDLIST",
];

/// A decimal-floating-point or decimal-integer of seconds, in microseconds.
fn micros(value: &str) -> Option<u64> {
    let (whole, fraction) = value.split_once('.').unwrap_or((value, ""));
    let digits: String = fraction.chars().chain("000000".chars()).take(6).collect();
    whole.parse::<u64>().ok()?.checked_mul(1_000_000)?.checked_add(digits.parse().ok()?)
}

/// ISO 8601 with a time zone (4.4.4.6), in microseconds since the Unix epoch.
pub(crate) fn date(value: &str) -> Option<u64> {
    let number = |from: usize, to: usize| value.get(from..to)?.parse::<i64>().ok();
    let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
    // Days since the epoch, counting years from March.
    let (y, m) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let days = y * 365 + y.div_euclid(4) - y.div_euclid(100) + y.div_euclid(400);
    let days = days + (m * 153 + 2) / 5 + day - 1 - 719_468;
    let clock = number(11, 13)? * 3600 + number(14, 16)? * 60 + number(17, 19)?;
    let rest = value.get(19..)?;
    let zone_at = rest.find(['Z', '+', '-'])?;
    let (fraction, zone) = rest.split_at(zone_at);
    let fraction = micros(&format!("0{fraction}"))?;
    let zone = match zone.split_at(1) {
        ("Z", "") => 0,
        (sign, offset) => {
            let digits: String = offset.chars().filter(char::is_ascii_digit).collect();
            let (hours, minutes) = (digits.get(..2)?, digits.get(2..).filter(|m| !m.is_empty()));
            let minutes = minutes.map_or(Some(0), |minutes| minutes.parse::<i64>().ok())?;
            let seconds = hours.parse::<i64>().ok()? * 3600 + minutes * 60;
            if sign == "-" { -seconds } else { seconds }
        }
    };
    let seconds = u64::try_from(days * 86_400 + clock - zone).ok()?;
    Some(seconds * 1_000_000 + fraction)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_of_every_zone() {
        for (text, seconds) in [
            ("1970-01-01T00:00:00Z", 0),
            ("2023-11-14T22:13:20.000Z", 1_700_000_000),
            ("2024-02-29T12:00:00.5+01:00", 1_709_204_400),
            ("2024-02-29T06:30:00.500-0430", 1_709_204_400),
        ] {
            assert_eq!(date(text).unwrap() / 1_000_000, seconds, "{text}");
        }
        assert_eq!(date("2024-02-29T12:00:00.25Z").unwrap() % 1_000_000, 250_000);
        for text in ["", "2024", "2024-02-29T12:00:00", "x024-02-29T12:00:00Z"] {
            assert_eq!(date(text), None, "{text}");
        }
    }

    #[test]
    fn attributes_may_hold_commas_in_quotes() {
        let list = Attributes::read("A=1.5,B=\"x,y=z\",C=YES").unwrap();
        assert_eq!((list.micros("A"), list.value("B")), (Some(1_500_000), Some("x,y=z")));
        for text in ["A", "A=\"x", "A=1,A=2", "A=\"x\"B=1"] {
            assert_eq!(Attributes::read(text), None, "{text}");
        }
    }
}
