//! Parameter sets between the pictures of H.264 (ISO/IEC 14496-10, 7.4.1.2.1) and HEVC (ISO/IEC
//! 23008-2, 7.4.2.4.2): which of them hold from an access unit on.

use bytes::Bytes;

use crate::Error;
use crate::avc::at_most;
use crate::bits::{BitReader, without_emulation_prevention};

/// No parameter set that means something is larger; a record could hold 65,535 bytes each.
const LARGEST: usize = 4096;

/// Whose NAL units they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Coding {
    Avc,
    Hevc,
}

/// The kinds of sets, in the order they refer to each other in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    Video,
    Sequence,
    Picture,
}

/// One parameter set: a NAL unit with its header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Set<'a> {
    pub(crate) kind: Kind,
    pub(crate) nal: &'a [u8],
    id: u32,
    /// Of a picture parameter set: the sequence parameter set it refers to.
    refers: u32,
}

/// What a NAL unit is to a configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Set(Kind),
    /// Of a coded picture: no set of the same access unit comes after it.
    Slice,
    Other,
}

/// Sets once one of them differs from those that held, or could be another than the first.
#[derive(Debug)]
pub(crate) struct Sets<'a> {
    /// By kind; the sequence parameter set that the picture refers to is the first of its kind.
    pub(crate) sets: Vec<Set<'a>>,
    /// Whether there is one that did not hold before.
    pub(crate) new: bool,
}

impl Sets<'_> {
    pub(crate) fn have(&self, kinds: &[Kind]) -> bool {
        kinds.iter().all(|kind| self.sets.iter().any(|set| set.kind == *kind))
    }
}

impl Coding {
    fn part(self, nal: &[u8]) -> Part {
        match (self, nal) {
            (Self::Avc, [first, ..]) => match first & 0x1F {
                1..=5 => Part::Slice,
                7 => Part::Set(Kind::Sequence),
                8 => Part::Set(Kind::Picture),
                _ => Part::Other,
            },
            // Of the base layer.
            (Self::Hevc, [first, second, ..]) if first & 1 == 0 && second >> 3 == 0 => {
                match first >> 1 & 0x3F {
                    0..=31 => Part::Slice,
                    32 => Part::Set(Kind::Video),
                    33 => Part::Set(Kind::Sequence),
                    34 => Part::Set(Kind::Picture),
                    _ => Part::Other,
                }
            }
            _ => Part::Other,
        }
    }

