use bytes::{BufMut, Bytes, BytesMut};

use crate::{Rendered, Resource};

impl Rendered {
    /// The text of `resource` with `query` (without the `?`) on every link that leads to another
    /// name of this crate, so that whoever asked with a token asks with it again. Links that the
    /// integrator gave stay as they are: a token is nobody else's business.
    ///
    /// Copies the text. `None` where there is nothing to do: an empty query, or one with a
    /// character that does not stand in a URL as it is (RFC 3986, 3.4).
    pub fn with_query(&self, resource: Resource, query: &str) -> Option<Bytes> {
        if !can_carry(query) {
            return None;
        }
        let links: &[&str] = match resource {
            Resource::Mpd => &[" initialization=\"", " media=\"", " value=\""],
            Resource::Multivariant | Resource::Media { .. } | Resource::Ts => &["URI=\""],
            _ => return None,
        };
        let escaped;
        let query = if resource == Resource::Mpd {
            escaped = query.replace('&', "&amp;");
            &escaped
        } else {
            query
        };
        let text = std::str::from_utf8(&self.body).ok()?;
        let mut out = BytesMut::with_capacity(text.len() + text.lines().count() * query.len());
        for line in text.split_inclusive('\n') {
            let bare = line.trim_end();
            if !matches!(resource, Resource::Mpd) && !bare.starts_with('#') && is_ours(bare) {
                put(&mut out, &[bare, "?", query, "\n"]);
                continue;
            }
            let mut rest = line;
            while let Some((at, link)) = next_link(rest, links) {
                put(&mut out, &[&rest[..at + link.len()]]);
                if is_ours(link) {
                    put(&mut out, &["?", query]);
                }
                rest = &rest[at + link.len()..];
            }
            put(&mut out, &[rest]);
        }
        Some(out.freeze())
    }
}

/// The first link of `line` and where it starts.
fn next_link<'a>(line: &'a str, names: &[&str]) -> Option<(usize, &'a str)> {
    let start = names.iter().filter_map(|name| Some(line.find(name)? + name.len())).min()?;
    let rest = line.get(start..)?;
    Some((start, rest.split('"').next().unwrap_or(rest)))
}

/// Whether a link is a name of this crate, or the template of such names.
fn is_ours(link: &str) -> bool {
    Resource::parse(link).is_some() || Resource::parse(&link.replace("$Number$", "0")).is_some()
}

fn put(out: &mut BytesMut, texts: &[&str]) {
    for text in texts {
        out.put_slice(text.as_bytes());
    }
}

/// Whether links can carry `query` (without the `?`): it is not empty, and each of its characters
/// stands in a URL as it is (RFC 3986, 3.4), the apostrophe left out. None of them ends an attribute
/// of a tag or of HTML, or a line.
pub fn can_carry(query: &str) -> bool {
    !query.is_empty() && query.bytes().all(in_query)
}

const fn in_query(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(byte, b'-' | b'.' | b'_' | b'~' | b'!' | b'$' | b'&')
        || matches!(byte, b'(' | b')' | b'*' | b'+' | b',' | b';' | b'=' | b':' | b'@' | b'/')
        || matches!(byte, b'?' | b'%')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn carried(resource: Resource, text: &str, query: &str) -> Option<String> {
        let rendered = Rendered { body: Bytes::copy_from_slice(text.as_bytes()), version: 1 };
        Some(String::from_utf8(rendered.with_query(resource, query)?.to_vec()).unwrap())
    }

    /// MTX#2205: a token that is asked for with the playlist is there in what it leads to.
    #[test]
    fn every_link_of_a_playlist_carries_the_query() {
        let text = "#EXTM3U\n#EXT-X-MAP:URI=\"1-init-7.mp4\"\n\
                    #EXT-X-KEY:METHOD=AES-128,URI=\"https://keys.example/1\"\n\
                    #EXT-X-PART:DURATION=0.2,URI=\"1-7.0.m4s\",INDEPENDENT=YES\n\
                    #EXTINF:2.0,\n1-7.m4s\n";
        assert_eq!(
            carried(Resource::Ts, text, "token=a%2F&x=1").unwrap(),
            "#EXTM3U\n#EXT-X-MAP:URI=\"1-init-7.mp4?token=a%2F&x=1\"\n\
             #EXT-X-KEY:METHOD=AES-128,URI=\"https://keys.example/1\"\n\
             #EXT-X-PART:DURATION=0.2,URI=\"1-7.0.m4s?token=a%2F&x=1\",INDEPENDENT=YES\n\
             #EXTINF:2.0,\n1-7.m4s?token=a%2F&x=1\n"
        );
    }

    #[test]
    fn every_link_of_a_manifest_carries_the_query() {
        let text = "<SegmentTemplate initialization=\"1-init-7.mp4\" media=\"1-$Number$.m4s\">\n\
                    <UTCTiming schemeIdUri=\"urn:x\" value=\"time\"/>\n\
                    <X value=\"2\"/>\n";
        assert_eq!(
            carried(Resource::Mpd, text, "a=1&b=2").unwrap(),
            "<SegmentTemplate initialization=\"1-init-7.mp4?a=1&amp;b=2\" \
             media=\"1-$Number$.m4s?a=1&amp;b=2\">\n\
             <UTCTiming schemeIdUri=\"urn:x\" value=\"time?a=1&amp;b=2\"/>\n\
             <X value=\"2\"/>\n"
        );
    }

    #[test]
    fn what_could_leave_its_quotes_is_not_carried() {
        for query in ["", "a=\"", "a=<", "a=\n", "a='", "a=ä"] {
            assert_eq!(carried(Resource::Ts, "1.ts\n", query), None, "{query}");
        }
    }
}
