//! The short way through the segmenter: a sample that comes as the one before it did, with nothing
//! to decide. That is nearly every one; what they cost is what a stream costs.

use airloom_media::Sample;

use super::Segmenter;
use super::clock::Place;
use super::input::{Input, Presence};
use super::lane::Timed;

/// Holds while no boundary, no track and no timeline is undecided. Whatever decides something ends
/// it, and the next sample that went the long way looks whether it holds again.
#[derive(Debug, Clone, Copy)]
pub(super) struct Steady {
    pacer: usize,
    /// The deciding track may take the open segment as far as this, in ticks of 90 kHz.
    until: i64,
    /// A sync sample from here on ends it.
    due: i64,
    /// Whether there are keyframes to count.
    video: bool,
}

impl Segmenter {
    /// The place of a sample that needs no decision; `None` for any other.
    pub(super) fn steady_place(&self, index: usize, sample: &Sample) -> Option<Place> {
        let steady = self.steady.as_ref()?;
        let input = self.inputs.get(index).filter(|input| input.steady)?;
        let place = input.clock.glance(sample)?;
        if input.lane.is_full(&self.policy) {
            return None;
        }
        let goes_on = if steady.pacer == index {
            self.leads_on(steady, input, sample.sync, &place)
        } else {
            self.follows_on(input, sample.data.len(), &place)
        };
        goes_on.then_some(place)
    }

    /// Whether a sample of the deciding track decides nothing.
    #[inline]
    fn leads_on(&self, steady: &Steady, input: &Input, sync: bool, place: &Place) -> bool {
        if place.mpeg > steady.until || !input.lane.goes_on(place.decode_time) {
            return false;
        }
        if sync && steady.video {
            let interval = self.keyframes.longest(place.mpeg);
            let last_chance = place.mpeg.saturating_add(interval) > steady.until;
            return place.mpeg < steady.due && !last_chance;
        }
        !sync || place.mpeg < steady.due
    }

    /// Whether a sample of another track simply waits, or is one that need not.
    #[inline]
    fn follows_on(&self, input: &Input, bytes: usize, place: &Place) -> bool {
        let limits = &self.policy.limits;
        let Some(reached) = self.reached() else { return false };
        if place.mpeg.saturating_sub(reached) > self.policy.stall {
            return false;
        }
        match input.queue.front() {
            None if place.mpeg <= reached => input.lane.goes_on(place.decode_time),
            front => {
                front.is_none_or(|front| front.mpeg > reached)
                    && input.queued + bytes <= limits.held_bytes
                    && input.queue.len() < limits.segment_samples
            }
        }
    }

    /// Takes a sample that needs no decision to its place.
    pub(super) fn go_on(&mut self, index: usize, sample: Sample, place: &Place) {
        let Some(Steady { pacer, video, .. }) = self.steady else { return };
        let leads = pacer == index;
        if !leads {
            self.note_lag(index, place.mpeg, self.reached());
        } else if sample.sync && self.inputs.len() > 1 {
            self.note_lead(index, place.mpeg);
        }
        let (reached, cap) = (self.reached().unwrap_or(i64::MAX), self.cap);
        let (inputs, mut sink) = self.split();
        let Some(input) = inputs.get_mut(index) else { return };
        input.clock.go_on(&sample, place);
        if let Some(duration) = sample.duration {
            input.state(place.decode_time, duration);
        }
        input.newest = Some(input.newest.map_or(place.mpeg, |newest| newest.max(place.mpeg)));
        let (mpeg, sync) = (place.mpeg, sample.sync);
        let timed = Timed {
            decode_time: place.decode_time,
            mpeg,
            composition_offset: place.composition_offset,
            sync,
            data: sample.data,
            change: None,
        };
        if !leads && (mpeg > reached || !input.queue.is_empty()) {
            return input.push(timed);
        }
        input.lane.go_on(timed, &mut sink);
        if leads {
            if sync && video {
                self.keyframes.note(mpeg, cap);
            }
            if self.inputs.len() > 1 {
                self.release();
            }
        }
    }

    /// Looks whether the samples that come now can go the short way.
    pub(super) fn settle_down(&mut self) {
        self.steady = self.steadiness();
    }

