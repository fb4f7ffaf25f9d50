use serde::{Deserialize, Serialize};

use super::{Model, Part, Price, Rate};
use crate::event::offset;
use crate::{Currency, Dimensions, Error, Name, Rounding, WallTime};

/// All prices of a service, in versions by the time they take effect.
///
/// A period in which a new version takes effect is rated in parts, each by its own version: fees,
/// minimums and allowances for their share of the period, tiers from the start in each part. Old
/// versions must stay, since late usage of an old period is rated by them.
///
/// ```
/// use airloom_billing::rating::PriceBook;
///
/// let book = PriceBook::from_json(br#"{
///     "currency": "EUR",
///     "versions": [{
///         "effective": "2026-01-01T00:00:00Z",
///         "prices": [{
///             "id": "api", "label": "API requests", "meter": "api_requests", "allowance": 1000,
///             "model": {"graduated": {"tiers": [
///                 {"up_to": 100000, "rate": "0.0004"},
///                 {"rate": "0.0002"}
///             ]}}
///         }]
///     }]
/// }"#)?;
/// assert_eq!(book.currency().code(), "EUR");
/// # Ok::<(), airloom_billing::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PriceBook {
    currency: Currency,
    rounding: Rounding,
    versions: Vec<Version>,
}

/// The prices from one time on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Version {
    /// From when on they hold; a multiple of 15 minutes, so that a window has one price.
    pub effective: WallTime,
    /// All lines together cost at least this a period, in major units; a line of its own makes
    /// up for the rest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub minimum: Option<Rate>,
    /// The prices, in the order of the statement's lines.
    pub prices: Vec<Price>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wire {
    currency: Currency,
    #[serde(default)]
    rounding: Rounding,
    versions: Vec<Version>,
}

/// The id of the line that makes up for a version's minimum.
pub(crate) const MINIMUM: &str = "minimum";

const QUARTER: i64 = 15 * 60 * 1000;

/// The longest price book taken, in bytes.
const MAX: usize = 4 << 20;

impl PriceBook {
    /// A book in `currency` that rounds each line by `rounding`.
    ///
    /// # Errors
    ///
    /// [`Error::Malformed`]: `versions` where there are none, or not in the order of their times;
    /// `effective` where a time is no multiple of 15 minutes; `prices` where an id comes twice or
    /// is `minimum`; `tiers` where bounds do not rise or the last tier has one; `size` for zero.
    pub fn new(
        currency: Currency,
        rounding: Rounding,
        versions: Vec<Version>,
    ) -> Result<Self, Error> {
        let malformed = |field| Err(Error::Malformed { field, offset: 0 });
        if versions.is_empty() || !versions.is_sorted_by(|one, two| one.effective < two.effective) {
            return malformed("versions");
        }
        for version in &versions {
            if version.effective.unix_millis() % QUARTER != 0 {
                return malformed("effective");
            }
            let mut ids: Vec<_> = version.prices.iter().map(|price| price.id.as_str()).collect();
            ids.push(MINIMUM);
            ids.sort_unstable();
            if ids.windows(2).any(|pair| pair[0] == pair[1]) {
                return malformed("prices");
            }
            for price in &version.prices {
                price.model.check()?;
                if price.meter.is_none() && !matches!(price.model, Model::Flat { .. }) {
                    return malformed("meter");
                }
            }
        }
        Ok(Self { currency, rounding, versions })
    }

    /// Reads a book as JSON: `currency`, `rounding` (`half_up` unless it says otherwise) and
    /// `versions`. Rates are strings; an unknown member is an error, for it could be a price.
    ///
    /// # Errors
    ///
    /// [`Error::Malformed`] as for [`PriceBook::new`], or `price book` with the byte where the
    /// text goes wrong; [`Error::Limit`] over 4 MiB.
    pub fn from_json(text: &[u8]) -> Result<Self, Error> {
        if text.len() > MAX {
            return Err(Error::Limit { what: "price book bytes", limit: MAX as u64 });
        }
        let wire: Wire = serde_json::from_slice(text).map_err(|error| Error::Malformed {
            field: "price book",
            offset: offset(text, &error),
        })?;
        Self::new(wire.currency, wire.rounding, wire.versions)
    }

    /// The tariff of the service this project began as: 0.5 USD for 10 GB (10^10 bytes) of
    /// viewing traffic and 1 USD for 1,000 chat requests, both pro rata.
    ///
    /// # Errors
    ///
    /// None in practice; the parts are checked like any others.
    pub fn seed() -> Result<Self, Error> {
        let price = |id, label, meter, size, price| {
            Ok::<_, Error>(Price {
                id: Name::new(id)?,
                label: Name::new(label)?,
                meter: Some(Name::new(meter)?),
                dimensions: Dimensions::default(),
                allowance: 0,
                minimum: None,
                model: Model::Package { size, price: Rate::parse(price)?, part: Part::ProRata },
            })
        };
        let prices = vec![
            price("viewing", "Viewing traffic", "egress_bytes", 10_000_000_000, "0.5")?,
            price("chat", "Chat requests", "chat_requests", 1_000, "1")?,
        ];
        let version = Version { effective: WallTime::UNIX_EPOCH, minimum: None, prices };
        Self::new(Currency::USD, Rounding::HalfUp, vec![version])
    }

    /// The currency of every price.
    pub fn currency(&self) -> Currency {
        self.currency
    }

    /// What happens to the part of a minor unit at the end of a line.
    pub fn rounding(&self) -> Rounding {
        self.rounding
    }

    /// Each version in force in `from..to`, with the part it covers. Time before the first
    /// version is free.
    pub(crate) fn parts(
        &self,
        from: WallTime,
        to: WallTime,
    ) -> impl Iterator<Item = (WallTime, WallTime, &Version)> {
        let ends = self.versions.iter().skip(1).map(|next| next.effective);
        let ends = ends.chain(std::iter::once(WallTime::MAX));
        self.versions.iter().zip(ends).filter_map(move |(version, end)| {
            let (start, end) = (version.effective.max(from), end.min(to));
            (start < end).then_some((start, end, version))
        })
    }
}
