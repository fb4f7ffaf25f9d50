//! Several publishes that are one programme: each a stream of its own, and all together another
//! one, with every encoding of it to choose from.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use airloom_media::{Kind, Rounding, Sample, Timescale, Timestamp, TrackId};
use tracing::{info, warn};

use super::ingest::{Publishing, Refused};
use super::stream::Nature;
use super::{Origin, StreamName};
use crate::rtmp::Media;

/// How far a publisher's times may be from those of the others, in milliseconds, to be taken for
/// the same clock: as long as the segmenter waits for a track that lags behind.
const SAME_CLOCK: i64 = 1000;

/// How far a keyframe may be from one of the others, by when it arrives, to be taken for the same
/// picture: half of what keyframes are usually apart at least.
const SAME_PICTURE: i64 = 500;

/// Why a publish was not taken into a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum JoinError {
    /// The group's name is that of the stream itself.
    #[error("a stream cannot be a member of itself")]
    Itself,
    /// The group's name is taken by a stream, or there are as many of both as the limit allows.
    #[error("the group cannot be: {0}")]
    Refused(#[from] Refused),
    /// It is encrypted, and what a group gives out is not.
    #[error("an encrypted stream cannot be a member")]
    Encrypted,
}

/// The groups that have members.
#[derive(Debug, Default)]
pub(super) struct Groups(Mutex<HashMap<StreamName, Weak<Group>>>);

/// What the members of a group publish into together; it goes off air with the last of them.
#[derive(Debug)]
struct Group {
    publishing: Publishing,
    /// How far each member is.
    clocks: Mutex<HashMap<StreamName, Clock>>,
}

/// How far a member is, in milliseconds on the clock that all share.
#[derive(Debug, Clone, Copy, Default)]
struct Clock {
    newest: i64,
    /// The last keyframe, and how long after the one before it.
    keyframe: Option<(i64, i64)>,
}

/// A publish's share in a group; dropping it leaves the group.
#[derive(Debug)]
pub(super) struct Membership {
    origin: Origin,
    name: StreamName,
    /// Until it is dropped, or the group wants no more of it.
    group: Option<Arc<Group>>,
    member: StreamName,
    tracks: Vec<Joined>,
    /// What is added to its times, in milliseconds, once that is known.
    offset: Option<i64>,
}

/// A member's track.
#[derive(Debug, Clone, Copy)]
struct Joined {
    own: TrackId,
    /// What it is in the group.
    track: TrackId,
    timescale: Timescale,
    kind: Kind,
}

/// Whose tracks those of a group are. A member that comes back gets the same as before.
#[derive(Debug, Default)]
pub(super) struct Members {
    names: Vec<StreamName>,
    /// By number, from 1: the member's place, and its own track.
    tracks: Vec<(usize, TrackId)>,
}

impl Members {
    pub(super) fn track(&mut self, member: &StreamName, own: TrackId) -> TrackId {
        let place = self.names.iter().position(|name| name == member).unwrap_or_else(|| {
            self.names.push(member.clone());
            self.names.len() - 1
        });
        let index = self.tracks.iter().position(|known| *known == (place, own));
        let index = index.unwrap_or_else(|| {
            self.tracks.push((place, own));
            self.tracks.len() - 1
        });
        TrackId::new(index as u32 + 1)
    }

    /// Which member's the track is.
    pub(super) fn variant(&self, track: TrackId) -> u32 {
        let index = (track.get() as usize).checked_sub(1);
        let known = index.and_then(|index| self.tracks.get(index));
        known.map_or(0, |(place, _)| *place as u32)
    }
}

impl Clock {
    fn note(&mut self, at: i64, keyframe: bool) {
        self.newest = self.newest.max(at);
        if keyframe {
            let since = self.keyframe.map_or(0, |(last, _)| at.saturating_sub(last));
            self.keyframe = Some((at, since));
        }
    }
}

impl Groups {
    fn lock(&self) -> MutexGuard<'_, HashMap<StreamName, Weak<Group>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Origin {
    /// Takes the publish of `member` into the group `name`.
    pub(super) fn join(
        &self,
        name: &StreamName,
        member: &StreamName,
    ) -> Result<Membership, JoinError> {
        if name == member {
            return Err(JoinError::Itself);
        }
        let mut groups = self.0.groups.lock();
        let known = groups.get(name).and_then(Weak::upgrade);
        let group = if let Some(group) = known {
            group
        } else {
            let publishing = self.publish_as(name, Nature::Group)?;
            let group = Arc::new(Group { publishing, clocks: Mutex::default() });
            groups.insert(name.clone(), Arc::downgrade(&group));
            group
        };
        drop(groups);
        info!("{member} is in the group {name}");
        Ok(Membership {
            origin: self.clone(),
            name: name.clone(),
            group: Some(group),
            member: member.clone(),
            tracks: Vec::new(),
            offset: None,
        })
    }
}

