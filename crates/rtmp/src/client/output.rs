use airloom_media::{Sample, Track, TrackId};
use bytes::Bytes;

use crate::amf0::Text;
use crate::flv::{ColorInfo, Skip, Tag};
use crate::line::Said;
use crate::{Closed, Metadata};

/// What a client session has to say. Events come before bytes to send, each in their own order;
/// [`Closed`](Self::Closed) is the last of all.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Output {
    /// Bytes for the socket.
    Send(Bytes),
    /// The server agreed: tags may be sent, or will come.
    Ready,
    /// The server refused, in its own words; [`Closed`](Self::Closed) follows.
    Rejected {
        /// The status code, `NetStream.Publish.BadName` and the like.
        code: Text,
        /// For people.
        description: Text,
    },
    /// `onMetaData` of what is played.
    Metadata(Metadata),
    /// Audio, video, or another data message, as received.
    Tag(Tag),
    /// A track begins, or changes its configuration.
    Track(Track),
    /// A sample, its payload a slice of the message.
    Sample(Sample),
    /// The color of a video track from its next sample on.
    Color {
        /// The track, which need not be one of samples: HDR is rarely H.264.
        track: TrackId,
        /// What is known of it.
        color: Box<ColorInfo>,
    },
    /// Media that gave no sample.
    Skipped(Skip),
    /// The server says that the stream it played is over. It may come back.
    Ended,
    /// The server asks for a new connection (Enhanced RTMP v2, reconnect request): go on until the
    /// next key frame, then connect there.
    Reconnect {
        /// Where to, absolute or relative to the present URL; `None` for the same place.
        tc_url: Option<String>,
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
