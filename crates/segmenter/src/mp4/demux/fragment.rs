use super::Fields;
use super::movie::Movie;
use super::track::Defaults;
use crate::mp4::index::{Packed, SYNC};
use crate::mp4::{BoxType, Error, Limits};

/// `tf_flags` of `tfhd` (ISO/IEC 14496-12, 8.8.7).
mod tf {
    pub(super) const BASE_DATA_OFFSET: u32 = 0x01;
    pub(super) const SAMPLE_DESCRIPTION_INDEX: u32 = 0x02;
    pub(super) const DEFAULT_SAMPLE_DURATION: u32 = 0x08;
    pub(super) const DEFAULT_SAMPLE_SIZE: u32 = 0x10;
    pub(super) const DEFAULT_SAMPLE_FLAGS: u32 = 0x20;
    pub(super) const DEFAULT_BASE_IS_MOOF: u32 = 0x02_0000;
}

/// `tr_flags` of `trun` (8.8.8).
mod tr {
    pub(super) const DATA_OFFSET: u32 = 0x01;
    pub(super) const FIRST_SAMPLE_FLAGS: u32 = 0x04;
    pub(super) const SAMPLE_DURATION: u32 = 0x100;
    pub(super) const SAMPLE_SIZE: u32 = 0x200;
    pub(super) const SAMPLE_FLAGS: u32 = 0x400;
    pub(super) const SAMPLE_COMPOSITION_TIME_OFFSETS: u32 = 0x800;
}

/// `sample_is_non_sync_sample` (8.8.3.1).
const NON_SYNC: u32 = 0x01_0000;

impl Movie {
    /// Adds what `moof` (8.8.4) describes, all of it or nothing; gives where its samples end. The
    /// box starts at `start` of a file of `len` bytes.
    pub(super) fn fragment(
        &mut self,
        moof: &Fields<'_>,
        start: u64,
        len: u64,
        limits: &Limits,
    ) -> Result<u64, Error> {
        let before: Vec<_> = self
            .tracks
            .iter()
            .map(|track| (track.indexed.samples.len(), track.next, track.indexed.last))
            .collect();
        let added = self.runs(moof, start, limits).and_then(|end| {
            if end > len {
                let (kind, field) = (BoxType(*b"mdat"), "data");
                return Err(Error::Truncated { kind, field, offset: start });
            }
            Ok(end)
        });
        if added.is_err() {
            for (track, (samples, next, last)) in self.tracks.iter_mut().zip(before) {
                track.indexed.samples.truncate(samples);
                (track.next, track.indexed.last) = (next, last);
            }
        }
        added
    }

    fn runs(&mut self, moof: &Fields<'_>, start: u64, limits: &Limits) -> Result<u64, Error> {
        let mut end = start;
        // Where the data of a track starts that says nothing of it: behind that of the one before.
        let mut implied = start;
        let held = self.samples();
        let mut added = 0usize;
        for traf in moof.children() {
            let traf = traf?;
            if traf.kind.0 != *b"traf" {
                continue;
            }
            let (id, base, defaults) = self.tfhd(traf.child(*b"tfhd")?, start, implied)?;
            let mut track = self.track(id);
            if let (Some(track), Some(mut tfdt)) = (track.as_deref_mut(), traf.find(*b"tfdt")?) {
                let (version, _) = tfdt.version()?;
                let offset = tfdt.offset();
                let time = tfdt.wide(version, "baseMediaDecodeTime")?;
                let time = i64::try_from(time).ok().filter(|time| *time < FARTHEST);
                let time = time.ok_or(tfdt.malformed("baseMediaDecodeTime", offset, u64::MAX))?;
                // Times never fall, whatever the file says.
                track.next = time.max(track.indexed.samples.last().map_or(0, |s| s.decode_time));
            }
            let mut at = base;
            for trun in traf.children() {
                let mut trun = trun?;
                if trun.kind.0 != *b"trun" {
                    continue;
                }
                let (_, flags) = trun.version()?;
                let count = trun.u32("sample_count")?;
                added = added.saturating_add(count as usize);
                if held.saturating_add(added) > limits.samples {
                    let (value, max) = (held as u64 + added as u64, limits.samples as u64);
                    return Err(Error::Limit { limit: "samples", value, max });
                }
                if flags & tr::DATA_OFFSET != 0 {
                    let offset = trun.u32("data_offset")? as i32;
                    at = base.saturating_add_signed(offset.into());
                }
                let first_flags =
                    optional(&mut trun, flags & tr::FIRST_SAMPLE_FLAGS, "first_sample_flags")?;
                for number in 0..count {
                    let mut field = |flag, name| optional(&mut trun, flags & flag, name);
                    let duration = field(tr::SAMPLE_DURATION, "sample_duration")?;
                    let size = field(tr::SAMPLE_SIZE, "sample_size")?.unwrap_or(defaults.size);
                    let own_flags = field(tr::SAMPLE_FLAGS, "sample_flags")?;
                    let offset = field(
                        tr::SAMPLE_COMPOSITION_TIME_OFFSETS,
                        "sample_composition_time_offset",
                    )?;
                    let duration = duration.unwrap_or(defaults.duration);
                    let first_flags = first_flags.filter(|_| number == 0);
                    let flags = first_flags.or(own_flags).unwrap_or(defaults.flags);
                    if let Some(track) = track.as_deref_mut() {
                        let sync = if flags & NON_SYNC == 0 { SYNC } else { 0 };
                        let packed = Packed {
                            offset: at & !SYNC | sync,
                            decode_time: track.next,
                            size,
                            composition_offset: offset.unwrap_or(0) as i32,
                        };
                        track.push(packed, duration);
                        track.next = track.next.saturating_add(duration.into());
                    }
                    at = at.saturating_add(size.into());
                    end = end.max(at);
                }
            }
            implied = at;
        }
        Ok(end)
    }

    /// `tfhd` (8.8.7): the track, where its data offsets count from, and its samples' defaults.
    fn tfhd(
        &mut self,
        mut tfhd: Fields<'_>,
        moof: u64,
        implied: u64,
    ) -> Result<(u32, u64, Defaults), Error> {
        let (_, flags) = tfhd.version()?;
        let id = tfhd.u32("track_ID")?;
        let base = if flags & tf::BASE_DATA_OFFSET != 0 {
            tfhd.u64("base_data_offset")?
        } else if flags & tf::DEFAULT_BASE_IS_MOOF != 0 {
            moof
        } else {
            implied
        };
        let mut field = |flag, name| optional(&mut tfhd, flags & flag, name);
        field(tf::SAMPLE_DESCRIPTION_INDEX, "sample_description_index")?;
        let duration = field(tf::DEFAULT_SAMPLE_DURATION, "default_sample_duration")?;
        let size = field(tf::DEFAULT_SAMPLE_SIZE, "default_sample_size")?;
        let sample_flags = field(tf::DEFAULT_SAMPLE_FLAGS, "default_sample_flags")?;
        let defaults = self.track(id).map_or(Defaults::default(), |track| track.defaults);
        let defaults = Defaults {
            duration: duration.unwrap_or(defaults.duration),
            size: size.unwrap_or(defaults.size),
            flags: sample_flags.unwrap_or(defaults.flags),
        };
        Ok((id, base, defaults))
    }
}

/// Times beyond this are refused, so that sums of a few of them never leave 64 bits.
const FARTHEST: i64 = 1 << 61;

/// A field that is only there where its flag is set.
fn optional(fields: &mut Fields<'_>, flag: u32, name: &'static str) -> Result<Option<u32>, Error> {
    if flag == 0 { Ok(None) } else { fields.u32(name).map(Some) }
}
