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

/// By how much the time from one picture to another may be off the rule and have parts stay
/// regular: capture times are up to two milliseconds off at both ends, and rounded.
pub(crate) const UNEVEN: Duration = Duration::from_millis(5);

/// The part target of pictures in ticks of `output`, never above `configured` unless one frame
/// alone is longer.
///
/// HLS wants parts of at least 85 % of the target and none above it (RFC 8216bis, 4.4.4.9 and
/// B.1). Pictures do not come to the millisecond: with a target of exactly six frames the sixth
/// often does not fit, and five are 83 %. So the target lies between two numbers of frames, unless
/// there are so many that one fewer does not matter.
///
/// Where there is a choice it is nine tenths of what is configured. Of 200 ms that is good for 24
/// and 30 pictures a second alike, and nearly what it is for 25: a stream whose rate changes keeps its
/// target.
pub(crate) fn part_target(
    configured: Duration,
    frames: Frames,
    source: Timescale,
    output: Timescale,
) -> u64 {
    let exact = whole_frames(configured, frames, source, output);
    let configured = configured.as_nanos();
    let per_frame = u128::from(frames.timescale.hz()) * u128::from(frames.count.max(1));
    let frame = u128::from(frames.ticks).saturating_mul(1_000_000_000) / per_frame;
    let frame = frame.max(1);
    let exact_nanos = u128::from(exact) * 1_000_000_000 / u128::from(output.hz());
    let one_less = exact_nanos.saturating_sub(frame);
    if one_less >= exact_nanos * 85 / 100 + UNEVEN.as_nanos() {
        return exact;
    }
    let number = configured * 100 / (frame * 105);
    if number == 0 {
        // Not even one has room to spare.
        return exact;
    }
    let lasts = number * frame;
    // Above the first by what frames may be late, below the second by what they may be early. Two
    // frames by the measure of three are early by two thirds more.
    let (least, most) = (lasts * 105 / 100, lasts * 108 / 100);
    let early = UNEVEN.as_nanos() * 5 / 3;
    let most = most.max(lasts.saturating_sub(early) * 100 / 85);
    let target = (configured * 9 / 10).clamp(least, most) * u128::from(output.hz()) / 1_000_000_000;
    u64::try_from(target).unwrap_or(u64::MAX).max(1)
}

/// The part target of frames that come exactly as the rule says, such as counted ones of sound: the
/// longest time not above `configured` that a whole number of them takes; one frame, where that
/// alone is longer.
///
/// `source` is the clock the frames are timed by. Between two of its ticks it rounds, so that the
/// same number of frames lasts a tick more or less: 5 frames at 29.97 Hz are 166 or 167 ms. The
/// target is the longer, and `configured` holds for it too. Parts of that many frames are then
/// never above the target, and less than a tick of `source` below it.
pub(crate) fn whole_frames(
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

    /// The rates that encoders are set to.
    const USUAL: [(u64, u32); 8] = [
        (1001, 24_000),
        (1, 24),
        (1, 25),
        (1001, 30_000),
        (1, 30),
        (1, 50),
        (1001, 60_000),
        (1, 60),
    ];

    fn frames(ticks: u64, hz: u32) -> Frames {
        Frames { ticks, count: 1, timescale: Timescale::new(hz).unwrap() }
    }

    fn video(configured: u64, ticks: u64, hz: u32) -> u64 {
        let configured = Duration::from_millis(configured);
        part_target(configured, frames(ticks, hz), Timescale::MILLIS, Timescale::MPEG)
    }

    fn exact(configured: u64, ticks: u64, hz: u32) -> u64 {
        let configured = Duration::from_millis(configured);
        whole_frames(configured, frames(ticks, hz), Timescale::MILLIS, Timescale::MPEG)
    }

    fn audio(configured: u64, length: u64, hz: u32) -> u64 {
        let clock = Timescale::new(hz).unwrap();
        whole_frames(Duration::from_millis(configured), frames(length, hz), clock, clock)
    }

    #[test]
    fn exact_frames_in_milliseconds() {
        assert_eq!(exact(200, 1, 30), 200 * 90);
        assert_eq!(exact(200, 1, 60), 200 * 90);
        assert_eq!(exact(200, 1, 25), 200 * 90);
        assert_eq!(exact(200, 1, 24), 167 * 90);
        assert_eq!(exact(200, 1001, 30_000), 167 * 90);
        assert_eq!(exact(200, 1001, 60_000), 184 * 90);
        assert_eq!(exact(334, 1, 30), 334 * 90);
        assert_eq!(exact(333, 1, 30), 300 * 90);
    }

    #[test]
    fn a_few_pictures_have_room_to_be_late() {
        for (ticks, hz) in [(1001, 24_000), (1, 24), (1001, 30_000), (1, 30)] {
            assert_eq!(video(200, ticks, hz), 180 * 90, "{ticks} {hz}");
        }
        assert_eq!(video(216, 1, 30), 210 * 90 - 1, "rounded down");
        assert_eq!(video(200, 1, 25), 16_058, "178.4 ms: four of 40, 18 late or 8 early");
        assert_eq!(video(200, 1, 15), 13_235, "147.1 ms: two of 66.7, 13 late or 8 early");
        // Of many one does not matter.
        assert_eq!(video(200, 1, 50), 200 * 90);
        assert_eq!(video(200, 1001, 60_000), 184 * 90);
        assert_eq!(video(200, 1, 60), 200 * 90);
        assert_eq!(video(1000, 1, 30), 1000 * 90);
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
            let target = exact(configured, 1001, rate) / 90;
            let number = (configured * u64::from(rate) / 1_001_000).max(1);
            let lasts = millis(start + number) - millis(start);
            prop_assert!(lasts <= target, "{lasts} > {target}");
            prop_assert!(number == 1 || target <= configured);
            if target >= 7 {
                prop_assert!(lasts * 100 >= target * 85, "{lasts} < 85 % of {target}");
            }
        }

        /// Whatever number of frames surely fits is enough, however late or early they are.
        #[test]
        fn as_many_as_surely_fit_are_enough(
            configured in 150u64..2000, (ticks, hz) in prop::sample::select(USUAL.to_vec()),
        ) {
            let target = video(configured, ticks, hz);
            prop_assert!(target <= configured * 90);
            let frame = ticks * 90_000_000 / u64::from(hz);
            let uneven = 5 * 90_000;
            let number = (target * 1000 - uneven) / frame;
            prop_assert!((number * frame - uneven) * 100 >= target * 1000 * 85, "{number} {target}");
        }

        #[test]
        fn never_above_what_is_configured(
            configured in 0u64..60_000, ticks in 1u64..100_000, hz in 1u32..2_000_000,
        ) {
            let target = video(configured, ticks, hz);
            let frame = exact(1, ticks, hz);
            prop_assert!(target <= (configured * 90).max(frame), "{target} {frame}");
        }
    }
}
