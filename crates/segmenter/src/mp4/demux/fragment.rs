use airloom_media::{Kind, TrackId};

use super::Fields;
use super::movie::Movie;
use super::track::{Building, Defaults};
use crate::mp4::index::{Packed, SYNC};
use crate::mp4::{BoxType, Error};

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
    /// The fields that each sample has.
    pub(super) const EACH: u32 = 0xF00;
}

/// `sample_is_non_sync_sample` (8.8.3.1).
const NON_SYNC: u32 = 0x01_0000;

/// `sample_depends_on` (8.8.3.1), and its value for pictures that are not intra-coded.
const DEPENDS_ON: u32 = 0x0300_0000;
const DEPENDS_ON_OTHERS: u32 = 0x0100_0000;

impl Movie {
    /// Adds what `moof` (8.8.4) describes, all of it or nothing; gives where its samples end. The
    /// box starts at `start` of a file of `len` bytes.
    pub(super) fn fragment(
        &mut self,
        moof: &Fields<'_>,
        start: u64,
        len: u64,
    ) -> Result<u64, Error> {
        let before: Vec<_> = self
            .tracks
            .iter()
            .map(|track| (track.indexed.samples.len(), track.next, track.indexed.last))
            .collect();
        let added = self.extended().and_then(|()| self.runs(moof, start)).and_then(|described| {
            if described.end > len {
                let (kind, field) = (BoxType(*b"mdat"), "data");
                return Err(Error::Truncated { kind, field, offset: start });
            }
            Ok(described)
        });
        if added.is_err() {
            for (track, (samples, next, last)) in self.tracks.iter_mut().zip(before) {
                track.indexed.samples.truncate(samples);
                (track.next, track.indexed.last) = (next, last);
            }
        }
        let Described { end, others } = added?;
        for (track, error) in others {
            self.leave_out(track, error);
        }
        Ok(end)
    }

    fn runs(&mut self, moof: &Fields<'_>, start: u64) -> Result<Described, Error> {
        let mut described = Described { end: start, others: Vec::new() };
        // Where the data of a track starts that says nothing of it: behind that of the one before.
        let mut implied = start;
        for traf in moof.children() {
            let traf = traf?;
            if traf.kind.0 != *b"traf" {
                continue;
            }
            let head = self.tfhd(traf.child(*b"tfhd")?, start, implied)?;
            let Self { tracks, budget, .. } = self;
            let mut track = tracks.iter_mut().find(|track| track.indexed.track.id == head.track);
            if let (Some(track), Some(mut tfdt)) = (track.as_deref_mut(), traf.find(*b"tfdt")?) {
                let (version, _) = tfdt.version()?;
                let offset = tfdt.offset();
                let time = tfdt.wide(version, "baseMediaDecodeTime")?;
                let time = i64::try_from(time).ok().filter(|time| *time < FARTHEST);
                let time = time.ok_or(tfdt.malformed("baseMediaDecodeTime", offset, u64::MAX))?;
                // Times never fall, whatever the file says.
                track.next = time.max(track.indexed.samples.last().map_or(0, |s| s.decode_time));
            }
            let mut at = head.base;
            for trun in traf.children() {
                let trun = trun?;
                if trun.kind.0 != *b"trun" {
                    continue;
                }
                let run = Run::decode(trun, head.defaults)?;
                if let Some(offset) = run.data_offset {
                    at = head.base.saturating_add_signed(offset.into());
                }
                at = match track.as_deref_mut() {
                    Some(track) => {
                        budget.take(run.count)?;
                        if let Some(error) = head.defaults.description.filter(|_| run.count > 0) {
                            described.others.push((head.track, error));
                        }
                        run.add(track, at)?
                    }
                    None => at.saturating_add(run.size()?),
                };
                described.end = described.end.max(at);
            }
            implied = at;
        }
        Ok(described)
    }

    /// `tfhd` (8.8.7).
    fn tfhd(&mut self, mut tfhd: Fields<'_>, moof: u64, implied: u64) -> Result<Head, Error> {
        let (_, flags) = tfhd.version()?;
        let id = tfhd.u32("track_ID")?;
        let base = if flags & tf::BASE_DATA_OFFSET != 0 {
            tfhd.u64("base_data_offset")?
        } else if flags & tf::DEFAULT_BASE_IS_MOOF != 0 {
            moof
        } else {
            implied
        };
        let (kind, offset) = (tfhd.kind, tfhd.offset());
        let mut field = |flag, name| optional(&mut tfhd, flags & flag, name);
        let index = field(tf::SAMPLE_DESCRIPTION_INDEX, "sample_description_index")?;
        let duration = field(tf::DEFAULT_SAMPLE_DURATION, "default_sample_duration")?;
        let size = field(tf::DEFAULT_SAMPLE_SIZE, "default_sample_size")?;
        let sample_flags = field(tf::DEFAULT_SAMPLE_FLAGS, "default_sample_flags")?;
        let defaults = self.track(id).map_or(Defaults::default(), |track| track.defaults);
        let description = match index {
            Some(index) => Some(Error::Description { kind, offset, index }).filter(|_| index > 1),
            None => defaults.description,
        };
        let defaults = Defaults {
            duration: duration.unwrap_or(defaults.duration),
            size: size.unwrap_or(defaults.size),
            flags: sample_flags.unwrap_or(defaults.flags),
            description,
        };
        Ok(Head { track: TrackId::new(id), base, defaults })
    }
}

