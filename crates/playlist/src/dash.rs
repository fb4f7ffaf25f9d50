//! DASH manifests (ISO/IEC 23009-1) as pure functions of what they list. Nothing here knows when
//! something is listed.

use std::fmt::{self, Write};

use airloom_media::{Duration, Timescale, Timestamp};

use crate::decimal::Micros;
use crate::{Format, Protection, Rendition, Resource, VideoRange, WallTime};

// Writing to a String cannot fail, so the results of `write!` are dropped throughout.

/// A Media Presentation Description.
#[derive(Debug)]
pub(crate) struct Mpd<'a> {
    pub(crate) presentation: Presentation<'a>,
    /// `minBufferTime`, seconds.
    pub(crate) target_duration: u32,
    pub(crate) periods: Vec<Period<'a>>,
}

/// What differs between a presentation that goes on and one that is complete.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Presentation<'a> {
    Dynamic {
        available_from: WallTime,
        published: WallTime,
        /// Nanoseconds; none where nothing is ever lost.
        time_shift: Option<u64>,
        time_url: &'a str,
        low_latency: Option<LowLatency>,
    },
    Static {
        /// Nanoseconds.
        duration: u64,
    },
}

/// What clients are told that play the segment being made.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LowLatency {
    /// How far behind the server's clock to play: `ServiceDescription`.
    pub(crate) target: Micros,
    /// How long before its end a segment may be asked for: `@availabilityTimeOffset`.
    pub(crate) early: Micros,
    /// How long chunks are at most: `Resync`.
    pub(crate) part: Micros,
}

#[derive(Debug)]
pub(crate) struct Period<'a> {
    /// The first media sequence number of it: unique, and the same in every version.
    pub(crate) id: u64,
    /// Nanoseconds from the presentation's start.
    pub(crate) start: u64,
    /// When the media at its start was received.
    pub(crate) received: WallTime,
    pub(crate) representations: Vec<Representation<'a>>,
}

/// One track's segments within a Period: consecutive numbers.
#[derive(Debug)]
pub(crate) struct Representation<'a> {
    pub(crate) rendition: &'a Rendition,
    pub(crate) protection: Option<&'a Protection>,
    pub(crate) init: u64,
    pub(crate) bandwidth: u64,
    /// The media time of the Period's start.
    pub(crate) presentation_time_offset: Timestamp,
    pub(crate) start_number: u64,
    /// Whether each of them starts with a sync sample.
    pub(crate) independent: bool,
    /// The last may be the one being made: its length is then a guess.
    pub(crate) segments: Vec<(Timestamp, Duration)>,
}

impl Representation<'_> {
    /// How long its chunks are at most where those of all tracks last `part`, in its ticks.
    fn longest_part(&self, part: Micros) -> u64 {
        let hz = u64::from(self.rendition.timescale.hz());
        let common = part.0.saturating_mul(hz).div_ceil(1_000_000);
        let own = self.rendition.part_target.map(Duration::ticks);
        own.map_or(common, |own| own.min(common))
    }
}

/// Segments a client stays behind the live edge; HLS's hold-back is the same.
const PRESENTATION_DELAY: u64 = 3;

/// How often a client asks for the manifest while a segment is made. One that joins a stream with
/// a single segment listed plays that segment's length behind the edge and not more: were the next
/// one listed to it up to a whole segment late, it would stall.
const UPDATES_A_SEGMENT: u64 = 4;

/// The same where the segment being made is played: a client learns of it up to this late, and has
/// to have as much in its buffer. A manifest is a kilobyte on its way, so that asking often costs
/// little, and less than the latency that it saves.
const LONGEST_UPDATE: u64 = NANOS_PER_SECOND * 7 / 20;

const NANOS_PER_SECOND: u64 = 1_000_000_000;

/// How often clients ask for the manifest, nanoseconds.
pub(crate) fn update_period(target_duration: u32, low_latency: bool) -> u64 {
    let period = u64::from(target_duration) * NANOS_PER_SECOND / UPDATES_A_SEGMENT;
    if low_latency { period.min(LONGEST_UPDATE) } else { period }
}