    fn steadiness(&mut self) -> Option<Steady> {
        if self.turn.is_some() || self.awaited.is_some() || self.schedule.has_history() {
            return None;
        }
        let open = self.schedule.open().filter(|open| !open.provisional)?;
        let pacer = self.pacer?;
        let until = open.start.saturating_add(self.cap);
        let due = open.start.saturating_add(self.least(pacer, open));
        let deciding = self.inputs.get(pacer)?;
        let video = deciding.lane.is_video();
        // Of sound the next chance is one frame later.
        let last_chance = until.saturating_sub(deciding.frame()).saturating_add(1);
        let due = if video { due } else { due.min(last_chance) };
        let steady = Steady { pacer, until, due, video };
        let sequence = open.sequence;
        for input in &mut self.inputs {
            input.steady = input.presence == Presence::Present
                && input.pending.is_none()
                && !input.clock.is_fresh()
                && input.lane.is_steady(sequence);
        }
        self.inputs.get(pacer).filter(|input| input.steady).map(|_| steady)
    }
}

#[cfg(test)]
mod tests {
    use airloom_media::{Codec, Delta, Timescale, Timestamp, Track, TrackId, aac};
    use bytes::Bytes;
    use proptest::prelude::*;

    use super::*;
    use crate::testing::avc_codec;
    use crate::{Config, Limits};

    const VIDEO: TrackId = TrackId::new(1);
    const AUDIO: TrackId = TrackId::new(2);

    #[derive(Debug, Clone)]
    enum Call {
        /// The next sample of the track that is behind, or of the other if that is ahead by less
        /// than this, in milliseconds; and what is odd about it.
        Sample {
            ahead: i64,
            key: bool,
            size: usize,
            odd: Odd,
        },
        Restart,
        Describe(u8),
    }

    #[derive(Debug, Clone)]
    enum Odd {
        Nothing,
        Late(i64),
        Shown(i64),
        Lost,
    }

    fn odd() -> impl Strategy<Value = Odd> {
        prop_oneof![
            200 => Just(Odd::Nothing),
            10 => (-40i64..40).prop_map(Odd::Late),
            2 => (40i64..700).prop_map(Odd::Late),
            1 => (-20_000i64..20_000).prop_map(Odd::Late),
            4 => (-200i64..400).prop_map(Odd::Shown),
            4 => Just(Odd::Lost),
        ]
    }

    fn call() -> impl Strategy<Value = Call> {
        let ahead = prop_oneof![20 => Just(0i64), 10 => -60i64..60, 1 => -6000i64..6000];
        let size = prop_oneof![1 => Just(0usize), 100 => 1usize..40, 1 => 40usize..200];
        let sample = (ahead, prop::bool::weighted(0.05), size, odd());
        let sample =
            sample.prop_map(|(ahead, key, size, odd)| Call::Sample { ahead, key, size, odd });
        prop_oneof![400 => sample, 1 => Just(Call::Restart), 1 => (0u8..5).prop_map(Call::Describe)]
    }

    fn video(milliseconds: bool) -> Track {
        let timescale = if milliseconds { Timescale::MILLIS } else { Timescale::MPEG };
        Track { id: VIDEO, timescale, codec: avc_codec() }
    }

    fn audio(record: &'static [u8]) -> Track {
        let codec = aac::Config::decode(Bytes::from_static(record)).expect("a good record");
        Track { id: AUDIO, timescale: Timescale::MILLIS, codec: Codec::Aac(codec) }
    }

    /// 48 kHz in stereo and mono, on the same clock, and 44.1 kHz.
    const RECORDS: [&[u8]; 3] = [&[0x11, 0x90], &[0x11, 0x88], &[0x12, 0x10]];

    /// One NAL unit, which sound does not mind; or nothing.
    fn data(number: i64, size: usize) -> Bytes {
        let Ok(length @ 1..) = u32::try_from(size) else { return Bytes::new() };
        let mut data = vec![number as u8; size + 4];
        data[..4].copy_from_slice(&length.to_be_bytes());
        data[4] = 0x41;
        data.into()
    }

    #[derive(Debug, Clone)]
    struct Stream {
        /// 0 for pictures alone, 1 for sound alone, else both.
        tracks: u8,
        /// Every so many pictures one is a keyframe.
        gop: i64,
        /// How far the sound is ahead, in milliseconds.
        lead: i64,
        config: Config,
    }

