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
