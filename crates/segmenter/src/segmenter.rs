use std::collections::VecDeque;

use airloom_media::{Sample, Timestamp, Track, TrackId};

use crate::mp4;
use crate::ts_segment::Assembly;
use crate::{BitRate, Config, Discontinuity, DropReason, Error, Event, EventMessage, Output};

mod clock;
mod cutting;
mod input;
mod keyframes;
mod lane;
mod pacing;
mod policy;
mod ratio;
mod schedule;
mod steady;
mod timeline;

use clock::source_to_mpeg;
use input::{Input, Presence};
use keyframes::Keyframes;
use lane::Sink;
use policy::Policy;
use schedule::Schedule;
use steady::Steady;
use timeline::Turn;

/// How far ids of messages go on with each number of a segment that a stream begins at.
const MESSAGES_A_SEGMENT: u32 = 64;

/// Turns the samples of one stream into segments: a state machine without clock or I/O.
///
/// Call [`set_track`](Self::set_track) and [`handle_input`](Self::handle_input) as things arrive,
/// and [`poll_output`](Self::poll_output) until it has nothing more; draining late is safe up to
/// [`Limits::outputs`](crate::Limits::outputs).
///
/// # How it cuts
///
/// All tracks share one schedule: segment `n` of every track covers the decode times from one
/// boundary to the next, and each track starts it with its first sample at or after the boundary.
/// The first video track decides the boundaries, by its keyframes; without video, or while it is
/// silent, an audio track does. The tracks that follow wait for it, so that nothing of theirs is
/// in a segment too early; they wait [`Config::stall`] for what it has not sent, and for one that is
/// always behind as long as it is, up to three times that.
///
/// # How it times
///
/// Times are the source's, in a finer clock: video in 90 kHz, exactly where that is a multiple of
/// the source's clock, and otherwise decode and presentation times each to the nearest tick; audio
/// in its sampling frequency, counted frame by frame from its first time, so that the jitter of
/// milliseconds is gone and nothing drifts. A sample's duration is the distance to the next one of
/// its track, so each is held back until that comes; where none does, it is what the sample says
/// ([`Sample::duration`]), or that of a frame.
#[derive(Debug)]
pub struct Segmenter {
    policy: Policy,
    inputs: Vec<Input>,
    schedule: Schedule,
    keyframes: Keyframes,
    /// Which track decides the boundaries.
    pacer: Option<usize>,
    /// A follower's new configuration waits for the pacer's next sample.
    awaited: Option<TrackId>,
    /// Whether samples may go the short way.
    steady: Option<Steady>,
    turn: Option<Turn>,
    /// Added to the times of tracks that begin, in ticks of 90 kHz.
    offset: i64,
    /// Where the stream's first segment starts, in ticks of 90 kHz.
    origin: i64,
    target_duration: Option<u32>,
    /// The longest segment the deciding track may make, in ticks of 90 kHz.
    cap: i64,
    /// The id of the next message that states none.
    next_message: u32,
    assembly: Assembly,
    outputs: VecDeque<Output>,
    finished: bool,
}

impl Segmenter {
    /// A segmenter of a stream that has not begun.
    pub fn new(config: Config) -> Self {
        let policy = Policy::new(config);
        Self {
            cap: policy.max_segment,
            // A service that was restarted has players that remember what it counted before.
            next_message: (policy.first_sequence as u32).wrapping_mul(MESSAGES_A_SEGMENT),
            policy,
            inputs: Vec::new(),
            schedule: Schedule::default(),
            keyframes: Keyframes::default(),
            pacer: None,
            awaited: None,
            steady: None,
            turn: None,
            offset: 0,
            origin: 0,
            target_duration: None,
            assembly: Assembly::default(),
            outputs: VecDeque::new(),
            finished: false,
        }
    }

    /// Adds a track, or gives one another configuration from its next sample on.
    ///
    /// The same configuration again changes nothing. A different one begins a new
    /// [`Init`](crate::Init) and, aligned over all tracks, a discontinuity; and so do parameter sets
    /// of H.264 or HEVC in a sync sample that describe other pictures.
    ///
    /// # Errors
    ///
    /// [`Error::TooManyTracks`], [`Error::KindChanged`], [`Error::UnsupportedCodec`],
    /// [`Error::Finished`].
    pub fn set_track(&mut self, track: Track) -> Result<(), Error> {
        if self.finished {
            return Err(Error::Finished);
        }
        self.steady = None;
        if !mp4::is_supported(&track.codec) {
            return Err(Error::UnsupportedCodec(track.id));
        }
        if let Some(index) = self.index(track.id) {
            return self.change_track(index, track);
        }
        let limit = self.policy.limits.tracks;
        if self.inputs.len() >= limit {
            return Err(Error::TooManyTracks { track: track.id, limit });
        }
        let running = self.schedule.open();
        let sequence = running.map_or(self.policy.first_sequence, |open| open.sequence);
        // Nobody waits for a track that is announced while the others are under way.
        let presence = if running.is_some() { Presence::Late } else { Presence::Expected };
        let number = self.inputs.len() as u32 + 1;
        let mut input = Input::new(track, number, sequence, presence, &self.policy);
        input.clock.begin(self.offset, None);
        self.inputs.push(input);
        self.choose_pacer();
        self.limit_lengths();
        Ok(())
    }

