use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::{Dimensions, Error, Event, Name, WallTime};

/// The longest event text taken, in bytes: eight dimensions and four names at their longest,
/// every byte of them escaped, fit.
const MAX: usize = 64 << 10;

#[derive(Deserialize)]
struct Wire<'a> {
    #[serde(borrow)]
    specversion: Option<Cow<'a, str>>,
    id: Option<Name>,
    source: Option<Name>,
    r#type: Option<Name>,
    subject: Option<Name>,
    time: Option<WallTime>,
    data: Option<Data>,
}

#[derive(Deserialize)]
struct Data {
    quantity: Option<Quantity>,
    #[serde(default)]
    dimensions: Dimensions,
    unique: Option<Name>,
}

/// An integer, or its decimal digits in a string where the writer's numbers stop at 2^53.
#[derive(Deserialize)]
#[serde(untagged)]
enum Quantity {
    Number(u64),
    Text(String),
}

#[derive(Serialize)]
struct Out<'a> {
    specversion: &'static str,
    id: &'a Name,
    source: &'a Name,
    r#type: &'a Name,
    subject: &'a Name,
    time: WallTime,
    datacontenttype: &'static str,
    data: OutData<'a>,
}

#[derive(Serialize)]
struct OutData<'a> {
    quantity: OutQuantity,
    #[serde(skip_serializing_if = "Dimensions::is_empty")]
    dimensions: &'a Dimensions,
    #[serde(skip_serializing_if = "Option::is_none")]
    unique: Option<&'a Name>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum OutQuantity {
    Number(u64),
    Text(String),
}

/// The byte at which `serde_json` stopped.
pub(crate) fn offset(text: &[u8], error: &serde_json::Error) -> usize {
    let before = text.split_inclusive(|&byte| byte == b'\n').take(error.line().saturating_sub(1));
    before.map(<[u8]>::len).sum::<usize>() + error.column().saturating_sub(1)
}

impl Event {
    /// Reads one event in the JSON format of CloudEvents 1.0 (section 3 of that format).
    ///
    /// `subject` is the tenant, `type` the meter, `data` an object with `quantity` (an integer or
    /// a string of decimal digits) and optionally `dimensions` (an object of strings) and
    /// `unique` (a string). `id`, `source` and `time` are required; extension attributes are
    /// allowed and not kept.
    ///
    /// # Errors
    ///
    /// [`Error::Limit`] over 64 KiB, [`Error::Malformed`] naming the attribute that is missing or
    /// wrong, or `event` where the text is no JSON object of the right shape.
    pub fn from_json(text: &[u8]) -> Result<Self, Error> {
        if text.len() > MAX {
            return Err(Error::Limit { what: "event bytes", limit: MAX as u64 });
        }
        let wire: Wire<'_> = serde_json::from_slice(text)
            .map_err(|error| Error::Malformed { field: "event", offset: offset(text, &error) })?;
        let missing = |field| Error::Malformed { field, offset: 0 };
        if wire.specversion.as_deref() != Some("1.0") {
            return Err(missing("specversion"));
        }
        let data = wire.data.ok_or(missing("data"))?;
        let quantity = match data.quantity.ok_or(missing("data.quantity"))? {
            Quantity::Number(number) => number,
            Quantity::Text(text) if text.bytes().all(|byte| byte.is_ascii_digit()) => {
                text.parse().map_err(|_| missing("data.quantity"))?
            }
            Quantity::Text(_) => return Err(missing("data.quantity")),
        };
        Ok(Self {
            tenant: wire.subject.ok_or(missing("subject"))?,
            source: wire.source.ok_or(missing("source"))?,
            id: wire.id.ok_or(missing("id"))?,
            meter: wire.r#type.ok_or(missing("type"))?,
            time: wire.time.ok_or(missing("time"))?,
            quantity,
            dimensions: data.dimensions,
            unique: data.unique,
        })
    }

