use super::writer::{boxed, u32};

/// `ftyp` (ISO/IEC 14496-12, 4.3): `iso6` for `tfdt` and `default-base-is-moof`, `cmfc` for the
/// structure of CMAF (ISO/IEC 23000-19, 7.2).
///
/// Not `cmf2`: that brand wants presentation to start at `tfdt` through negative composition
/// offsets, and several players show such video late against its audio.
pub(super) fn ftyp(out: &mut Vec<u8>) {
    boxed(out, *b"ftyp", |out| {
        out.extend(*b"iso6");
        u32(out, 0);
        out.extend(*b"iso6cmfcmp41");
    });
}

/// `ftyp` of a fragmented file of several tracks, which is none of CMAF: that has one track a file.
pub(super) fn ftyp_of_tracks(out: &mut Vec<u8>) {
    boxed(out, *b"ftyp", |out| {
        out.extend(*b"iso6");
        u32(out, 0);
        out.extend(*b"iso6mp41");
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brands() {
        let mut out = Vec::new();
        ftyp(&mut out);
        assert_eq!(out, *b"\0\0\0\x1Cftypiso6\0\0\0\0iso6cmfcmp41");
        out.clear();
        ftyp_of_tracks(&mut out);
        assert_eq!(out, *b"\0\0\0\x18ftypiso6\0\0\0\0iso6mp41");
    }
}
