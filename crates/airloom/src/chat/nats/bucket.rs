//! A JetStream key-value bucket (NATS ADR-8), as far as leases need one: reading a key, and writing
//! it if it is still that of a revision.
//!
//! Spoken in the few requests it takes. The client's own key-value store asks more of a server than
//! those of 2.9 answer, which stable distributions carry, and brings the whole of JetStream along.

use std::time::Duration;

use async_nats::header::{HeaderMap, NATS_EXPECTED_LAST_SUBJECT_SEQUENCE, NATS_SEQUENCE};
use async_nats::{Client, Message, StatusCode};
use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::Config;

/// A stream of that name is there, with another configuration: somebody has made the bucket.
const NAME_IN_USE: u32 = 10_058;
/// The key has been written since.
const WRONG_LAST_SEQUENCE: u32 = 10_071;

/// How long a record is kept that nobody has changed. Epochs of a later one lie beyond it all the
/// same, as they never fall behind the wall clock.
const KEEP: Duration = Duration::from_hours(24);

/// Why a key was not read or written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Failure {
    /// It is of another revision.
    Conflict,
    /// It is not known: JetStream said nothing in time, or no, or what makes no sense.
    Unknown,
}

#[derive(Debug, Clone)]
pub(super) struct Bucket {
    client: Client,
    stream: String,
    subjects: String,
    patience: Duration,
}

/// What the stream behind the bucket is to be.
#[derive(Serialize)]
struct Stream<'a> {
    name: &'a str,
    description: &'a str,
    subjects: [String; 1],
    retention: &'a str,
    storage: &'a str,
    discard: &'a str,
    num_replicas: usize,
    max_msgs_per_subject: u32,
    /// In nanoseconds.
    max_age: u64,
    allow_direct: bool,
    allow_rollup_hdrs: bool,
    deny_delete: bool,
}

#[derive(Deserialize)]
struct Answer {
    #[serde(default)]
    seq: Option<u64>,
    #[serde(default)]
    error: Option<Complaint>,
}

#[derive(Deserialize)]
struct Complaint {
    #[serde(default)]
    err_code: u32,
    #[serde(default)]
    description: String,
}

impl Bucket {
    /// The bucket, made if it is not there. `patience` is how long any one answer may take.
    pub(super) async fn open(
        client: Client,
        config: &Config,
        patience: Duration,
    ) -> Result<Self, Failure> {
        let name = &config.bucket;
        let bucket = Self {
            client,
            stream: format!("KV_{name}"),
            subjects: format!("$KV.{name}."),
            patience,
        };
        let stream = Stream {
            name: &bucket.stream,
            description: "leases of chat rooms",
            subjects: [format!("{}>", bucket.subjects)],
            retention: "limits",
            storage: "file",
            discard: "new",
            num_replicas: config.replicas,
            max_msgs_per_subject: 1,
            max_age: u64::try_from(KEEP.as_nanos()).unwrap_or(u64::MAX),
            allow_direct: true,
            allow_rollup_hdrs: true,
            deny_delete: true,
        };
        let stream = serde_json::to_vec(&stream).map_err(|_| Failure::Unknown)?;
        let subject = format!("$JS.API.STREAM.CREATE.{}", bucket.stream);
        let answer = bucket.ask(subject, HeaderMap::new(), stream).await?;
        match read(&answer)?.error {
            Some(Complaint { err_code: NAME_IN_USE, .. }) | None => Ok(bucket),
            Some(Complaint { description, .. }) => {
                tracing::warn!(bucket = %name, description, "no bucket for the leases of a chat");
                Err(Failure::Unknown)
            }
        }
    }

    /// The revision and the value of a key; an empty one for a key that was deleted.
    pub(super) async fn get(&self, key: &str) -> Result<Option<(u64, Bytes)>, Failure> {
        let subject = format!("$JS.API.DIRECT.GET.{}.{}{key}", self.stream, self.subjects);
        let answer = self.ask(subject, HeaderMap::new(), Vec::new()).await?;
        match answer.status {
            Some(StatusCode::NOT_FOUND) => return Ok(None),
            None | Some(StatusCode::OK) => {}
            Some(_) => return Err(Failure::Unknown),
        }
        let headers = answer.headers.ok_or(Failure::Unknown)?;
        let revision = headers.get(NATS_SEQUENCE).and_then(|it| it.as_str().parse().ok());
        let revision = revision.ok_or(Failure::Unknown)?;
        Ok(Some((revision, answer.payload)))
    }

    /// Writes a key if it is still that of `revision`, zero for one that is not there. Returns the
    /// new revision.
    pub(super) async fn put(
        &self,
        key: &str,
        value: Vec<u8>,
        revision: u64,
    ) -> Result<u64, Failure> {
        let mut headers = HeaderMap::new();
        headers.insert(NATS_EXPECTED_LAST_SUBJECT_SEQUENCE, revision.to_string().as_str());
        let answer = self.ask(format!("{}{key}", self.subjects), headers, value).await?;
        match read(&answer)? {
            Answer { error: Some(Complaint { err_code: WRONG_LAST_SEQUENCE, .. }), .. } => {
                Err(Failure::Conflict)
            }
            Answer { error: None, seq: Some(revision) } => Ok(revision),
            _ => Err(Failure::Unknown),
        }
    }

    async fn ask(
        &self,
        subject: String,
        headers: HeaderMap,
        payload: Vec<u8>,
    ) -> Result<Message, Failure> {
        let asking = self.client.request_with_headers(subject, headers, payload.into());
        let answer = tokio::time::timeout(self.patience, asking).await;
        answer.map_err(|_| Failure::Unknown)?.map_err(|error| {
            tracing::debug!(%error, "JetStream does not answer");
            Failure::Unknown
        })
    }
}

fn read(answer: &Message) -> Result<Answer, Failure> {
    serde_json::from_slice(&answer.payload).map_err(|_| Failure::Unknown)
}
