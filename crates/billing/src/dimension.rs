use std::sync::Arc;

use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::{Error, Name};

/// What usage is told apart by within one tenant and meter: stream, room, region, rendition.
///
/// At most [`Dimensions::MAX`] pairs with different keys, kept in the order of the keys, so that
/// equal sets are equal whatever order they were given in. How many different sets a tenant may
/// use with one meter is [`Limits::series`](crate::Limits::series).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Dimensions(Arc<[(Name, Name)]>);

impl Dimensions {
    /// The most pairs one set may hold.
    pub const MAX: usize = 8;

    /// A set of `pairs` of key and value.
    ///
    /// # Errors
    ///
    /// [`Error::Limit`] for more than [`Dimensions::MAX`] pairs, [`Error::Malformed`] where a
    /// key comes twice (the offset is the pair's place once sorted), [`Error::Name`] for a key or
    /// value that is no [`Name`].
    pub fn new<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<Self, Error> {
        let mut set = Vec::new();
        for (key, value) in pairs {
            if set.len() == Self::MAX {
                return Err(Error::Limit { what: "dimensions", limit: Self::MAX as u64 });
            }
            set.push((Name::new(key)?, Name::new(value)?));
        }
        set.sort();
        if let Some(twice) = set.windows(2).position(|pair| pair[0].0 == pair[1].0) {
            return Err(Error::Malformed { field: "dimensions", offset: twice });
        }
        Ok(Self(set.into()))
    }

    /// The value of `key`.
    pub fn value(&self, key: &str) -> Option<&Name> {
        self.0.iter().find(|(name, _)| name.as_str() == key).map(|(_, value)| value)
    }

    /// Every pair, in the order of the keys.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&Name, &Name)> {
        self.0.iter().map(|(key, value)| (key, value))
    }

    /// Whether the set is empty.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether every pair of `filter` is in this set.
    pub fn contains(&self, filter: &Self) -> bool {
        filter.iter().all(|(key, value)| self.value(key.as_str()) == Some(value))
    }
}

impl Default for Dimensions {
    fn default() -> Self {
        Self(Arc::new([]))
    }
}

impl Serialize for Dimensions {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (key, value) in self.iter() {
            map.serialize_entry(key, value)?;
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for Dimensions {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Pairs;

        impl<'de> serde::de::Visitor<'de> for Pairs {
            type Value = Dimensions;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object of names")
            }

            fn visit_map<A: serde::de::MapAccess<'de>>(
                self,
                mut map: A,
            ) -> Result<Dimensions, A::Error> {
                let mut pairs: Vec<(String, String)> = Vec::new();
                while let Some(pair) = map.next_entry()? {
                    if pairs.len() > Dimensions::MAX {
                        break;
                    }
                    pairs.push(pair);
                }
                Dimensions::new(pairs.iter().map(|(key, value)| (key.as_str(), value.as_str())))
                    .map_err(serde::de::Error::custom)
            }
        }

        deserializer.deserialize_map(Pairs)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_does_not_matter_and_a_key_comes_once() {
        let one = Dimensions::new([("room", "a"), ("region", "eu")]).expect("two pairs");
        let two = Dimensions::new([("region", "eu"), ("room", "a")]).expect("two pairs");
        assert_eq!(one, two);
        assert!(one.contains(&Dimensions::new([("room", "a")]).expect("one pair")));
        assert!(!one.contains(&Dimensions::new([("room", "b")]).expect("one pair")));
        assert!(Dimensions::new([("room", "a"), ("room", "b")]).is_err());
    }

    #[test]
    fn json_keeps_the_limits() {
        let set: Dimensions = serde_json::from_str(r#"{"room":"a"}"#).expect("an object");
        assert_eq!(serde_json::to_string(&set).expect("text"), r#"{"room":"a"}"#);
        let many: Vec<_> = (0..9).map(|n| format!(r#""k{n}":"v""#)).collect();
        let text = format!("{{{}}}", many.join(","));
        assert!(serde_json::from_str::<Dimensions>(&text).is_err());
    }
}
