use airloom_media::Timescale;

use super::writer::{full_box, u16, u32, unity_matrix, version, wide};

/// `mvhd` (ISO/IEC 14496-12, 8.2.2): no dates; the duration is zero where the stream is live.
pub(super) fn mvhd(out: &mut Vec<u8>, timescale: Timescale, duration: u64, next_track_id: u32) {
    let version = version(duration);
    full_box(out, *b"mvhd", version, 0, |out| {
        wide(out, version, 0);
        wide(out, version, 0);
        u32(out, timescale.hz());
        wide(out, version, duration);
        u32(out, 0x0001_0000); // rate 1
        u16(out, 0x0100); // volume 1
        out.extend([0; 10]);
        unity_matrix(out);
        out.extend([0; 24]);
        u32(out, next_track_id);
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_108_bytes() {
        let mut out = Vec::new();
        mvhd(&mut out, Timescale::MPEG, 0, 2);
        assert_eq!(out.len(), 108);
        assert_eq!(out[20..24], 90_000u32.to_be_bytes());
        assert_eq!(out[104..], [0, 0, 0, 2]);
    }
}
