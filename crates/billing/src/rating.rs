//! From quantities to money: prices, price books, and the one place where rounding happens.
//!
//! Everything here is a pure function of its arguments. An amount is an exact fraction of minor
//! units until its line is done; then it is rounded once, by the book's rule.

mod book;
mod exact;
mod price;
mod rate;

pub use book::{PriceBook, Version};
pub use price::{Model, Part, Price, Step, Tier};
pub use rate::Rate;

pub(crate) use book::MINIMUM;
pub(crate) use exact::Exact;