pub(crate) fn render(mpd: &Mpd<'_>) -> String {
    let mut out = String::with_capacity(2048);
    out.push_str("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    out.push_str("<MPD xmlns=\"urn:mpeg:dash:schema:mpd:2011\"");
    out.push_str(" profiles=\"urn:mpeg:dash:profile:isoff-live:2011\"");
    let target = u64::from(mpd.target_duration);
    match mpd.presentation {
        Presentation::Dynamic { available_from, published, time_shift, low_latency, .. } => {
            let _ = write!(
                out,
                " type=\"dynamic\" availabilityStartTime=\"{available_from}\" \
                 publishTime=\"{published}\" minimumUpdatePeriod=\"{}\"",
                Seconds(update_period(mpd.target_duration, low_latency.is_some())),
            );
            if let Some(time_shift) = time_shift {
                let _ = write!(out, " timeShiftBufferDepth=\"{}\"", Seconds(time_shift));
            }
            // Shaka Player goes by this one and not by ServiceDescription.
            let delay = low_latency.map_or(target * PRESENTATION_DELAY * NANOS_PER_SECOND, |low| {
                low.target.0.saturating_mul(1000)
            });
            let _ = write!(out, " suggestedPresentationDelay=\"{}\"", Seconds(delay));
        }
        Presentation::Static { duration } => {
            let duration = Seconds(duration);
            let _ = write!(out, " type=\"static\" mediaPresentationDuration=\"{duration}\"");
        }
    }
    // Without maxSegmentDuration the longest segment listed is the longest (5.3.1.2): what is to
    // come may be half a second longer than the target, and the attribute must not grow (5.4.1).
    let _ = writeln!(out, " minBufferTime=\"PT{target}S\">");
    let low_latency = match mpd.presentation {
        Presentation::Dynamic { low_latency, time_url, .. } => low_latency.zip(Some(time_url)),
        Presentation::Static { .. } => None,
    };
    if let Some((low_latency, _)) = low_latency {
        write_service_description(&mut out, low_latency);
    }
    for period in &mpd.periods {
        write_period(&mut out, period, low_latency);
    }
    if let Presentation::Dynamic { time_url, .. } = mpd.presentation {
        let time_url = Escaped(time_url);
        let _ = writeln!(out, " <UTCTiming schemeIdUri=\"{CLOCK}\" value=\"{time_url}\"/>");
    }
    out.push_str("</MPD>\n");
    out
}

/// `ServiceDescription` (annex K.4): play at the target, and within a tenth of real time to get
/// there. Twice the target is where a client had better jump.
fn write_service_description(out: &mut String, low_latency: LowLatency) {
    let target = low_latency.target.0.div_ceil(1000);
    let _ = write!(
        out,
        " <ServiceDescription id=\"0\">\n  \
         <Latency referenceId=\"{REFERENCE}\" target=\"{target}\" min=\"{}\" max=\"{}\"/>\n  \
         <PlaybackRate min=\"0.9\" max=\"1.1\"/>\n </ServiceDescription>\n",
        target * 3 / 4,
        target * 2,
    );
}

/// `ProducerReferenceTime@id`.
const REFERENCE: u32 = 0;

/// A clock that answers with an ISO 8601 time.
const CLOCK: &str = "urn:mpeg:dash:utc:http-iso:2014";

/// What representations say of the segment being made.
#[derive(Debug, Clone, Copy)]
struct Edge<'a> {
    low_latency: LowLatency,
    received: WallTime,
    time_url: &'a str,
}

fn write_period(out: &mut String, period: &Period<'_>, low_latency: Option<(LowLatency, &str)>) {
    let received = period.received;
    let edge = low_latency.map(|(low_latency, time_url)| Edge { low_latency, received, time_url });
    let _ = writeln!(out, " <Period id=\"{}\" start=\"{}\">", period.id, Seconds(period.start));
    for set in sets(&period.representations) {
        write_set(out, &set, edge);
    }
    out.push_str(" </Period>\n");
}

/// Pictures of one codec, range and protection are a set to switch within; each track of sound is a
/// set to choose, with what stands for it in other encodings of the programme to switch to.
fn sets<'a, 'b>(representations: &'b [Representation<'a>]) -> Vec<Vec<&'b Representation<'a>>> {
    let mut sets: Vec<Vec<&Representation<'_>>> = Vec::new();
    for representation in representations {
        let same = sets.iter_mut().find(|set| {
            set.first().is_some_and(|first| {
                let (a, b) = (first.rendition, representation.rendition);
                family(&a.codecs) == family(&b.codecs)
                    && first.protection == representation.protection
                    && match (a.format, b.format) {
                        (Format::Video { range, .. }, Format::Video { range: other, .. }) => {
                            range == other
                        }
                        (
                            Format::Audio { channels, .. },
                            Format::Audio { channels: others, .. },
                        ) => {
                            a.variant != b.variant
                                && a.language == b.language
                                && channels == others
                                && place(first, representations)
                                    == place(representation, representations)
                        }
                        _ => false,
                    }
            })
        });
        match same {
            Some(set) => set.push(representation),
            None => sets.push(vec![representation]),
        }
    }
    sets
}

