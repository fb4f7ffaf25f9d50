/// Why a request is refused. The peer is sent the status code that fits the request, and the
/// connection closes after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Rejection {
    /// No such application: `NetConnection.Connect.InvalidApp`.
    InvalidApp,
    /// Not allowed: `NetConnection.Connect.Rejected`, `NetStream.Publish.Unauthorized` (which makes
    /// OBS stop retrying), `NetStream.Play.Failed`.
    Unauthorized,
    /// The name is taken, or not one that can be published: `NetStream.Publish.BadName`.
    BadName,
    /// Nothing to play under that name: `NetStream.Play.StreamNotFound`.
    NotFound,
    /// Anything else, such as a server that is full: `NetConnection.Connect.Rejected`,
    /// `NetStream.Publish.Failed`, `NetStream.Play.Failed`.
    Failed,
}

impl Rejection {
    /// Code and words of an `_error` to `connect`.
    pub(super) const fn connect(self) -> (&'static str, &'static str) {
        match self {
            Self::InvalidApp => ("NetConnection.Connect.InvalidApp", "No such application."),
            Self::Unauthorized => ("NetConnection.Connect.Rejected", "Not authorised."),
            _ => ("NetConnection.Connect.Rejected", "Connection refused."),
        }
    }

    /// Code and words of an `onStatus` to `publish`.
    pub(super) const fn publish(self) -> (&'static str, &'static str) {
        match self {
            Self::Unauthorized => ("NetStream.Publish.Unauthorized", "Not authorised."),
            Self::BadName => {
                ("NetStream.Publish.BadName", "The name is in use or cannot be published.")
            }
            _ => ("NetStream.Publish.Failed", "Publishing refused."),
        }
    }

    /// Code and words of an `onStatus` to `play`.
    pub(super) const fn play(self) -> (&'static str, &'static str) {
        match self {
            Self::NotFound | Self::BadName => ("NetStream.Play.StreamNotFound", "No such stream."),
            Self::Unauthorized => ("NetStream.Play.Failed", "Not authorised."),
            _ => ("NetStream.Play.Failed", "Playing refused."),
        }
    }
}