    fn change_track(&mut self, index: usize, track: Track) -> Result<(), Error> {
        let between_timelines = self.turn.as_ref().is_some_and(Turn::is_restart);
        let Some(input) = self.inputs.get_mut(index) else { return Ok(()) };
        if input.lane.codec().kind() != track.codec.kind() {
            return Err(Error::KindChanged(track.id));
        }
        if *described(self.turn.as_ref(), index, input) == track {
            input.pending = None;
            return Ok(());
        }
        // Where nothing of the old description is under way, the new one simply takes its place.
        if input.is_idle() || (between_timelines && input.turned.is_none()) {
            input.replace(track, &self.policy);
            self.limit_lengths();
        } else {
            input.pending = Some(Box::new(track));
        }
        Ok(())
    }

    /// Takes one sample. Those of a track come in decode order, those of different tracks as they
    /// arrive.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownTrack`], [`Error::Undrained`], [`Error::Finished`]. Whatever is odd about
    /// the sample itself is repaired or left out and told by an [`Event`].
    pub fn handle_input(&mut self, sample: Sample) -> Result<(), Error> {
        if self.finished {
            return Err(Error::Finished);
        }
        if self.outputs.len() >= self.policy.limits.outputs {
            return Err(Error::Undrained(self.outputs.len()));
        }
        let index = self.index(sample.track).ok_or(Error::UnknownTrack(sample.track))?;
        if sample.sync && self.inputs.get(index).is_some_and(Input::has_sets) {
            self.look_for_sets(index, &sample);
        }
        if sample.data.is_empty() {
            self.drop_sample(&sample, DropReason::Empty);
        } else if sample.data.len() > self.policy.limits.sample_bytes {
            self.drop_sample(&sample, DropReason::TooLarge);
        } else if let Some(place) = self.steady_place(index, &sample) {
            self.go_on(index, sample, &place);
        } else {
            self.handle_unsteady(index, sample);
        }
        Ok(())
    }

    /// A keyframe may carry parameter sets, and an encoder that changes them may say so nowhere
    /// else: they are another configuration then. Picture parameter sets alone are not, since
    /// decoders take them where they stand.
    #[cold]
    fn look_for_sets(&mut self, index: usize, sample: &Sample) {
        let Some(input) = self.inputs.get(index) else { return };
        let track = input.pending.as_deref().unwrap_or(described(self.turn.as_ref(), index, input));
        // Sets that cannot be read are the decoder's.
        if let Ok(Some(codec)) = track.codec.in_band(&sample.data)
            && (codec.picture() != track.codec.picture()
                || codec.to_string() != track.codec.to_string())
        {
            let track = Track { codec, ..Track::clone(track) };
            self.steady = None;
            // The kind is the same, and so is whether it is supported.
            let _ = self.change_track(index, track);
        }
    }

    /// Takes a sample for which something may have to be decided.
    fn handle_unsteady(&mut self, index: usize, sample: Sample) {
        self.steady = None;
        let Some(input) = self.inputs.get_mut(index) else { return };
        let change = input.pending.take();
        self.handle(index, sample, change);
        if self.schedule.has_history() {
            self.assemble();
        }
        self.settle_down();
    }

    /// Puts a message in front of the next part of its track; see [`EventMessage`]. Where no sample
    /// of the track has come on the present timeline, as at the start or after
    /// [`restart`](Self::restart), it waits for the one that says where that stands.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownTrack`], [`Error::Finished`], [`Error::NulInMessage`], [`Error::TimeRange`];
    /// [`Error::TooManyMessages`] where they wait for a part that does not come, or for the end of a
    /// segment that becomes MPEG-TS.
    pub fn handle_message(&mut self, mut message: EventMessage) -> Result<(), Error> {
        if self.finished {
            return Err(Error::Finished);
        }
        let limit = self.policy.limits.message_bytes;
        let (track, time) = (message.track, message.time);
        let unknown = Error::UnknownTrack(track);
        let index = self.index(track).ok_or(unknown)?;
        let input = self.inputs.get_mut(index).ok_or(unknown)?;
        if message.has_nul() {
            return Err(Error::NulInMessage(track));
        }
        if source_to_mpeg(time.ticks(), input.track.timescale).is_none() {
            return Err(Error::TimeRange { track, time });
        }
        if input.lane.waiting_bytes().saturating_add(message.cost()) > limit {
            return Err(Error::TooManyMessages { track, limit });
        }
        if message.id.is_none() {
            message.id = Some(self.next_message);
            self.next_message = self.next_message.wrapping_add(1);
        }
        input.lane.message(message);
        if self.turn.is_none() && !input.clock.is_fresh() {
            input.lane.place_early(&input.clock);
        }
        Ok(())
    }

