//! Media playlists (RFC 8216bis, 4.4.3 to 4.4.5).

use std::fmt::Write;

use crate::decimal::Micros;
use crate::{Resource, WallTime};

// Writing to a String cannot fail, so the results of `write!` are dropped throughout.

/// What stands above the segments.
#[derive(Debug, Clone)]
pub(crate) struct Header {
    pub(crate) version: u8,
    pub(crate) target_duration: u32,
    pub(crate) independent_segments: bool,
    pub(crate) playlist_type: Option<&'static str>,
    /// None for a playlist that is complete from the start.
    pub(crate) server_control: Option<ServerControl>,
    pub(crate) media_sequence: u64,
    pub(crate) discontinuity_sequence: u64,
}

/// `EXT-X-SERVER-CONTROL` (4.4.3.8), and `EXT-X-PART-INF` (4.4.3.7) with it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ServerControl {
    /// None where delta updates are not offered.
    pub(crate) can_skip_until: Option<Micros>,
    pub(crate) hold_back: Micros,
    /// Part target and part hold-back.
    pub(crate) parts: Option<(Micros, Micros)>,
}

pub(crate) fn write_header(out: &mut String, header: &Header) {
    let _ = write!(
        out,
        "#EXTM3U\n#EXT-X-VERSION:{}\n#EXT-X-TARGETDURATION:{}\n",
        header.version, header.target_duration
    );
    if header.independent_segments {
        out.push_str("#EXT-X-INDEPENDENT-SEGMENTS\n");
    }
    if let Some(playlist_type) = header.playlist_type {
        let _ = writeln!(out, "#EXT-X-PLAYLIST-TYPE:{playlist_type}");
    }
    if let Some(control) = header.server_control {
        write_server_control(out, control);
    }
    let _ = write!(
        out,
        "#EXT-X-MEDIA-SEQUENCE:{}\n#EXT-X-DISCONTINUITY-SEQUENCE:{}\n",
        header.media_sequence, header.discontinuity_sequence
    );
}

fn write_server_control(out: &mut String, control: ServerControl) {
    out.push_str("#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES");
    if let Some(can_skip_until) = control.can_skip_until {
        let _ = write!(out, ",CAN-SKIP-UNTIL={can_skip_until},CAN-SKIP-DATERANGES=YES");
    }
    let _ = write!(out, ",HOLD-BACK={}", control.hold_back);
    if let Some((target, hold_back)) = control.parts {
        let _ = write!(out, ",PART-HOLD-BACK={hold_back}\n#EXT-X-PART-INF:PART-TARGET={target}");
    }
    out.push('\n');
}

/// `EXT-X-SKIP` (4.4.5.2); with the date ranges that are gone where older ones are skipped too.
pub(crate) fn write_skip<'a>(
    out: &mut String,
    segments: usize,
    removed: Option<impl Iterator<Item = &'a str>>,
) {
    let _ = write!(out, "#EXT-X-SKIP:SKIPPED-SEGMENTS={segments}");
    if let Some(removed) = removed {
        let removed: Vec<_> = removed.collect();
        let _ = write!(out, ",RECENTLY-REMOVED-DATERANGES=\"{}\"", removed.join("\t"));
    }
    out.push('\n');
}

/// That what follows is not encrypted (4.4.4.4).
pub(crate) fn write_no_key(out: &mut String) {
    out.push_str("#EXT-X-KEY:METHOD=NONE\n");
}

pub(crate) fn write_discontinuity(out: &mut String) {
    out.push_str("#EXT-X-DISCONTINUITY\n");
}

pub(crate) fn write_map(out: &mut String, init: Resource) {
    let _ = writeln!(out, "#EXT-X-MAP:URI=\"{init}\"");
}

pub(crate) fn write_date(out: &mut String, date: WallTime) {
    let _ = writeln!(out, "#EXT-X-PROGRAM-DATE-TIME:{date}");
}

pub(crate) fn write_part(out: &mut String, duration: Micros, uri: Resource, independent: bool) {
    let independent = if independent { ",INDEPENDENT=YES" } else { "" };
    let _ = writeln!(out, "#EXT-X-PART:DURATION={duration},URI=\"{uri}\"{independent}");
}

pub(crate) fn write_segment(out: &mut String, duration: Micros, uri: Resource, gap: bool) {
    let gap = if gap { "#EXT-X-GAP\n" } else { "" };
    let _ = write!(out, "{gap}#EXTINF:{duration},\n{uri}\n");
}

/// The part that comes next, and before it the header it needs where that is a new one (appendix
/// B.1). In this order: hls.js goes by the last hint, whatever its type.
pub(crate) fn write_preload_hints(out: &mut String, map: Option<Resource>, part: Resource) {
    if let Some(map) = map {
        let _ = writeln!(out, "#EXT-X-PRELOAD-HINT:TYPE=MAP,URI=\"{map}\"");
    }
    let _ = writeln!(out, "#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"{part}\"");
}

pub(crate) fn write_rendition_report(
    out: &mut String,
    uri: Resource,
    last_sequence: u64,
    last_part: Option<u32>,
) {
    let _ = write!(out, "#EXT-X-RENDITION-REPORT:URI=\"{uri}\",LAST-MSN={last_sequence}");
    if let Some(part) = last_part {
        let _ = write!(out, ",LAST-PART={part}");
    }
    out.push('\n');
}

pub(crate) fn write_end(out: &mut String) {
    out.push_str("#EXT-X-ENDLIST\n");
}