    /// Makes the calls, and ends steadiness before each of them if `never`: everything made, in its
    /// order, and how many samples found the stream steady.
    fn played(calls: &[Call], stream: &Stream, never: bool) -> (Vec<String>, usize) {
        let Stream { tracks, gop, lead, config } = stream.clone();
        let mut segmenter = Segmenter::new(config);
        if tracks != 1 {
            segmenter.set_track(video(true)).expect("a first track");
        }
        if tracks != 0 {
            segmenter.set_track(audio(RECORDS[0])).expect("a second track");
        }
        let (mut made, mut steady) = (Vec::new(), 0);
        let (mut times, mut numbers) = ([0i64, 0], [0i64, 0]);
        for call in calls {
            if never {
                segmenter.steady = None;
            }
            match *call {
                Call::Sample { ahead, key, size, ref odd } => {
                    let sound = match tracks {
                        0 => 0,
                        1 => 1,
                        _ => usize::from(times[1] + ahead < times[0] + lead),
                    };
                    let n = numbers[sound];
                    times[sound] += if sound == 1 { 21 + n % 3 / 2 } else { 33 + n % 3 / 2 };
                    numbers[sound] += 1;
                    let mut offset = if sound == 1 { 0 } else { n % 3 * 33 };
                    let mut time = times[sound];
                    match odd {
                        Odd::Nothing => {}
                        Odd::Late(by) if by.abs() < 40 => time += by,
                        Odd::Late(by) => {
                            times[sound] += by;
                            time += by;
                        }
                        Odd::Shown(by) => offset = *by,
                        Odd::Lost => continue,
                    }
                    let sample = Sample {
                        track: if sound == 1 { AUDIO } else { VIDEO },
                        decode_time: Timestamp::new(time),
                        composition_offset: Delta::new(offset),
                        duration: None,
                        sync: sound == 1 || key || n % gop == 0,
                        data: data(n, size),
                    };
                    let index = segmenter.index(sample.track).expect("a known track");
                    steady += usize::from(segmenter.steady_place(index, &sample).is_some());
                    segmenter.handle_input(sample).expect("outputs are taken");
                }
                Call::Restart => segmenter.restart(),
                Call::Describe(which) => {
                    let track = match which {
                        0 | 1 if tracks != 1 => video(which == 0),
                        2..5 if tracks != 0 => audio(RECORDS[usize::from(which - 2)]),
                        _ => continue,
                    };
                    segmenter.set_track(track).expect("the same kind");
                }
            }
            while let Some(output) = segmenter.poll_output() {
                made.push(format!("{output:?}"));
            }
        }
        segmenter.finish();
        while let Some(output) = segmenter.poll_output() {
            made.push(format!("{output:?}"));
        }
        (made, steady)
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(400) })]

        /// The short way leads where the long one does: to the same bytes, events and order.
        #[test]
        fn the_short_way_leads_where_the_long_one_does(
            calls in prop::collection::vec(call(), 0..600),
            (tracks, gop, lead) in (0u8..4, 10i64..150, prop::sample::select(vec![0, 0, 300, 3000])),
            (segment, parts, ts) in (200u64..3000, any::<bool>(), any::<bool>()),
            (samples, bytes) in (
                prop_oneof![3 => Just(10_000usize), 1 => 2usize..60],
                prop_oneof![3 => Just(1usize << 20), 1 => 100usize..2000],
            ),
        ) {
            let limits = Limits {
                segment_samples: samples,
                segment_bytes: bytes,
                held_bytes: bytes / 2,
                ..Limits::default()
            };
            let segment = std::time::Duration::from_millis(segment);
            let part = Config::default().part.filter(|_| parts);
            let config = Config { segment, part, ts, limits, ..Config::default() };
            let stream = Stream { tracks, gop, lead, config };
            let (short, _) = played(&calls, &stream, false);
            let (long, none) = played(&calls, &stream, true);
            prop_assert_eq!(none, 0);
            prop_assert_eq!(short, long);
        }
    }

    #[test]
    fn nearly_every_sample_of_a_clean_stream_goes_the_short_way() {
        for tracks in 0..3 {
            let clean = Call::Sample { ahead: 0, key: false, size: 20, odd: Odd::Nothing };
            let stream = Stream { tracks, gop: 60, lead: 0, config: Config::default() };
            let (made, steady) = played(&vec![clean; 3000], &stream, false);
            let events: Vec<_> = made.iter().filter(|made| made.starts_with("Event")).collect();
            assert!(events.is_empty(), "{events:?}");
            assert!(steady >= 2800, "{steady} of 3000, {tracks}");
        }
    }
}
