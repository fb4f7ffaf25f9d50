use airloom_media::Colour;

use super::writer::{boxed, u16};

/// `colr` of type `nclx` (ISO/IEC 14496-12, 12.1.5).
pub(super) fn colr(out: &mut Vec<u8>, colour: Colour) {
    boxed(out, *b"colr", |out| {
        out.extend(*b"nclx");
        u16(out, colour.primaries.into());
        u16(out, colour.transfer.into());
        u16(out, colour.matrix.into());
        out.push(u8::from(colour.full_range) << 7);
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn full_range_is_the_top_bit() {
        let mut out = Vec::new();
        colr(&mut out, Colour { primaries: 1, transfer: 13, matrix: 6, full_range: true });
        assert_eq!(out, *b"\0\0\0\x13colrnclx\0\x01\0\x0D\0\x06\x80");
    }
}
