use std::sync::Arc;
use std::time::Duration;

use airloom_playlist::WallTime;
use bytes::Bytes;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::origin::StreamName;

/// Something to tell.
#[derive(Debug, Clone, Copy)]
pub(super) struct Notice<'a> {
    pub(super) r#type: &'static str,
    pub(super) stream: &'a StreamName,
    pub(super) at: WallTime,
    pub(super) data: &'a Map<String, Value>,
}

/// A notice as it is sent to one receiver.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Message {
    pub(super) stream: StreamName,
    /// Counts the receiver's messages.
    pub(super) sequence: u64,
    /// When it was made.
    pub(super) made: Duration,
    /// `webhook-id`.
    pub(super) id: Arc<str>,
    pub(super) body: Bytes,
}

#[derive(Serialize)]
struct Payload<'a> {
    r#type: &'static str,
    timestamp: String,
    data: Data<'a>,
}

#[derive(Serialize)]
struct Data<'a> {
    stream: &'a str,
    sequence: u64,
    #[serde(flatten)]
    more: &'a Map<String, Value>,
}

impl Notice<'_> {
    /// The body for a receiver for which it has that number.
    pub(super) fn body(&self, sequence: u64) -> Bytes {
        let data = Data { stream: self.stream.as_str(), sequence, more: self.data };
        let payload = Payload { r#type: self.r#type, timestamp: self.at.to_string(), data };
        // Text, numbers and JSON always serialise.
        serde_json::to_vec(&payload).unwrap_or_default().into()
    }
}
