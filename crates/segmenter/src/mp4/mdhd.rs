use airloom_media::Timescale;

use super::writer::{full_box, u16, u32};

/// "und" (ISO 639-2/T), five bits a letter.
const UNDETERMINED: u16 = 0x55C4;

/// `mdhd` (ISO/IEC 14496-12, 8.4.2).
pub(super) fn mdhd(out: &mut Vec<u8>, timescale: Timescale) {
    full_box(out, *b"mdhd", 0, 0, |out| {
        out.extend([0; 8]);
        u32(out, timescale.hz());
        u32(out, 0);
        u16(out, UNDETERMINED);
        u16(out, 0);
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_32_bytes() {
        let mut out = Vec::new();
        mdhd(&mut out, Timescale::new(44_100).unwrap());
        assert_eq!(out.len(), 32);
        assert_eq!(out[20..], [0, 0, 0xAC, 0x44, 0, 0, 0, 0, 0x55, 0xC4, 0, 0]);
    }
}
