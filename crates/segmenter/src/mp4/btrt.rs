use super::writer::{boxed, u32};
use crate::BitRate;

/// `btrt` (ISO/IEC 14496-12, 8.5.2.2).
pub(super) fn btrt(out: &mut Vec<u8>, rate: BitRate) {
    boxed(out, *b"btrt", |out| {
        u32(out, rate.buffer);
        u32(out, rate.max);
        u32(out, rate.average);
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_stands_before_the_average() {
        let mut out = Vec::new();
        btrt(&mut out, BitRate { average: 1, max: 2, buffer: 3 });
        assert_eq!(out, *b"\0\0\0\x14btrt\0\0\0\x03\0\0\0\x02\0\0\0\x01");
    }
}
