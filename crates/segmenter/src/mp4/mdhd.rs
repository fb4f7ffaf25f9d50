use airloom_media::Timescale;

use super::writer::{full_box, u16, u32, version, wide};

/// "und" (ISO 639-2/T), five bits a letter.
const UNDETERMINED: u16 = 0x55C4;

/// `mdhd` (ISO/IEC 14496-12, 8.4.2). The language is an ISO 639-2/T code, lower case.
pub(super) fn mdhd(
    out: &mut Vec<u8>,
    timescale: Timescale,
    duration: u64,
    language: Option<[u8; 3]>,
) {
    let version = version(duration);
    let language = language.map_or(UNDETERMINED, |code| {
        code.iter().fold(0, |packed, letter| packed << 5 | u16::from(letter & 0x1F))
    });
    full_box(out, *b"mdhd", version, 0, |out| {
        wide(out, version, 0);
        wide(out, version, 0);
        u32(out, timescale.hz());
        wide(out, version, duration);
        u16(out, language);
        u16(out, 0);
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_32_bytes() {
        let mut out = Vec::new();
        mdhd(&mut out, Timescale::new(44_100).unwrap(), 0, None);
        assert_eq!(out.len(), 32);
        assert_eq!(out[20..], [0, 0, 0xAC, 0x44, 0, 0, 0, 0, 0x55, 0xC4, 0, 0]);
    }
}
