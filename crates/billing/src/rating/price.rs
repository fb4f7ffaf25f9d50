use serde::{Deserialize, Serialize};

use super::{Exact, Rate};
use crate::{Currency, Dimensions, Error, Name};

/// What one meter, or a fixed fee, costs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Price {
    /// What identifies the price across versions and statements.
    pub id: Name,
    /// What stands on the statement.
    pub label: Name,
    /// The meter; `None` for a fixed fee.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub meter: Option<Name>,
    /// Only usage whose dimension set has all of these.
    #[serde(default, skip_serializing_if = "Dimensions::is_empty")]
    pub dimensions: Dimensions,
    /// So much of each period is free; for part of a period, that part, rounded up.
    #[serde(default)]
    pub allowance: u64,
    /// The line costs at least this a period, in major units; for part of a period, that part.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub minimum: Option<Rate>,
    /// How the rest is priced.
    pub model: Model,
}

/// How a quantity becomes an amount. Rates are in major units of the book's currency.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
#[non_exhaustive]
pub enum Model {
    /// The same a period whatever is used; for part of a period, that part.
    Flat {
        /// The fee a period.
        fee: Rate,
    },
    /// So much a unit.
    PerUnit {
        /// The price of one unit.
        rate: Rate,
    },
    /// Each tier prices the units that fall into it.
    Graduated {
        /// The tiers, from the first unit up.
        tiers: Vec<Tier>,
    },
    /// The tier the whole quantity falls into prices all of it.
    Volume {
        /// The tiers, from the first unit up.
        tiers: Vec<Tier>,
    },
    /// So much for each package of units.
    Package {
        /// Units in a package; more than zero.
        size: u64,
        /// The price of one package.
        price: Rate,
        /// What a package that is not full costs.
        part: Part,
    },
}

/// One tier of a price.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tier {
    /// The last unit of the tier; `None` for all that follow. Counted within each period (or part
    /// of one that a version of the book covers) after the allowance.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub up_to: Option<u64>,
    /// The price of one unit.
    pub rate: Rate,
    /// A fee once the tier is reached.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fee: Option<Rate>,
}

/// What a package that is not full costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// As much as a full one.
    Started,
    /// Its share.
    ProRata,
}

/// One term of an amount, so that a line can be worked out again by hand.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// How many units.
    #[serde(with = "crate::statement::quantity")]
    pub quantity: u128,
    /// At which price.
    pub rate: Rate,
    /// For how many units together.
    pub per: u64,
    /// What that makes: an exact fraction of minor units.
    pub exact: String,
}

impl Model {
    pub(super) fn check(&self) -> Result<(), Error> {
        let malformed = |field| Err(Error::Malformed { field, offset: 0 });
        match self {
            Self::Graduated { tiers } | Self::Volume { tiers } => {
                let bounds: Vec<_> = tiers.iter().map_while(|tier| tier.up_to).collect();
                let rising = bounds.is_sorted_by(|one, two| one < two);
                if !rising || bounds.len() + 1 != tiers.len() || bounds.first() == Some(&0) {
                    return malformed("tiers");
                }
            }
            Self::Package { size: 0, .. } => return malformed("size"),
            _ => {}
        }
        Ok(())
    }

    /// The price of `quantity`, where the model covers `part` of `whole` milliseconds.
    pub(crate) fn amount(
        &self,
        quantity: u128,
        (part, whole): (i128, i128),
        currency: Currency,
    ) -> Result<(Exact, Vec<Step>), Error> {
        let mut sum = Exact::ZERO;
        let mut steps = Vec::new();
        let mut add = |quantity: u128, rate: Rate, per: u64| {
            let exact = Exact::price(quantity, rate, per, currency)?;
            sum = sum.add(exact)?;
            steps.push(Step { quantity, rate, per, exact: exact.fraction() });
            Ok::<_, Error>(())
        };
        match self {
            Self::Flat { fee } => {
                let exact = Exact::price(1, *fee, 1, currency)?.share(part, whole)?;
                let step = Step { quantity: 1, rate: *fee, per: 1, exact: exact.fraction() };
                return Ok((exact, vec![step]));
            }
            Self::PerUnit { rate } => add(quantity, *rate, 1)?,
            Self::Graduated { tiers } => {
                let mut below = 0;
                for tier in tiers {
                    if quantity <= below {
                        break;
                    }
                    let bound = tier.up_to.map_or(u128::MAX, u128::from);
                    add(quantity.min(bound) - below, tier.rate, 1)?;
                    if let Some(fee) = tier.fee {
                        add(1, fee, 1)?;
                    }
                    below = bound;
                }
            }
            Self::Volume { tiers } => {
                let within = |tier: &&Tier| tier.up_to.is_none_or(|bound| quantity <= bound.into());
                if let Some(tier) = tiers.iter().find(within)
                    && quantity > 0
                {
                    add(quantity, tier.rate, 1)?;
                    if let Some(fee) = tier.fee {
                        add(1, fee, 1)?;
                    }
                }
            }
            Self::Package { size, price, part } => match part {
                Part::ProRata => add(quantity, *price, *size)?,
                Part::Started => add(quantity.div_ceil(u128::from(*size)), *price, 1)?,
            },
        }
        Ok((sum, steps))
    }
}
