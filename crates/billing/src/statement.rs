mod csv;
mod html;
mod lines;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::ledger::Head;
use crate::rating::{Rate, Step};
use crate::{
    Currency, Cycle, Dimensions, Error, Money, Name, Notice, Period, Rounding, WallTime, Zone,
};

pub(crate) use lines::{Meters, adjust, rate};

/// Whose statements are made, and by which calendar.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// The tenant.
    pub tenant: Name,
    /// The zone of its calendar.
    pub zone: Zone,
    /// How long its periods are.
    pub cycle: Cycle,
    /// When it began; fees, minimums and allowances of its first period are for the rest of it.
    pub since: Option<WallTime>,
}

impl Account {
    /// An account by calendar month, from ever on.
    pub fn monthly(tenant: Name, zone: Zone) -> Self {
        Self { tenant, zone, cycle: Cycle::Month, since: None }
    }

    /// The period of this account that `time` lies in.
    pub fn period(&self, time: WallTime) -> Period {
        Period::containing(time, &self.zone, self.cycle)
    }
}

/// What a tenant owes for one period, and how it comes about.
///
/// Its lines sum to its total; credit covers what it can; the rest is due. Each statement names
/// the hash of the one before and is named by the next: a statement that was changed, left out
/// or put in is found by [`Statement::verify`]. It also notes where the ledger stood, which makes
/// every statement that reached a customer an anchor for the ledger's own chain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Statement {
    /// Whose it is.
    pub tenant: Name,
    /// The zone of its calendar.
    pub zone: Zone,
    /// What it covers.
    pub period: Period,
    /// When it was closed.
    pub closed_at: WallTime,
    /// The currency of every amount.
    pub currency: Currency,
    /// How each line was rounded.
    pub rounding: Rounding,
    /// What makes up the total.
    pub lines: Vec<Line>,
    /// The sum of the lines, in minor units; below zero where adjustments give back more than
    /// the period cost.
    pub total: i64,
    /// How much of it prepaid or granted credit covers.
    pub credit_used: i64,
    /// What credit is left.
    pub credit_left: i64,
    /// The total less the credit used.
    pub due: i64,
    /// The number of the ledger's last record before it.
    pub ledger_record: u64,
    /// The ledger's chain at that record, in hexadecimal.
    pub ledger_chain: String,
    /// The hash of the tenant's previous statement, in hexadecimal; 64 zeros for the first.
    pub previous: String,
    /// SHA-256 of this statement's JSON up to and without this member, in hexadecimal.
    pub hash: String,
}

/// One line of a statement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Line {
    /// What kind of line it is.
    pub kind: LineKind,
    /// The price it comes from; `minimum` for one that makes up for a minimum.
    pub price: Name,
    /// What it is for.
    pub label: Name,
    /// The meter, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub meter: Option<Name>,
    /// The meter's unit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<Name>,
    /// The dimensions it is restricted to.
    #[serde(default, skip_serializing_if = "Dimensions::is_empty")]
    pub dimensions: Dimensions,
    /// The part of the period it covers; of an earlier period, for an adjustment.
    pub covers: Period,
    /// What was used; of an adjustment, what the earlier period's usage is now.
    #[serde(with = "quantity")]
    pub quantity: u128,
    /// How much of it was free.
    #[serde(default)]
    pub allowance: u64,
    /// The least it costs, where that is what it costs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub minimum: Option<Rate>,
    /// The terms of the amount before rounding.
    pub steps: Vec<Step>,
    /// What was billed for it before; for an adjustment.
    #[serde(default)]
    pub billed: i64,
    /// What it costs, in minor units, rounded once.
    pub amount: i64,
}

/// What kind of line it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum LineKind {
    /// Usage of the period, or a fee for it.
    Charge,
    /// What is missing to the least the period costs.
    Minimum,
    /// What usage that came after an earlier period was closed changes about that period.
    Adjustment,
}

