//! Reading: the boxes of files that others wrote, each parser a function over [`Fields`].

mod budget;
mod data_reference;
mod demuxer;
mod edits;
mod esds;
mod fields;
mod fragment;
mod movie;
mod sample_entry;
mod sample_table;
mod track;

pub use demuxer::Demuxer;
use fields::{Fields, Header};
