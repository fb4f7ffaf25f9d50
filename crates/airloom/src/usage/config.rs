use std::path::PathBuf;
use std::time::Duration;

/// How a [`Usage`](super::Usage) counts and where it keeps what it counted.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Config {
    /// Where the ledger lies; held by one process at a time.
    pub directory: PathBuf,
    /// Who counts: unique among the nodes whose ledgers are forwarded to one. Default `node`.
    pub node: String,
    /// Whose usage it is. Default `default`.
    pub tenant: String,
    /// How long the log of what was counted is kept, beside the figures, which stay. Default 7
    /// days: some 400 bytes a second of log at the default flush interval, 240 MB, which are read
    /// when the ledger is opened.
    pub keep: Duration,
    /// How the ledger and the counters behave. By default as
    /// [`airloom_billing::Config`], with windows of one minute: 2 MB a day for a hundred streams,
    /// four meters each, on air all the time.
    pub billing: airloom_billing::Config,
}

impl Config {
    /// The defaults, with the ledger in `directory`.
    pub fn new(directory: impl Into<PathBuf>) -> Self {
        let window = Duration::from_mins(1);
        Self {
            directory: directory.into(),
            node: "node".to_owned(),
            tenant: "default".to_owned(),
            keep: Duration::from_hours(7 * 24),
            billing: airloom_billing::Config { window, ..airloom_billing::Config::default() },
        }
    }
}