/// The hash before a tenant's first statement.
pub(crate) const FIRST: &str = "0000000000000000000000000000000000000000000000000000000000000000";

impl Statement {
    /// The statement as JSON; one text for one statement.
    pub fn to_json(&self) -> String {
        // Integers, texts and lists of them: nothing here can fail to serialize.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Reads a statement that [`Statement::to_json`] wrote.
    ///
    /// # Errors
    ///
    /// [`Error::Malformed`] with the byte where it goes wrong. Whether it says what it said is
    /// asked by [`Statement::verify`].
    pub fn from_json(text: &[u8]) -> Result<Self, Error> {
        serde_json::from_slice(text).map_err(|error| Error::Malformed {
            field: "statement",
            offset: crate::event::offset(text, &error),
        })
    }

    /// An amount of the statement with its currency.
    pub fn money(&self, minor: i64) -> Money {
        Money::new(minor, self.currency)
    }

    /// The sum and hash of the statement are what they should be, and so is the link to
    /// `previous`, the tenant's statement before.
    ///
    /// # Errors
    ///
    /// [`Error::Statement`] naming the member that is wrong.
    pub fn verify(&self, previous: Option<&Self>) -> Result<(), Error> {
        let wrong = |field| Err(Error::Statement { field });
        if self.computed_hash() != self.hash {
            return wrong("hash");
        }
        if previous.map_or(FIRST, |previous| &previous.hash) != self.previous {
            return wrong("previous");
        }
        if previous.is_some_and(|previous| previous.period.to() != self.period.from()) {
            return wrong("period");
        }
        let sum: i128 = self.lines.iter().map(|line| i128::from(line.amount)).sum();
        if sum != i128::from(self.total) {
            return wrong("total");
        }
        if self.total.checked_sub(self.credit_used) != Some(self.due)
            || self.credit_used < 0
            || self.credit_left < 0
        {
            return wrong("due");
        }
        Ok(())
    }

    /// What to tell the tenant once the statement is closed, the same each time.
    ///
    /// # Errors
    ///
    /// None in practice: the names in it are fixed.
    pub fn notice(&self) -> Result<Notice, Error> {
        let body = serde_json::json!({
            "type": "statement.closed",
            "timestamp": self.closed_at,
            "data": {
                "tenant": self.tenant, "period": self.period, "currency": self.currency,
                "total": self.total, "credit_used": self.credit_used, "due": self.due,
                "hash": self.hash,
            },
        });
        Ok(Notice {
            tenant: self.tenant.clone(),
            kind: Name::new("statement.closed")?,
            id: Name::new(&self.hash)?,
            body: body.to_string(),
        })
    }

    fn computed_hash(&self) -> String {
        let bare = Self { hash: String::new(), ..self.clone() };
        let text = bare.to_json();
        let body = text.strip_suffix(r#""hash":""}"#).unwrap_or(&text);
        hex(&Sha256::digest(body))
    }

    /// Fills in the hash, once everything else stands.
    pub(crate) fn seal(&mut self, head: Head) {
        self.ledger_record = head.record;
        self.ledger_chain = hex(&head.chain);
        self.hash = self.computed_hash();
    }
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;

    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// Quantities in JSON: a number where every reader keeps it exactly, else its digits as text.
pub(crate) mod quantity {
    use serde::{Deserialize, Deserializer, Serializer};

    pub(crate) fn serialize<S: Serializer>(
        number: &u128,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        match u64::try_from(*number) {
            Ok(small) if small < 1 << 53 => serializer.serialize_u64(small),
            _ => serializer.collect_str(number),
        }
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<u128, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Quantity {
            Number(u64),
            Text(String),
        }

        match Quantity::deserialize(deserializer)? {
            Quantity::Number(number) => Ok(number.into()),
            Quantity::Text(text) => text.parse().map_err(serde::de::Error::custom),
        }
    }
}
