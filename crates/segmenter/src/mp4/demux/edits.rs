use airloom_media::{Rounding, Timescale, Timestamp};

use super::Fields;
use crate::mp4::Error;

/// What `edts` (ISO/IEC 14496-12, 8.6.5 and 8.6.6) adds to the media's times: empty edits delay,
/// and where the first other edit begins in the media is time zero.
///
/// Later edits are not followed, and none ends the media early: every sample stays.
pub(super) fn shift(edts: &Fields<'_>, movie: Timescale, media: Timescale) -> Result<i64, Error> {
    let Some(mut elst) = edts.find(*b"elst")? else { return Ok(0) };
    let (version, _) = elst.version()?;
    let mut delay = 0u64;
    for _ in 0..elst.u32("entry_count")? {
        let duration = elst.wide(version, "edit_duration")?;
        let start = elst.wide(version, "media_time")?;
        elst.u32("media_rate")?;
        let start = if version == 0 { i64::from(start as u32 as i32) } else { start as i64 };
        if start < 0 {
            delay = delay.saturating_add(duration);
            continue;
        }
        let delay = i64::try_from(delay).unwrap_or(i64::MAX);
        let delay = Timestamp::new(delay).rescale(movie, media, Rounding::Nearest);
        // Times far beyond any clock's life: the list is left alone.
        return Ok(delay
            .and_then(|delay| delay.ticks().checked_sub(start))
            .filter(|shift| shift.unsigned_abs() < 1 << 61)
            .unwrap_or(0));
    }
    Ok(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mp4::BoxType;

    fn shift_of(entries: &[(u32, i32)]) -> i64 {
        let mut data = ((16 + entries.len() * 12) as u32).to_be_bytes().to_vec();
        data.extend(*b"elst\0\0\0\0");
        data.extend((entries.len() as u32).to_be_bytes());
        for (duration, start) in entries {
            data.extend(duration.to_be_bytes());
            data.extend(start.to_be_bytes());
            data.extend([0, 1, 0, 0]);
        }
        let edts = Fields::new(BoxType(*b"edts"), &data, 0);
        shift(&edts, Timescale::MILLIS, Timescale::MPEG).unwrap()
    }

    #[test]
    fn an_empty_edit_delays_and_a_start_is_taken_off() {
        assert_eq!(shift_of(&[]), 0);
        assert_eq!(shift_of(&[(5000, 0)]), 0);
        assert_eq!(shift_of(&[(5000, 6000)]), -6000);
        assert_eq!(shift_of(&[(46, -1), (5000, 0)]), 4140);
        assert_eq!(shift_of(&[(40, -1), (6, -1), (5000, 6000), (1, 7)]), -1860);
    }
}