impl Membership {
    /// Takes what the member's own stream has taken. What the group cannot take ends the
    /// membership, and not the publish.
    pub(super) fn handle(&mut self, media: &Media) {
        let Some(group) = self.group.clone() else { return };
        let passed = match media {
            Media::Track(track) => {
                let id = group.publishing.stream().member_track(&self.member, track.id);
                let (own, timescale, kind) = (track.id, track.timescale, track.codec.kind());
                let joined = Joined { own, track: id, timescale, kind };
                match self.tracks.iter_mut().find(|known| known.own == track.id) {
                    Some(known) => *known = joined,
                    None => self.tracks.push(joined),
                }
                let mut track = track.clone();
                track.id = id;
                Media::Track(track)
            }
            Media::Sample(sample) => {
                let joined = self.tracks.iter().find(|known| known.own == sample.track);
                let Some(joined) = joined.copied() else { return };
                let Some(sample) = self.place(&group, joined, sample) else { return };
                Media::Sample(sample)
            }
            // Tags are for players, who play members; and what metadata announces, tracks say.
            _ => return,
        };
        if let Err(error) = group.publishing.pass(passed) {
            warn!("{} leaves the group {}: {error}", self.member, self.name);
            drop(group);
            self.leave();
        }
    }

    pub(super) fn flush(&self) {
        if let Some(group) = &self.group {
            group.publishing.heard();
        }
    }

    /// The sample on the clock of the group; `None` where it comes before it is known where that
    /// clock stands.
    fn place(&mut self, group: &Group, joined: Joined, sample: &Sample) -> Option<Sample> {
        let own = sample.decode_time.rescale(joined.timescale, Timescale::MILLIS, Rounding::Down);
        let own = own.map_or(0, Timestamp::ticks);
        let keyframe = joined.kind == Kind::Video && sample.sync;
        let mut clocks = group.clocks.lock().unwrap_or_else(PoisonError::into_inner);
        let offset = match self.offset {
            Some(offset) => offset,
            None => self.settle(&clocks, own, keyframe)?,
        };
        self.offset = Some(offset);
        let clock = clocks.entry(self.member.clone()).or_default();
        clock.note(own.saturating_add(offset), keyframe);
        drop(clocks);
        let shift = Timestamp::new(offset);
        let shift = shift.rescale(Timescale::MILLIS, joined.timescale, Rounding::Nearest);
        let shift = shift.map_or(0, Timestamp::ticks);
        let decode_time = Timestamp::new(sample.decode_time.ticks().saturating_add(shift));
        Some(Sample { track: joined.track, decode_time, ..sample.clone() })
    }

    /// What is to be added to the member's times, of which `own` is the first; `None` where a
    /// keyframe has to come first.
    fn settle(&self, clocks: &HashMap<StreamName, Clock>, own: i64, keyframe: bool) -> Option<i64> {
        let others =
            || clocks.iter().filter(|(member, _)| **member != self.member).map(|(_, clock)| clock);
        let now = others().map(|clock| clock.newest).max();
        // Encodings by one encoder have one clock, and their pictures the same times.
        let Some(now) = now.filter(|now| now.saturating_sub(own).abs() > SAME_CLOCK) else {
            return Some(0);
        };
        // For what has another clock, what comes now is what the others have now, and a keyframe
        // that comes with one of theirs is the same picture.
        if !keyframe && self.tracks.iter().any(|track| track.kind == Kind::Video) {
            return None;
        }
        let distance = |at: &i64| at.saturating_sub(now).abs();
        let same = others().filter_map(|clock| clock.keyframe);
        let same = same.flat_map(|(last, interval)| [last, last.saturating_add(interval)]);
        let same = same.min_by_key(distance).filter(|at| keyframe && distance(at) <= SAME_PICTURE);
        Some(same.unwrap_or(now).saturating_sub(own))
    }

    fn leave(&mut self) {
        let Some(group) = self.group.take() else { return };
        group.clocks.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.member);
        // The last one takes the group off air, and nobody joins it meanwhile.
        let mut groups = self.origin.0.groups.lock();
        drop(group);
        groups.retain(|_, group| group.strong_count() > 0);
    }
}

impl Drop for Membership {
    fn drop(&mut self) {
        self.leave();
    }
}
