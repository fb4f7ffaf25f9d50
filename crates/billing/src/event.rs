mod json;

pub(crate) use json::offset;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{Dimensions, Name, WallTime};

/// One use of one meter, counted once per tenant, source and id.
///
/// In JSON it is a CloudEvents 1.0 event; see [`Event::from_json`].
///
/// ```
/// use airloom_billing::Event;
///
/// let event = Event::from_json(br#"{
///     "specversion": "1.0", "id": "r-17", "source": "recorder/eu-1", "type": "recordings",
///     "subject": "acme", "time": "2026-03-29T01:59:59Z", "data": {"quantity": 1}
/// }"#)?;
/// assert_eq!(event.tenant.as_str(), "acme");
/// assert_eq!(Event::from_json(event.to_json().as_bytes())?, event);
/// # Ok::<(), airloom_billing::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// Who used it (`subject`).
    pub tenant: Name,
    /// Who says so (`source`): the namespace of `id`.
    pub source: Name,
    /// The idempotency key within tenant and source (`id`).
    pub id: Name,
    /// What was used (`type`).
    pub meter: Name,
    /// When (`time`).
    pub time: WallTime,
    /// How much, in the meter's unit (`data.quantity`).
    pub quantity: u64,
    /// What the usage is told apart by (`data.dimensions`).
    pub dimensions: Dimensions,
    /// What a meter of unique values counts different ones of (`data.unique`).
    pub unique: Option<Name>,
}

/// The identity of an accepted thing and a fingerprint of what it said.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Identity {
    /// 128 bits of SHA-256 over kind, tenant, source and id, each preceded by its length.
    pub(crate) key: [u64; 2],
    /// 48 bits that differ where the rest does, but for one time in 2^48: see [`Fingerprint`].
    pub(crate) content: u64,
}

/// Hashes fields so that no two lists of fields give the same bytes: each is preceded by its
/// length, so a separator within a field means nothing.
pub(crate) struct Fields {
    /// Begun where the fields outgrow the buffer.
    sha: Option<Sha256>,
    /// Fields on their way into the hash: most keys fit, and one long update is cheaper than
    /// many short ones.
    buffer: [u8; 192],
    len: usize,
}

impl Fields {
    pub(crate) fn new(domain: &'static str) -> Self {
        let mut fields = Self { sha: None, buffer: [0; 192], len: 0 };
        fields.text(domain);
        fields
    }

    #[inline]
    pub(crate) fn text(&mut self, text: &str) -> &mut Self {
        self.number(text.len() as u64).bytes(text.as_bytes())
    }

    /// Seven bits a byte, the last one below 128: no number begins another, and what is short
    /// stays short, so that most things hash in one block of 64 bytes.
    #[inline]
    pub(crate) fn number(&mut self, mut number: u64) -> &mut Self {
        while number >= 0x80 {
            self.bytes(&[number as u8 | 0x80]);
            number >>= 7;
        }
        self.bytes(&[number as u8])
    }

    #[inline]
    fn bytes(&mut self, bytes: &[u8]) -> &mut Self {
        if let Some(room) = self.buffer.get_mut(self.len..self.len + bytes.len()) {
            room.copy_from_slice(bytes);
            self.len += bytes.len();
        } else {
            let sha = self.sha.get_or_insert_default();
            sha.update(self.buffer.get(..self.len).unwrap_or_default());
            sha.update(bytes);
            self.len = 0;
        }
        self
    }

    /// The hash of the fields, which begin anew.
    pub(crate) fn finish(&mut self) -> [u64; 4] {
        let rest = self.buffer.get(..self.len).unwrap_or_default();
        let digest: [u8; 32] = match self.sha.take() {
            None => Sha256::digest(rest).into(),
            Some(sha) => sha.chain_update(rest).finalize().into(),
        };
        self.len = 0;
        let mut words = [0; 4];
        for (word, bytes) in words.iter_mut().zip(digest.as_chunks().0) {
            *word = u64::from_le_bytes(*bytes);
        }
        words
    }
}

/// The part of a hash that fits beside a day number in one word.
pub(crate) const CONTENT: u64 = (1 << 48) - 1;

impl Identity {
    pub(crate) fn key(domain: &'static str, tenant: &Name, source: &Name, id: &Name) -> [u64; 2] {
        let [high, low, ..] = Fields::new(domain)
            .text(tenant.as_str())
            .text(source.as_str())
            .text(id.as_str())
            .finish();
        [high, low]
    }
}