    /// Says when media was produced: what stands at `time` of a track (in its source timescale) was
    /// taken in at `wall`, counted from 1970. From then on each part of the track tells the time
    /// its first sample was produced (`prft`), by which players measure latency.
    ///
    /// Say it again now and then, so that the encoder's clock and the wall's stay together.
    ///
    /// It holds until the timeline ends, by a jump or [`restart`](Self::restart): the output's clock
    /// goes on without the outage, so how late that is nobody knows until it is said again. Said
    /// before the first sample of a timeline, it holds from that on.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownTrack`], [`Error::Finished`], [`Error::TimeRange`].
    pub fn set_produced(
        &mut self,
        track: TrackId,
        time: Timestamp,
        wall: std::time::Duration,
    ) -> Result<(), Error> {
        if self.finished {
            return Err(Error::Finished);
        }
        let unknown = Error::UnknownTrack(track);
        let index = self.index(track).ok_or(unknown)?;
        let input = self.inputs.get_mut(index).ok_or(unknown)?;
        if source_to_mpeg(time.ticks(), input.track.timescale).is_none() {
            return Err(Error::TimeRange { track, time });
        }
        input.lane.produced(time, wall);
        if self.turn.is_none() && !input.clock.is_fresh() {
            input.lane.place_early(&input.clock);
        }
        Ok(())
    }

    /// Says what a track's encoder declares that it sends, such as `videodatarate` of RTMP's
    /// `onMetaData`: its initialization segments that are made from then on tell it (`btrt`). `None`
    /// says that nothing is known, as from the start.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownTrack`], [`Error::Finished`].
    pub fn set_bit_rate(&mut self, track: TrackId, rate: Option<BitRate>) -> Result<(), Error> {
        if self.finished {
            return Err(Error::Finished);
        }
        let index = self.index(track).ok_or(Error::UnknownTrack(track))?;
        if let Some(input) = self.inputs.get_mut(index) {
            input.lane.declare(rate);
        }
        Ok(())
    }

    /// Ends the timeline: what is held goes out and segments close. The samples that follow, from
    /// an encoder that came back, go on right behind it after a discontinuity.
    ///
    /// Call it when the encoder is lost or when it is back; calling twice is the same as once.
    pub fn restart(&mut self) {
        if self.finished {
            return;
        }
        self.resolve_all();
        if self.turn.is_some() {
            // Restarted before, and nothing came since.
            return;
        }
        self.steady = None;
        if self.end_timeline(Discontinuity::Restart) {
            self.turn = Some(Turn::restart());
        }
        self.assemble();
    }

    /// Ends the stream: what is held goes out as last parts and segments, shorter than planned.
    pub fn finish(&mut self) {
        if self.finished {
            return;
        }
        self.resolve_all();
        self.end_stream();
        self.assemble();
        self.finished = true;
    }

    /// The next thing made, or `None` until more comes in.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// The longest a segment is, rounded to whole seconds (`EXT-X-TARGETDURATION`): settled just
    /// before the first segment comes out, `None` until then, constant afterwards.
    pub fn target_duration(&self) -> Option<u32> {
        self.target_duration
    }

    fn index(&self, id: TrackId) -> Option<usize> {
        self.inputs.iter().position(|input| input.track.id == id)
    }

    #[cold]
    fn event(&mut self, event: Event) {
        self.outputs.push_back(Output::Event(event));
    }

    #[cold]
    fn drop_sample(&mut self, sample: &Sample, reason: DropReason) {
        let (track, decode_time) = (sample.track, sample.decode_time);
        self.event(Event::Dropped { track, decode_time, reason });
    }

    /// The tracks, and what their lanes write into.
    fn split(&mut self) -> (&mut [Input], Sink<'_>) {
        let sink =
            Sink { policy: &self.policy, schedule: &mut self.schedule, outputs: &mut self.outputs };
        (&mut self.inputs, sink)
    }
}

/// How a track was described last, by a sample that waits or by one before.
fn described<'a>(turn: Option<&'a Turn>, index: usize, input: &'a Input) -> &'a Track {
    turn.and_then(|turn| turn.described(index)).unwrap_or(&input.track)
}
