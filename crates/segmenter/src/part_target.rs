use std::time::Duration;

use airloom_media::Timescale;

/// How long frames are, as a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Frames {
    /// Ticks one frame lasts, times `count`.
    pub(crate) ticks: u64,
    /// How many frames last `ticks`; not zero.
    pub(crate) count: u64,
    /// The clock of `ticks`.
    pub(crate) timescale: Timescale,
}

/// The part target of a track in ticks of `output`: the longest time not above `configured` that a
/// whole number of frames takes; one frame, where that alone is longer.
///
/// `source` is the clock the frames are timed by. Between two of its ticks it rounds, so that the
/// same number of frames lasts a tick more or less: 5 frames at 29.97 Hz are 166 or 167 ms. The
/// target is the longer, and `configured` holds for it too. Parts of that many frames are then
/// never above the target, and less than a tick of `source` below it.
///
/// HLS wants parts of at least 85 % of the target and none above it (RFC 8216bis, 4.4.4.9 and
/// B.1), which a target that is no multiple of the frame would break.
pub(crate) fn part_target(
    configured: Duration,
    frames: Frames,
    source: Timescale,
    output: Timescale,
) -> u64 {
    let source_hz = u128::from(source.hz());
    let ticks = u128::from(frames.ticks).max(1);
    let per_frame = u128::from(frames.timescale.hz()) * u128::from(frames.count.max(1));
    // Whole source ticks, the number of frames rounded up to the next one.
    let lasting = |number: u128| {
        number.checked_mul(ticks * source_hz).map_or(u128::MAX, |ticks| ticks.div_ceil(per_frame))
    };
    let allowed = configured.as_nanos() * source_hz / 1_000_000_000;
    // From `ceil(n * frame) <= allowed` follows `n * frame <= allowed` and the reverse, since
    // `allowed` is whole.
    let number = (allowed * per_frame / (ticks * source_hz)).max(1);
    let target = lasting(number).saturating_mul(u128::from(output.hz())).div_ceil(source_hz);
    u64::try_from(target).unwrap_or(u64::MAX).max(1)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn video(configured: u64, ticks: u64, hz: u32) -> u64 {
        let frames = Frames { ticks, count: 1, timescale: Timescale::new(hz).unwrap() };
        part_target(Duration::from_millis(configured), frames, Timescale::MILLIS, Timescale::MPEG)
    }

    fn audio(configured: u64, length: u64, hz: u32) -> u64 {
        let clock = Timescale::new(hz).unwrap();
        let frames = Frames { ticks: length, count: 1, timescale: clock };
        part_target(Duration::from_millis(configured), frames, clock, clock)
    }

    #[test]
    fn video_in_milliseconds() {
        assert_eq!(video(200, 1, 30), 200 * 90);
        assert_eq!(video(200, 1, 60), 200 * 90);
        assert_eq!(video(200, 1, 25), 200 * 90);
        assert_eq!(video(200, 1, 24), 167 * 90);
        assert_eq!(video(200, 1001, 30_000), 167 * 90);
        assert_eq!(video(200, 1001, 60_000), 184 * 90);
        assert_eq!(video(334, 1, 30), 334 * 90);
        assert_eq!(video(333, 1, 30), 300 * 90);
    }

    #[test]
    fn a_frame_longer_than_the_configured_target_is_the_target() {
        assert_eq!(video(200, 1, 2), 500 * 90);
        assert_eq!(video(1, 1, 30), 34 * 90);
    }

    #[test]
    fn audio_counts_its_frames() {
        assert_eq!(audio(200, 1024, 48_000), 9 * 1024);
        assert_eq!(audio(200, 1024, 44_100), 8 * 1024);
        assert_eq!(audio(200, 960, 48_000), 10 * 960);
        assert_eq!(audio(200, 1024, 8000), 1024);
    }

    proptest! {
        #[test]
        fn parts_of_that_many_frames_lie_between_85_and_100_percent(
            configured in 20u64..2000, rate in 1001u32..240_000, start in 0u64..100_000,
        ) {
            // Frames of 1001 / rate seconds, timed in rounded milliseconds from any start.
            let millis = |n: u64| (n * 1001 * 1000 + u64::from(rate) / 2) / u64::from(rate);
            let target = video(configured, 1001, rate) / 90;
            let number = (configured * u64::from(rate) / 1_001_000).max(1);
            let lasts = millis(start + number) - millis(start);
            prop_assert!(lasts <= target, "{lasts} > {target}");
            prop_assert!(number == 1 || target <= configured);
            if target >= 7 {
                prop_assert!(lasts * 100 >= target * 85, "{lasts} < 85 % of {target}");
            }
        }
    }
}
