use std::time::Duration;

use airloom_media::Timescale;

use crate::{Config, Limits};

/// No length of the configuration is longer: so every duration fits 32 bits on any clock a codec
/// can have.
const LONGEST: Duration = Duration::from_mins(1);

/// A segment and one sample more still have a size of 32 bits, headers included.
const MOST_BYTES: usize = 1 << 30;

/// The configuration in ticks of 90 kHz, within bounds.
#[derive(Debug, Clone)]
#[expect(clippy::struct_excessive_bools, reason = "those of the configuration")]
pub(super) struct Policy {
    /// A segment of this length ends at a keyframe.
    pub(super) segment: i64,
    /// The same, 5 % early.
    pub(super) segment_early: i64,
    pub(super) first_segment: i64,
    pub(super) max_segment: i64,
    pub(super) settled_target: bool,
    pub(super) part: Option<Duration>,
    pub(super) styp: bool,
    pub(super) sidx: bool,
    pub(super) ts: bool,
    pub(super) first_sequence: u64,
    pub(super) repair: i64,
    pub(super) jump: i64,
    pub(super) audio_drift: i64,
    pub(super) stall: i64,
    pub(super) limits: Limits,
}

impl Policy {
    pub(super) fn new(config: Config) -> Self {
        let segment = ticks(config.segment).max(1);
        let mut limits = config.limits;
        limits.sample_bytes = limits.sample_bytes.min(MOST_BYTES);
        limits.segment_bytes = limits.segment_bytes.min(MOST_BYTES);
        limits.segment_samples = limits.segment_samples.max(2);
        Self {
            segment,
            segment_early: (segment - segment / 20).max(1),
            first_segment: ticks(config.first_segment).clamp(1, segment),
            max_segment: ticks(config.max_segment).max(segment),
            settled_target: config.settled_target,
            part: config.part.filter(|part| !part.is_zero()).map(|part| part.min(LONGEST)),
            styp: config.styp,
            sidx: config.sidx,
            ts: config.ts,
            first_sequence: config.first_sequence,
            repair: ticks(config.repair),
            jump: ticks(config.jump),
            audio_drift: ticks(config.audio_drift),
            stall: ticks(config.stall),
            limits,
        }
    }
}

/// At most [`LONGEST`], so it fits.
fn ticks(duration: Duration) -> i64 {
    airloom_media::Duration::from_std(duration.min(LONGEST), Timescale::MPEG).ticks() as i64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn absurd_lengths_are_brought_within_bounds() {
        let config = Config {
            segment: Duration::ZERO,
            first_segment: Duration::MAX,
            jump: Duration::MAX,
            part: Some(Duration::ZERO),
            ..Config::default()
        };
        let policy = Policy::new(config);
        assert_eq!((policy.segment, policy.first_segment), (1, 1));
        assert_eq!(policy.jump, 60 * 90_000);
        assert_eq!(policy.part, None);
    }
}
