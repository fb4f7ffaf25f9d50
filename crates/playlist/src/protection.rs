use std::fmt::Write;

use crate::Error;
use crate::text::{Hex, quotable};

/// How a track's media is encrypted, from the next segment it opens on; the integrator encrypts.
///
/// CMAF headers are never encrypted. Where encryption begins, ends or changes its scheme within a
/// stream, say [`Input::Discontinuity`](crate::Input::Discontinuity) too: a Period is protected in
/// one way.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Protection {
    /// `EXT-X-KEY`: one for each key system a client may have.
    pub keys: Vec<Key>,
    /// `ContentProtection` of the manifest.
    pub content: Vec<ContentProtection>,
}

/// `EXT-X-KEY` (RFC 8216bis, 4.4.4.4), or `EXT-X-SESSION-KEY` (4.4.6.5).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    method: KeyMethod,
    uri: String,
    iv: Option<[u8; 16]>,
    format: Option<String>,
}

/// `METHOD` of [`Key`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum KeyMethod {
    /// `AES-128`: whole segments, and parts, in CBC with padding.
    Aes128,
    /// `SAMPLE-AES`: samples of fragmented MP4 by the scheme `cbcs`.
    SampleAes,
    /// `SAMPLE-AES-CTR`: samples by the scheme `cenc`.
    SampleAesCtr,
}

impl Key {
    /// A key to be had at `uri`.
    ///
    /// # Errors
    ///
    /// [`Error::Unwritable`] where `uri` does not fit a quoted-string: empty, a quote, a control
    /// character, more than 2048 bytes.
    pub fn new(method: KeyMethod, uri: impl Into<String>) -> Result<Self, Error> {
        let uri = quotable("URI", uri.into())?;
        Ok(Self { method, uri, iv: None, format: None })
    }

    /// With an initialization vector; without one, `AES-128` takes the media sequence number.
    /// Not for [`KeyMethod::SampleAesCtr`], whose media carries it: there it is left out.
    #[must_use]
    pub fn with_iv(mut self, iv: [u8; 16]) -> Self {
        self.iv = Some(iv);
        self
    }

    /// With `KEYFORMAT`, such as `com.apple.streamingkeydelivery`; `identity` without.
    ///
    /// # Errors
    ///
    /// [`Error::Unwritable`], as [`new`](Self::new).
    pub fn with_format(mut self, format: impl Into<String>) -> Result<Self, Error> {
        self.format = Some(quotable("KEYFORMAT", format.into())?);
        Ok(self)
    }

    pub(crate) const fn is_whole_segment(&self) -> bool {
        matches!(self.method, KeyMethod::Aes128)
    }

    /// Whether clients that have `other` take this one in its place: it is of the same key system.
    pub(crate) fn replaces(&self, other: &Self) -> bool {
        self.system() == other.system()
    }

    fn system(&self) -> &str {
        self.format.as_deref().unwrap_or("identity")
    }

    /// Whether it takes version 5 of the protocol to know it (RFC 8216bis, section 8).
    pub(crate) fn is_late(&self) -> bool {
        self.format.is_some() || !self.is_whole_segment()
    }

    pub(crate) fn write(&self, out: &mut String, tag: &str) {
        let method = match self.method {
            KeyMethod::Aes128 => "AES-128",
            KeyMethod::SampleAes => "SAMPLE-AES",
            KeyMethod::SampleAesCtr => "SAMPLE-AES-CTR",
        };
        let _ = write!(out, "#{tag}:METHOD={method},URI=\"{}\"", self.uri);
        if let Some(iv) = self.iv.as_ref().filter(|_| self.method != KeyMethod::SampleAesCtr) {
            let _ = write!(out, ",IV={}", Hex(iv));
        }
        if let Some(format) = &self.format {
            let _ = write!(out, ",KEYFORMAT=\"{format}\",KEYFORMATVERSIONS=\"1\"");
        }
        out.push('\n');
    }
}

/// `ContentProtection` (ISO/IEC 23009-1, 5.8.4.1; ISO/IEC 23001-7, 11).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContentProtection {
    pub(crate) scheme: String,
    pub(crate) value: Option<String>,
    pub(crate) default_kid: Option<[u8; 16]>,
    pub(crate) pssh: Option<String>,
}

impl ContentProtection {
    /// That the media is encrypted by `cbcs` with the key named `kid`.
    pub fn cbcs(kid: [u8; 16]) -> Self {
        Self::common("cbcs", kid)
    }

    /// That the media is encrypted by `cenc` with the key named `kid`.
    pub fn cenc(kid: [u8; 16]) -> Self {
        Self::common("cenc", kid)
    }

    fn common(scheme: &str, kid: [u8; 16]) -> Self {
        Self {
            scheme: "urn:mpeg:dash:mp4protection:2011".to_owned(),
            value: Some(scheme.to_owned()),
            default_kid: Some(kid),
            pssh: None,
        }
    }

    /// A key system by its UUID, with its `pssh` box in Base64 where it has one.
    ///
    /// # Errors
    ///
    /// [`Error::Unwritable`] where `pssh` is no Base64.
    pub fn system(uuid: [u8; 16], pssh: Option<String>) -> Result<Self, Error> {
        let base64 = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=');
        if pssh.as_ref().is_some_and(|pssh| pssh.is_empty() || !pssh.bytes().all(base64)) {
            return Err(Error::Unwritable { field: "pssh" });
        }
        let scheme = format!("urn:uuid:{}", Uuid(&uuid));
        Ok(Self { scheme, value: None, default_kid: None, pssh })
    }

    pub(crate) fn write(&self, out: &mut String) {
        let _ = write!(out, "   <ContentProtection schemeIdUri=\"{}\"", self.scheme);
        if let Some(value) = &self.value {
            let _ = write!(out, " value=\"{value}\"");
        }
        if let Some(kid) = &self.default_kid {
            let kid = Uuid(kid);
            let _ = write!(out, " xmlns:cenc=\"urn:mpeg:cenc:2013\" cenc:default_KID=\"{kid}\"");
        }
        match &self.pssh {
            Some(pssh) => {
                let _ = writeln!(
                    out,
                    "><pssh xmlns=\"urn:mpeg:cenc:2013\">{pssh}</pssh></ContentProtection>"
                );
            }
            None => out.push_str("/>\n"),
        }
    }
}

/// Sixteen bytes as RFC 9562 writes them.
struct Uuid<'a>(&'a [u8; 16]);

impl std::fmt::Display for Uuid<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (index, byte) in self.0.iter().enumerate() {
            if matches!(index, 4 | 6 | 8 | 10) {
                f.write_str("-")?;
            }
            write!(f, "{byte:02x}")?;
        }
        Ok(())
    }
}
