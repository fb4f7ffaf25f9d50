use airloom_media::{Sample, Track, TrackId};
use bytes::Bytes;

use super::{Request, RequestId};
use crate::flv::{ColorInfo, Skip, Tag};
use crate::line::Said;
use crate::{Closed, Metadata};

/// What a server session has to say. Events come before bytes to send, each in their own order;
/// [`Closed`](Self::Closed) is the last of all.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Output {
    /// Bytes for the socket.
    Send(Bytes),
    /// The peer wants something; answer with [`accept`](super::Session::accept) or
    /// [`reject`](super::Session::reject), now or later. Input waits until then.
    Request(Request),
    /// `onMetaData` of a publication.
    Metadata {
        /// The publication.
        request: RequestId,
        /// The values, and the tag to pass on.
        metadata: Metadata,
    },
    /// Audio, video, or a data message other than `onMetaData`, as received.
    Tag {
        /// The publication.
        request: RequestId,
        /// The message as a tag.
        tag: Tag,
    },
    /// A track of a publication begins, or changes its configuration.
    Track {
        /// The publication.
        request: RequestId,
        /// The track, timed as [`Config::precision`](crate::Config) says.
        track: Track,
    },
    /// A sample of a publication.
    Sample {
        /// The publication.
        request: RequestId,
        /// The sample, its payload a slice of the message.
        sample: Sample,
    },
    /// The color of a video track of a publication, from its next sample on.
    Color {
        /// The publication.
        request: RequestId,
        /// The track, which need not be one of samples: HDR is rarely H.264.
        track: TrackId,
        /// What is known of it.
        color: Box<ColorInfo>,
    },
    /// Media of a publication that gave no sample.
    Skipped {
        /// The publication.
        request: RequestId,
        /// Why.
        skip: Skip,
    },
    /// A publication ended by the peer's word. The connection may publish again. A connection that
    /// closes ends its publications without this.
    Unpublished {
        /// The publication.
        request: RequestId,
    },
    /// A player asks to pause, or to go on.
    Paused {
        /// The playback.
        request: RequestId,
        /// `true` to pause.
        paused: bool,
    },
    /// A playback ended by the peer's word.
    PlayStopped {
        /// The playback.
        request: RequestId,
    },
    /// The session is over: send what was queued before, and close the socket.
    Closed(Closed),
}

impl Said for Output {
    fn send(bytes: Bytes) -> Self {
        Self::Send(bytes)
    }

    fn closed(closed: Closed) -> Self {
        Self::Closed(closed)
    }
}
