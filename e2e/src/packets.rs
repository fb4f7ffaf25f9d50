//! Packets, and whether two lists of them are the same stream.
//!
//! `ffmpeg -c copy -f framehash` is the judge: it reads a file or a live playlist with
//! ffmpeg's own readers and prints decode time, presentation time and hash of every packet
//! without touching it.

use std::collections::BTreeMap;
use std::fmt;
use std::process::Command;
use std::time::Duration;

use crate::process;

/// Time in units that every timescale of these tests divides: 1 kHz (FLV), 90 kHz (TS),
/// 48 kHz and 44.1 kHz, and 12.8 kHz (25 pictures a second in an MP4 file of ffmpeg).
pub const SECOND: i64 = 141_120_000;

/// One millisecond.
pub const MILLISECOND: i64 = SECOND / 1000;

/// Video or audio.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Pictures.
    Video,
    /// Sound.
    Audio,
}

/// One packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packet {
    /// Decode time, of [`SECOND`].
    pub dts: i64,
    /// Presentation time, of [`SECOND`].
    pub pts: i64,
    /// Of the payload.
    pub hash: String,
}

/// The packets of one track in decode order.
#[derive(Clone, Debug, Default)]
pub struct Track {
    /// The unit of its times, of [`SECOND`].
    pub tick: i64,
    /// Hash of the decoder configuration; empty where the container has none.
    pub configuration: String,
    /// All of them.
    pub packets: Vec<Packet>,
}

/// What a file or a playlist contains.
#[derive(Clone, Debug, Default)]
pub struct Media {
    /// By kind; the tests have one track of each at most.
    pub tracks: BTreeMap<Kind, Track>,
}

/// What is taken off packets before they are hashed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Nothing: every bit counts.
    Exact,
    /// Down to what MPEG-TS carries unchanged: H.264 as a byte stream without access unit
    /// delimiters and parameter sets, which TS repeats, and AAC without ADTS headers.
    Elementary,
    /// As `Elementary`, and without supplemental information, which some encoders rewrite.
    Slices,
    /// As `Slices`, for any codec that MPEG-TS has: these filters, one for pictures and one for
    /// sound, an empty one for nothing.
    Carried(&'static str, &'static str),
}

impl Form {
    fn filters(self) -> Vec<&'static str> {
        match self {
            Self::Exact => vec![],
            Self::Elementary => vec![
                "-bsf:v",
                "h264_mp4toannexb,filter_units=remove_types=7|8|9",
                "-bsf:a",
                "aac_adtstoasc",
            ],
            Self::Slices => vec![
                "-bsf:v",
                "h264_mp4toannexb,filter_units=remove_types=6-9",
                "-bsf:a",
                "aac_adtstoasc",
            ],
            Self::Carried(video, audio) => [["-bsf:v", video], ["-bsf:a", audio]]
                .into_iter()
                .filter(|[_, filter]| !filter.is_empty())
                .flatten()
                .collect(),
        }
    }
}

/// The command that reads `input` and prints its packets; `options` go before the input.
pub fn command(options: &[&str], input: &str, form: Form) -> Command {
    let mut command = Command::new("ffmpeg");
    command
        .args(["-hide_banner", "-nostdin", "-loglevel", "warning", "-copyts"])
        .args(options)
        .args(["-i", input, "-map", "0:v?", "-map", "0:a?", "-c", "copy"])
        .args(form.filters())
        .args(["-f", "framehash", "-hash", "md5", "-"]);
    command
}

/// The packets of a file.
pub fn of(input: &str, form: Form) -> Media {
    Media::parse(&process::run(Duration::from_mins(1), &mut command(&[], input, form)))
}

