use super::writer::{boxed, u32};

/// Bytes of [`styp`].
pub(super) const SIZE: usize = 24;

/// `styp` (ISO/IEC 14496-12, 8.16.2): a media segment (`msdh`) that is a CMAF segment (`cmfs`,
/// ISO/IEC 23000-19, 7.3.3).
pub(super) fn styp(out: &mut Vec<u8>) {
    boxed(out, *b"styp", |out| {
        out.extend(*b"msdh");
        u32(out, 0);
        out.extend(*b"msdhcmfs");
    });
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
