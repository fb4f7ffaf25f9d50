//! The adaptation field (2.4.3.4): clock, flags and stuffing.

use super::packet::BODY;
use super::pcr::{self, PCR};

/// Bytes of `adaptation_field_length` and the flags.
const FLAGS: usize = 2;
/// The longest field that is not stuffing.
const LONGEST: usize = FLAGS + PCR;

const DISCONTINUITY: u8 = 0x80;
const RANDOM_ACCESS: u8 = 0x40;
const PCR_FLAG: u8 = 0x10;

/// A clock reference, and whether the clock starts anew with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Clock {
    /// The decode time it is for, in 90 kHz ticks.
    pub(super) ticks: i64,
    /// `discontinuity_indicator`: the clock took a step.
    pub(super) discontinuity: bool,
}

/// What a packet says beside its payload.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Adaptation {
    /// `random_access_indicator`.
    pub(super) random_access: bool,
    /// The clock, if this packet tells it.
    pub(super) clock: Option<Clock>,
}

impl Adaptation {
    /// Bytes the field takes before stuffing; zero where there is nothing to say.
    pub(super) const fn len(self) -> usize {
        match self {
            Self { clock: Some(_), .. } => FLAGS + PCR,
            Self { random_access: true, .. } => FLAGS,
            Self { .. } => 0,
        }
    }

    /// Appends the field, stuffed to exactly `len` bytes; `len` is at least [`Self::len`] and at
    /// most 184.
    pub(super) fn write(self, len: usize, out: &mut Vec<u8>) {
        if len == 0 {
            return;
        }
        // One byte of stuffing is a field of length zero, without even its flags.
        let mut field = [(len - 1) as u8, 0, 0, 0, 0, 0, 0, 0];
        let mut used = len.min(FLAGS);
        if self.random_access {
            field[1] |= RANDOM_ACCESS;
        }
        if let Some(clock) = self.clock {
            field[1] |= PCR_FLAG;
            if clock.discontinuity {
                field[1] |= DISCONTINUITY;
            }
            field[FLAGS..LONGEST].copy_from_slice(&pcr::encode(clock.ticks));
            used = LONGEST;
        }
        out.extend_from_slice(&field[..used]);
        out.extend_from_slice(&STUFFING[..len - used]);
    }
}

/// What fills a field up.
static STUFFING: [u8; BODY] = [0xFF; BODY];

#[cfg(test)]
mod tests {
    use super::*;

    fn written(adaptation: Adaptation, len: usize) -> Vec<u8> {
        let mut out = Vec::new();
        adaptation.write(len, &mut out);
        out
    }

    #[test]
    fn stuffing_of_no_one_two_and_more_bytes() {
        let nothing = Adaptation::default();
        assert_eq!(nothing.len(), 0);
        assert!(written(nothing, 0).is_empty());
        assert_eq!(written(nothing, 1), [0]);
        assert_eq!(written(nothing, 2), [1, 0]);
        assert_eq!(written(nothing, 4), [3, 0, 0xFF, 0xFF]);
        assert_eq!(written(nothing, 184).len(), 184);
    }

    #[test]
    fn flags_and_clock() {
        let access = Adaptation { random_access: true, clock: None };
        assert_eq!((access.len(), written(access, 3)), (2, vec![2, 0x40, 0xFF]));
        let clock = Clock { ticks: 0, discontinuity: false };
        let both = Adaptation { random_access: true, clock: Some(clock) };
        assert_eq!(both.len(), 8);
        assert_eq!(written(both, 8), [7, 0x50, 0, 0, 0x7B, 0x0C, 0x7E, 0]);
        let step = Adaptation {
            random_access: false,
            clock: Some(Clock { ticks: 0, discontinuity: true }),
        };
        assert_eq!(written(step, 9), [8, 0x90, 0, 0, 0x7B, 0x0C, 0x7E, 0, 0xFF]);
    }
}
