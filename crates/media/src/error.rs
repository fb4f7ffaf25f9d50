/// Why a codec configuration record could not be read.
///
/// Offsets are bytes from the start of the record the failing function was given; inside a
/// parameter set they count from its NAL unit header, emulation prevention removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The record ends inside `field`.
    #[error("{field} at byte {offset}: the record ends here")]
    Truncated {
        /// The field being read, named as its specification names it.
        field: &'static str,
        /// Where the field starts.
        offset: usize,
    },
    /// `field` holds a value its specification forbids.
    #[error("{field} at byte {offset}: forbidden value {value}")]
    Malformed {
        /// The field, named as its specification names it.
        field: &'static str,
        /// Where the field starts.
        offset: usize,
        /// What stands there.
        value: u64,
    },
    /// `field` holds a value that is legal and that this crate does not understand.
    #[error("{field} at byte {offset}: value {value} is not supported")]
    Unsupported {
        /// The field, named as its specification names it.
        field: &'static str,
        /// Where the field starts.
        offset: usize,
        /// What stands there.
        value: u64,
    },
}
