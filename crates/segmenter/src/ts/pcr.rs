//! The program clock reference (2.4.2.2) and the 33-bit clock all times of a stream share.

use airloom_media::Duration;

/// Added to every PTS, DTS and PCR: 1.4 s in 90 kHz ticks.
///
/// With it a stream that starts at zero, or up to 0.7 s before, has no clock value below zero.
/// What must be told the mapping, such as `X-TIMESTAMP-MAP` of WebVTT, adds the same.
pub const BASE: Duration = Duration::new(126_000);

/// How far each PCR lies before the decode time of the unit it goes with: 0.7 s in 90 kHz ticks.
///
/// That much a receiver may buffer, and by that much a track may lag behind the other in the
/// order of the packets before its units would be late.
pub const PCR_LEAD: Duration = Duration::new(63_000);

/// The most two PCRs lie apart: 40 ms in 90 kHz ticks (DVB, ETSI TS 101 154, 4.1.5.3; ISO/IEC
/// 13818-1 itself allows 100 ms).
pub const PCR_INTERVAL: Duration = Duration::new(3_600);

/// Bytes of a PCR in an adaptation field.
pub(super) const PCR: usize = 6;

/// `ticks` on the stream's clock: moved by [`BASE`], wrapped to 33 bits.
pub(super) const fn wrapped(ticks: i64) -> u64 {
    // 2^64 is a multiple of 2^33, so wrapping at the edge of 64 bits loses nothing.
    (ticks as u64).wrapping_add(BASE.ticks()) & ((1 << 33) - 1)
}

/// The PCR for a unit decoded at `ticks`; its 27 MHz extension is always zero.
pub(super) const fn encode(ticks: i64) -> [u8; PCR] {
    let base = wrapped(ticks.wrapping_sub_unsigned(PCR_LEAD.ticks()));
    // Base, six reserved bits, the extension.
    let [_, _, b0, b1, b2, b3, b4, b5] = (base << 15 | 0x3F << 9).to_be_bytes();
    [b0, b1, b2, b3, b4, b5]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base_then_reserved_bits_then_extension() {
        // 0 + 126,000 - 63,000 = 63,000 = 0xF618.
        assert_eq!(encode(0), [0x00, 0x00, 0x7B, 0x0C, 0x7E, 0x00]);
        // The lowest bit of the base shares a byte with the reserved bits.
        assert_eq!(encode(1), [0x00, 0x00, 0x7B, 0x0C, 0xFE, 0x00]);
        assert_eq!(encode((1 << 33) - 63_001), [0xFF, 0xFF, 0xFF, 0xFF, 0xFE, 0x00]);
        assert_eq!(encode((1 << 33) - 63_000), [0x00, 0x00, 0x00, 0x00, 0x7E, 0x00]);
    }

    #[test]
    fn the_clock_wraps_at_33_bits_on_both_sides() {
        assert_eq!(wrapped(0), 126_000);
        assert_eq!(wrapped((1 << 33) - 126_000), 0);
        assert_eq!(wrapped(-126_001), (1 << 33) - 1);
        assert_eq!(wrapped(i64::MAX), 125_999);
        assert_eq!(wrapped(i64::MIN), 126_000);
    }
}