impl Media {
    /// Reads what `framehash` prints.
    pub fn parse(text: &str) -> Self {
        let mut kinds = BTreeMap::new();
        let mut ticks = BTreeMap::new();
        let mut configurations = BTreeMap::new();
        let mut media = Self::default();
        for line in text.lines() {
            if let Some(rest) = line.strip_prefix("#media_type ") {
                let (index, kind) = rest.split_once(": ").expect("a media type");
                kinds.insert(
                    index.to_owned(),
                    if kind == "video" { Kind::Video } else { Kind::Audio },
                );
            } else if let Some(rest) = line.strip_prefix("#tb ") {
                let (index, base) = rest.split_once(": ").expect("a time base");
                let (numerator, denominator) = base.split_once('/').expect("a fraction");
                let numerator: i64 = numerator.parse().expect("a numerator");
                let denominator: i64 = denominator.parse().expect("a denominator");
                let tick = SECOND * numerator;
                assert_eq!(tick % denominator, 0, "{SECOND} cannot express {base}");
                ticks.insert(index.to_owned(), tick / denominator);
            } else if let Some(rest) = line.strip_prefix("#extradata ") {
                let (index, hash) = rest.split_once(',').expect("a configuration");
                let hash = hash.rsplit(',').next().unwrap_or_default().trim();
                configurations.insert(index.to_owned(), hash.to_owned());
            } else if !line.starts_with('#') && !line.is_empty() {
                let fields: Vec<&str> = line.split(',').map(str::trim).collect();
                let [index, dts, pts, _duration, _size, hash, ..] = fields[..] else {
                    panic!("not a packet: {line}");
                };
                let tick = ticks[index];
                let track = media.tracks.entry(kinds[index]).or_insert_with(|| Track {
                    tick,
                    configuration: configurations.get(index).cloned().unwrap_or_default(),
                    packets: Vec::new(),
                });
                let time = |word: &str| word.parse::<i64>().expect("a time") * tick;
                track.packets.push(Packet {
                    dts: time(dts),
                    pts: time(pts),
                    hash: hash.to_owned(),
                });
            }
        }
        media
    }

    /// A track that must be there.
    pub fn track(&self, kind: Kind) -> &Track {
        self.tracks.get(&kind).unwrap_or_else(|| panic!("no {kind:?} among {:?}", self.counts()))
    }

    /// Packets by kind.
    pub fn counts(&self) -> BTreeMap<Kind, usize> {
        self.tracks.iter().map(|(kind, track)| (*kind, track.packets.len())).collect()
    }

    /// Fails unless `self` is `source`, every packet once, in order, bit for bit, with its
    /// times.
    ///
    /// One offset, common to all tracks, is free: a server may start its clock anywhere.
    /// Video is then exact to the tick. Audio may be off by a millisecond, because RTMP
    /// rounds what is a whole number of samples to milliseconds and a packager may undo it,
    /// but not the first packet: its distance from the first picture is exact to the tick.
    pub fn assert_same(&self, source: &Self) {
        if let Err(difference) = self.same(source) {
            panic!("{difference}");
        }
    }

    /// As [`assert_same`](Self::assert_same) for a source whose sound has its own clock: that is
    /// the source's, too, to the nearest tick of the coarser one.
    pub fn assert_exact(&self, source: &Self) {
        self.assert_same(source);
        let first = |media: &Self| {
            let (kind, track) = media.tracks.first_key_value().expect("a track");
            (*kind, track.packets.first().expect("a packet").dts)
        };
        let ((kind, got), (wanted_kind, wanted)) = (first(self), first(source));
        assert_eq!(kind, wanted_kind);
        for (kind, wanted_track) in &source.tracks {
            let track = self.track(*kind);
            let tolerance = track.tick.max(wanted_track.tick) / 2;
            let packets = track.packets.iter().zip(&wanted_track.packets);
            for (index, (packet, source)) in packets.enumerate() {
                let off = [packet.dts - source.dts, packet.pts - source.pts];
                assert!(
                    off.iter().all(|off| (off - (got - wanted)).abs() <= tolerance),
                    "{kind:?} packet {index}: {} from the source",
                    off.map(|off| milliseconds(off - (got - wanted))).join(" and "),
                );
            }
        }
    }

    /// [`assert_same`](Self::assert_same) as a value.
    ///
    /// # Errors
    ///
    /// Every difference found.
    pub fn same(&self, source: &Self) -> Result<(), Difference> {
        let mut found = Vec::new();
        if self.tracks.keys().ne(source.tracks.keys()) {
            found.push(format!("tracks {:?} for {:?}", self.counts(), source.counts()));
        }
        // The offset is video's where there is video: its times are exact in every format.
        let offset = source.tracks.iter().find_map(|(kind, track)| {
            Some(self.tracks.get(kind)?.packets.first()?.dts - track.packets.first()?.dts)
        });
        for (kind, wanted) in &source.tracks {
            let (Some(got), Some(offset)) = (self.tracks.get(kind), offset) else { continue };
            found.extend(got.differences(*kind, wanted, offset));
        }
        if found.is_empty() { Ok(()) } else { Err(Difference(found)) }
    }
}

