use airloom_media::{Rounding, Timescale, Timestamp};

use super::Fields;
use crate::mp4::Error;
use crate::mp4::edit::Edit;

/// `media_rate` 1, as 16.16 fixed point.
const NORMAL: u32 = 0x0001_0000;

/// Times from here on are beyond any clock's life, and sums of a few of them near 64 bits.
const FARTHEST: u64 = 1 << 61;

/// What `edts` (ISO/IEC 14496-12, 8.6.5 and 8.6.6) says: the empty edits in front, and the first
/// that shows media. `None` where there is none.
pub(super) fn edit(
    edts: &Fields<'_>,
    movie: Timescale,
    media: Timescale,
) -> Result<Option<Edit>, Error> {
    let Some(mut elst) = edts.find(*b"elst")? else { return Ok(None) };
    let (version, _) = elst.version()?;
    let mut left = elst.u32("entry_count")?;
    let mut delay = 0u64;
    while left > 0 {
        left -= 1;
        let duration = elst.wide(version, "edit_duration")?;
        let start = elst.wide(version, "media_time")?;
        let rate = elst.u32("media_rate")?;
        let start = if version == 0 { i64::from(start as u32 as i32) } else { start as i64 };
        if start < 0 {
            delay = delay.saturating_add(duration);
            continue;
        }
        let on_media = |ticks: u64, rounding| {
            let ticks = Timestamp::new(i64::try_from(ticks).ok()?);
            let ticks = ticks.rescale(movie, media, rounding)?.ticks();
            Some(ticks).filter(|ticks| ticks.unsigned_abs() < FARTHEST)
        };
        let start = Some(start).filter(|start| start.unsigned_abs() < FARTHEST);
        // With times beyond all bounds the list is left alone.
        let Some((start, delay)) = start.zip(on_media(delay, Rounding::Nearest)) else {
            return Ok(None);
        };
        let entry = if version == 0 { 12 } else { 20 };
        let unfollowed = left.min(u32::try_from(elst.rest().len() / entry).unwrap_or(u32::MAX));
        // It is not where the presentation ends if there are more, or none is stated, or it says
        // how long a single picture stays.
        let ends = unfollowed == 0 && rate == NORMAL && duration > 0;
        let length = on_media(duration, Rounding::Nearest).filter(|_| ends);
        return Ok(Some(Edit {
            delay,
            start,
            end: length.map(|length| start + length),
            tick: on_media(1, Rounding::Up).unwrap_or(1),
            unfollowed,
            rate: Some(rate).filter(|rate| *rate != NORMAL),
        }));
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mp4::BoxType;

    fn edit_of(entries: &[(u32, i32, u32)]) -> Option<Edit> {
        let mut data = ((16 + entries.len() * 12) as u32).to_be_bytes().to_vec();
        data.extend(*b"elst\0\0\0\0");
        data.extend((entries.len() as u32).to_be_bytes());
        for (duration, start, rate) in entries {
            data.extend(duration.to_be_bytes());
            data.extend(start.to_be_bytes());
            data.extend(rate.to_be_bytes());
        }
        let edts = Fields::new(BoxType(*b"edts"), &data, 0);
        edit(&edts, Timescale::MILLIS, Timescale::MPEG).unwrap()
    }

    #[test]
    fn an_empty_edit_delays_and_a_start_is_taken_off() {
        let shift_of = |entries: &[_]| edit_of(entries).map(|edit| edit.shift());
        assert_eq!(shift_of(&[]), None);
        assert_eq!(shift_of(&[(5000, 0, NORMAL)]), Some(0));
        assert_eq!(shift_of(&[(5000, 6000, NORMAL)]), Some(-6000));
        assert_eq!(shift_of(&[(46, -1, NORMAL), (5000, 0, NORMAL)]), Some(4140));
        let four = [(40, -1, NORMAL), (6, -1, NORMAL), (5000, 6000, NORMAL), (1, 7, NORMAL)];
        assert_eq!(shift_of(&four), Some(-1860));
    }

    #[test]
    fn an_end_is_that_of_one_edit_at_normal_speed() {
        let end_of = |entries: &[_]| edit_of(entries).unwrap().end;
        assert_eq!(end_of(&[(5000, 6000, NORMAL)]), Some(456_000));
        assert_eq!(end_of(&[(0, 6000, NORMAL)]), None);
        assert_eq!(end_of(&[(5000, 6000, NORMAL), (5000, 0, NORMAL)]), None);
        let still = edit_of(&[(5000, 6000, 0), (5000, 0, NORMAL)]).unwrap();
        assert_eq!((still.end, still.rate, still.unfollowed), (None, Some(0), 1));
    }
}
