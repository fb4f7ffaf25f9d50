//! The server's side of a connection.

mod commands;
mod output;
mod rejection;
mod request;
mod session;
mod streams;

pub use output::Output;
pub use rejection::Rejection;
pub use request::{Connect, Mode, Play, Publish, Request, RequestId, RequestKind};
pub use session::Session;

#[doc(no_inline)]
pub use crate::{Closed, EncodedTag, Enhanced, Metadata};
