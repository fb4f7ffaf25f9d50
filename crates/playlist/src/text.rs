use std::fmt;

use crate::Error;

/// The longest text an integrator may put into a playlist.
const LONGEST: usize = 2048;

/// Text that fits an HLS quoted-string (RFC 8216bis, 4.2).
pub(crate) fn quotable(field: &'static str, text: String) -> Result<String, Error> {
    let fits = |c: char| c != '"' && !c.is_control();
    if !text.is_empty() && text.len() <= LONGEST && text.chars().all(fits) {
        Ok(text)
    } else {
        Err(Error::Unwritable { field })
    }
}

/// A hexadecimal-sequence (RFC 8216bis, 4.2): `0x00FF`.
pub(crate) struct Hex<'a>(pub(crate) &'a [u8]);

impl fmt::Display for Hex<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("0x")?;
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02X}"))
    }
}
