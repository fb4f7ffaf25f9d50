//! Multivariant playlists (RFC 8216bis, 4.4.6), and what Apple's authoring rules want of them.

use crate::{Attributes, Broken};

/// What members of groups must have in common: names and values.
type Member<'a> = Vec<(&'a str, &'a str)>;

/// A multivariant playlist.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Multivariant {
    /// `EXT-X-INDEPENDENT-SEGMENTS`.
    pub independent: bool,
    /// `EXT-X-STREAM-INF`, with the address after each.
    pub variants: Vec<(Attributes, String)>,
    /// `EXT-X-MEDIA`.
    pub renditions: Vec<Attributes>,
    /// `EXT-X-SESSION-DATA`.
    pub data: Vec<Attributes>,
    /// `EXT-X-SESSION-KEY`.
    pub keys: Vec<Attributes>,
    /// `EXT-X-CONTENT-STEERING`.
    pub steering: Vec<Attributes>,
    version: u64,
}

impl Multivariant {
    /// Reads a playlist; says what in it cannot be read as the text wants it. `None` where it is a
    /// media playlist.
    pub fn read(text: &str) -> Option<(Self, Vec<Broken>)> {
        let mut list = Self::default();
        let mut broken = Vec::new();
        let mut pending = None;
        for line in text.lines().skip(1).filter(|line| !line.is_empty()) {
            let (tag, value) = line.split_once(':').unwrap_or((line, ""));
            let read = || Attributes::read(value);
            let taken = match tag {
                "#EXTINF" | "#EXT-X-TARGETDURATION" => return None,
                "#EXT-X-VERSION" => value.parse().map(|version| list.version = version).ok(),
                "#EXT-X-INDEPENDENT-SEGMENTS" => {
                    list.independent = true;
                    Some(())
                }
                "#EXT-X-STREAM-INF" => read().map(|read| pending = Some(read)),
                "#EXT-X-MEDIA" => read().map(|read| list.renditions.push(read)),
                "#EXT-X-SESSION-DATA" => read().map(|read| list.data.push(read)),
                "#EXT-X-SESSION-KEY" => read().map(|read| list.keys.push(read)),
                "#EXT-X-CONTENT-STEERING" => read().map(|read| list.steering.push(read)),
                _ if line.starts_with('#') => Some(()),
                _ => pending.take().map(|it| list.variants.push((it, line.to_owned()))),
            };
            if taken.is_none() {
                broken.push(Broken { clause: "4.2", what: format!("cannot be read: {line}") });
            }
        }
        if !text.starts_with("#EXTM3U\n") {
            let what = "does not begin with #EXTM3U".to_owned();
            broken.push(Broken { clause: "4.4.1.1", what });
        }
        Some((list, broken))
    }

    /// The media playlists it leads to, each once.
    pub fn links(&self) -> Vec<&str> {
        let renditions = self.renditions.iter().filter_map(|rendition| rendition.value("URI"));
        let mut links: Vec<_> =
            self.variants.iter().map(|(_, link)| link.as_str()).chain(renditions).collect();
        links.sort_unstable();
        links.dedup();
        links
    }

