use std::collections::HashMap;

use airloom_media::{Track, TrackId};
use airloom_playlist::{
    Answer, Format, FrameRate, Input, LiveWindow, PlaylistType, Rendered, Rendition, Request,
    Resource, WallTime,
};
use airloom_segmenter::Init;
use tracing::warn;

use super::line::Item;

/// The playlists of one life of a stream: told of things only once they are in the store, so that
/// nothing it renders lists what is not there.
#[derive(Debug)]
pub(super) struct Catalogue {
    window: LiveWindow,
    tracks: Vec<TrackId>,
    /// Versions that are in the store.
    stored: HashMap<Resource, u64>,
    latest: WallTime,
    ended: bool,
}

impl Catalogue {
    /// Of as many segments a track as `segments`.
    pub(super) fn new(segments: usize) -> Self {
        let limits = airloom_playlist::Limits { segments, ..airloom_playlist::Limits::default() };
        let config = airloom_playlist::Config {
            part_target: None,
            playlist_type: Some(PlaylistType::Event),
            // Streams say how long their segments are before the first.
            target_duration: 1,
            limits,
            ..airloom_playlist::Config::default()
        };
        let (window, latest) = (LiveWindow::new(config), WallTime::UNIX_EPOCH);
        Self { window, tracks: Vec::new(), stored: HashMap::new(), latest, ended: false }
    }

    /// Takes in what is in the store now.
    pub(super) fn tell(&mut self, item: &Item) {
        match item {
            Item::Init { id, init, at } => {
                if !self.tracks.contains(&init.track) {
                    self.tracks.push(init.track);
                }
                self.input(*at, Input::Track(rendition(*id, init)));
            }
            Item::Protection { track, protection, at } => {
                self.input(*at, Input::Protect(*track, (**protection).clone()));
            }
            Item::TargetDuration(seconds) => {
                self.input(self.latest, Input::TargetDuration(*seconds));
            }
            Item::Segment { segment, at, .. } => self.input(*at, Input::Segment(*segment)),
            Item::Gap { gap, at } => self.input(*at, Input::Gap(*gap)),
            Item::End { at } => {
                self.input(*at, Input::End);
                self.ended = true;
            }
        }
    }

    pub(super) fn is_ended(&self) -> bool {
        self.ended
    }

    /// What is to be uploaded, in that order: what names others comes after them. A DASH manifest
    /// comes at the end, since one of a stream that goes on sends clients for the time.
    pub(super) fn due(&mut self) -> Vec<(Resource, Rendered)> {
        let media = self.tracks.iter().map(|track| Resource::Media { track: *track });
        let mut names: Vec<_> = media.chain([Resource::Multivariant]).collect();
        if self.ended {
            names.push(Resource::Mpd);
        }
        let mut due = Vec::new();
        for name in names {
            if let Answer::Ready(text) = self.window.answer(&Request::new(name))
                && self.stored.get(&name) != Some(&text.version)
            {
                due.push((name, without_control(text)));
            }
        }
        due
    }

    /// That version of it is in the store.
    pub(super) fn stored(&mut self, name: Resource, version: u64) {
        self.stored.insert(name, version);
    }

    fn input(&mut self, at: WallTime, input: Input) {
        self.latest = at;
        if let Err(error) = self.window.handle_input(at, input) {
            warn!("not listed in the archive: {error}");
        }
        while self.window.poll_output().is_some() {}
    }
}

/// What a server can do that answers, a store cannot: hold a request, or leave out what is known.
fn without_control(text: Rendered) -> Rendered {
    let Ok(lines) = std::str::from_utf8(&text.body) else { return text };
    let control = |line: &&str| !line.starts_with("#EXT-X-SERVER-CONTROL:");
    let body: String = lines.split_inclusive('\n').filter(control).collect();
    Rendered { body: body.into(), ..text }
}

fn rendition(id: u64, init: &Init) -> Rendition {
    let track = Track { id: init.track, timescale: init.timescale, codec: init.codec.clone() };
    let mut rendition = Rendition::new(&track, id);
    if let Format::Video { frame_rate: rate @ None, .. } = &mut rendition.format {
        *rate = u32::try_from(init.frame_duration.ticks())
            .ok()
            .and_then(|ticks| FrameRate::new(init.timescale.hz(), ticks));
    }
    rendition.presentation_delay = init.presentation_delay;
    rendition
}
