use super::program::Streams;

/// The counter of one PID: what its next packet with a payload carries (2.4.3.3).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Counter(u8);

impl Counter {
    /// The value for the next packet with a payload.
    pub(super) const fn next(self) -> u8 {
        self.0
    }

    /// The value for a packet without payload: that of the last one with.
    pub(super) const fn last(self) -> u8 {
        self.0.wrapping_sub(1) & 0x0F
    }

    /// The counter after `packets` packets with a payload.
    pub(super) const fn advanced(self, packets: usize) -> Self {
        Self(((self.0 as usize).wrapping_add(packets) & 0x0F) as u8)
    }
}

/// What goes on from one segment to the next, so that segments can be written one by one, in any
/// order and long after each other, and still join without a seam.
///
/// It holds the continuity counter of each PID, the last PCR, and the version of the PMT (which
/// grows when the tracks of the program change). A stream starts with the default;
/// [`measure`](super::measure) says what the next segment starts with.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counters {
    pub(super) pat: Counter,
    pub(super) pmt: Counter,
    pub(super) video: Counter,
    pub(super) audio: Counter,
    pub(super) metadata: Counter,
    /// The tracks the last PMT declared.
    pub(super) streams: Option<Streams>,
    /// `version_number` of the last PMT.
    pub(super) version: u8,
    /// The decode time, in 90 kHz ticks, that the last PCR was written for.
    pub(super) clock: Option<i64>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn four_bits_that_only_payload_moves() {
        let counter = Counter::default();
        assert_eq!((counter.next(), counter.last()), (0, 15));
        let counter = counter.advanced(17);
        assert_eq!((counter.next(), counter.last()), (1, 0));
    }
}
