use super::writer::{kind, words};

/// Bytes of [`styp`].
pub(super) const SIZE: usize = 24;

/// `styp` (ISO/IEC 14496-12, 8.16.2): a media segment (`msdh`) that is a CMAF segment (`cmfs`,
/// ISO/IEC 23000-19, 7.3.3).
pub(super) fn styp(out: &mut Vec<u8>) {
    let (msdh, cmfs) = (kind(*b"msdh"), kind(*b"cmfs"));
    words(out, [SIZE as u32, kind(*b"styp"), msdh, 0, msdh, cmfs]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brands() {
        let mut out = Vec::new();
        styp(&mut out);
        assert_eq!(out.len(), SIZE);
        assert_eq!(out, *b"\0\0\0\x18stypmsdh\0\0\0\0msdhcmfs");
    }
}
