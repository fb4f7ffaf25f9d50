//! The server's side of a connection.

mod encoded_tag;
mod output;
mod rejection;
mod request;
mod session;

pub use encoded_tag::EncodedTag;
pub use output::{Closed, Metadata, Output};
pub use rejection::Rejection;
pub use request::{Connect, Enhanced, Mode, Play, Publish, Request, RequestId, RequestKind};
pub use session::Session;