/// The how-manieth sound of its encoding this is.
fn place(of: &Representation<'_>, among: &[Representation<'_>]) -> usize {
    let of = of.rendition;
    let before = |other: &&Representation<'_>| {
        let other = other.rendition;
        other.format.kind() == of.format.kind()
            && other.variant == of.variant
            && other.track < of.track
    };
    among.iter().filter(before).count()
}

/// The sample entry of an RFC 6381 string: `avc1` of `avc1.64001F`.
fn family(codecs: &str) -> &str {
    codecs.split('.').next().unwrap_or(codecs)
}

fn write_set(out: &mut String, set: &[&Representation<'_>], edge: Option<Edge<'_>>) {
    let Some(first) = set.first() else { return };
    let kind = first.rendition.format.kind();
    // A set is named after its first track, so that it keeps its name from version to version.
    let _ = write!(
        out,
        "  <AdaptationSet id=\"{}\" contentType=\"{kind}\" mimeType=\"{kind}/mp4\"",
        first.rendition.track
    );
    if let Some(language) = &first.rendition.language {
        let _ = write!(out, " lang=\"{language}\"");
    }
    out.push_str(" segmentAlignment=\"true\"");
    // 5.3.7: of every segment, which a stream without keyframes cannot say. Keyframes of HEVC may be
    // CRA pictures, with leading pictures that refer to what was before (type 3, which holds for any).
    if set.iter().all(|representation| representation.independent) {
        let hevc = matches!(family(&first.rendition.codecs), "hvc1" | "hev1");
        let _ = write!(out, " startWithSAP=\"{}\"", if hevc { 3 } else { 1 });
    }
    out.push_str(">\n");
    for protection in first.protection.into_iter().flat_map(|all| &all.content) {
        protection.write(out);
    }
    if let Format::Video { range, .. } = first.rendition.format {
        write_range(out, range);
    }
    for representation in set {
        write_representation(out, representation, edge);
    }
    out.push_str("  </AdaptationSet>\n");
}

/// What pictures need a screen for that not every client has. As a supplement: clients that do not
/// know it play the set as they always did.
fn write_range(out: &mut String, range: VideoRange) {
    if let Some(transfer) = range.transfer() {
        let _ = writeln!(
            out,
            "   <SupplementalProperty \
             schemeIdUri=\"urn:mpeg:mpegB:cicp:TransferCharacteristics\" value=\"{transfer}\"/>"
        );
    }
}

fn write_representation(
    out: &mut String,
    representation: &Representation<'_>,
    edge: Option<Edge<'_>>,
) {
    let rendition = representation.rendition;
    let track = rendition.track;
    let _ = write!(
        out,
        "   <Representation id=\"{track}\" codecs=\"{}\" bandwidth=\"{}\"",
        rendition.codecs, representation.bandwidth
    );
    match rendition.format {
        Format::Video { width, height, frame_rate, .. } => {
            if width > 0 && height > 0 {
                let _ = write!(out, " width=\"{width}\" height=\"{height}\"");
            }
            if let Some(rate) = frame_rate {
                let _ = write!(out, " frameRate=\"{}", rate.numerator());
                if rate.denominator() != 1 {
                    let _ = write!(out, "/{}", rate.denominator());
                }
                out.push('"');
            }
            out.push_str(">\n");
        }
        Format::Audio { sample_rate, channels } => {
            if sample_rate > 0 {
                let _ = write!(out, " audioSamplingRate=\"{sample_rate}\"");
            }
            out.push_str(">\n");
            if let Some(layout) = channel_configuration(channels) {
                let _ = writeln!(
                    out,
                    "    <AudioChannelConfiguration \
                     schemeIdUri=\"urn:mpeg:mpegB:cicp:ChannelConfiguration\" value=\"{layout}\"/>"
                );
            }
        }
    }
    if let Some(Edge { received, time_url, low_latency }) = edge {
        // 5.12: what the latency is measured by. Without the clock's scheme Shaka Player takes the
        // time for one of NTP.
        let _ = writeln!(
            out,
            "    <ProducerReferenceTime id=\"{REFERENCE}\" type=\"encoder\" \
             wallClockTime=\"{received}\" presentationTime=\"{}\">\n     \
             <UTCTiming schemeIdUri=\"{CLOCK}\" value=\"{}\"/>\n    </ProducerReferenceTime>",
            representation.presentation_time_offset.ticks(),
            Escaped(time_url),
        );
        // 5.3.12: where a client may begin to read within a segment, each chunk.
        let distance = representation.longest_part(low_latency.part);
        let _ = writeln!(out, "    <Resync type=\"0\" dT=\"{distance}\"/>");
    }
    write_template(out, representation, edge.map(|edge| edge.low_latency));
    out.push_str("   </Representation>\n");
}

/// `ChannelConfiguration` of ISO/IEC 23091-3 for the usual layout of so many channels.
const fn channel_configuration(channels: u8) -> Option<u8> {
    match channels {
        1..=6 => Some(channels),
        7 => Some(11),
        8 => Some(12),
        _ => None,
    }
}

/// `SegmentTemplate` with `SegmentTimeline`, addressed by `$Number$` (5.3.9.4, 5.3.9.6): the
/// number is the media sequence number, so HLS and DASH ask for the same URIs.
fn write_template(
    out: &mut String,
    representation: &Representation<'_>,
    low_latency: Option<LowLatency>,
) {
    let track = representation.rendition.track;
    let timescale: Timescale = representation.rendition.timescale;
    let _ = write!(
        out,
        "    <SegmentTemplate timescale=\"{}\" presentationTimeOffset=\"{}\" \
         initialization=\"{}\" media=\"{track}-$Number$.m4s\" startNumber=\"{}\"",
        timescale.hz(),
        representation.presentation_time_offset.ticks(),
        Resource::Init { track, id: representation.init },
        representation.start_number,
    );
    if let Some(low_latency) = low_latency {
        let _ = write!(
            out,
            " availabilityTimeOffset=\"{}\" availabilityTimeComplete=\"false\"",
            low_latency.early
        );
    }
    out.push_str(">\n     <SegmentTimeline>\n");
    write_timeline(out, &representation.segments);
    out.push_str("     </SegmentTimeline>\n    </SegmentTemplate>\n");
}

/// `S` elements: `t` only where a segment does not start where the one before ends, `r` for the
/// repetitions after the first.
fn write_timeline(out: &mut String, segments: &[(Timestamp, Duration)]) {
    let mut segments = segments.iter().copied().peekable();
    let mut due = None;
    while let Some((start, duration)) = segments.next() {
        let mut end = start.checked_add(duration);
        let mut repeats = 0u32;
        while segments.next_if(|next| Some(next.0) == end && next.1 == duration).is_some() {
            repeats += 1;
            end = end.and_then(|end| end.checked_add(duration));
        }
        out.push_str("      <S");
        if due != Some(start) {
            let _ = write!(out, " t=\"{}\"", start.ticks());
        }
        let _ = write!(out, " d=\"{}\"", duration.ticks());
        if repeats > 0 {
            let _ = write!(out, " r=\"{repeats}\"");
        }
        out.push_str("/>\n");
        due = end;
    }
}

/// Nanoseconds as `xs:duration` in seconds, exactly: `PT2.5S`.
struct Seconds(u64);

impl fmt::Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (seconds, nanos) = (self.0 / 1_000_000_000, self.0 % 1_000_000_000);
        write!(f, "PT{seconds}")?;
        if nanos > 0 {
            let digits = format!("{nanos:09}");
            write!(f, ".{}", digits.trim_end_matches('0'))?;
        }
        f.write_str("S")
    }
}

