//! As much of reading HLS playlists as finding things in them takes.

use std::time::Duration;

use crate::{http, wait};

/// A media playlist.
#[derive(Clone, Debug, Default)]
pub struct Playlist {
    /// Its text.
    pub text: String,
    /// `EXT-X-MEDIA-SEQUENCE`.
    pub sequence: u64,
    /// `EXT-X-DISCONTINUITY-SEQUENCE`.
    pub discontinuity_sequence: u64,
    /// Addresses of its whole segments.
    pub segments: Vec<String>,
    /// Addresses of its parts.
    pub parts: Vec<Part>,
    /// Address of the initialisation section (`EXT-X-MAP`), the first of them.
    pub map: Option<String>,
    /// Whether `EXT-X-ENDLIST` is there.
    pub ended: bool,
}

/// `EXT-X-PART`.
#[derive(Clone, Debug)]
pub struct Part {
    /// Its address.
    pub url: String,
    /// Whether playing can start with it.
    pub independent: bool,
}

impl Playlist {
    /// Fetches and reads a media playlist.
    pub fn fetch(url: &str) -> Self {
        Self::parse(url, &String::from_utf8_lossy(&http::fetch(url)))
    }

    /// Reads a media playlist that came from `url`.
    pub fn parse(url: &str, text: &str) -> Self {
        assert!(text.starts_with("#EXTM3U"), "{url} is no playlist: {text}");
        let mut playlist = Self { text: text.to_owned(), ..Self::default() };
        for line in text.lines() {
            let number = |value: &str| value.trim().parse::<u64>().expect("a number");
            if let Some(value) = line.strip_prefix("#EXT-X-MEDIA-SEQUENCE:") {
                playlist.sequence = number(value);
            } else if let Some(value) = line.strip_prefix("#EXT-X-DISCONTINUITY-SEQUENCE:") {
                playlist.discontinuity_sequence = number(value);
            } else if line.starts_with("#EXT-X-MAP:") && playlist.map.is_none() {
                playlist.map = attribute(line, "URI").map(|link| http::join(url, &link));
            } else if line.starts_with("#EXT-X-PART:") {
                playlist.parts.push(Part {
                    url: http::join(url, &attribute(line, "URI").expect("the URI of a part")),
                    independent: line.contains("INDEPENDENT=YES"),
                });
            } else if line == "#EXT-X-ENDLIST" {
                playlist.ended = true;
            } else if !line.starts_with('#') && !line.is_empty() {
                playlist.segments.push(http::join(url, line));
            }
        }
        playlist
    }

    /// The media sequence number the next segment will have.
    pub fn next_sequence(&self) -> u64 {
        self.sequence + self.segments.len() as u64
    }
}

/// The media playlists of a multivariant playlist, renditions included.
pub fn media_playlists(url: &str, text: &str) -> Vec<String> {
    let mut links = Vec::new();
    for line in text.lines() {
        if line.starts_with("#EXT-X-MEDIA:") {
            links.extend(attribute(line, "URI"));
        } else if !line.starts_with('#') && !line.is_empty() {
            links.push(line.to_owned());
        }
    }
    let mut urls: Vec<String> = links.iter().map(|link| http::join(url, link)).collect();
    urls.sort();
    urls.dedup();
    urls
}

/// The value of an attribute, without its quotes.
pub fn attribute(line: &str, name: &str) -> Option<String> {
    let (_, list) = line.split_once(':')?;
    let mut rest = list;
    while let Some((key, after)) = rest.split_once('=') {
        let value = if let Some(quoted) = after.strip_prefix('"') {
            let (value, after) = quoted.split_once('"')?;
            rest = after.trim_start_matches(',');
            value
        } else {
            let (value, after) = after.split_once(',').unwrap_or((after, ""));
            rest = after;
            value
        };
        if key.trim() == name {
            return Some(value.to_owned());
        }
    }
    None
}

/// Waits until every media playlist reachable from `url` lists a whole segment, and hands
/// back their addresses.
pub fn wait_for_segments(url: &str, limit: Duration) -> Vec<String> {
    wait::until(limit, &format!("segments under {url}"), || {
        let text = ready(url)?;
        if text.contains("#EXTINF:") {
            return Some(vec![url.to_owned()]);
        }
        let playlists = media_playlists(url, &text);
        let listed = |url: &String| ready(url).is_some_and(|text| text.contains("#EXTINF:"));
        (!playlists.is_empty() && playlists.iter().all(listed)).then_some(playlists)
    })
}

fn ready(url: &str) -> Option<String> {
    let response = http::try_request("GET", url, &[]).ok()?;
    (response.status == 200).then(|| response.text())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributes_are_found_past_quoted_commas() {
        let line = r#"#EXT-X-PART:DURATION=0.2,CODECS="a,b=c",URI="x y.m4s",INDEPENDENT=YES"#;
        assert_eq!(attribute(line, "URI").as_deref(), Some("x y.m4s"));
        assert_eq!(attribute(line, "DURATION").as_deref(), Some("0.2"));
        assert_eq!(attribute(line, "INDEPENDENT").as_deref(), Some("YES"));
        assert_eq!(attribute(line, "b"), None);
    }

    #[test]
    fn a_low_latency_playlist_is_read() {
        let text = "#EXTM3U\n#EXT-X-MEDIA-SEQUENCE:7\n#EXT-X-MAP:URI=\"i.mp4\"\n#EXTINF:2,\n7.m4s\n\
                    #EXT-X-PART:DURATION=0.2,URI=\"8.0.m4s\",INDEPENDENT=YES\n\
                    #EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"8.1.m4s\"\n";
        let playlist = Playlist::parse("http://h/live/a/v.m3u8", text);
        assert_eq!(playlist.next_sequence(), 8);
        assert_eq!(playlist.segments, ["http://h/live/a/7.m4s"]);
        assert_eq!(playlist.map.as_deref(), Some("http://h/live/a/i.mp4"));
        assert_eq!(playlist.parts[0].url, "http://h/live/a/8.0.m4s");
        assert!(playlist.parts[0].independent && !playlist.ended);
    }
}
