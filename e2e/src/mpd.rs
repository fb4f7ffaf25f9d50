//! As much of reading DASH manifests as finding their segments takes.

use roxmltree::{Document, Node};

use crate::http;
use crate::packets::{self, Form, Kind, Media, SECOND};
use crate::scratch::Scratch;

/// One representation and what its `SegmentTimeline` lists.
#[derive(Clone, Debug)]
pub struct Representation {
    /// Video or audio.
    pub kind: Kind,
    /// Units a second.
    pub timescale: i64,
    /// `@presentationTimeOffset`.
    pub offset: i64,
    /// Address of the initialisation segment.
    pub initialization: String,
    /// The segments in order.
    pub segments: Vec<Segment>,
}

/// One media segment.
#[derive(Clone, Debug)]
pub struct Segment {
    /// `@t`.
    pub time: i64,
    /// `@d`.
    pub duration: i64,
    /// Its address.
    pub url: String,
}

/// `MPD@type`.
pub fn kind(text: &str) -> String {
    let document = Document::parse(text).expect("XML");
    document.root_element().attribute("type").unwrap_or("static").to_owned()
}

/// The representations of the last period of the manifest at `url`.
pub fn representations(url: &str, text: &str) -> Vec<Representation> {
    let document = Document::parse(text).expect("XML");
    let mpd = document.root_element();
    assert_eq!(mpd.tag_name().name(), "MPD");
    let period = children(mpd, "Period").last().expect("a Period");
    let base = based(mpd, url);
    let base = based(period, &base);
    let mut found = Vec::new();
    for set in children(period, "AdaptationSet") {
        let base = based(set, &base);
        for representation in children(set, "Representation") {
            let base = based(representation, &base);
            let attribute = |name| representation.attribute(name).or_else(|| set.attribute(name));
            let mime = attribute("mimeType").or(attribute("contentType")).expect("a MIME type");
            let template = children(representation, "SegmentTemplate")
                .chain(children(set, "SegmentTemplate"))
                .next()
                .expect("a SegmentTemplate");
            let number = |name: &str, default: i64| {
                template.attribute(name).map_or(default, |text| text.parse().expect(name))
            };
            let expand = |pattern: &str, time: i64, number: i64| {
                let id = representation.attribute("id").expect("@id");
                let bandwidth = representation.attribute("bandwidth").expect("@bandwidth");
                let link = pattern
                    .replace("$RepresentationID$", id)
                    .replace("$Bandwidth$", bandwidth)
                    .replace("$Time$", &time.to_string())
                    .replace("$Number$", &number.to_string());
                assert!(!link.contains('$'), "an unknown identifier in {pattern}");
                http::join(&base, &link)
            };
            let media = template.attribute("media").expect("@media");
            let timeline = children(template, "SegmentTimeline").next().expect("a SegmentTimeline");
            let mut segments: Vec<Segment> = Vec::new();
            let mut next = 0;
            let mut count = number("startNumber", 1);
            for line in children(timeline, "S") {
                let value = |name: &str| {
                    line.attribute(name).map(|text| text.parse::<i64>().expect("a number"))
                };
                let duration = value("d").expect("@d");
                next = value("t").unwrap_or(next);
                for _ in 0..=value("r").unwrap_or(0) {
                    let url = expand(media, next, count);
                    segments.push(Segment { time: next, duration, url });
                    next += duration;
                    count += 1;
                }
            }
            let initialization = template.attribute("initialization").expect("@initialization");
            found.push(Representation {
                kind: if mime.starts_with("video") { Kind::Video } else { Kind::Audio },
                timescale: number("timescale", 1),
                offset: number("presentationTimeOffset", 0),
                initialization: expand(initialization, 0, 0),
                segments,
            });
        }
    }
    found
}

/// Fetches everything the manifest at `url` lists and reads its packets, each track's times
/// moved onto the period's timeline.
pub fn pull(url: &str) -> Media {
    let text = String::from_utf8(http::fetch(url)).expect("UTF-8");
    let scratch = Scratch::new();
    let mut media = Media::default();
    for (index, representation) in representations(url, &text).iter().enumerate() {
        let mut bytes = http::fetch(&representation.initialization);
        for pair in representation.segments.windows(2) {
            assert_eq!(pair[0].time + pair[0].duration, pair[1].time, "a hole in the timeline");
        }
        for segment in &representation.segments {
            bytes.extend(http::fetch(&segment.url));
        }
        let file = scratch.join(&format!("{index}.mp4"));
        std::fs::write(&file, bytes).expect("a file of segments");
        let track = packets::of(&file.display().to_string(), Form::Exact);
        let mut track = track.track(representation.kind).clone();
        assert_eq!(SECOND % representation.timescale, 0, "a timescale the tests can express");
        let tick = SECOND / representation.timescale;
        let first = representation.segments.first().expect("a segment");
        let start = track.packets.first().expect("a packet").dts;
        assert_eq!(start, first.time * tick, "the manifest and the media tell different times");
        for packet in &mut track.packets {
            packet.dts -= representation.offset * tick;
            packet.pts -= representation.offset * tick;
        }
        assert!(media.tracks.insert(representation.kind, track).is_none(), "two of a kind");
    }
    media
}

fn children<'a, 'input>(
    node: Node<'a, 'input>,
    name: &'static str,
) -> impl Iterator<Item = Node<'a, 'input>> {
    node.children().filter(move |child| child.tag_name().name() == name)
}

fn based(node: Node<'_, '_>, base: &str) -> String {
    let link = children(node, "BaseURL").next().and_then(|node| node.text());
    link.map_or_else(|| base.to_owned(), |link| http::join(base, link.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timeline_is_unrolled() {
        let text = r#"<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="dynamic"><Period id="0">
            <AdaptationSet mimeType="video/mp4"><SegmentTemplate timescale="90000"
              presentationTimeOffset="5" initialization="$RepresentationID$/init.mp4"
              media="$RepresentationID$/$Time$-$Number$.m4s" startNumber="4"><SegmentTimeline>
              <S t="5" d="10" r="1"/><S d="7"/></SegmentTimeline></SegmentTemplate>
              <Representation id="v" bandwidth="1"/></AdaptationSet></Period></MPD>"#;
        let found = representations("http://h/live/a/manifest.mpd", text);
        assert_eq!(kind(text), "dynamic");
        assert_eq!(found[0].initialization, "http://h/live/a/v/init.mp4");
        let urls: Vec<&str> = found[0].segments.iter().map(|s| s.url.as_str()).collect();
        assert_eq!(
            urls,
            [
                "http://h/live/a/v/5-4.m4s",
                "http://h/live/a/v/15-5.m4s",
                "http://h/live/a/v/25-6.m4s"
            ]
        );
    }
}
