use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;

use airloom_media::{Codec, Duration, Rounding, Timescale, Timestamp, TrackId};
use bytes::Bytes;

use crate::ts::{self, AccessUnit, Counters, Program, Stream};
use crate::{Event, Output, PartSample, Segment};

/// A segment of all tracks as MPEG-TS (ISO/IEC 13818-1), rendered when somebody wants it.
///
/// It carries the stream's first video and first audio track.
#[derive(Clone)]
#[non_exhaustive]
pub struct TsSegment {
    /// The segment's number, the same as that of the CMAF segments.
    pub sequence: u64,
    /// Where the schedule begins it, in ticks of 90 kHz, not wrapped: the decode time of the first
    /// sample of the track that decides.
    pub start: Timestamp,
    /// From there to where the next one begins, in ticks of 90 kHz.
    pub duration: Duration,
    /// Whether it starts with a keyframe, where it has video.
    pub independent: bool,
    /// Whether a new timeline or configuration begins with it.
    pub discontinuity: bool,
    /// How many bytes [`render`](Self::render) makes.
    pub size: usize,
    content: Arc<Content>,
}

/// What a segment is rendered from.
struct Content {
    program: Arc<Program>,
    /// The state of the transport stream where the segment begins.
    counters: Counters,
    video: Option<(Segment, Timescale)>,
    audio: Option<(Segment, Timescale)>,
    /// ID3 tags, by their time.
    tags: Vec<Tag>,
    /// Whether some samples cannot be carried and have to be left out.
    checked: bool,
}

impl TsSegment {
    /// The segment's bytes: whole packets of 188 bytes, PAT and PMT first. Every call makes them
    /// anew, with one copy of the payload.
    pub fn render(&self) -> Bytes {
        let content = &*self.content;
        // What could not be written was left out when the segment was measured.
        let rendered = if content.checked {
            ts::render(&content.program, content.sound_units(), content.counters)
        } else {
            ts::render(&content.program, content.units(), content.counters)
        };
        rendered.unwrap_or_default()
    }

    /// The CMAF segments whose samples it shares.
    pub fn segments(&self) -> impl Iterator<Item = &Segment> {
        let content = &*self.content;
        content.video.iter().chain(&content.audio).map(|(segment, _)| segment)
    }
}

impl fmt::Debug for TsSegment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TsSegment")
            .field("sequence", &self.sequence)
            .field("start", &self.start)
            .field("duration", &self.duration)
            .field("independent", &self.independent)
            .field("discontinuity", &self.discontinuity)
            .field("size", &self.size)
            .finish_non_exhaustive()
    }
}

impl Content {
    /// All access units by decode time.
    fn units(&self) -> impl Iterator<Item = AccessUnit<'_>> + Clone {
        let media = ts::interleave(
            units(Stream::Video, self.video.as_ref()),
            units(Stream::Audio, self.audio.as_ref()),
        );
        // A tag that comes before its time waits here for nothing: its packet tells its time.
        ts::interleave(media, self.tags.iter().map(tag))
    }

    /// Those that can be carried.
    fn sound_units(&self) -> impl Iterator<Item = AccessUnit<'_>> + Clone {
        self.units().filter(|unit| self.program.check(unit).is_ok())
    }
}

fn units(
    stream: Stream,
    track: Option<&(Segment, Timescale)>,
) -> impl Iterator<Item = AccessUnit<'_>> + Clone {
    track.into_iter().flat_map(move |(segment, timescale)| {
        segment.samples().map(move |sample| unit(stream, sample, *timescale))
    })
}

/// A tag in a segment.
struct Tag {
    /// Its place among the other units, in ticks of 90 kHz: within the segment, whenever it is for.
    place: i64,
    /// When it is for.
    time: i64,
    data: Bytes,
}

fn tag(tag: &Tag) -> AccessUnit<'_> {
    AccessUnit {
        stream: Stream::Metadata,
        decode_time: Timestamp::new(tag.place),
        presentation_time: Timestamp::new(tag.time),
        sync: true,
        data: &tag.data,
    }
}

fn unit(stream: Stream, sample: PartSample<'_>, timescale: Timescale) -> AccessUnit<'_> {
    let to_mpeg = |time: Timestamp| {
        // The segmenter keeps its times far inside of 64 bits.
        time.rescale(timescale, Timescale::MPEG, Rounding::Nearest).unwrap_or(time)
    };
    let decode_time = to_mpeg(sample.decode_time);
    let shown = sample.decode_time.checked_offset(sample.composition_offset);
    AccessUnit {
        stream,
        decode_time,
        presentation_time: match shown {
            Some(shown) if shown != sample.decode_time => to_mpeg(shown),
            _ => decode_time,
        },
        sync: sample.sync,
        data: sample.data,
    }
}

/// A segment that a track has closed, and how it is coded.
#[derive(Debug)]
pub(crate) struct Closed {
    pub(crate) segment: Segment,
    pub(crate) codec: Arc<Codec>,
    pub(crate) timescale: Timescale,
    /// ID3 tags that came with it, and when they are for, in ticks of 90 kHz.
    pub(crate) tags: Vec<(i64, Bytes)>,
}

/// What the schedule says of a segment.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Plan {
    pub(crate) sequence: u64,
    /// In ticks of 90 kHz, like `end`.
    pub(crate) start: i64,
    pub(crate) end: i64,
    pub(crate) discontinuity: bool,
    /// The tracks the program consists of.
    pub(crate) video: Option<TrackId>,
    pub(crate) audio: Option<TrackId>,
}