    /// What it breaks.
    pub fn broken(&self) -> Vec<Broken> {
        let mut found = Vec::new();
        let mut unless = |kept: bool, clause: &'static str, what: String| {
            if !kept {
                found.push(Broken { clause, what });
            }
        };
        unless(!self.variants.is_empty(), "4.4.6.2", "no variant".to_owned());
        let all_or_none = |name: &str| {
            let with = self.variants.iter().filter(|(variant, _)| variant.value(name).is_some());
            matches!(with.count(), count if count == 0 || count == self.variants.len())
        };
        unless(all_or_none("SCORE"), "4.4.6.2", "SCORE of some variants only".to_owned());
        let pictures = |variant: &Attributes| variant.value("RESOLUTION").is_some();
        for (variant, link) in &self.variants {
            let bandwidth = variant.value("BANDWIDTH").and_then(|text| text.parse::<u64>().ok());
            let average = variant.value("AVERAGE-BANDWIDTH").and_then(|text| text.parse().ok());
            unless(bandwidth.is_some(), "4.4.6.2", format!("{link}: no BANDWIDTH"));
            unless(average.is_some(), "Apple 9.14", format!("{link}: no AVERAGE-BANDWIDTH"));
            unless(bandwidth >= average, "4.1", format!("{link}: the average is above the peak"));
            unless(variant.value("CODECS").is_some(), "Apple 9.1", format!("{link}: no CODECS"));
            let rate = !pictures(variant) || variant.value("FRAME-RATE").is_some();
            unless(rate, "Apple 9.15", format!("{link}: no FRAME-RATE"));
            for (name, kind) in [("AUDIO", "AUDIO"), ("CLOSED-CAPTIONS", "CLOSED-CAPTIONS")] {
                let group = variant.value(name).filter(|group| *group != "NONE");
                let known = group.is_none_or(|group| !self.group(kind, group).is_empty());
                unless(known, "4.4.6.2", format!("{link}: {name} names no group"));
            }
        }
        let captions: Vec<_> =
            self.variants.iter().map(|(it, _)| it.value("CLOSED-CAPTIONS")).collect();
        let none = captions.contains(&Some("NONE"));
        let all = captions.iter().all(|captions| *captions == Some("NONE"));
        unless(!none || all, "4.4.6.2", "CLOSED-CAPTIONS=NONE of some variants only".to_owned());
        let ranges: Vec<_> =
            self.variants.iter().filter(|(variant, _)| pictures(variant)).collect();
        let high =
            ranges.iter().any(|(it, _)| it.value("VIDEO-RANGE").is_some_and(|it| it != "SDR"));
        let said = ranges.iter().all(|(it, _)| it.value("VIDEO-RANGE").is_some());
        unless(!high || said, "Apple 9.16", "VIDEO-RANGE of some variants only".to_owned());
        found.extend(self.groups_broken());
        found.extend(self.session_broken());
        found
    }

    fn group(&self, kind: &str, id: &str) -> Vec<&Attributes> {
        let of =
            |it: &&Attributes| it.value("TYPE") == Some(kind) && it.value("GROUP-ID") == Some(id);
        self.renditions.iter().filter(of).collect()
    }

    /// 4.4.6.1 and 4.4.6.1.1.
    fn groups_broken(&self) -> Vec<Broken> {
        let mut found = Vec::new();
        let mut unless = |kept: bool, clause: &'static str, what: String| {
            if !kept {
                found.push(Broken { clause, what });
            }
        };
        let mut shapes: Vec<(&str, Vec<Member<'_>>)> = Vec::new();
        let mut seen = Vec::new();
        for rendition in &self.renditions {
            let (kind, id) = (rendition.value("TYPE"), rendition.value("GROUP-ID"));
            let (Some(kind), Some(id), Some(name)) = (kind, id, rendition.value("NAME")) else {
                unless(false, "4.4.6.1", format!("lacks what it must have: {rendition:?}"));
                continue;
            };
            let said = kind == "VIDEO" || rendition.value("LANGUAGE").is_some();
            unless(said, "Apple 8.10", format!("{name}: no LANGUAGE"));
            let auto = rendition.value("AUTOSELECT");
            let default = rendition.value("DEFAULT") == Some("YES");
            unless(
                !default || auto != Some("NO"),
                "4.4.6.1",
                format!("{name}: DEFAULT, not AUTOSELECT"),
            );
            let linked = rendition.value("URI").is_some();
            let captions = kind == "CLOSED-CAPTIONS";
            unless(!captions || !linked, "4.4.6.1", format!("{name}: captions with a URI"));
            let channel = rendition.value("INSTREAM-ID").unwrap_or_default();
            unless(!captions || !channel.is_empty(), "4.4.6.1", format!("{name}: no INSTREAM-ID"));
            let enough = !channel.starts_with("SERVICE") || self.version >= 7;
            unless(enough, "8", format!("{channel} needs version 7"));
            if seen.contains(&(kind, id)) {
                continue;
            }
            seen.push((kind, id));
            let members = self.group(kind, id);
            let mut names: Vec<_> = members.iter().map(|member| member.value("NAME")).collect();
            names.sort_unstable();
            names.dedup();
            unless(names.len() == members.len(), "4.4.6.1.1", format!("{id}: a NAME twice"));
            let defaults = members.iter().filter(|it| it.value("DEFAULT") == Some("YES")).count();
            unless(defaults <= 1, "4.4.6.1.1", format!("{id}: {defaults} defaults"));
            let mut chosen: Vec<_> = members
                .iter()
                .filter(|member| member.value("AUTOSELECT") == Some("YES"))
                .map(|it| {
                    ["LANGUAGE", "ASSOC-LANGUAGE", "CHARACTERISTICS"].map(|name| it.value(name))
                })
                .collect();
            let automatic = chosen.len();
            chosen.sort_unstable();
            chosen.dedup();
            unless(chosen.len() == automatic, "4.4.6.1.1 (should)", format!("{id}: two alike"));
            let free = ["URI", "CHANNELS", "BIT-DEPTH", "STABLE-RENDITION-ID", "INSTREAM-ID"];
            let fixed =
                |name: &str| !free.contains(&name) && !["SAMPLE-RATE", "GROUP-ID"].contains(&name);
            let mut shape: Vec<Vec<_>> = members
                .iter()
                .map(|member| member.iter().filter(|(name, _)| fixed(name)).collect())
                .collect();
            shape.sort_unstable();
            let first = shapes.iter().find(|(known, _)| *known == kind);
            let same = first.is_none_or(|(_, first)| *first == shape);
            unless(same, "4.4.6.1.1", format!("{id}: other members than other groups of {kind}"));
            shapes.push((kind, shape));
        }
        found
    }

    /// 4.4.6.4 to 4.4.6.6.
    fn session_broken(&self) -> Vec<Broken> {
        let mut found = Vec::new();
        let mut unless = |kept: bool, clause: &'static str, what: String| {
            if !kept {
                found.push(Broken { clause, what });
            }
        };
        for (place, data) in self.data.iter().enumerate() {
            let of = |data: &Attributes| {
                ["DATA-ID", "LANGUAGE"].map(|name| data.value(name).map(ToOwned::to_owned))
            };
            let twice = self.data.iter().take(place).any(|other| of(other) == of(data));
            unless(!twice, "4.4.6.4", format!("twice: {data:?}"));
            let one = data.value("VALUE").is_some() != data.value("URI").is_some();
            unless(one, "4.4.6.4", format!("neither VALUE nor URI alone: {data:?}"));
        }
        for (place, key) in self.keys.iter().enumerate() {
            unless(
                !self.keys.iter().take(place).any(|other| other == key),
                "4.4.6.5",
                format!("twice: {key:?}"),
            );
            unless(key.value("METHOD") != Some("NONE"), "4.4.6.5", "METHOD=NONE".to_owned());
        }
        unless(self.steering.len() <= 1, "4.4.6.6", "EXT-X-CONTENT-STEERING twice".to_owned());
        for steering in &self.steering {
            let own = steering.value("PATHWAY-ID");
            let known = own
                .is_none_or(|_| self.variants.iter().any(|(it, _)| it.value("PATHWAY-ID") == own));
            unless(known, "4.4.6.6", "PATHWAY-ID of no variant".to_owned());
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOUND: &str = "#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"a\",NAME=\"A\",LANGUAGE=\"en\",\
                         DEFAULT=YES,AUTOSELECT=YES,URI=\"a.m3u8\"\n";
    const VARIANT: &str = "#EXT-X-STREAM-INF:BANDWIDTH=2,AVERAGE-BANDWIDTH=1,CODECS=\"avc1\",\
                           RESOLUTION=2x2,FRAME-RATE=25.000,AUDIO=\"a\"\nv.m3u8\n";

    fn clauses(body: &str) -> Vec<&'static str> {
        let (list, mut broken) = Multivariant::read(&format!("#EXTM3U\n{body}")).unwrap();
        broken.extend(list.broken());
        broken.into_iter().map(|broken| broken.clause).collect()
    }

    #[test]
    fn what_keeps_the_rules_is_let_pass() {
        let text = format!("{SOUND}{VARIANT}");
        assert!(clauses(&text).is_empty(), "{:?}", clauses(&text));
        let (list, _) = Multivariant::read(&format!("#EXTM3U\n{text}")).unwrap();
        assert_eq!(list.links(), ["a.m3u8", "v.m3u8"]);
        assert_eq!(Multivariant::read("#EXTM3U\n#EXT-X-TARGETDURATION:2\n"), None);
    }

    #[test]
    fn what_breaks_a_rule_is_named() {
        let with = |from: &str, to: &str| clauses(&format!("{SOUND}{VARIANT}").replace(from, to));
        assert_eq!(with("BANDWIDTH=2,AVERAGE-", ""), ["Apple 9.14"]);
        assert_eq!(with("AVERAGE-BANDWIDTH=1", "AVERAGE-BANDWIDTH=3"), ["4.1"]);
        assert_eq!(with("CODECS=\"avc1\",", ""), ["Apple 9.1"]);
        assert_eq!(with("FRAME-RATE=25.000,", ""), ["Apple 9.15"]);
        assert_eq!(with("LANGUAGE=\"en\",", ""), ["Apple 8.10"]);
        assert_eq!(with("AUDIO=\"a\"", "AUDIO=\"b\""), ["4.4.6.2"]);
        assert_eq!(with("AUTOSELECT=YES", "AUTOSELECT=NO"), ["4.4.6.1"]);
        assert_eq!(with("FRAME-RATE", "FRAME-RATE=1,FRAME-RATE"), ["4.2", "4.2", "4.4.6.2"]);
        assert_eq!(clauses(&format!("{SOUND}{SOUND}{VARIANT}"))[..2], ["4.4.6.1.1"; 2]);
        let other = SOUND.replace("\"a\"", "\"b\"");
        let more = other.replace("\"A\"", "\"B\"").replace("DEFAULT=YES", "DEFAULT=NO");
        assert_eq!(clauses(&format!("{SOUND}{other}{VARIANT}")), [""; 0]);
        assert_eq!(clauses(&format!("{SOUND}{more}{VARIANT}")), ["4.4.6.1.1"]);
        let none = VARIANT.replace("AUDIO", "CLOSED-CAPTIONS=NONE,AUDIO");
        assert_eq!(clauses(&format!("{SOUND}{VARIANT}{none}")), ["4.4.6.2"]);
        let bright = VARIANT.replace("AUDIO", "VIDEO-RANGE=PQ,AUDIO");
        assert_eq!(clauses(&format!("{SOUND}{VARIANT}{bright}")), ["Apple 9.16"]);
        let data = "#EXT-X-SESSION-DATA:DATA-ID=\"x\",VALUE=\"1\"\n";
        assert_eq!(clauses(&format!("{data}{data}{SOUND}{VARIANT}")), ["4.4.6.4"]);
        let steering = "#EXT-X-CONTENT-STEERING:SERVER-URI=\"/s\",PATHWAY-ID=\"P\"\n";
        assert_eq!(clauses(&format!("{steering}{SOUND}{VARIANT}")), ["4.4.6.6"]);
    }
}
