#![doc = include_str!("../README.md")]

pub mod access;
pub mod archive;
pub mod billing;
pub mod chat;
pub mod cmaf;
pub mod delivery;
pub mod ingest;
pub mod input;
pub mod instructions;
pub mod measure;
pub mod memory;
pub mod output;
pub mod process;
pub mod report;
pub mod rtmp;
pub mod ts;
pub mod vod;

use measure::Contender;

/// Why a contender has no figure.
pub type Failure = Box<dyn std::error::Error>;

/// One table: contenders over one input.
#[derive(Debug)]
pub struct Heat<'a> {
    /// Names it on the command line and between the two programs: `rtmp/128`.
    pub key: String,
    /// The table's heading.
    pub title: String,
    /// What a figure is taken over, and what it is not: the method, in a sentence or two.
    pub method: &'static str,
    /// Payload bytes one pass handles: the numerator of GB/s.
    pub bytes: u64,
    /// Messages or samples one pass handles.
    pub items: u64,
    /// What an item is called.
    pub item: &'static str,
    /// The reference comes first.
    pub contenders: Vec<Contender<'a>>,
}

/// Builds every heat that `word` (`rtmp`, `rtmp/128`, `cmaf`, `ts` or `all`) names, one at a time,
/// and hands it to `run`.
pub fn heats(word: &str, input: &input::Input, run: &mut dyn FnMut(Heat<'_>)) {
    rtmp::heats(word, input, run);
    cmaf::heats(word, input, run);
    ts::heats(word, input, run);
    chat::heats(word, run);
}

/// Whether `word` asks for the heat `key`.
pub(crate) fn named(word: &str, key: &str) -> bool {
    word == "all" || key == word || key.strip_prefix(word).is_some_and(|rest| rest.starts_with('/'))
}

/// Where the input and what is made from it lie.
pub fn directory() -> std::path::PathBuf {
    std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("target/bench")
}
