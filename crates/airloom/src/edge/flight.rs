use std::convert::Infallible;
use std::sync::{Arc, Weak};

use airloom_playlist::Rendered;
use axum::http::{HeaderValue, StatusCode};
use bytes::Bytes;
use tokio::sync::{oneshot, watch};

use super::key::Key;
use crate::origin::delivery::Encoded;

/// One question to the origin, shared by everybody who asks the same while it is under way.
///
/// The last one to let go of it ends it: the task that asks notices, and gives up.
#[derive(Debug)]
pub(super) struct Flight {
    outcome: watch::Receiver<Option<Outcome>>,
    _interest: oneshot::Sender<Infallible>,
}

impl Flight {
    pub(super) fn new(key: Key) -> (Arc<Self>, Pilot) {
        let (outcome, seen) = watch::channel(None);
        let (interest, abandoned) = oneshot::channel();
        let flight = Arc::new(Self { outcome: seen, _interest: interest });
        let pilot = Pilot { key, flight: Arc::downgrade(&flight), outcome, abandoned };
        (flight, pilot)
    }

    /// What came of it; waits for that.
    pub(super) async fn outcome(&self) -> Outcome {
        let mut outcome = self.outcome.clone();
        let settled = outcome.wait_for(Option::is_some).await;
        let settled = settled.ok().and_then(|outcome| outcome.clone());
        settled.unwrap_or(Outcome::Failed(Failure::Broken))
    }
}

/// A flight as the task has it that asks the origin.
#[derive(Debug)]
pub(super) struct Pilot {
    pub(super) key: Key,
    pub(super) flight: Weak<Flight>,
    pub(super) outcome: watch::Sender<Option<Outcome>>,
    /// Completes when nobody waits any more.
    pub(super) abandoned: oneshot::Receiver<Infallible>,
}

/// What came of a question, as far as it is known.
#[derive(Debug, Clone)]
pub(super) enum Outcome {
    /// All of it is here.
    Here(Content),
    /// It has begun to come.
    Filling(Filling),
    /// There is no answer.
    Failed(Failure),
}

/// An answer that is here.
#[derive(Debug, Clone)]
pub(super) enum Content {
    Text(Arc<Text>),
    Media(Arc<Media>),
    Refusal(Arc<Refusal>),
}

impl Content {
    /// What it takes of the memory; a text in its compressed forms, too.
    pub(super) fn bytes(&self) -> usize {
        match self {
            Self::Text(text) => text.rendered.body.len() * 2,
            Self::Media(media) => media.bytes.len(),
            Self::Refusal(refusal) => refusal.body.len(),
        }
    }
}

/// A playlist, a manifest, or the time.
#[derive(Debug)]
pub(super) struct Text {
    pub(super) rendered: Rendered,
    pub(super) encoded: Arc<Encoded>,
    pub(super) cache_control: Option<HeaderValue>,
    /// The origin's entity tag.
    pub(super) tag: Option<HeaderValue>,
}

/// Media that is here to its last byte.
#[derive(Debug)]
pub(super) struct Media {
    pub(super) bytes: Bytes,
    pub(super) cache_control: Option<HeaderValue>,
}

/// The origin's word that this is not to be had.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) status: StatusCode,
    pub(super) content_type: Option<HeaderValue>,
    pub(super) retry_after: Option<HeaderValue>,
    pub(super) body: Bytes,
}

/// Media that is coming.
#[derive(Debug, Clone)]
pub(super) struct Filling {
    /// Of the whole, where the origin knows it.
    pub(super) length: Option<u64>,
    pub(super) cache_control: Option<HeaderValue>,
    pub(super) filled: watch::Receiver<Filled>,
}

/// What has come so far.
#[derive(Debug, Default)]
pub(super) struct Filled {
    pub(super) chunks: Vec<Bytes>,
    pub(super) end: Option<End>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// That was all.
    Whole,
    /// There is more, which will not come.
    Cut,
}

/// Why there is no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Failure {
    #[error("The origin cannot be reached")]
    Unreachable,
    #[error("The origin broke off")]
    Broken,
    #[error("The origin did not answer in time")]
    Silent,
    #[error("The origin's answer makes no sense")]
    Garbled,
    #[error("The origin does not let this edge in")]
    Shut,
    #[error("The origin's answer is larger than this edge allows")]
    TooLarge,
    #[error("This edge has no room for it now")]
    Full,
}

impl Failure {
    pub(super) const fn status(self) -> StatusCode {
        match self {
            Self::Silent => StatusCode::GATEWAY_TIMEOUT,
            Self::Full => StatusCode::SERVICE_UNAVAILABLE,
            _ => StatusCode::BAD_GATEWAY,
        }
    }
}
