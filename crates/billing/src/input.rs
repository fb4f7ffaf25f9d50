use serde::{Deserialize, Serialize};

use crate::{Delta, Event, Money, Name};

/// What a ledger takes in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Input {
    /// One usage event, counted once per tenant, source and id.
    Event(Event),
    /// What a hot path counted, applied once per producer, epoch and sequence.
    Delta(Delta),
    /// Money a tenant has paid in advance or was granted, once per tenant, source and id.
    Credit(Credit),
    /// Count a quarantined item after all; without its dimensions, where the tenant still uses more
    /// different ones than [`Limits::series`](crate::Limits::series) allows.
    Release(Held),
    /// Something to tell a tenant, kept once per tenant, kind and id until it is settled.
    Notice(Notice),
    /// The notice of this number has arrived, or was given up.
    Settled(u64),
}

/// Something to tell a tenant by webhook.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notice {
    /// Whom to tell.
    pub tenant: Name,
    /// What kind of thing it is: `quota.soft`, `statement.closed`.
    pub kind: Name,
    /// The idempotency key within tenant and kind; kept for good.
    pub id: Name,
    /// What to send: JSON with the members `type`, `timestamp` and `data`; at most 64 KiB, without
    /// control characters, which JSON escapes.
    pub body: String,
}

/// Prepaid or granted money, used up by statements until nothing is left.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Credit {
    /// Whose money.
    pub tenant: Name,
    /// Who granted it: the namespace of `id`.
    pub source: Name,
    /// The idempotency key within tenant and source.
    pub id: Name,
    /// How much; more than zero.
    pub amount: Money,
}

/// Where a quarantined item lies: its record's number and its place within a delta.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Held {
    /// The number of the record in the ledger.
    pub record: u64,
    /// The entry within a delta; 0 for an event.
    pub entry: u32,
}

/// What became of one [`Input`]; durable by the time the caller sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outcome {
    /// Accepted and counted, or, of anything but usage, kept.
    Counted {
        /// The number of the record in the ledger.
        record: u64,
    },
    /// Accepted, and held back until it is released.
    Quarantined {
        /// Where it lies, for [`Input::Release`].
        held: Held,
        /// Why it is not counted.
        reason: Reason,
    },
    /// A delta was applied: so many entries counted, so many quarantined.
    Applied {
        /// The number of the record in the ledger.
        record: u64,
        /// Entries counted.
        counted: u32,
        /// Entries quarantined, each with a [`Held`] of its own.
        quarantined: u32,
    },
    /// The same thing was accepted before; nothing changed.
    Duplicate,
    /// The idempotency key was used before with other content; nothing changed.
    Conflict,
    /// A delta came early: send the one numbered `expected` first. Nothing changed.
    Gap {
        /// The sequence that must come next.
        expected: u64,
    },
    /// Not accepted; sending it again will not help. Nothing changed.
    Refused(Refusal),
}

/// Why usage was accepted and not counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Reason {
    /// Its time lies further back than [`Config::late`](crate::Config::late).
    Late,
    /// Its time lies further ahead than [`Config::skew`](crate::Config::skew).
    Early,
    /// No meter of that name is declared, or it is not one a delta may carry.
    Meter,
    /// The tenant uses more different dimension sets than
    /// [`Limits::series`](crate::Limits::series) allows.
    Cardinality,
}

/// Why an input was not accepted at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Refusal {
    /// Its time lies before the horizon up to which idempotency keys are remembered, so that a
    /// repeat could not be told from news.
    Expired,
    /// The epoch is older than every one still remembered for the producer.
    Epoch,
    /// Sequences count from 1.
    Sequence,
    /// A delta with more entries, or an input larger, than the limits allow.
    Size,
    /// A meter of unique values needs [`Event::unique`](crate::Event::unique).
    Unique,
    /// The ledger knows as many tenants, names, producers or quarantined items as it may.
    Full,
    /// A notice's body has control characters in it.
    Body,
    /// Credit must be more than zero, and in the currency of the tenant's earlier credit.
    Amount,
    /// Nothing is quarantined there, or it can still not be counted; no such notice waits.
    Held,
}
