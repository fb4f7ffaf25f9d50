//! Access notifications of an object store, as usage.

use serde::Deserialize;

use crate::event::{Fields, offset};
use crate::{Dimensions, Error, Event, Name, WallTime};

/// One download that an object store reports.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Access {
    /// The bucket.
    pub bucket: String,
    /// The key of the object, decoded.
    pub key: String,
    /// When it was asked for.
    pub time: WallTime,
    /// The bytes of the response's body.
    pub bytes: u64,
    /// Which installation reports it.
    pub store: String,
    /// What identifies the request there.
    pub request: String,
}

#[derive(Deserialize)]
struct Notification {
    #[serde(rename = "Records", default)]
    records: Vec<Record>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Record {
    event_name: String,
    event_time: Option<WallTime>,
    #[serde(default)]
    response_elements: Elements,
    s3: Option<Subject>,
}

#[derive(Deserialize, Default)]
struct Elements {
    #[serde(rename = "content-length")]
    content_length: Option<String>,
    #[serde(rename = "x-amz-request-id")]
    request: Option<String>,
    #[serde(rename = "x-amz-id-2")]
    node: Option<String>,
    #[serde(rename = "x-minio-deployment-id")]
    deployment: Option<String>,
}

#[derive(Deserialize)]
struct Subject {
    bucket: Bucket,
    object: Object,
}

#[derive(Deserialize)]
struct Bucket {
    name: String,
}

#[derive(Deserialize)]
struct Object {
    key: String,
}

/// The longest notification taken, in bytes.
const MAX: usize = 1 << 20;

/// Reads a notification in the format of S3, as MinIO sends it for downloads: `Records` whose
/// `eventName` is `s3:ObjectAccessed:Get` and whose `responseElements` have a `content-length`.
///
/// Records of other kinds are passed over; those that lack something are answered one by one.
///
/// ```
/// let text = br#"{"EventName": "s3:ObjectAccessed:Get", "Key": "live/a/seg%2B1.m4s", "Records": [{
///     "eventVersion": "2.0", "eventSource": "minio:s3", "eventTime": "2026-03-10T12:00:00.123Z",
///     "eventName": "s3:ObjectAccessed:Get",
///     "responseElements": {"content-length": "48213", "x-amz-request-id": "17B2C3D4E5F60718",
///         "x-minio-deployment-id": "5a3f"},
///     "s3": {"bucket": {"name": "live"}, "object": {"key": "a%2Fseg%2B1.m4s", "size": 48213}}
/// }]}"#;
/// let access = airloom_billing::s3::accesses(text)?.remove(0)?;
/// assert_eq!((access.key.as_str(), access.bytes), ("a/seg+1.m4s", 48_213));
/// # Ok::<(), airloom_billing::Error>(())
/// ```
///
/// # Errors
///
/// [`Error::Limit`] over 1 MiB, [`Error::Malformed`] of `notification` where it is no such JSON;
/// for a record, [`Error::Malformed`] of the member that is missing or wrong.
pub fn accesses(text: &[u8]) -> Result<Vec<Result<Access, Error>>, Error> {
    if text.len() > MAX {
        return Err(Error::Limit { what: "notification bytes", limit: MAX as u64 });
    }
    let notification: Notification = serde_json::from_slice(text).map_err(|error| {
        Error::Malformed { field: "notification", offset: offset(text, &error) }
    })?;
    let downloads = notification.records.into_iter().filter(|record| {
        record.event_name.strip_prefix("s3:").unwrap_or(&record.event_name) == "ObjectAccessed:Get"
    });
    Ok(downloads.map(access).collect())
}

fn access(record: Record) -> Result<Access, Error> {
    let missing = |field| Error::Malformed { field, offset: 0 };
    let elements = record.response_elements;
    let subject = record.s3.ok_or(missing("s3"))?;
    let bytes = elements.content_length.ok_or(missing("content-length"))?;
    let request = elements.request.filter(|id| !id.is_empty());
    Ok(Access {
        bucket: subject.bucket.name,
        key: decoded(&subject.object.key),
        time: record.event_time.ok_or(missing("eventTime"))?,
        bytes: bytes.parse().map_err(|_| missing("content-length"))?,
        store: elements.deployment.or(elements.node).unwrap_or_default(),
        request: request.ok_or(missing("x-amz-request-id"))?,
    })
}

/// Undoes the encoding of a query string, which is how keys are written.
fn decoded(key: &str) -> String {
    let mut out = Vec::with_capacity(key.len());
    let mut rest = key.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        let hex = (byte == b'%').then(|| after.first_chunk::<2>()).flatten();
        let code = hex.and_then(|hex| std::str::from_utf8(hex).ok());
        match code.and_then(|code| u8::from_str_radix(code, 16).ok()) {
            Some(code) => {
                out.push(code);
                rest = after.get(2..).unwrap_or_default();
            }
            None => out.push(if byte == b'+' { b' ' } else { byte }),
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

impl Access {
    /// The download as usage of `egress_bytes` by whoever the caller says the object belongs to.
    ///
    /// Its idempotency key is the request: a notification that is delivered again counts once,
    /// and two downloads of one object are two.
    ///
    /// # Errors
    ///
    /// None in practice: the key is a hash, whatever the names are.
    pub fn event(&self, tenant: Name, dimensions: Dimensions) -> Result<Event, Error> {
        // Requests are numbered by the nanosecond at each node, which may meet; what was asked
        // for and when tells them apart. The sequencer does not: it is the object's age.
        let words = Fields::new("s3")
            .text(&self.store)
            .text(&self.request)
            .text(&self.bucket)
            .text(&self.key)
            .number(self.time.unix_millis() as u64)
            .finish();
        Ok(Event {
            tenant,
            source: Name::new("s3")?,
            id: Name::new(&words.map(|word| format!("{word:016x}")).concat())?,
            meter: Name::new("egress_bytes")?,
            time: self.time,
            quantity: self.bytes,
            dimensions,
            unique: None,
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const GET: &str = r#"{"Records":[{"eventName":"s3:ObjectAccessed:Get",
        "eventTime":"2026-03-10T12:00:00.123Z",
        "responseElements":{"content-length":"7","x-amz-request-id":"A"},
        "s3":{"bucket":{"name":"b"},"object":{"key":"a%20b+c%zz%"}}}]}"#;

    #[test]
    fn only_downloads_count() {
        for other in ["s3:ObjectAccessed:Head", "s3:ObjectCreated:Put", "s3:ObjectAccessed:GetX"] {
            let text = GET.replace("s3:ObjectAccessed:Get", other);
            assert_eq!(accesses(text.as_bytes()), Ok(vec![]), "{other}");
        }
        assert_eq!(accesses(br#"{"EventName":"s3:TestEvent"}"#), Ok(vec![]));
    }

    #[test]
    fn a_record_that_lacks_something_says_what() {
        for (field, named) in [
            ("\"content-length\"", "content-length"),
            ("\"x-amz-request-id\"", "x-amz-request-id"),
            ("\"eventTime\"", "eventTime"),
            ("\"s3\":", "s3"),
        ] {
            let text = GET.replace(field, if field == "\"s3\":" { "\"x\":" } else { "\"x\"" });
            let found = accesses(text.as_bytes()).expect("a notification").remove(0);
            assert_eq!(found, Err(Error::Malformed { field: named, offset: 0 }));
        }
    }

    #[test]
    fn a_repeat_is_the_same_event_and_another_download_is_not() {
        let event = |text: &str| {
            let access = accesses(text.as_bytes()).expect("JSON").remove(0).expect("an access");
            assert_eq!(access.key, "a b c%zz%");
            access.event(Name::new("t").expect("a name"), Dimensions::default()).expect("an event")
        };
        assert_eq!(event(GET), event(GET));
        assert_ne!(event(GET).id, event(&GET.replace("\"A\"", "\"B\"")).id);
    }

    proptest! {
        #[test]
        fn no_text_breaks_the_reader(text: Vec<u8>, key: String) {
            let _ = accesses(&text);
            let _ = decoded(&key);
        }
    }
}