impl Track {
    fn differences(&self, kind: Kind, wanted: &Self, offset: i64) -> Vec<String> {
        let mut found = Vec::new();
        let hashes = |track: &Self| track.packets.iter().map(|p| p.hash.clone()).collect();
        let (got_hashes, wanted_hashes): (Vec<String>, Vec<String>) =
            (hashes(self), hashes(wanted));
        if got_hashes != wanted_hashes {
            found.push(format!("{kind:?}: {}", explain(&got_hashes, &wanted_hashes)));
            return found;
        }
        let mut late = 0;
        let count = wanted.packets.len();
        for (index, (got, wanted)) in self.packets.iter().zip(&wanted.packets).enumerate() {
            let tolerance = match (kind, index) {
                (Kind::Video, _) => 0,
                // A source tick of a millisecond is not a whole number of samples at 44.1 kHz.
                (Kind::Audio, 0) => self.tick,
                (Kind::Audio, _) => MILLISECOND,
            };
            let dts = got.dts - offset - wanted.dts;
            let pts = got.pts - offset - wanted.pts;
            if dts.abs() > tolerance || pts.abs() > tolerance {
                late += 1;
                if late <= 3 {
                    found.push(format!(
                        "{kind:?} packet {index} of {count}: dts off by {}, pts by {}",
                        milliseconds(dts),
                        milliseconds(pts)
                    ));
                }
            }
        }
        if late > 3 {
            found.push(format!("{kind:?}: {late} packets with other times"));
        }
        found
    }

    /// Fails unless the packets are an unbroken run of `source`, from at most `skipped`
    /// packets after its start to its end: what a peer that joins late can get.
    pub fn assert_run_of(&self, source: &Self, skipped: usize) {
        let hash = |packet: &Packet| packet.hash.clone();
        let got: Vec<String> = self.packets.iter().map(hash).collect();
        let wanted: Vec<String> = source.packets.iter().map(hash).collect();
        let first = got.first().expect("a packet");
        let start = wanted.iter().position(|hash| hash == first);
        let start = start.expect("the first packet to be one of the source");
        assert!(start <= skipped, "the first {start} packets are missing");
        assert!(got == wanted[start..], "{}", explain(&got, &wanted[start..]));
    }

    /// Fails unless decode times rise and no presentation time comes before its decode time.
    pub fn assert_monotone(&self) {
        for (index, pair) in self.packets.windows(2).enumerate() {
            assert!(pair[0].dts < pair[1].dts, "packet {} is not later", index + 1);
        }
        for (index, packet) in self.packets.iter().enumerate() {
            assert!(packet.pts >= packet.dts, "packet {index} is shown before it is decoded");
        }
    }
}

/// How two streams differ, a line each.
#[derive(Debug)]
pub struct Difference(Vec<String>);

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join("\n"))
    }
}

fn milliseconds(time: i64) -> String {
    // Only for a person to read.
    #[expect(clippy::cast_precision_loss)]
    let milliseconds = time as f64 / MILLISECOND as f64;
    format!("{milliseconds:.3} ms")
}

