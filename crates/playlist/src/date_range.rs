use std::fmt::Write;
use std::time::Duration;

use bytes::Bytes;

use crate::decimal::Micros;
use crate::text::{Hex, quotable};
use crate::{Error, WallTime};

/// `EXT-X-DATERANGE` (RFC 8216bis, 4.4.5.1): something that happens in a stretch of time, such as
/// an advertisement by SCTE-35.
///
/// One with the identifier of another takes its place: it has to repeat all that was said, and may
/// add to it (an end, an `SCTE35-IN` with the `DURATION` that is then known); another range needs
/// another identifier. It is listed until it ends before all that is listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DateRange {
    pub(crate) id: String,
    class: Option<String>,
    pub(crate) start: WallTime,
    duration: Option<Micros>,
    planned: Option<Micros>,
    scte35: [Option<Bytes>; 3],
    attributes: Vec<(String, String)>,
}

/// The attributes that carry SCTE-35, in the order they are kept.
const SECTIONS: [&str; 3] = ["SCTE35-CMD", "SCTE35-OUT", "SCTE35-IN"];

/// The longest SCTE-35 section (its section 9.6: twelve bits of length), and its head.
const LONGEST_SECTION: usize = 4096 + 3;

impl DateRange {
    /// A range that begins at `start`, the date its media has in `EXT-X-PROGRAM-DATE-TIME`.
    ///
    /// # Errors
    ///
    /// [`Error::Unwritable`] where `id` does not fit a quoted-string, or has a tab, by which
    /// identifiers are listed.
    pub fn new(id: impl Into<String>, start: WallTime) -> Result<Self, Error> {
        Ok(Self {
            id: quotable("ID", id.into())?,
            class: None,
            start,
            duration: None,
            planned: None,
            scte35: [None, None, None],
            attributes: Vec::new(),
        })
    }

    /// With `CLASS`: ranges of one class mean the same kind of thing.
    ///
    /// # Errors
    ///
    /// [`Error::Unwritable`] where it does not fit a quoted-string.
    pub fn with_class(mut self, class: impl Into<String>) -> Result<Self, Error> {
        self.class = Some(quotable("CLASS", class.into())?);
        Ok(self)
    }

    /// With `DURATION`: how long it is.
    #[must_use]
    pub fn with_duration(mut self, duration: Duration) -> Self {
        self.duration = Some(Micros::from_std(duration));
        self
    }

    /// With `PLANNED-DURATION`: how long it is expected to be.
    #[must_use]
    pub fn with_planned_duration(mut self, duration: Duration) -> Self {
        self.planned = Some(Micros::from_std(duration));
        self
    }

    /// With `SCTE35-CMD`: a splice_info_section that says neither "out" nor "in".
    ///
    /// # Errors
    ///
    /// [`Error::Unwritable`] where it is empty or longer than such a section can be.
    pub fn with_scte35(self, section: Bytes) -> Result<Self, Error> {
        self.with_section(0, section)
    }

    /// With `SCTE35-OUT`: the splice_info_section that leaves the programme.
    ///
    /// # Errors
    ///
    /// As [`with_scte35`](Self::with_scte35).
    pub fn with_scte35_out(self, section: Bytes) -> Result<Self, Error> {
        self.with_section(1, section)
    }

    /// With `SCTE35-IN`: the splice_info_section that comes back to it.
    ///
    /// # Errors
    ///
    /// As [`with_scte35`](Self::with_scte35).
    pub fn with_scte35_in(self, section: Bytes) -> Result<Self, Error> {
        self.with_section(2, section)
    }

    fn with_section(mut self, place: usize, section: Bytes) -> Result<Self, Error> {
        if section.is_empty() || section.len() > LONGEST_SECTION {
            return Err(Error::Unwritable { field: "SCTE35" });
        }
        if let Some(slot) = self.scte35.get_mut(place) {
            *slot = Some(section);
        }
        Ok(self)
    }

    /// With an attribute of the integrator's own: `name` begins with `X-`, `value` is a text. The
    /// last of several of one name stays.
    ///
    /// # Errors
    ///
    /// [`Error::Unwritable`] where the name is not `X-` and capitals, digits and hyphens, or the
    /// value does not fit a quoted-string.
    pub fn with_attribute(
        mut self,
        name: impl Into<String>,
        value: impl Into<String>,
    ) -> Result<Self, Error> {
        let name = name.into();
        let allowed = |b: u8| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'-';
        if !name.starts_with("X-") || name.len() > 64 || !name.bytes().all(allowed) {
            return Err(Error::Unwritable { field: "X-" });
        }
        let value = quotable("X-", value.into())?;
        // 4.2: an attribute stands in a list once.
        match self.attributes.iter_mut().find(|(known, _)| *known == name) {
            Some((_, known)) => *known = value,
            None => self.attributes.push((name, value)),
        }
        Ok(self)
    }

    /// The first attribute of `before`, which this one is to take the place of, that it does not
    /// repeat as it was (4.4.5.1).
    pub(crate) fn unlike(&self, before: &Self) -> Option<&'static str> {
        fn kept<T: PartialEq>(before: Option<&T>, now: Option<&T>) -> bool {
            before.is_none() || before == now
        }
        let own = |(name, value): &(String, String)| {
            self.attributes.iter().any(|(known, same)| known == name && same == value)
        };
        let sections = || SECTIONS.iter().zip(&before.scte35).zip(&self.scte35);
        let changed = || {
            let mut changed =
                sections().filter(|((_, before), now)| !kept(before.as_ref(), now.as_ref()));
            changed.next().map(|((name, _), _)| *name)
        };
        if before.start != self.start {
            Some("START-DATE")
        } else if !kept(before.class.as_ref(), self.class.as_ref()) {
            Some("CLASS")
        } else if !kept(before.duration.as_ref(), self.duration.as_ref()) {
            Some("DURATION")
        } else if !kept(before.planned.as_ref(), self.planned.as_ref()) {
            Some("PLANNED-DURATION")
        } else if !before.attributes.iter().all(own) {
            Some("X-")
        } else {
            changed()
        }
    }

    /// Whether it comes back from a splice without saying how long that was, which it must
    /// (4.4.5.1.1).
    pub(crate) fn lacks_duration(&self) -> bool {
        let [_, out, back] = &self.scte35;
        out.is_some() && back.is_some() && self.duration.is_none()
    }

    /// When it is over, as far as that is known.
    pub(crate) fn end(&self) -> Option<WallTime> {
        self.duration.map(|duration| self.start.after(duration))
    }

    pub(crate) fn write(&self, out: &mut String) {
        let _ = write!(out, "#EXT-X-DATERANGE:ID=\"{}\"", self.id);
        if let Some(class) = &self.class {
            let _ = write!(out, ",CLASS=\"{class}\"");
        }
        let _ = write!(out, ",START-DATE=\"{}\"", self.start);
        if let Some(duration) = self.duration {
            let _ = write!(out, ",DURATION={duration}");
        }
        if let Some(planned) = self.planned {
            let _ = write!(out, ",PLANNED-DURATION={planned}");
        }
        for (name, section) in SECTIONS.iter().zip(&self.scte35) {
            if let Some(section) = section {
                let _ = write!(out, ",{name}={}", Hex(section));
            }
        }
        for (name, value) in &self.attributes {
            let _ = write!(out, ",{name}=\"{value}\"");
        }
        out.push('\n');
    }
}
