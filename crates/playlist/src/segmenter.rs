//! What `airloom-segmenter` makes, as a window is told of it.

use airloom_media::Track;
use airloom_segmenter as segmenter;

use crate::{Format, FrameRate, Gap, Input, Part, Rendition, Resource, Segment, TsSegment};

impl Input {
    /// What a window is told of an output; `None` of an event. Headers are named by their
    /// [`id`](segmenter::Init::id): for a stream that nobody goes on with later, such as a file. For
    /// others there is [`Rendition::of_init`].
    pub fn of_output(output: &segmenter::Output) -> Option<Self> {
        Some(match output {
            segmenter::Output::Init(init) => Self::Track(Rendition::of_init(init, init.id.into())),
            segmenter::Output::Part(part) => part.into(),
            segmenter::Output::Segment(segment) => segment.into(),
            segmenter::Output::Gap(gap) => gap.into(),
            segmenter::Output::TsSegment(segment) => segment.into(),
            _ => return None,
        })
    }
}

impl Resource {
    /// The name of an output's bytes, under the same terms as [`Input::of_output`]; `None` of what
    /// has none.
    pub fn of_output(output: &segmenter::Output) -> Option<Self> {
        Some(match output {
            segmenter::Output::Init(init) => Self::Init { track: init.track, id: init.id.into() },
            segmenter::Output::Part(part) => {
                let (track, sequence, index) = (part.track, part.sequence, part.index);
                Self::Part { track, sequence, index }
            }
            segmenter::Output::Segment(segment) => {
                Self::Segment { track: segment.track, sequence: segment.sequence }
            }
            segmenter::Output::TsSegment(segment) => Self::TsSegment { sequence: segment.sequence },
            _ => return None,
        })
    }
}

impl Rendition {
    /// What a CMAF header says of its track. `name` is what playlists call the header by: see
    /// [`init`](Self::init).
    pub fn of_init(init: &segmenter::Init, name: u64) -> Self {
        let (id, timescale) = (init.track, init.timescale);
        let mut rendition = Self::new(&Track { id, timescale, codec: init.codec.clone() }, name);
        // What the samples last, where the parameter sets do not say.
        if let Format::Video { frame_rate: rate @ None, .. } = &mut rendition.format {
            let ticks = u32::try_from(init.frame_duration.ticks()).ok();
            *rate = ticks.and_then(|ticks| FrameRate::new(timescale.hz(), ticks));
        }
        rendition.presentation_delay = init.presentation_delay;
        rendition.part_target = Some(init.part_target).filter(|target| target.ticks() > 0);
        rendition
    }
}

impl From<&segmenter::Part> for Input {
    fn from(part: &segmenter::Part) -> Self {
        Self::Part(Part {
            track: part.track,
            sequence: part.sequence,
            index: part.index,
            start: part.start,
            duration: part.duration,
            independent: part.independent,
            discontinuity: part.discontinuity,
            bytes: part.size as u64,
        })
    }
}

impl From<&segmenter::Segment> for Input {
    fn from(segment: &segmenter::Segment) -> Self {
        Self::Segment(Segment {
            track: segment.track,
            sequence: segment.sequence,
            start: segment.start,
            duration: segment.duration,
            independent: segment.independent,
            discontinuity: segment.discontinuity,
            bytes: segment.size as u64,
        })
    }
}

impl From<&segmenter::Gap> for Input {
    fn from(gap: &segmenter::Gap) -> Self {
        Self::Gap(Gap {
            track: gap.track,
            sequence: gap.sequence,
            start: gap.start,
            duration: gap.duration,
            discontinuity: gap.discontinuity,
        })
    }
}

impl From<&segmenter::TsSegment> for Input {
    fn from(segment: &segmenter::TsSegment) -> Self {
        Self::TsSegment(TsSegment {
            sequence: segment.sequence,
            start: segment.start,
            duration: segment.duration,
            discontinuity: segment.discontinuity,
        })
    }
}