/// What a `moof` describes.
#[derive(Debug)]
struct Described {
    /// Where its samples end.
    end: u64,
    /// Tracks with samples of another description than the first.
    others: Vec<(TrackId, Error)>,
}

/// A `tfhd`: the track, where its data offsets count from, and its samples' defaults.
#[derive(Debug, Clone, Copy)]
struct Head {
    track: TrackId,
    base: u64,
    defaults: Defaults,
}

/// A `trun` (8.8.8).
#[derive(Debug)]
struct Run<'a> {
    flags: u32,
    count: u32,
    data_offset: Option<i32>,
    first_flags: Option<u32>,
    defaults: Defaults,
    /// The fields of each sample, for those that have any.
    samples: Fields<'a>,
}

impl<'a> Run<'a> {
    fn decode(mut trun: Fields<'a>, defaults: Defaults) -> Result<Self, Error> {
        let (_, flags) = trun.version()?;
        let count = trun.u32("sample_count")?;
        let data_offset = optional(&mut trun, flags & tr::DATA_OFFSET, "data_offset")?;
        let first_flags =
            optional(&mut trun, flags & tr::FIRST_SAMPLE_FLAGS, "first_sample_flags")?;
        let data_offset = data_offset.map(|offset| offset as i32);
        Ok(Self { flags, count, data_offset, first_flags, defaults, samples: trun })
    }

    /// Adds the samples, whose data begins at `at`, to their track; gives where it ends.
    fn add(mut self, track: &mut Building, mut at: u64) -> Result<u64, Error> {
        let is_video = track.indexed.track.codec.kind() == Kind::Video;
        for number in 0..self.count {
            let mut field = |flag, name| optional(&mut self.samples, self.flags & flag, name);
            let duration = field(tr::SAMPLE_DURATION, "sample_duration")?;
            let size = field(tr::SAMPLE_SIZE, "sample_size")?.unwrap_or(self.defaults.size);
            let own_flags = field(tr::SAMPLE_FLAGS, "sample_flags")?;
            let offset =
                field(tr::SAMPLE_COMPOSITION_TIME_OFFSETS, "sample_composition_time_offset")?;
            let duration = duration.unwrap_or(self.defaults.duration);
            let first_flags = self.first_flags.filter(|_| number == 0);
            let flags = first_flags.or(own_flags).unwrap_or(self.defaults.flags);
            let packed = Packed {
                offset: at & !SYNC | if is_sync(flags, is_video) { SYNC } else { 0 },
                decode_time: track.next,
                size,
                composition_offset: offset.unwrap_or(0) as i32,
            };
            track.push(packed, duration);
            track.next = track.next.saturating_add(duration.into());
            at = at.saturating_add(size.into());
        }
        Ok(at)
    }

    /// Bytes in the samples of a track that is not read. Only fields that are there are looked at:
    /// a count alone costs nothing, whatever it is.
    fn size(mut self) -> Result<u64, Error> {
        let width = 4 * (self.flags & tr::EACH).count_ones() as usize;
        let fields = usize::try_from(self.count).unwrap_or(usize::MAX).saturating_mul(width);
        let fields = self.samples.take(fields, "sample_size")?;
        if self.flags & tr::SAMPLE_SIZE == 0 {
            return Ok(u64::from(self.count) * u64::from(self.defaults.size));
        }
        let before = if self.flags & tr::SAMPLE_DURATION == 0 { 0 } else { 4 };
        let sizes = fields.chunks_exact(width).filter_map(|fields| {
            fields.get(before..)?.first_chunk().map(|size| u32::from_be_bytes(*size))
        });
        Ok(sizes.fold(0, |sum, size| sum.saturating_add(size.into())))
    }
}

/// Whether decoding can start at a sample of these flags (8.8.3.1). A picture that is not marked
/// otherwise but says that it depends on others is none to start at: some packagers tell keyframes
/// from the rest by that alone, and ffmpeg reads them so.
const fn is_sync(flags: u32, is_video: bool) -> bool {
    flags & NON_SYNC == 0 && !(is_video && flags & DEPENDS_ON == DEPENDS_ON_OTHERS)
}

/// Times beyond this are refused, so that sums of a few of them never leave 64 bits.
const FARTHEST: i64 = 1 << 61;

/// A field that is only there where its flag is set.
fn optional(fields: &mut Fields<'_>, flag: u32, name: &'static str) -> Result<Option<u32>, Error> {
    if flag == 0 { Ok(None) } else { fields.u32(name).map(Some) }
}
