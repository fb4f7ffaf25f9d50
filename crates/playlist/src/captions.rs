use std::fmt::{self, Write};

use crate::Error;
use crate::text::quotable;

/// What is known of the closed captions inside of the pictures (RFC 8216bis, 4.4.6.2): in all
/// encodings the same, since a player that changes between them must not lose them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Captions {
    /// Nothing: players look for themselves.
    #[default]
    Unknown,
    /// That there are none: players need not look, and offer none.
    Absent,
    /// Which there are. Of those with one name or channel, the first is written.
    Listed(Vec<Caption>),
}

/// `EXT-X-MEDIA` of the type `CLOSED-CAPTIONS` (RFC 8216bis, 4.4.6.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caption {
    channel: CaptionChannel,
    language: String,
    name: String,
}

/// Where in the pictures' data captions are: `INSTREAM-ID`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CaptionChannel {
    /// A channel of CEA-608, 1 to 4.
    Line21(u8),
    /// A service of CEA-708, 1 to 63.
    Service(u8),
}

/// `GROUP-ID` of all captions.
const GROUP: &str = "captions";

impl Caption {
    /// Captions in `language` (BCP 47) on a channel, called `name`.
    ///
    /// # Errors
    ///
    /// [`Error::Unwritable`] where there is no such channel, or a text does not fit a quoted-string.
    pub fn new(
        channel: CaptionChannel,
        language: impl Into<String>,
        name: impl Into<String>,
    ) -> Result<Self, Error> {
        let known = match channel {
            CaptionChannel::Line21(channel) => (1..=4).contains(&channel),
            CaptionChannel::Service(service) => (1..=63).contains(&service),
        };
        if !known {
            return Err(Error::Unwritable { field: "INSTREAM-ID" });
        }
        let language = quotable("LANGUAGE", language.into())?;
        Ok(Self { channel, language, name: quotable("NAME", name.into())? })
    }
}

impl fmt::Display for CaptionChannel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Line21(channel) => write!(f, "CC{channel}"),
            Self::Service(service) => write!(f, "SERVICE{service}"),
        }
    }
}

impl Captions {
    fn listed(&self) -> impl Iterator<Item = &Caption> {
        let all = match self {
            Self::Listed(all) => all.as_slice(),
            Self::Unknown | Self::Absent => &[],
        };
        // 4.4.6.1.1: each member of a group has a name of its own.
        let known = |caption: &Caption, place: usize| {
            let mut before = all.iter().take(place);
            before.any(|other| other.name == caption.name || other.channel == caption.channel)
        };
        all.iter().enumerate().filter(move |(place, it)| !known(it, *place)).map(|(_, it)| it)
    }

    /// Whether some are services of CEA-708, which takes version 7 to know.
    pub(crate) fn has_services(&self) -> bool {
        self.listed().any(|caption| matches!(caption.channel, CaptionChannel::Service(_)))
    }

    /// The renditions there are.
    pub(crate) fn write(&self, out: &mut String) {
        for (place, Caption { channel, language, name }) in self.listed().enumerate() {
            let default = if place == 0 { "YES" } else { "NO" };
            // 4.4.6.1.1: automatically one of a language.
            let first = self.listed().find(|other| other.language == *language);
            let auto =
                if first.is_some_and(|first| first.channel == *channel) { "YES" } else { "NO" };
            let _ = writeln!(
                out,
                "#EXT-X-MEDIA:TYPE=CLOSED-CAPTIONS,GROUP-ID=\"{GROUP}\",NAME=\"{name}\",\
                 LANGUAGE=\"{language}\",DEFAULT={default},AUTOSELECT={auto},\
                 INSTREAM-ID=\"{channel}\""
            );
        }
    }

    /// What a variant says of them: all the same (4.4.6.2).
    pub(crate) fn write_reference(&self, out: &mut String) {
        match self {
            Self::Unknown => {}
            Self::Listed(all) if !all.is_empty() => {
                let _ = write!(out, ",CLOSED-CAPTIONS=\"{GROUP}\"");
            }
            Self::Absent | Self::Listed(_) => out.push_str(",CLOSED-CAPTIONS=NONE"),
        }
    }
}
