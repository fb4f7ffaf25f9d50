use std::time::Duration;

use super::writer::{full_box, u32, u64};

/// Seconds from 1900, where NTP counts from, to 1970.
const NTP_EPOCH: u64 = 2_208_988_800;

/// `flags`: the time is that of the encoder's input (ISO/IEC 14496-12, 8.16.5, as amended).
const ENCODER_INPUT: u32 = 0;

/// `prft` version 1 (8.16.5): the media at `media_time` was produced at `wall`, counted from 1970.
pub(crate) fn prft(out: &mut Vec<u8>, track_id: u32, wall: Duration, media_time: u64) {
    let seconds = wall.as_secs().wrapping_add(NTP_EPOCH);
    // A 32nd power of two a second; the quotient stays below it.
    let fraction = (u64::from(wall.subsec_nanos()) << 32) / 1_000_000_000;
    full_box(out, *b"prft", 1, ENCODER_INPUT, |out| {
        u32(out, track_id);
        u64(out, seconds << 32 | fraction);
        u64(out, media_time);
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn byte_by_byte() {
        let mut out = Vec::new();
        prft(&mut out, 3, Duration::from_millis(500), 90_000);
        assert_eq!(
            out,
            *b"\0\0\0\x20prft\x01\0\0\0\0\0\0\x03\x83\xAA\x7E\x80\x80\0\0\0\0\0\0\0\0\x01\x5F\x90"
        );
    }
}
