use std::time::Duration;

use airloom_media::TrackId;
use bytes::Bytes;

use crate::Resource;
use crate::resource::number;

/// What a client asks for, its delivery directives (RFC 8216bis, 6.2.5) included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Request {
    /// What is asked for.
    pub resource: Resource,
    /// `_HLS_msn`: answer once the playlist holds this media sequence number.
    pub msn: Option<u64>,
    /// `_HLS_part`: answer once it holds this part of it.
    pub part: Option<u32>,
    /// `_HLS_skip`: a delta update will do.
    pub skip: Skip,
}

/// `_HLS_skip` (RFC 8216bis, 6.2.5.1).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Skip {
    /// The whole playlist.
    #[default]
    No,
    /// `YES`: older segments may be skipped.
    Segments,
    /// `v2`: older segments and date ranges may be skipped.
    DateRanges,
}

impl Request {
    /// A request for `resource` without directives.
    pub const fn new(resource: Resource) -> Self {
        Self { resource, msn: None, part: None, skip: Skip::No }
    }

    /// Reads the directives from a URL's query (without the `?`); other parameters are passed
    /// over, and so are directives on anything but an HLS media playlist.
    ///
    /// # Errors
    ///
    /// [`BadRequest::Malformed`] where a directive is no decimal-integer or comes twice;
    /// [`BadRequest::PartWithoutSequence`] for `_HLS_part` without `_HLS_msn`.
    pub fn from_query(resource: Resource, query: &str) -> Result<Self, BadRequest> {
        let mut request = Self::new(resource);
        if !matches!(resource, Resource::Media { .. } | Resource::Ts) {
            return Ok(request);
        }
        let mut skipped = false;
        for pair in query.split('&') {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            match key {
                "_HLS_msn" => {
                    let directive = "_HLS_msn";
                    let value = number(value).ok_or(BadRequest::Malformed { directive })?;
                    if request.msn.replace(value).is_some() {
                        return Err(BadRequest::Malformed { directive });
                    }
                }
                "_HLS_part" => {
                    let directive = "_HLS_part";
                    let value = number(value)
                        .and_then(|value| u32::try_from(value).ok())
                        .ok_or(BadRequest::Malformed { directive })?;
                    if request.part.replace(value).is_some() {
                        return Err(BadRequest::Malformed { directive });
                    }
                }
                "_HLS_skip" => {
                    let directive = "_HLS_skip";
                    request.skip = match value {
                        "YES" => Skip::Segments,
                        "v2" => Skip::DateRanges,
                        _ => return Err(BadRequest::Malformed { directive }),
                    };
                    if std::mem::replace(&mut skipped, true) {
                        return Err(BadRequest::Malformed { directive });
                    }
                }
                _ => {}
            }
        }
        if request.part.is_some() && request.msn.is_none() {
            return Err(BadRequest::PartWithoutSequence);
        }
        Ok(request)
    }
}

/// What to do about a [`Request`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// 200 with this text.
    Ready(Rendered),
    /// 200 with media that the integrator keeps under this name, which may differ from the one
    /// asked for: a hinted part that turned out to be the first of the next segment keeps the
    /// name it was promised under.
    Stored(Resource),
    /// 200 with the parts that the integrator keeps of this segment, which is being made, and with
    /// each further one as it comes, until it is complete (chunked, since its length is not known).
    Growing(Resource),
    /// 200 with the current time, as [`WallTime`](crate::WallTime) writes it.
    Time,
    /// Ask again after the window's next change.
    Wait(Wait),
    /// 400.
    BadRequest(BadRequest),
    /// 404.
    NotFound,
}

/// A playlist or manifest, rendered once and shared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rendered {
    /// The text. Cloning shares it.
    pub body: Bytes,
    /// Changes whenever the text does, never falls, and goes on above over a restart as long as
    /// the wall clock does: with the resource's name and the skip directive, what an `ETag` and a
    /// cache of compressed bodies need.
    pub version: u64,
}

/// Why a request is held, and for how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wait {
    /// What has to come, so that a runtime may sort its waiters; `None` where the stream is only
    /// starting.
    pub until: Option<Position>,
    /// After this long 503 is the better answer: three target durations.
    pub at_most: Duration,
}

/// A place in a media playlist: part `part` of segment `sequence`, or the whole segment where
/// there are no parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// The track; `None` for the MPEG-TS playlist.
    pub track: Option<TrackId>,
    /// The media sequence number.
    pub sequence: u64,
    /// The part.
    pub part: u32,
}

/// Why a request deserves 400.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum BadRequest {
    /// A directive that is not what RFC 8216bis, 6.2.5 says, or comes twice.
    #[error("{directive} is malformed")]
    Malformed {
        /// The directive's name.
        directive: &'static str,
    },
    /// `_HLS_part` without `_HLS_msn`.
    #[error("_HLS_part needs _HLS_msn")]
    PartWithoutSequence,
    /// A media sequence number more than two beyond the last one listed.
    #[error("_HLS_msn {msn} is too far ahead: the playlist ends with {last}")]
    TooFarAhead {
        /// The number asked for.
        msn: u64,
        /// The last in the playlist.
        last: u64,
    },
    /// A part further ahead than the Advance Part Limit.
    #[error("_HLS_part {part} is too far ahead: the playlist ends with {last}")]
    PartTooFarAhead {
        /// The part asked for.
        part: u32,
        /// Parts the segment has so far.
        last: u32,
    },
}