/// Text as the value of an XML attribute. All other text here is checked when it comes in.
struct Escaped<'a>(&'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for character in self.0.chars() {
            match character {
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '"' => f.write_str("&quot;")?,
                // XML 1.0 has no way to write the other control characters.
                character if character.is_control() => {}
                character => f.write_char(character)?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn timeline(segments: &[(i64, u64)]) -> String {
        let segments: Vec<_> =
            segments.iter().map(|&(t, d)| (Timestamp::new(t), Duration::new(d))).collect();
        let mut out = String::new();
        write_timeline(&mut out, &segments);
        out.replace("      ", "").replace('\n', "")
    }

    #[test]
    fn equal_neighbours_are_one_element() {
        assert_eq!(timeline(&[(5, 10), (15, 10), (25, 10)]), "<S t=\"5\" d=\"10\" r=\"2\"/>");
        assert_eq!(
            timeline(&[(0, 10), (10, 10), (20, 9), (29, 10)]),
            "<S t=\"0\" d=\"10\" r=\"1\"/><S d=\"9\"/><S d=\"10\"/>"
        );
    }

    #[test]
    fn a_hole_is_said_by_its_time() {
        assert_eq!(timeline(&[(0, 10), (12, 10)]), "<S t=\"0\" d=\"10\"/><S t=\"12\" d=\"10\"/>");
    }

    #[test]
    fn durations_and_text() {
        assert_eq!(Seconds(2_500_000_000).to_string(), "PT2.5S");
        assert_eq!(Seconds(60_000_000_000).to_string(), "PT60S");
        assert_eq!(Seconds(1).to_string(), "PT0.000000001S");
        assert_eq!(Escaped("/t?a=\"1\"&b=<\n").to_string(), "/t?a=&quot;1&quot;&amp;b=&lt;");
    }
}