    /// Reads a batch (section 4 of the JSON format: an array of events) or a single event, item
    /// by item: one that is malformed does not take the others with it.
    ///
    /// # Errors
    ///
    /// [`Error::Malformed`] where the text is neither an array nor an object, [`Error::Limit`]
    /// for more than `limit` items.
    pub fn batch_from_json(text: &[u8], limit: usize) -> Result<Vec<Result<Self, Error>>, Error> {
        if text.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'{') {
            return Ok(vec![Self::from_json(text)]);
        }
        let items: Vec<&serde_json::value::RawValue> = serde_json::from_slice(text)
            .map_err(|error| Error::Malformed { field: "batch", offset: offset(text, &error) })?;
        if items.len() > limit {
            return Err(Error::Limit { what: "batch items", limit: limit as u64 });
        }
        Ok(items.iter().map(|item| Self::from_json(item.get().as_bytes())).collect())
    }

    /// Writes the event in the JSON format of CloudEvents 1.0.
    ///
    /// A quantity past 2^53 - 1 is written as a string, so that no reader rounds it.
    pub fn to_json(&self) -> String {
        let quantity = if self.quantity < 1 << 53 {
            OutQuantity::Number(self.quantity)
        } else {
            OutQuantity::Text(self.quantity.to_string())
        };
        let out = Out {
            specversion: "1.0",
            id: &self.id,
            source: &self.source,
            r#type: &self.meter,
            subject: &self.tenant,
            time: self.time,
            datacontenttype: "application/json",
            data: OutData { quantity, dimensions: &self.dimensions, unique: self.unique.as_ref() },
        };
        // Names, integers and objects of names: nothing here can fail to serialize.
        serde_json::to_string(&out).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const EVENT: &str = r#"{"specversion":"1.0","id":"1","source":"s","type":"egress_bytes",
        "subject":"t","time":"2026-01-01T00:00:00Z","traceparent":"x","data":{"quantity":7}}"#;

    fn broken(from: &str, to: &str) -> Result<Event, Error> {
        Event::from_json(EVENT.replace(from, to).as_bytes())
    }

    #[test]
    fn names_what_is_missing() {
        for field in ["id", "source", "type", "subject", "time", "data", "specversion"] {
            let quoted = format!("\"{field}\"");
            let error = broken(&quoted, "\"other\"").expect_err("a field is missing");
            assert!(matches!(error, Error::Malformed { field: named, .. } if named == field));
        }
    }

    #[test]
    fn quantities_are_exact_integers() {
        assert_eq!(broken(":7}", ":\"18446744073709551615\"}").expect("event").quantity, u64::MAX);
        for wrong in ["-1", "1.5", "1e3", "\"+1\"", "\"1.0\"", "18446744073709551616", "\"\""] {
            assert!(broken(":7}", &format!(":{wrong}}}")).is_err(), "{wrong}");
        }
    }

    #[test]
    fn large_quantities_leave_as_text() {
        let event = broken(":7}", ":9007199254740993}").expect("event");
        assert!(event.to_json().contains("\"9007199254740993\""));
        assert_eq!(Event::from_json(event.to_json().as_bytes()), Ok(event));
    }

    #[test]
    fn a_bad_item_does_not_spoil_a_batch() {
        let batch = format!("[{EVENT},{{}},{EVENT}]");
        let items = Event::batch_from_json(batch.as_bytes(), 3).expect("an array");
        assert_eq!(items.iter().map(Result::is_ok).collect::<Vec<_>>(), [true, false, true]);
        assert!(Event::batch_from_json(batch.as_bytes(), 2).is_err());
    }

    fn name() -> impl Strategy<Value = Name> {
        // Quotes, backslashes, separators and letters of every length, as far as names go.
        "[a-z\"\\\\:/ \u{e9}\u{20ac}\u{1f3a5}]{1,12}"
            .prop_map(|text| Name::new(&text).expect("a name"))
    }

    prop_compose! {
        fn event()(
            names in [name(), name(), name(), name()],
            unique in prop::option::of(name()),
            dimensions in prop::collection::btree_map(name(), name(), 0..8),
            millis in -10_000_000_000_000i64..10_000_000_000_000,
            quantity in prop_oneof![any::<u64>(), 0u64..10],
        ) -> Event {
            let [tenant, source, id, meter] = names;
            let pairs = dimensions.iter().map(|(key, value)| (key.as_str(), value.as_str()));
            let dimensions = Dimensions::new(pairs).expect("a set");
            let time = WallTime::from_unix_millis(millis);
            Event { tenant, source, id, meter, time, quantity, dimensions, unique }
        }
    }

    proptest! {
        #[test]
        fn events_come_back(event in event()) {
            prop_assert_eq!(Event::from_json(event.to_json().as_bytes()), Ok(event.clone()));
            let batch = format!("[{0},{0}]", event.to_json());
            let items = Event::batch_from_json(batch.as_bytes(), 2);
            prop_assert_eq!(items, Ok(vec![Ok(event.clone()), Ok(event)]));
        }

        /// Any byte changed, cut or put in: an event or an error that says where, and no event
        /// that cannot be written.
        #[test]
        fn no_text_breaks_the_reader(
            event in event(),
            at in any::<prop::sample::Index>(),
            until in any::<prop::sample::Index>(),
            with in prop::collection::vec(any::<u8>(), 0..6),
            raw: Vec<u8>,
        ) {
            let mut text = event.to_json().into_bytes();
            let (at, until) = (at.index(text.len()), until.index(text.len()));
            text.splice(at..until.clamp(at, at + 3), with);
            for text in [text, raw] {
                match Event::from_json(&text) {
                    Ok(event) => {
                        prop_assert_eq!(Event::from_json(event.to_json().as_bytes()), Ok(event));
                    }
                    Err(Error::Malformed { offset, .. }) => prop_assert!(offset <= text.len()),
                    Err(error) => prop_assert!(false, "{}", error),
                }
                let _ = Event::batch_from_json(&text, 10);
            }
        }
    }
}
