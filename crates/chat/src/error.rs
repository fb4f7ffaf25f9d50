/// Why a text, a request or a frame could not be read.
///
/// Whether a well-formed submission is *allowed* is another question; see
/// [`Refusal`](crate::Refusal).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A value that is not written as it must be.
    #[error("{field} is malformed")]
    Malformed {
        /// Which.
        field: &'static str,
    },
    /// A value that is longer than it may be.
    #[error("{field} is longer than {limit} bytes")]
    TooLong {
        /// Which.
        field: &'static str,
        /// The limit in bytes.
        limit: usize,
    },
    /// Not the JSON that is expected here.
    #[error("not the JSON expected, near line {line}, column {column}")]
    Json {
        /// The line, from 1.
        line: usize,
        /// The column, from 1; zero where the input ended.
        column: usize,
    },
}

impl From<serde_json::Error> for Error {
    fn from(error: serde_json::Error) -> Self {
        Self::Json { line: error.line(), column: error.column() }
    }
}
