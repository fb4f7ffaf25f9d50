//! The client's side of a connection: publishing to a server, or playing from one.

mod output;
mod session;
mod target;

pub use output::Output;
pub use session::Session;
pub use target::Target;

#[doc(no_inline)]
pub use crate::{Closed, EncodedTag, Metadata};
