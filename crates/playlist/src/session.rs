use std::fmt::Write;

use crate::captions::Captions;
use crate::text::quotable;
use crate::{Error, Key};

/// What the integrator says of the whole presentation, in the multivariant playlist.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Session {
    /// `EXT-X-SESSION-DATA`. Of those with one name and language, the first is written.
    pub data: Vec<SessionData>,
    /// `EXT-X-SESSION-KEY`: keys that clients may fetch before they need them.
    pub keys: Vec<Key>,
    /// `EXT-X-CONTENT-STEERING`.
    pub steering: Option<Steering>,
    /// Closed captions in the pictures. Default: not known.
    pub captions: Captions,
}

/// `EXT-X-SESSION-DATA` (RFC 8216bis, 4.4.6.4).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionData {
    id: String,
    content: Content,
    language: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Content {
    Value(String),
    Uri(String),
}

impl SessionData {
    /// A text under the name `id`, a reversed domain name such as `com.example.title`.
    ///
    /// # Errors
    ///
    /// [`Error::Unwritable`] where one of them does not fit a quoted-string.
    pub fn value(id: impl Into<String>, value: impl Into<String>) -> Result<Self, Error> {
        let content = Content::Value(quotable("VALUE", value.into())?);
        Ok(Self { id: quotable("DATA-ID", id.into())?, content, language: None })
    }

    /// A JSON document elsewhere, under the name `id`.
    ///
    /// # Errors
    ///
    /// [`Error::Unwritable`] where one of them does not fit a quoted-string.
    pub fn uri(id: impl Into<String>, uri: impl Into<String>) -> Result<Self, Error> {
        let content = Content::Uri(quotable("URI", uri.into())?);
        Ok(Self { id: quotable("DATA-ID", id.into())?, content, language: None })
    }

    /// In the language `tag` (BCP 47); a name may be there once for each.
    ///
    /// # Errors
    ///
    /// [`Error::Unwritable`] where it does not fit a quoted-string.
    pub fn in_language(mut self, tag: impl Into<String>) -> Result<Self, Error> {
        self.language = Some(quotable("LANGUAGE", tag.into())?);
        Ok(self)
    }
}

/// `EXT-X-CONTENT-STEERING` (RFC 8216bis, 4.4.6.6).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Steering {
    server: String,
    pathway: Option<String>,
}

impl Steering {
    /// A steering server at `uri`.
    ///
    /// # Errors
    ///
    /// [`Error::Unwritable`] where it does not fit a quoted-string.
    pub fn new(uri: impl Into<String>) -> Result<Self, Error> {
        Ok(Self { server: quotable("SERVER-URI", uri.into())?, pathway: None })
    }

    /// The pathway this server is, and clients begin with.
    ///
    /// # Errors
    ///
    /// [`Error::Unwritable`] where it is not of letters, digits, `.`, `-` and `_`.
    pub fn with_pathway(mut self, id: impl Into<String>) -> Result<Self, Error> {
        let id = id.into();
        let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_');
        if id.is_empty() || id.len() > 64 || !id.bytes().all(allowed) {
            return Err(Error::Unwritable { field: "PATHWAY-ID" });
        }
        self.pathway = Some(id);
        Ok(self)
    }

    pub(crate) fn pathway(&self) -> Option<&str> {
        self.pathway.as_deref()
    }
}

impl Session {
    /// The lowest protocol version that has what is said here (RFC 8216bis, section 8). Version 4 is
    /// what playlists with renditions may ask for anyway.
    pub(crate) fn version(&self) -> u8 {
        if self.captions.has_services() {
            7
        } else if self.keys.iter().any(Key::is_late) {
            5
        } else {
            4
        }
    }

    pub(crate) fn write(&self, out: &mut String) {
        if let Some(steering) = &self.steering {
            let _ = write!(out, "#EXT-X-CONTENT-STEERING:SERVER-URI=\"{}\"", steering.server);
            if let Some(pathway) = &steering.pathway {
                let _ = write!(out, ",PATHWAY-ID=\"{pathway}\"");
            }
            out.push('\n');
        }
        for (place, data) in self.data.iter().enumerate() {
            // 4.4.6.4: one of a name and a language.
            let same =
                |other: &&SessionData| (&other.id, &other.language) == (&data.id, &data.language);
            if self.data.iter().take(place).any(|other| same(&other)) {
                continue;
            }
            let _ = write!(out, "#EXT-X-SESSION-DATA:DATA-ID=\"{}\"", data.id);
            let _ = match &data.content {
                Content::Value(value) => write!(out, ",VALUE=\"{value}\""),
                Content::Uri(uri) => write!(out, ",URI=\"{uri}\""),
            };
            if let Some(language) = &data.language {
                let _ = write!(out, ",LANGUAGE=\"{language}\"");
            }
            out.push('\n');
        }
        for (place, key) in self.keys.iter().enumerate() {
            // 4.4.6.5: none twice.
            if !self.keys.iter().take(place).any(|other| other == key) {
                key.write(out, "EXT-X-SESSION-KEY");
            }
        }
    }
}
