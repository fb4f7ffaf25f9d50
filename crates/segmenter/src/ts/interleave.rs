use std::iter::Peekable;

use super::AccessUnit;

/// Merges the units of two tracks into the order of their decode times.
///
/// The rule: whichever track's next unit has the earlier decode time goes first, and at equal
/// times the one of `first`, which is therefore best the video. The order within a track never
/// changes, not even where its times step back. Nothing is collected; a third track is merged
/// by merging again.
pub fn interleave<'a, A, B>(first: A, second: B) -> Interleave<'a, A::IntoIter, B::IntoIter>
where
    A: IntoIterator<Item = AccessUnit<'a>>,
    B: IntoIterator<Item = AccessUnit<'a>>,
{
    Interleave { first: first.into_iter().peekable(), second: second.into_iter().peekable() }
}

/// The iterator of [`interleave`].
#[derive(Debug, Clone)]
pub struct Interleave<'a, A, B>
where
    A: Iterator<Item = AccessUnit<'a>>,
    B: Iterator<Item = AccessUnit<'a>>,
{
    first: Peekable<A>,
    second: Peekable<B>,
}

impl<'a, A, B> Iterator for Interleave<'a, A, B>
where
    A: Iterator<Item = AccessUnit<'a>>,
    B: Iterator<Item = AccessUnit<'a>>,
{
    type Item = AccessUnit<'a>;

    fn next(&mut self) -> Option<AccessUnit<'a>> {
        match (self.first.peek(), self.second.peek()) {
            (Some(first), Some(second)) if second.decode_time < first.decode_time => {
                self.second.next()
            }
            (Some(_), _) => self.first.next(),
            (None, _) => self.second.next(),
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let (low, high) = self.first.size_hint();
        let (more, most) = self.second.size_hint();
        (low.saturating_add(more), high.zip(most).and_then(|(a, b)| a.checked_add(b)))
    }
}

#[cfg(test)]
mod tests {
    use airloom_media::Timestamp;

    use super::*;
    use crate::ts::Stream;

    #[test]
    fn earlier_first_video_on_a_tie_order_within_a_track_kept() {
        let units = |stream, times: &[i64]| {
            times
                .iter()
                .map(|&time| AccessUnit {
                    stream,
                    decode_time: Timestamp::new(time),
                    presentation_time: Timestamp::new(time),
                    sync: true,
                    data: &[],
                })
                .collect::<Vec<_>>()
        };
        let video = units(Stream::Video, &[0, 30, 29, 60]);
        let audio = units(Stream::Audio, &[-5, 0, 20, 40, 70]);
        let merged: Vec<_> = interleave(video, audio)
            .map(|unit| (unit.stream == Stream::Video, unit.decode_time.ticks()))
            .collect();
        let (v, a) = (|time| (true, time), |time| (false, time));
        assert_eq!(merged, [a(-5), v(0), a(0), a(20), v(30), v(29), a(40), v(60), a(70)]);
    }
}
