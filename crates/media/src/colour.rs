/// How coded values become light (the code points of ISO/IEC 23091-2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Colour {
    /// `colour_primaries`: 1 is BT.709, 2 is not specified.
    pub primaries: u8,
    /// `transfer_characteristics`.
    pub transfer: u8,
    /// `matrix_coefficients`.
    pub matrix: u8,
    /// `video_full_range_flag`.
    pub full_range: bool,
}

impl Colour {
    /// The code point of primaries, transfer and matrix for "not specified".
    pub const UNSPECIFIED: u8 = 2;

    /// What a full range alone says.
    pub(crate) fn of_range(full_range: bool) -> Option<Self> {
        let code = Self::UNSPECIFIED;
        full_range.then_some(Self { primaries: code, transfer: code, matrix: code, full_range })
    }
}
