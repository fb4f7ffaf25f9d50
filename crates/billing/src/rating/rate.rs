use std::fmt;

use rust_decimal::Decimal;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::Error;

/// A price in major units of a currency, as an exact decimal: never negative, at most
/// [`Rate::PLACES`] decimal places, at most 1,000,000,000.
///
/// Written and read as a string in JSON, since a JSON number may pass through a float.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rate(Decimal);

impl Rate {
    /// The most decimal places: a millionth of a millionth.
    pub const PLACES: u32 = 12;
    const MAX: i64 = 1_000_000_000;

    /// Reads a plain decimal number: `0.5`, `12`, `0.00000005`.
    ///
    /// # Errors
    ///
    /// [`Error::Rate`] for anything else, a sign or exponent included, and for one out of range.
    pub fn parse(text: &str) -> Result<Self, Error> {
        if !text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') {
            return Err(Error::Rate);
        }
        let rate = Decimal::from_str_exact(text).map_err(|_| Error::Rate)?.normalize();
        if rate.scale() > Self::PLACES || rate > Decimal::from(Self::MAX) {
            return Err(Error::Rate);
        }
        Ok(Self(rate))
    }

    /// The rate in steps of 10^-12 of the major unit.
    pub(crate) fn steps(self) -> i128 {
        // At most 10^9 * 10^12: far inside 128 bits.
        self.0.mantissa() * 10i128.pow(Self::PLACES.saturating_sub(self.0.scale()))
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl Serialize for Rate {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Rate {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_decimals_within_range() {
        for (text, steps) in [("0.5", 500_000_000_000), ("0.000000000001", 1), ("0", 0)] {
            assert_eq!(Rate::parse(text).map(Rate::steps), Ok(steps), "{text}");
        }
        for text in ["-1", "1e3", "", ".", "0.0000000000001", "1000000001", "1,5", "NaN", "+1"] {
            assert_eq!(Rate::parse(text), Err(Error::Rate), "{text}");
        }
        assert_eq!(Rate::parse("0.500").map(|rate| rate.to_string()), Ok("0.5".into()));
    }
}
