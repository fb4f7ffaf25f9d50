use airloom_media::Timescale;

/// How many bits a second a track takes, as its sample entry tells players and packagers (`btrt`,
/// ISO/IEC 14496-12, 8.5.2.2; for AAC and MP3 its `esds`, too).
///
/// A file is [measured](crate::mp4::IndexedTrack::bit_rate). A live stream begins before there is
/// anything to measure: there it is what its encoder [declares](Self::declared), or left unsaid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct BitRate {
    /// Bits a second over all of it.
    pub average: u32,
    /// The most bits in any second.
    pub max: u32,
    /// Bytes of the largest sample, which a decoder has to hold; 0 where nobody measured it.
    pub buffer: u32,
}

impl BitRate {
    /// What an encoder says that it sends, in bits a second.
    pub const fn declared(bits: u32) -> Self {
        Self { average: bits, max: bits, buffer: 0 }
    }

    /// What samples with these decode times and sizes take, the last of which ends at `end`. `None`
    /// without samples, or where they last no time.
    pub(crate) fn measured(
        samples: impl Iterator<Item = (i64, u32)> + Clone,
        end: i64,
        timescale: Timescale,
    ) -> Option<Self> {
        let saturated = |bits: u128| u32::try_from(bits).unwrap_or(u32::MAX);
        let second = i64::from(timescale.hz());
        let (first, _) = samples.clone().next()?;
        let lasts = u128::try_from(end.checked_sub(first)?).ok().filter(|ticks| *ticks > 0)?;
        let (mut whole, mut window, mut most, mut buffer) = (0u64, 0u64, 0u64, 0);
        let mut oldest = samples.clone();
        let mut leaving = oldest.next();
        for (time, size) in samples {
            whole = whole.saturating_add(size.into());
            window = window.saturating_add(size.into());
            buffer = buffer.max(size);
            while let Some((left, bytes)) = leaving
                && time.saturating_sub(left) >= second
            {
                window -= u64::from(bytes);
                leaving = oldest.next();
            }
            most = most.max(window);
        }
        let average = u128::from(whole) * 8 * u128::from(timescale.hz()) / lasts;
        // What lasts less than a second takes more in it than it has.
        let max = saturated(u128::from(most) * 8).max(saturated(average));
        Some(Self { average: saturated(average), max, buffer })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn measured(samples: &[(i64, u32)], end: i64) -> Option<BitRate> {
        BitRate::measured(samples.iter().copied(), end, Timescale::MILLIS)
    }

    #[test]
    fn the_average_is_over_all_and_the_most_over_a_second() {
        let mut samples: Vec<_> = (0..40).map(|frame| (frame * 100, 100)).collect();
        samples[20].1 = 1100;
        let rate = measured(&samples, 4000).unwrap();
        assert_eq!(rate, BitRate { average: 10_000, max: 16_000, buffer: 1100 });
    }

    #[test]
    fn less_than_a_second_and_nothing() {
        let rate = measured(&[(0, 500), (250, 500)], 500).unwrap();
        assert_eq!((rate.average, rate.max), (16_000, 16_000));
        assert_eq!(measured(&[], 100), None);
        assert_eq!(measured(&[(5, 9)], 5), None);
    }

    #[test]
    fn what_no_field_holds_saturates() {
        let rate = measured(&[(0, u32::MAX), (1, u32::MAX)], 2).unwrap();
        assert_eq!(rate, BitRate { average: u32::MAX, max: u32::MAX, buffer: u32::MAX });
        assert_eq!(measured(&[(i64::MIN, 1), (i64::MAX, 1)], i64::MAX), None);
    }
}
