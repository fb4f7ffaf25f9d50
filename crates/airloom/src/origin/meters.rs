//! Where a stream's use is counted: nowhere, unless the origin was built with a
//! `Usage` (feature `billing`).

use super::StreamName;

/// What is counted of a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Meter {
    /// Bytes of samples taken in.
    IngestBytes,
    /// Milliseconds in which a publisher was heard.
    IngestMillis,
    /// Bytes of bodies, and of media messages to RTMP players, given out.
    EgressBytes,
    /// Milliseconds watched.
    ViewerMillis,
}

#[cfg(feature = "billing")]
pub(crate) use crate::usage::StreamMeters;

/// What the streams of an origin are counted by.
#[cfg(feature = "billing")]
pub(super) type Metering = Option<crate::Usage>;

#[cfg(feature = "billing")]
pub(super) fn of(metering: &Metering, stream: &StreamName) -> StreamMeters {
    metering.as_ref().map(|usage| usage.stream(stream.as_str())).unwrap_or_default()
}

/// What the streams of an origin are counted by.
#[cfg(not(feature = "billing"))]
#[derive(Debug, Clone, Default)]
pub(super) struct Metering(());

#[cfg(not(feature = "billing"))]
pub(super) fn of(_: &Metering, _: &StreamName) -> StreamMeters {
    StreamMeters::default()
}

/// The counters of one stream.
#[cfg(not(feature = "billing"))]
#[derive(Debug, Clone, Default)]
pub(crate) struct StreamMeters(());

#[cfg(not(feature = "billing"))]
impl StreamMeters {
    #[expect(clippy::unused_self, reason = "as where it is counted")]
    pub(crate) fn add(&self, _: Meter, _: u64) {}
}
