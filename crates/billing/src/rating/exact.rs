use crate::rating::Rate;
use crate::{Currency, Error, Money, Rounding};

/// An exact amount: a fraction of minor units.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Exact {
    numerator: i128,
    /// Above zero.
    denominator: i128,
}

/// Steps of a [`Rate`] in one major unit.
const STEPS: i128 = 10i128.pow(Rate::PLACES);

const OVERFLOW: Error = Error::Overflow { what: "amount" };

fn gcd(mut a: i128, mut b: i128) -> i128 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a.max(1)
}

impl Exact {
    pub(crate) const ZERO: Self = Self { numerator: 0, denominator: 1 };

    fn new(numerator: i128, denominator: i128) -> Self {
        let divisor = gcd(numerator.saturating_abs(), denominator);
        Self { numerator: numerator / divisor, denominator: denominator / divisor }
    }

    /// `quantity` times `rate`, for `size` of them.
    pub(crate) fn price(
        quantity: u128,
        rate: Rate,
        size: u64,
        currency: Currency,
    ) -> Result<Self, Error> {
        let quantity = i128::try_from(quantity).map_err(|_| OVERFLOW)?;
        let minor = 10i128.pow(currency.exponent());
        let unit = Self::new(rate.steps() * minor, STEPS);
        let size = i128::from(size.max(1));
        let share = Self::new(quantity, size);
        let divisor = gcd(share.numerator, unit.denominator);
        let numerator = (share.numerator / divisor).checked_mul(unit.numerator).ok_or(OVERFLOW)?;
        let denominator =
            share.denominator.checked_mul(unit.denominator / divisor).ok_or(OVERFLOW)?;
        Ok(Self::new(numerator, denominator))
    }

    pub(crate) fn add(self, other: Self) -> Result<Self, Error> {
        let divisor = gcd(self.denominator, other.denominator);
        let (left, right) = (other.denominator / divisor, self.denominator / divisor);
        let sum = self.numerator.checked_mul(left).zip(other.numerator.checked_mul(right));
        let sum = sum.and_then(|(one, two)| one.checked_add(two));
        let denominator = self.denominator.checked_mul(left);
        sum.zip(denominator).map(|(sum, denominator)| Self::new(sum, denominator)).ok_or(OVERFLOW)
    }

    /// This times `part / whole`.
    pub(crate) fn share(self, part: i128, whole: i128) -> Result<Self, Error> {
        let share = Self::new(part, whole.max(1));
        let (one, two) = (
            gcd(self.numerator.saturating_abs(), share.denominator),
            gcd(share.numerator, self.denominator),
        );
        let numerator = (self.numerator / one).checked_mul(share.numerator / two);
        let denominator = (self.denominator / two).checked_mul(share.denominator / one);
        let product = numerator.zip(denominator);
        product.map(|(numerator, denominator)| Self { numerator, denominator }).ok_or(OVERFLOW)
    }

    /// The larger of the two.
    pub(crate) fn max(self, other: Self) -> Result<Self, Error> {
        let (left, right) = (
            self.numerator.checked_mul(other.denominator).ok_or(OVERFLOW)?,
            other.numerator.checked_mul(self.denominator).ok_or(OVERFLOW)?,
        );
        Ok(if left >= right { self } else { other })
    }

    /// The amount in whole minor units.
    pub(crate) fn round(self, rule: Rounding, currency: Currency) -> Result<Money, Error> {
        let minor = rule.divide(self.numerator, self.denominator).ok_or(OVERFLOW)?;
        i64::try_from(minor).map(|minor| Money::new(minor, currency)).map_err(|_| OVERFLOW)
    }

    /// The amount in minor units as a fraction, for people: `199/100`, or `5` where it is whole.
    pub(crate) fn fraction(self) -> String {
        match self.denominator {
            1 => self.numerator.to_string(),
            denominator => format!("{}/{denominator}", self.numerator),
        }
    }
}
