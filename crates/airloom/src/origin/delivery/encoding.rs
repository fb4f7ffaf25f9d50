use std::collections::HashMap;
use std::io::Write;
use std::sync::{Arc, OnceLock};

use airloom_playlist::{Rendered, Resource, Skip};
use axum::http::{HeaderMap, HeaderValue, header};
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;

/// A text in every form it may be sent in; each is made when somebody first asks for it.
#[derive(Debug)]
pub(crate) struct Encoded {
    rendered: Rendered,
    gzip: OnceLock<Bytes>,
    brotli: OnceLock<Bytes>,
}

/// The texts of one stream as last sent, so that all viewers share one compression of each. As
/// many as the stream has playlists, three times for delta updates.
#[derive(Debug, Default)]
pub(crate) struct Encodings(HashMap<(Resource, Skip), Arc<Encoded>>);

impl Encodings {
    /// `rendered` with what has been made of it so far.
    pub(crate) fn share(
        &mut self,
        resource: Resource,
        skip: Skip,
        rendered: Rendered,
    ) -> Arc<Encoded> {
        match self.0.get(&(resource, skip)) {
            Some(known) if known.rendered.version >= rendered.version => {
                if known.rendered == rendered {
                    return Arc::clone(known);
                }
                // Somebody slow with what is old by now: made for this one alone.
                Arc::new(Encoded::new(rendered))
            }
            _ => {
                let encoded = Arc::new(Encoded::new(rendered));
                self.0.insert((resource, skip), Arc::clone(&encoded));
                encoded
            }
        }
    }
}

impl Encoded {
    pub(crate) fn new(rendered: Rendered) -> Self {
        Self { rendered, gzip: OnceLock::new(), brotli: OnceLock::new() }
    }

    pub(crate) fn body(&self, coding: Coding) -> Bytes {
        let text = &self.rendered.body;
        match coding {
            Coding::Identity => text.clone(),
            Coding::Gzip => self.gzip.get_or_init(|| gzip(text)).clone(),
            Coding::Brotli => self.brotli.get_or_init(|| brotli(text)).clone(),
        }
    }

    /// The strong entity tag of that form of it.
    pub(crate) fn tag(&self, coding: Coding) -> String {
        let version = self.rendered.version;
        match coding {
            Coding::Identity => format!("\"{version:x}\""),
            Coding::Gzip => format!("\"{version:x}-gzip\""),
            Coding::Brotli => format!("\"{version:x}-br\""),
        }
    }
}

fn gzip(text: &[u8]) -> Bytes {
    let mut encoder = GzEncoder::new(Vec::with_capacity(text.len() / 4), Compression::default());
    // Writing to memory does not fail.
    let _ = encoder.write_all(text);
    Bytes::from(encoder.finish().unwrap_or_default())
}

fn brotli(text: &[u8]) -> Bytes {
    let mut out = Vec::with_capacity(text.len() / 4);
    let mut encoder = brotli::CompressorWriter::new(&mut out, 4096, BROTLI_QUALITY, BROTLI_WINDOW);
    let _ = encoder.write_all(text);
    drop(encoder);
    Bytes::from(out)
}

/// Where more effort makes a playlist hardly smaller.
const BROTLI_QUALITY: u32 = 5;
/// 64 KiB: longer than any playlist.
const BROTLI_WINDOW: u32 = 16;

/// How a text is sent (RFC 9110, 8.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Coding {
    Identity,
    Gzip,
    Brotli,
}

impl Coding {
    pub(crate) fn name(self) -> Option<HeaderValue> {
        match self {
            Self::Identity => None,
            Self::Gzip => Some(HeaderValue::from_static("gzip")),
            Self::Brotli => Some(HeaderValue::from_static("br")),
        }
    }

