//! What an integrator says of a stream besides its media.

use airloom_playlist::DateRange;

use super::ingest::Publishing;
#[cfg(feature = "encryption")]
use super::{Encryption, PublishingError};
use super::{Origin, StreamName};

/// Why nothing more was said of a stream.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AnnotationError {
    /// Nobody publishes under that name.
    #[error("no stream of that name is on air")]
    NotOnAir,
    /// The playlists cannot say it.
    #[error(transparent)]
    Playlist(#[from] airloom_playlist::Error),
}

impl Origin {
    /// Says that something happens in the stream `name`, such as an advertisement by SCTE-35, or
    /// says more of what was said before under the same identifier.
    ///
    /// Its times are those of `EXT-X-PROGRAM-DATE-TIME`: the clock of this machine when the media
    /// was received. Players see it with the next playlist they ask for.
    ///
    /// ```
    /// use std::time::{Duration, SystemTime, UNIX_EPOCH};
    ///
    /// use airloom::Origin;
    /// use airloom::playlist::{DateRange, WallTime};
    ///
    /// # fn announce(origin: &Origin) -> Result<(), Box<dyn std::error::Error>> {
    /// let now = WallTime::from_unix(SystemTime::now().duration_since(UNIX_EPOCH)?);
    /// let pause = DateRange::new("break-7", now)?.with_planned_duration(Duration::from_secs(30));
    /// origin.date_range(&"cam".parse()?, pause)?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`AnnotationError::NotOnAir`]; [`AnnotationError::Playlist`] where there are as many as the
    /// playlist's limit.
    pub fn date_range(&self, name: &StreamName, range: DateRange) -> Result<(), AnnotationError> {
        let stream = self.find(name).ok_or(AnnotationError::NotOnAir)?;
        stream.date_range(range)
    }
}

impl Publishing {
    /// The same as [`Origin::date_range`], of this stream.
    ///
    /// # Errors
    ///
    /// As there; [`AnnotationError::NotOnAir`] where the stream was ended or is another's.
    pub fn date_range(&mut self, range: DateRange) -> Result<(), AnnotationError> {
        self.stream().date_range(range)
    }

    /// Encrypts what is published from now on: at first before any media, and again to change the
    /// key, with the next segment that no track has begun.
    ///
    /// What is encrypted is given out in fragmented MP4 only: neither as MPEG-TS nor to RTMP
    /// players. A stream that is resumed stays encrypted. To encrypt what comes over RTMP, wrap
    /// [`Ingest`](super::Ingest) in an [`rtmp::Service`](crate::rtmp::Service) of your own that
    /// calls this on what [`publish`](crate::rtmp::Service::publish) returns.
    ///
    /// # Errors
    ///
    /// [`PublishingError::Clear`] where the stream has begun in the clear,
    /// [`PublishingError::Scheme`] where it is encrypted by another scheme,
    /// [`PublishingError::Grouped`] where it is in a group, and [`PublishingError::Replaced`].
    #[cfg(feature = "encryption")]
    pub fn encrypt(&mut self, encryption: Encryption) -> Result<(), PublishingError> {
        if self.is_grouped() {
            return Err(PublishingError::Grouped);
        }
        self.stream().encrypt(self.generation(), encryption)
    }
}