/// The transport stream from segment to segment.
#[derive(Debug, Default)]
pub(crate) struct Assembly {
    counters: Counters,
    program: Option<Arc<Program>>,
    /// What the program declares: every track that has had a segment.
    video: Option<Arc<Codec>>,
    audio: Option<Arc<Codec>>,
    /// The video cannot be carried.
    blind: bool,
    /// The audio cannot be carried.
    mute: bool,
    /// There was an ID3 tag.
    tagged: bool,
}

impl Assembly {
    /// Makes a segment of those its tracks have closed.
    pub(crate) fn assemble(
        &mut self,
        plan: &Plan,
        closed: &[Closed],
        outputs: &mut VecDeque<Output>,
    ) {
        let of =
            |id: Option<TrackId>| closed.iter().find(|closed| Some(closed.segment.track) == id);
        let (video, audio) = (of(plan.video), of(plan.audio));
        let end = plan.end.max(plan.start);
        let tags = closed.iter().flat_map(|closed| closed.tags.clone());
        let mut tags: Vec<_> = tags
            .map(|(time, data)| Tag { place: time.clamp(plan.start, end), time, data })
            .collect();
        tags.sort_by_key(|tag| tag.place);
        // From the first tag on the stream is declared in every segment.
        let newly_tagged = !self.tagged && !tags.is_empty();
        self.tagged |= newly_tagged;
        let changed =
            changed(&mut self.video, video) | changed(&mut self.audio, audio) | newly_tagged;
        if changed {
            (self.blind, self.mute) = (false, false);
            self.program = self.describe(plan, outputs);
        }
        let Some(program) = &self.program else { return };
        let with_time = |closed: &Closed| (closed.segment.clone(), closed.timescale);
        let mut content = Content {
            program: Arc::clone(program),
            counters: self.counters,
            video: video.filter(|_| !self.blind).map(with_time),
            audio: audio.filter(|_| !self.mute).map(with_time),
            tags,
            checked: false,
        };
        let mut measured = ts::measure(program, content.units(), self.counters);
        if let Err(error) = measured {
            let sequence = plan.sequence;
            outputs.push_back(Output::Event(Event::TsDropped { sequence, error }));
            content.checked = true;
            measured = ts::measure(program, content.sound_units(), self.counters);
        }
        let Ok(measured) = measured else { return };
        self.counters = measured.counters;
        outputs.push_back(Output::TsSegment(TsSegment {
            sequence: plan.sequence,
            start: Timestamp::new(plan.start),
            duration: Duration::new(plan.end.saturating_sub(plan.start).max(0).unsigned_abs()),
            independent: video.or(audio).is_some_and(|closed| closed.segment.independent),
            discontinuity: plan.discontinuity,
            size: measured.len,
            content: Arc::new(content),
        }));
    }

    /// The program of all tracks that MPEG-TS can carry.
    fn describe(&mut self, plan: &Plan, outputs: &mut VecDeque<Output>) -> Option<Arc<Program>> {
        let config = ts::Config::default();
        let mut tracks = [
            (plan.video, self.video.as_deref(), false),
            (plan.audio, self.audio.as_deref(), false),
        ];
        for (index, (track, codec, dropped)) in tracks.iter_mut().enumerate() {
            let (video, audio) = if index == 0 { (*codec, None) } else { (None, *codec) };
            if codec.is_none() {
                continue;
            }
            if let Err(error) = Program::of_codecs(video, audio, &config) {
                if let Some(track) = *track {
                    outputs.push_back(Output::Event(Event::TsUnsupported { track, error }));
                }
                (*codec, *dropped) = (None, true);
            }
        }
        let [(_, video, blind), (_, audio, mute)] = tracks;
        let program = Program::of_codecs(video, audio, &config);
        (self.blind, self.mute) = (blind, mute);
        let program = program.ok()?;
        Some(Arc::new(if self.tagged { program.with_metadata() } else { program }))
    }
}

/// Takes over the codec of a closed segment; whether that is another than before.
fn changed(known: &mut Option<Arc<Codec>>, closed: Option<&Closed>) -> bool {
    let Some(closed) = closed else { return false };
    if known.as_ref().is_some_and(|known| Arc::ptr_eq(known, &closed.codec)) {
        return false;
    }
    *known = Some(Arc::clone(&closed.codec));
    true
}