    /// The best that `Accept-Encoding` (RFC 9110, 12.5.3) takes: what is preferred, and the
    /// smaller of what is liked equally. Without the header nothing is compressed.
    pub(crate) fn negotiate(headers: &HeaderMap) -> Self {
        let (mut gzip, mut brotli, mut any) = (None, None, None);
        for value in headers.get_all(header::ACCEPT_ENCODING) {
            for item in value.to_str().unwrap_or_default().split(',') {
                let (name, parameters) = item.split_once(';').unwrap_or((item, ""));
                let weight = weight(parameters);
                match name.trim().to_ascii_lowercase().as_str() {
                    "gzip" | "x-gzip" => gzip = Some(weight),
                    "br" => brotli = Some(weight),
                    "*" => any = Some(weight),
                    _ => {}
                }
            }
        }
        let gzip = gzip.or(any).unwrap_or(0);
        let brotli = brotli.or(any).unwrap_or(0);
        if brotli > 0 && brotli >= gzip {
            Self::Brotli
        } else if gzip > 0 {
            Self::Gzip
        } else {
            Self::Identity
        }
    }
}

/// `q` in thousandths; 1 where it is not said, 0 where it makes no sense.
fn weight(parameters: &str) -> u32 {
    let Some(value) = parameters.trim().strip_prefix("q=") else { return 1000 };
    let (whole, fraction) = value.split_once('.').unwrap_or((value, ""));
    let digits = fraction.len() <= 3 && fraction.bytes().all(|byte| byte.is_ascii_digit());
    match (whole, format!("{fraction:0<3}").parse::<u32>()) {
        ("0", Ok(thousandths)) if digits => thousandths,
        ("1", _) if digits => 1000,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    fn negotiated(accept: &'static str) -> Coding {
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static(accept));
        Coding::negotiate(&headers)
    }

    #[test]
    fn the_smallest_that_is_liked_best_is_taken() {
        for (accept, coding) in [
            ("", Coding::Identity),
            ("identity", Coding::Identity),
            ("gzip", Coding::Gzip),
            ("gzip, deflate, br, zstd", Coding::Brotli),
            ("br;q=0.5, gzip;q=0.8", Coding::Gzip),
            ("GZIP;q=0.001", Coding::Gzip),
            ("gzip;q=0, br;q=0.000", Coding::Identity),
            ("*", Coding::Brotli),
            ("*;q=0.1, br;q=0", Coding::Gzip),
            ("br;q=nonsense", Coding::Identity),
            ("br;q=7", Coding::Identity),
        ] {
            assert_eq!(negotiated(accept), coding, "{accept}");
        }
        assert_eq!(Coding::negotiate(&HeaderMap::new()), Coding::Identity);
    }

    #[test]
    fn a_text_is_compressed_once_for_all() {
        let text = Bytes::from("#EXTINF:2.000000,\n1-1700.m4s\n".repeat(100));
        let rendered = Rendered { body: text.clone(), version: 7 };
        let mut encodings = Encodings::default();
        let first = encodings.share(Resource::Ts, Skip::No, rendered.clone());
        let again = encodings.share(Resource::Ts, Skip::No, rendered.clone());
        for coding in [Coding::Gzip, Coding::Brotli] {
            assert_eq!(first.body(coding).as_ptr(), again.body(coding).as_ptr());
            assert!(first.body(coding).len() * 10 < text.len());
            assert_ne!(first.tag(coding), first.tag(Coding::Identity));
        }
        let mut read = Vec::new();
        flate2::read::GzDecoder::new(&first.body(Coding::Gzip)[..]).read_to_end(&mut read).unwrap();
        assert_eq!(read, text);
        read.clear();
        brotli::Decompressor::new(&first.body(Coding::Brotli)[..], 4096)
            .read_to_end(&mut read)
            .unwrap();
        assert_eq!(read, text);
        let newer = Rendered { version: 8, ..rendered };
        let newer = encodings.share(Resource::Ts, Skip::No, newer);
        assert_ne!(newer.body(Coding::Gzip).as_ptr(), first.body(Coding::Gzip).as_ptr());
    }
}