fn explain(got: &[String], wanted: &[String]) -> String {
    let count = |list: &[String]| {
        let mut counts = BTreeMap::new();
        for hash in list {
            *counts.entry(hash.clone()).or_insert(0_usize) += 1;
        }
        counts
    };
    let (got_counts, wanted_counts) = (count(got), count(wanted));
    let missing = wanted.iter().filter(|hash| !got_counts.contains_key(*hash)).count();
    let strange = got.iter().filter(|hash| !wanted_counts.contains_key(*hash)).count();
    let doubled = got_counts
        .iter()
        .filter(|(hash, count)| wanted_counts.get(*hash).is_some_and(|wanted| *count > wanted))
        .count();
    let place = got.iter().zip(wanted).position(|(got, wanted)| got != wanted);
    let place = place.unwrap_or(got.len().min(wanted.len()));
    format!(
        "{} packets for {}: {missing} missing, {strange} unknown, {doubled} more than once; \
         the first difference is at {place}",
        got.len(),
        wanted.len()
    )
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use super::*;

    /// Ten pictures and ten audio frames at 48 kHz, in milliseconds, audio `late` later.
    fn source(late: i64) -> Media {
        let mut text = String::from("#tb 0: 1/1000\n#media_type 0: video\n");
        text.push_str("#tb 1: 1/1000\n#media_type 1: audio\n");
        for n in 0..10_i64 {
            let (dts, audio) = (n * 1000 / 30, (n * 1024 + 24) / 48 + late);
            let pts = dts + 67;
            writeln!(text, "0, {dts}, {pts}, 33, 1, v{n}").expect("memory");
            writeln!(text, "1, {audio}, {audio}, 21, 1, a{n}").expect("memory");
        }
        Media::parse(&text)
    }

    /// The same as a packager writes it: 90 kHz, audio on its sample grid, an hour later.
    fn packaged(late: i64) -> Media {
        let mut media = source(0);
        for packet in &mut media.tracks.get_mut(&Kind::Video).expect("video").packets {
            packet.dts += 3600 * SECOND;
            packet.pts += 3600 * SECOND;
        }
        let audio = media.tracks.get_mut(&Kind::Audio).expect("audio");
        audio.tick = SECOND / 48_000;
        for (n, packet) in audio.packets.iter_mut().enumerate() {
            let n = i64::try_from(n).expect("few");
            packet.dts = 3600 * SECOND + late * MILLISECOND + n * 1024 * SECOND / 48_000;
            packet.pts = packet.dts;
        }
        media
    }

    #[test]
    fn the_same_stream_on_another_clock_is_the_same() {
        packaged(46).assert_same(&source(46));
    }

    #[test]
    fn a_lost_offset_between_the_tracks_is_found() {
        let difference = packaged(0).same(&source(46)).expect_err("46 ms");
        assert!(difference.to_string().contains("Audio packet 0"), "{difference}");
    }

    #[test]
    fn a_single_tick_of_the_first_audio_is_the_tolerance() {
        let mut media = packaged(46);
        let audio = media.tracks.get_mut(&Kind::Audio).expect("audio");
        audio.packets[0].dts += 2 * audio.tick;
        audio.packets[0].pts = audio.packets[0].dts;
        media.same(&source(46)).expect_err("two ticks");
    }

    #[test]
    fn a_sample_grid_is_exact_only_on_the_same_grid() {
        packaged(46).assert_exact(&packaged(46));
        let moved = std::panic::catch_unwind(|| {
            let mut media = packaged(46);
            let audio = media.tracks.get_mut(&Kind::Audio).expect("audio");
            audio.packets[5].pts += audio.tick;
            media.assert_exact(&packaged(46));
        });
        assert!(moved.is_err(), "a sample");
    }

    #[test]
    fn lost_doubled_changed_and_swapped_packets_are_found() {
        let edit = |edit: fn(&mut Vec<Packet>)| {
            let mut media = packaged(0);
            edit(&mut media.tracks.get_mut(&Kind::Video).expect("video").packets);
            media.same(&source(0)).expect_err("a difference").to_string()
        };
        let lost = edit(|packets| {
            packets.remove(3);
        });
        assert!(lost.contains("1 missing, 0 unknown, 0 more than once"), "{lost}");
        let doubled = edit(|packets| packets.insert(3, packets[3].clone()));
        assert!(doubled.contains("0 missing, 0 unknown, 1 more than once"), "{doubled}");
        let changed = edit(|packets| packets[3].hash.push('x'));
        assert!(changed.contains("1 missing, 1 unknown"), "{changed}");
        let swapped = edit(|packets| packets.swap(3, 4));
        assert!(swapped.contains("the first difference is at 3"), "{swapped}");
        let late = edit(|packets| packets[3].pts += 1);
        assert!(late.contains("packet 3"), "{late}");
    }

    #[test]
    fn a_missing_track_is_found() {
        let mut media = packaged(0);
        media.tracks.remove(&Kind::Audio);
        media.same(&source(0)).expect_err("no audio");
    }

    #[test]
    fn a_run_to_the_end_is_what_a_late_peer_gets() {
        let source = source(0);
        let source = source.track(Kind::Video);
        let mut late = source.clone();
        late.packets.drain(..4);
        late.assert_run_of(source, 4);
        late.packets.remove(2);
        let broken = std::panic::catch_unwind(|| late.assert_run_of(source, 4));
        assert!(broken.is_err());
    }
}
