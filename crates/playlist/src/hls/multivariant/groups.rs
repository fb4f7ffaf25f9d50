//! Which renditions of sound go together (RFC 8216bis, 4.4.6.1.1).

use airloom_media::TrackId;

use super::Entry;
use crate::Format;

/// What a listener can choose: the same in every group, since a player that changes the group keeps
/// the choice.
#[derive(Debug)]
pub(super) struct Seat<'a> {
    /// The first track that took it, by which it is named in every group.
    pub(super) name: TrackId,
    pub(super) language: Option<&'a str>,
    /// Whether players may choose it by its language alone: the first of each.
    pub(super) auto: bool,
}

/// The sound of one encoding in one codec, a rendition for each seat. What there is not in that
/// encoding or codec is borrowed from where it is.
#[derive(Debug)]
pub(super) struct Group<'a, 'b> {
    pub(super) variant: u32,
    codecs: &'a str,
    pub(super) members: Vec<&'b Entry<'a>>,
}

impl Group<'_, '_> {
    /// All that its members are coded in, its own first.
    pub(super) fn codecs(&self) -> String {
        let mut all = vec![self.codecs];
        for member in &self.members {
            let codecs = member.rendition.codecs.as_str();
            if !all.contains(&codecs) {
                all.push(codecs);
            }
        }
        all.join(",")
    }

    /// What the most demanding of its members takes.
    pub(super) fn peak(&self) -> u64 {
        self.members.iter().map(|member| member.peak).max().unwrap_or_default()
    }

    /// The same on average.
    pub(super) fn average(&self) -> u64 {
        self.members.iter().map(|member| member.average).max().unwrap_or_default()
    }
}

#[derive(Debug)]
pub(super) struct Groups<'a, 'b> {
    pub(super) seats: Vec<Seat<'a>>,
    pub(super) groups: Vec<Group<'a, 'b>>,
}

/// A group before anything is borrowed: its own members and their seats.
struct Own<'a, 'b> {
    variant: u32,
    codecs: &'a str,
    members: Vec<(usize, &'b Entry<'a>)>,
}

impl<'a, 'b> Groups<'a, 'b> {
    /// The groups that `videos` go with, or all where there are none; those of the first encoding
    /// first.
    pub(super) fn new(entries: &'b [Entry<'a>], videos: &[&Entry<'_>]) -> Self {
        let sound = |entry: &&Entry<'_>| matches!(entry.rendition.format, Format::Audio { .. });
        let mut sounds: Vec<_> = entries.iter().filter(sound).collect();
        sounds.sort_by_key(|entry| entry.rendition.variant);
        if !videos.is_empty() {
            let of = |video: &&Entry<'_>| chosen(video.rendition.variant, &sounds);
            let used: Vec<_> = videos.iter().filter_map(of).collect();
            sounds.retain(|entry| used.contains(&entry.rendition.variant));
        }
        let mut seats: Vec<Seat<'_>> = Vec::new();
        let mut own: Vec<Own<'_, '_>> = Vec::new();
        for entry in sounds {
            let (variant, codecs) = (entry.rendition.variant, entry.rendition.codecs.as_str());
            let place = own.iter().position(|it| it.variant == variant && it.codecs == codecs);
            let place = place.unwrap_or_else(|| {
                own.push(Own { variant, codecs, members: Vec::new() });
                own.len() - 1
            });
            let Some(group) = own.get_mut(place) else { continue };
            let seat = seat(&mut seats, entry, &group.members);
            group.members.push((seat, entry));
        }
        let groups = own.iter().map(|group| Group {
            variant: group.variant,
            codecs: group.codecs,
            members: (0..seats.len()).filter_map(|seat| member(&own, group, seat)).collect(),
        });
        Self { groups: groups.collect(), seats }
    }
}

/// The encoding whose sound goes with the pictures of `variant`: its own, or else the first.
pub(super) fn sound_of(variant: u32, groups: &[Group<'_, '_>]) -> Option<u32> {
    let own = groups.iter().find(|group| group.variant == variant);
    own.or(groups.first()).map(|group| group.variant)
}

/// The same, by the renditions in the order of their encodings.
fn chosen(variant: u32, sounds: &[&Entry<'_>]) -> Option<u32> {
    let own = sounds.iter().find(|entry| entry.rendition.variant == variant);
    own.or(sounds.first()).map(|entry| entry.rendition.variant)
}

/// The first seat of `entry`'s language that none of `taken` has, or else a new one.
fn seat<'a>(seats: &mut Vec<Seat<'a>>, entry: &Entry<'a>, taken: &[(usize, &Entry<'_>)]) -> usize {
    let language = entry.rendition.language.as_deref();
    let is_taken = |place: usize| taken.iter().any(|(seat, _)| *seat == place);
    let mut places = seats.iter().enumerate();
    let free = places.find(|(place, seat)| seat.language == language && !is_taken(*place));
    if let Some((place, _)) = free {
        return place;
    }
    let auto = seats.iter().all(|seat| seat.language != language);
    seats.push(Seat { name: entry.rendition.track, language, auto });
    seats.len() - 1
}

/// Who sits in `seat` of `group`: its own member, or else one of the same encoding, of the same
/// codec, or any.
fn member<'a, 'b>(all: &[Own<'a, 'b>], group: &Own<'_, '_>, seat: usize) -> Option<&'b Entry<'a>> {
    let seated = all.iter().flat_map(|other| {
        let (encoding, codec) = (other.variant != group.variant, other.codecs != group.codecs);
        let members = other.members.iter().filter(move |(place, _)| *place == seat);
        members.map(move |(_, entry)| ((encoding, codec), *entry))
    });
    seated.min_by_key(|(distance, _)| *distance).map(|(_, entry)| entry)
}
