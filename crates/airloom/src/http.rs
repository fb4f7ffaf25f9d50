//! Serving HTTP: a listener for HTTP/1.1 and h2c, and both over TLS with the feature `tls`, that
//! gives up on peers which do not take their
//! bytes, and errors as problem documents.

mod chunks;
#[cfg(feature = "client")]
mod client;
#[cfg(any(feature = "archive", feature = "edge"))]
mod connector;
mod deadline;
mod detach;
#[cfg(feature = "client")]
mod endpoint;
mod headers;
#[cfg(feature = "thumbnails")]
mod jpeg;
mod listener;
mod problem;

pub(crate) use chunks::Chunks;
#[cfg(feature = "client")]
pub(crate) use client::{Reply, post};
#[cfg(any(feature = "archive", feature = "edge"))]
pub(crate) use connector::Connector;
pub use deadline::WriteDeadline;
pub use detach::{Detach, Detachable, Returning, Shared, Suspended};
#[cfg(feature = "client")]
pub use endpoint::{Endpoint, InvalidEndpoint};
pub(crate) use headers::{is_known, set};
#[cfg(feature = "thumbnails")]
pub(crate) use jpeg::Jpeg;
pub use listener::{Config, Listener};
pub use problem::Problem;
