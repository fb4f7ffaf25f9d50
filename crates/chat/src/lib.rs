#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

pub mod access;
mod author;
pub mod cluster;
mod config;
mod cursor;
#[cfg(feature = "deflate")]
pub mod deflate;
mod entry;
mod error;
mod feed;
mod generations;
mod input;
mod label;
pub mod moderation;
mod post;
mod refusal;
mod room;
mod rooms;
mod sanctions;
mod tally;
mod wall;

pub use author::{Author, Roles};
pub use config::{Config, Display, History, Limits};
pub use cursor::{Cursor, EntryId, Epoch, Offset};
pub use entry::{Amount, Body, Currency, Entry, Poll, PollOption};
pub use error::Error;
pub use feed::{Batch, Feed, Reader, Take};
pub use input::{
    Act, Answer, Audit, Deed, Input, Output, Receipt, Restriction, Submission, Ticket,
};
pub use label::{Key, Name, Reaction, RoomId, UserId};
pub use moderation::Modes;
pub use post::{KeyedPost, Post};
pub use refusal::Refusal;
pub use room::Room;
pub use rooms::Rooms;
pub use wall::{Anchor, WallTime};
