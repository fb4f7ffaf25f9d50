#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod config;
mod delta;
mod dimension;
mod error;
mod event;
pub mod forward;
mod input;
pub mod ledger;
mod meter;
mod money;
mod name;
pub mod outbox;
mod period;
pub mod quota;
pub mod rating;
mod recorder;
pub mod s3;
mod statement;
mod time;
mod viewing;
pub mod webhook;

pub use config::{Config, Limits};
pub use delta::{Delta, Entry};
pub use dimension::Dimensions;
pub use error::{Damage, DamageKind, Error, Fault, FaultKind};
pub use event::Event;
pub use input::{Credit, Held, Input, Notice, Outcome, Reason, Refusal};
pub use ledger::Storage;
pub use meter::{Aggregation, Catalogue, Meter};
pub use money::{Currency, Money, Rounding};
pub use name::Name;
pub use period::{Cycle, Period, Phase, Zone};
pub use rating::PriceBook;
pub use recorder::{Counter, Recorder};
pub use statement::{Account, Line, LineKind, Statement};
pub use time::WallTime;
pub use viewing::{Viewer, Viewing, ViewingConfig};