    /// What a set is called in its record.
    const fn field(self, kind: Kind) -> &'static str {
        match (self, kind) {
            (Self::Avc, Kind::Sequence) => "sequenceParameterSetNALUnit",
            (Self::Avc, _) => "pictureParameterSetNALUnit",
            (Self::Hevc, _) => "nalUnit",
        }
    }

    /// How many of a kind a record can say; there are no more ids, but for H.264.
    const fn most(self, kind: Kind) -> (usize, &'static str) {
        match (self, kind) {
            (Self::Avc, Kind::Picture) => (255, "numOfPictureParameterSets"),
            (Self::Avc, _) => (31, "numOfSequenceParameterSets"),
            (Self::Hevc, Kind::Picture) => (64, "numNalus"),
            (Self::Hevc, _) => (16, "numNalus"),
        }
    }

    /// Whether two sets are one, whatever importance `nal_ref_idc` gives them.
    fn same(self, one: &[u8], other: &[u8]) -> bool {
        let mask = if self == Self::Avc { 0x1F } else { 0xFF };
        match (trimmed(one), trimmed(other)) {
            ([one, one_rest @ ..], [other, other_rest @ ..]) => {
                one & mask == other & mask && one_rest == other_rest
            }
            _ => false,
        }
    }

    fn set(self, kind: Kind, nal: &[u8]) -> Result<Set<'_>, Error> {
        let nal = trimmed(nal);
        let rbsp = start(nal);
        let mut bits = BitReader::new(&rbsp);
        let mut refers = 0;
        let id = match (self, kind) {
            (Self::Avc, Kind::Picture) => {
                bits.bits(8, "nal_unit_type")?;
                let id = at_most(&mut bits, 255, "pic_parameter_set_id")?;
                refers = at_most(&mut bits, 31, "seq_parameter_set_id")?;
                id
            }
            (Self::Avc, _) => {
                bits.bits(8, "nal_unit_type")?;
                bits.bits(24, "profile_idc")?;
                at_most(&mut bits, 31, "seq_parameter_set_id")?
            }
            (Self::Hevc, Kind::Video) => {
                bits.bits(16, "nal_unit_type")?;
                bits.bits(4, "vps_video_parameter_set_id")?
            }
            (Self::Hevc, Kind::Sequence) => crate::hevc::sps_id(&mut bits)?,
            (Self::Hevc, Kind::Picture) => {
                bits.bits(16, "nal_unit_type")?;
                let id = at_most(&mut bits, 63, "pps_pic_parameter_set_id")?;
                refers = at_most(&mut bits, 15, "pps_seq_parameter_set_id")?;
                id
            }
        };
        Ok(Set { kind, nal, id, refers })
    }

    /// The picture parameter set a slice refers to (7.3.3; 7.3.6.1).
    fn referred(self, slice: &[u8]) -> Option<u32> {
        let rbsp = start(slice);
        let mut bits = BitReader::new(&rbsp);
        let mut read = || match self {
            Self::Avc => {
                bits.bits(8, "nal_unit_type")?;
                bits.ue("first_mb_in_slice")?;
                bits.ue("slice_type")?;
                bits.ue("pic_parameter_set_id")
            }
            Self::Hevc => {
                let kind = bits.bits(16, "nal_unit_type")? >> 9 & 0x3F;
                bits.flag("first_slice_segment_in_pic_flag")?;
                if matches!(kind, 16..=23) {
                    bits.flag("no_output_of_prior_pics_flag")?;
                }
                bits.ue("slice_pic_parameter_set_id")
            }
        };
        read().ok()
    }

    /// The sets that hold from an access unit on, where they may be others than `held`; the unit is
    /// looked at up to its first slice.
    pub(crate) fn sets_from<'a>(
        self,
        held: impl Iterator<Item = &'a Bytes> + Clone,
        data: &'a [u8],
        length_size: u8,
    ) -> Result<Option<Sets<'a>>, Error> {
        let mut sets: Option<Vec<Set<'a>>> = None;
        let mut slice = None;
        let mut seen = 0;
        let mut nals = Nals { data, at: 0, length_size };
        while let Some((offset, nal)) = nals.next()? {
            let kind = match self.part(nal) {
                Part::Slice => {
                    slice = Some(nal);
                    break;
                }
                Part::Other => continue,
                Part::Set(kind) => kind,
            };
            // The same one again and again is no configuration either.
            let (most, field) = self.most(kind);
            seen += 1;
            if seen > self.most_of_all() {
                return Err(unsupported(field, offset, seen));
            }
            if sets.is_none() && held.clone().any(|set| self.same(set, nal)) {
                continue;
            }
            if nal.len() > LARGEST {
                return Err(unsupported(self.field(kind), offset, nal.len()));
            }
            let set = self.set(kind, nal)?;
            let sets = sets.get_or_insert_with(|| self.readable(held.clone()));
            put(sets, set);
            if sets.iter().filter(|set| set.kind == kind).count() > most {
                return Err(unsupported(field, offset, most + 1));
            }
        }
        // Not that of an access unit which says one thing and then another, as it did before.
        let is_new = |set: &Set<'_>| !held.clone().any(|held| self.same(held, set.nal));
        let new = sets.as_ref().is_some_and(|sets| sets.iter().any(is_new));
        let is_sequence = |set: &&Bytes| self.part(set) == Part::Set(Kind::Sequence);
        let mut sets = match sets {
            Some(sets) if new => sets,
            _ if held.clone().filter(is_sequence).nth(1).is_some() => self.readable(held),
            _ => return Ok(None),
        };
        let active = slice.and_then(|slice| self.referred(slice)).and_then(|id| {
            let picture = |set: &&Set<'_>| set.kind == Kind::Picture && set.id == id;
            sets.iter().find(picture).map(|set| set.refers)
        });
        sets.sort_by_key(|set| {
            (set.kind, set.kind == Kind::Sequence && active.is_some_and(|id| id != set.id))
        });
        Ok(Some(Sets { sets, new }))
    }

    fn most_of_all(self) -> usize {
        [Kind::Video, Kind::Sequence, Kind::Picture].map(|kind| self.most(kind).0).iter().sum()
    }

    /// What of the sets that held can be told apart.
    fn readable<'a>(self, held: impl Iterator<Item = &'a Bytes>) -> Vec<Set<'a>> {
        let mut sets = Vec::new();
        for nal in held {
            if let Part::Set(kind) = self.part(nal)
                && let Ok(set) = self.set(kind, nal)
            {
                put(&mut sets, set);
            }
        }
        sets
    }
}

/// In the place of the one with the same id, or behind the others.
fn put<'a>(sets: &mut Vec<Set<'a>>, set: Set<'a>) {
    match sets.iter_mut().find(|held| (held.kind, held.id) == (set.kind, set.id)) {
        Some(held) => *held = set,
        None => sets.push(set),
    }
}

fn unsupported(field: &'static str, offset: usize, value: usize) -> Error {
    Error::Unsupported { field, offset, value: value as u64 }
}

/// Without `trailing_zero_8bits` that an encoder left.
fn trimmed(nal: &[u8]) -> &[u8] {
    let used = nal.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
    nal.get(..used).unwrap_or_default()
}

/// The payload of a NAL unit up to its ids: those of HEVC's sequence parameter sets stand behind
/// some 90 bytes.
fn start(nal: &[u8]) -> Vec<u8> {
    without_emulation_prevention(nal.get(..160).unwrap_or(nal))
}

/// The NAL units of a sample that are not empty, each with where it starts.
#[derive(Debug)]
struct Nals<'a> {
    data: &'a [u8],
    at: usize,
    length_size: u8,
}

impl<'a> Nals<'a> {
    fn next(&mut self) -> Result<Option<(usize, &'a [u8])>, Error> {
        loop {
            let rest = self.data.get(self.at..).unwrap_or_default();
            if rest.is_empty() {
                return Ok(None);
            }
            let truncated = Error::Truncated { field: "NALUnitLength", offset: self.at };
            let split = rest.split_at_checked(self.length_size.into());
            let (length, rest) = split.ok_or(truncated)?;
            let length = length.iter().fold(0, |length, byte| length << 8 | usize::from(*byte));
            let nal = rest.get(..length).ok_or(truncated)?;
            let start = self.at + usize::from(self.length_size);
            self.at = start + length;
            if !nal.is_empty() {
                return Ok(Some((start, nal)));
            }
        }
    }
}

/// `lengthSizeMinusOne` allows no other.
pub(crate) fn check_length_size(length_size: u8) -> Result<(), Error> {
    match length_size {
        1 | 2 | 4 => Ok(()),
        _ => Err(Error::Malformed {
            field: "lengthSizeMinusOne",
            offset: 0,
            value: u64::from(length_size).wrapping_sub(1),
        }),
    }
}
