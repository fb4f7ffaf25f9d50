use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::Error;

/// A currency by its ISO 4217 code, with the number of its decimal places.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Currency([u8; 3]);

impl Currency {
    /// The euro.
    pub const EUR: Self = Self(*b"EUR");
    /// The dollar of the United States.
    pub const USD: Self = Self(*b"USD");

    /// The currency of `code`, three letters A to Z.
    ///
    /// # Errors
    ///
    /// [`Error::Currency`] for anything else.
    pub fn new(code: &str) -> Result<Self, Error> {
        match code.as_bytes() {
            &[a, b, c] if [a, b, c].iter().all(u8::is_ascii_uppercase) => Ok(Self([a, b, c])),
            _ => Err(Error::Currency),
        }
    }

    /// The code.
    pub fn code(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }

    /// How many decimal places the minor unit is away from the major one (ISO 4217, table A.1).
    pub const fn exponent(self) -> u32 {
        match &self.0 {
            b"BIF" | b"CLP" | b"DJF" | b"GNF" | b"ISK" | b"JPY" | b"KMF" | b"KRW" | b"PYG"
            | b"RWF" | b"UGX" | b"UYI" | b"VND" | b"VUV" | b"XAF" | b"XOF" | b"XPF" => 0,
            b"BHD" | b"IQD" | b"JOD" | b"KWD" | b"LYD" | b"OMR" | b"TND" => 3,
            b"CLF" | b"UYW" => 4,
            _ => 2,
        }
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl Serialize for Currency {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.code())
    }
}

impl<'de> Deserialize<'de> for Currency {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        Self::new(&text).map_err(serde::de::Error::custom)
    }
}

/// An amount of money: an integer number of the currency's minor units.
///
/// ```
/// use airloom_billing::{Currency, Money};
///
/// assert_eq!(Money::new(-1_205, Currency::USD).to_string(), "-12.05 USD");
/// # Ok::<(), airloom_billing::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Money {
    minor: i64,
    currency: Currency,
}

impl Money {
    /// `minor` units (cents, where the currency has two places) of `currency`.
    pub const fn new(minor: i64, currency: Currency) -> Self {
        Self { minor, currency }
    }

    /// Nothing, in `currency`.
    pub const fn zero(currency: Currency) -> Self {
        Self::new(0, currency)
    }

    /// The number of minor units.
    pub const fn minor(self) -> i64 {
        self.minor
    }

    /// The currency.
    pub const fn currency(self) -> Currency {
        self.currency
    }

    /// The sum.
    ///
    /// # Errors
    ///
    /// [`Error::CurrencyMismatch`] or [`Error::Overflow`].
    pub fn checked_add(self, other: Self) -> Result<Self, Error> {
        self.same(other)?;
        let sum = self.minor.checked_add(other.minor);
        sum.map(|minor| Self { minor, ..self }).ok_or(Error::Overflow { what: "sum" })
    }

    /// The difference.
    ///
    /// # Errors
    ///
    /// [`Error::CurrencyMismatch`] or [`Error::Overflow`].
    pub fn checked_sub(self, other: Self) -> Result<Self, Error> {
        self.same(other)?;
        let difference = self.minor.checked_sub(other.minor);
        difference.map(|minor| Self { minor, ..self }).ok_or(Error::Overflow { what: "difference" })
    }

    fn same(self, other: Self) -> Result<(), Error> {
        if self.currency == other.currency {
            Ok(())
        } else {
            Err(Error::CurrencyMismatch { expected: self.currency, found: other.currency })
        }
    }

    /// The amount as a plain decimal number without the currency: `-12.05`.
    pub fn decimal(self) -> String {
        let places = self.currency.exponent() as usize;
        let sign = if self.minor < 0 { "-" } else { "" };
        let digits = format!("{:0width$}", self.minor.unsigned_abs(), width = places + 1);
        let (whole, part) = digits.split_at(digits.len() - places);
        if places == 0 { format!("{sign}{whole}") } else { format!("{sign}{whole}.{part}") }
    }
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.decimal(), self.currency)
    }
}

/// What happens to the part of a minor unit, once, at the end of a line.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rounding {
    /// To the nearest; halves to the even neighbour.
    HalfEven,
    /// To the nearest; halves away from zero.
    #[default]
    HalfUp,
    /// Towards zero.
    Down,
    /// Away from zero.
    Up,
}

impl Rounding {
    /// `numerator / denominator` as an integer; `denominator` is above zero.
    pub(crate) fn divide(self, numerator: i128, denominator: i128) -> Option<i128> {
        let quotient = numerator.checked_div(denominator)?;
        let rest = (numerator % denominator).unsigned_abs();
        let away = match self {
            Self::Down => false,
            Self::Up => rest != 0,
            Self::HalfUp => rest >= denominator.unsigned_abs() - rest,
            Self::HalfEven => {
                let other = denominator.unsigned_abs() - rest;
                rest > other || (rest == other && quotient % 2 != 0)
            }
        };
        if away { quotient.checked_add(numerator.signum()) } else { Some(quotient) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_written_in_their_currency() {
        let cases = [("USD", 5, "0.05 USD"), ("JPY", -7, "-7 JPY"), ("KWD", 1234, "1.234 KWD")];
        for (code, minor, text) in cases {
            let currency = Currency::new(code).expect("a code");
            assert_eq!(Money::new(minor, currency).to_string(), text);
        }
        assert_eq!(Money::new(i64::MIN, Currency::EUR).decimal(), "-92233720368547758.08");
    }

    #[test]
    fn halves_go_where_the_rule_says() {
        let cases = [
            (Rounding::HalfEven, [-2, -2, 0, 0, 2, 2]),
            (Rounding::HalfUp, [-3, -2, -1, 1, 2, 3]),
            (Rounding::Down, [-2, -1, 0, 0, 1, 2]),
            (Rounding::Up, [-3, -2, -1, 1, 2, 3]),
        ];
        for (rule, wanted) in cases {
            let found = [-5, -3, -1, 1, 3, 5].map(|half| rule.divide(half, 2));
            assert_eq!(found, wanted.map(Some), "{rule:?}");
        }
        assert_eq!(Rounding::HalfUp.divide(i128::MAX, i128::MAX), Some(1));
        assert_eq!(Rounding::HalfUp.divide(1, 0), None);
    }

    #[test]
    fn currencies_do_not_mix() {
        let sum = Money::new(1, Currency::USD).checked_add(Money::new(1, Currency::EUR));
        assert!(matches!(sum, Err(Error::CurrencyMismatch { .. })));
        assert!(Currency::new("usd").is_err());
    }
}