/// A fingerprint of fields, each preceded by its length: for telling that a producer used one key
/// for two things by mistake.
///
/// Who makes two contents of one fingerprint on purpose only has his own event called a duplicate
/// instead of a conflict, so this need not be a cryptographic hash, and is many times as fast.
/// It stands in the log: it never changes.
struct Fingerprint(u64);

impl Fingerprint {
    fn number(&mut self, number: u64) -> &mut Self {
        let word = self.0.rotate_left(23) ^ number ^ 0xd6e8_feb8_6659_fd93;
        let product = u128::from(word) * 0x9e37_79b9_7f4a_7c15;
        self.0 = product as u64 ^ (product >> 64) as u64;
        self
    }

    fn text(&mut self, text: &str) -> &mut Self {
        self.number(text.len() as u64);
        let (words, rest) = text.as_bytes().as_chunks();
        for word in words {
            self.number(u64::from_le_bytes(*word));
        }
        let mut last = [0; 8];
        for (place, byte) in last.iter_mut().zip(rest) {
            *place = *byte;
        }
        self.number(u64::from_le_bytes(last))
    }
}

impl Event {
    pub(crate) fn identity(&self) -> Identity {
        let mut content = Fingerprint(0);
        content
            .text(self.meter.as_str())
            .number(self.time.unix_millis() as u64)
            .number(self.quantity)
            .text(self.unique.as_ref().map_or("", Name::as_str))
            .number(self.dimensions.iter().len() as u64);
        for (key, value) in self.dimensions.iter() {
            content.text(key.as_str()).text(value.as_str());
        }
        Identity {
            key: Identity::key("event", &self.tenant, &self.source, &self.id),
            content: content.number(0).0 & CONTENT,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(tenant: &str, source: &str, id: &str) -> [u64; 2] {
        let [tenant, source, id] = [tenant, source, id].map(|text| Name::new(text).expect("name"));
        Identity::key("event", &tenant, &source, &id)
    }

    /// mozilla/fxa#21129: keys joined with a separator let two different things meet.
    #[test]
    fn separators_in_names_do_not_collide() {
        assert_ne!(key("a", "b:c", "d"), key("a:b", "c", "d"));
        assert_ne!(key("a", "b", "c:d"), key("a", "b:c", "d"));
        assert_ne!(key("ab", "c", "d"), key("a", "bc", "d"));
        assert_eq!(key("a", "b", "c"), key("a", "b", "c"));
    }

    #[test]
    fn long_names_hash_like_short_ones() {
        let (long, longer) = ("x".repeat(200), "x".repeat(201));
        assert_ne!(key(&long, "y", "z"), key(&longer, "y", "z"));
        assert_ne!(key("y", &long, "z"), key("y", "z", &long));
        assert_eq!(key(&long, &long, "z"), key(&long, &long, "z"));
    }

    /// Every bit of every field makes another fingerprint.
    #[test]
    fn fingerprints_tell_contents_apart() {
        let name = |text: &str| Name::new(text).expect("a name");
        let mut seen = std::collections::HashSet::new();
        let mut event = Event {
            tenant: name("t"),
            source: name("s"),
            id: name("1"),
            meter: name("m"),
            time: WallTime::UNIX_EPOCH,
            quantity: 0,
            dimensions: Dimensions::default(),
            unique: None,
        };
        let mut fresh = |event: &Event| assert!(seen.insert(event.identity().content), "{event:?}");
        fresh(&event);
        for bit in 0..64 {
            fresh(&Event { quantity: 1 << bit, ..event.clone() });
        }
        for bit in 0..47 {
            fresh(&Event { time: WallTime::from_unix_millis(1 << bit), ..event.clone() });
        }
        for length in 1..40 {
            let text = "x".repeat(length);
            fresh(&Event { unique: Some(name(&text)), ..event.clone() });
            for (key, value) in [("k", text.as_str()), (text.as_str(), "k")] {
                let dimensions = Dimensions::new([(key, value)]).expect("a set");
                fresh(&Event { dimensions, ..event.clone() });
            }
            if length > 1 {
                fresh(&Event { meter: name(&text), ..event.clone() });
            }
        }
        // The quantities of many events in a row.
        for number in 1_000u64..50_000 {
            event.quantity = number.wrapping_mul(1 << 20) | 1;
            fresh(&event);
        }
    }
}
