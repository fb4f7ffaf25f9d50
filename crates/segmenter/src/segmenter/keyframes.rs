/// How far apart the keyframes of the deciding track are, where that is video.
#[derive(Debug, Default)]
pub(super) struct Keyframes {
    last: Option<i64>,
    /// The last distances: a scene cut makes two short ones of one that is regular.
    intervals: [i64; 4],
}

impl Keyframes {
    /// How long the next may be in coming, after one at `mpeg`; never less than
    /// [`note`](Self::note) says.
    pub(super) fn longest(&self, mpeg: i64) -> i64 {
        let interval = self.last.map_or(0, |last| mpeg.saturating_sub(last));
        self.intervals.into_iter().fold(interval, i64::max)
    }

    /// Notes one at `mpeg`; how long the next may be in coming, by those before: zero where nothing
    /// is known. A distance above `most`, which no segment can span, says nothing of the next.
    pub(super) fn note(&mut self, mpeg: i64, most: i64) -> i64 {
        let last = self.last.replace(mpeg);
        // One at or before the last is of another timeline.
        let interval = last.map(|last| mpeg.saturating_sub(last));
        if let Some(interval) = interval.filter(|interval| (1..=most).contains(interval)) {
            self.intervals.rotate_right(1);
            self.intervals[0] = interval;
        }
        self.intervals.into_iter().fold(0, i64::max)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_of_the_last_distances() {
        let mut keyframes = Keyframes::default();
        let expected = [
            (100, 0),
            (250, 150),
            (300, 150),
            (320, 150),
            (320, 150),
            (10, 150),
            (40, 150),
            (50, 50),
        ];
        for (mpeg, interval) in expected {
            assert!(keyframes.longest(mpeg) >= interval, "{mpeg}");
            assert_eq!(keyframes.note(mpeg, 1000), interval, "{mpeg}");
        }
        // One that was lost does not make the others forgotten.
        assert_eq!(keyframes.note(1051, 1000), 50);
        assert_eq!(keyframes.note(1101, 1000), 50);
        assert_eq!(keyframes.note(i64::MAX, i64::MAX), i64::MAX - 1101);
    }
}
