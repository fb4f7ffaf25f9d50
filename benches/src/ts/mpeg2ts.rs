//! mpeg2ts 0.6 with glue: it writes packets; cutting access units into them, tables and clocks are
//! written here.

use ::mpeg2ts::es::{StreamId, StreamType};
use ::mpeg2ts::pes::PesHeader;
use ::mpeg2ts::time::{ClockReference, Timestamp};
use ::mpeg2ts::ts::payload::{Bytes, Pat, Pes, Pmt};
use ::mpeg2ts::ts::{
    AdaptationField, ContinuityCounter, EsInfo, Pid, ProgramAssociation,
    TransportScramblingControl, TsHeader, TsPacket, TsPacketWriter, TsPayload, VersionNumber,
    WriteTsPacket,
};

use super::elementary::Elementary;
use crate::Failure;
use crate::input::{Input, Kind, Tag};
use crate::output::{Collect, Lane, Muxer};

pub(super) const MUXER: Muxer = Muxer { name: "mpeg2ts 0.6 with glue", run };

const PMT: u16 = 0x1000;
const VIDEO: u16 = 0x100;
const AUDIO: u16 = 0x101;
/// Bytes of a packet behind its header.
const ROOM: usize = Bytes::MAX_SIZE;

#[derive(Default)]
struct Counters {
    pat: ContinuityCounter,
    pmt: ContinuityCounter,
    video: ContinuityCounter,
    audio: ContinuityCounter,
}

fn run(input: &Input, out: &mut dyn Collect) -> Result<(), Failure> {
    let mut elementary = Elementary::default();
    let mut counters = Counters::default();
    let mut unit = Vec::new();
    let mut segment: Option<TsPacketWriter<Vec<u8>>> = None;
    for tag in &input.tags {
        if tag.is_config() {
            elementary.configure(tag);
        }
        if !tag.is_sample() {
            continue;
        }
        if segment.is_none() || tag.kind == Kind::Video && tag.is_key() {
            if let Some(finished) = segment.take() {
                out.put(Lane::Muxed, &finished.into_stream());
            }
            let writer = segment.insert(TsPacketWriter::new(Vec::new()));
            tables(writer, &mut counters)?;
        }
        if let Some(writer) = &mut segment {
            unit.clear();
            elementary.write(tag, &mut unit);
            packets(writer, &mut counters, tag, &unit)?;
        }
    }
    if let Some(finished) = segment {
        out.put(Lane::Muxed, &finished.into_stream());
    }
    Ok(())
}

fn header(pid: u16, counter: &mut ContinuityCounter) -> Result<TsHeader, Failure> {
    let header = TsHeader {
        transport_error_indicator: false,
        transport_priority: false,
        pid: Pid::new(pid)?,
        transport_scrambling_control: TransportScramblingControl::NotScrambled,
        continuity_counter: *counter,
    };
    counter.increment();
    Ok(header)
}

fn tables(out: &mut TsPacketWriter<Vec<u8>>, counters: &mut Counters) -> Result<(), Failure> {
    let pat = Pat {
        transport_stream_id: 1,
        version_number: VersionNumber::new(),
        table: vec![ProgramAssociation { program_num: 1, program_map_pid: Pid::new(PMT)? }],
    };
    out.write_ts_packet(&TsPacket {
        header: header(Pid::PAT, &mut counters.pat)?,
        adaptation_field: None,
        payload: Some(TsPayload::Pat(pat)),
    })?;
    let stream = |stream_type, pid| -> Result<EsInfo, Failure> {
        Ok(EsInfo { stream_type, elementary_pid: Pid::new(pid)?, descriptors: Vec::new() })
    };
    let pmt = Pmt {
        program_num: 1,
        pcr_pid: Some(Pid::new(VIDEO)?),
        version_number: VersionNumber::new(),
        program_info: Vec::new(),
        es_info: vec![stream(StreamType::H264, VIDEO)?, stream(StreamType::AdtsAac, AUDIO)?],
    };
    out.write_ts_packet(&TsPacket {
        header: header(PMT, &mut counters.pmt)?,
        adaptation_field: None,
        payload: Some(TsPayload::Pmt(pmt)),
    })?;
    Ok(())
}

fn packets(
    out: &mut TsPacketWriter<Vec<u8>>,
    counters: &mut Counters,
    tag: &Tag,
    unit: &[u8],
) -> Result<(), Failure> {
    let video = tag.kind == Kind::Video;
    let (pid, counter) =
        if video { (VIDEO, &mut counters.video) } else { (AUDIO, &mut counters.audio) };
    let dts = u64::from(tag.timestamp) * 90;
    let pts = dts.wrapping_add_signed(i64::from(tag.composition_offset()) * 90);
    // The flags, and a clock with each picture.
    let adaptation_field = video.then_some(AdaptationField {
        discontinuity_indicator: false,
        random_access_indicator: tag.is_key(),
        es_priority_indicator: false,
        pcr: Some(ClockReference::new(dts * 300)?),
        opcr: None,
        splice_countdown: None,
        transport_private_data: Vec::new(),
        extension: None,
    });
    let pes_header = PesHeader {
        stream_id: if video { StreamId::new_video(0xE0)? } else { StreamId::new_audio(0xC0)? },
        priority: false,
        data_alignment_indicator: true,
        copyright: false,
        original_or_copy: false,
        pts: Some(Timestamp::new(pts)?),
        dts: if video { Some(Timestamp::new(dts)?) } else { None },
        escr: None,
    };
    let adaptation = if video { 8 } else { 0 };
    let pes = if video { 19 } else { 14 };
    let (first, mut rest) = unit.split_at(unit.len().min(ROOM - adaptation - pes));
    // Pictures may leave the length open; sound says it.
    let pes_packet_len = if video { 0 } else { (unit.len() + pes - 6) as u16 };
    out.write_ts_packet(&TsPacket {
        header: header(pid, counter)?,
        adaptation_field,
        payload: Some(TsPayload::PesStart(Pes {
            header: pes_header,
            pes_packet_len,
            data: Bytes::new(first)?,
        })),
    })?;
    while !rest.is_empty() {
        let (piece, next) = rest.split_at(rest.len().min(ROOM));
        out.write_ts_packet(&TsPacket {
            header: header(pid, counter)?,
            adaptation_field: None,
            payload: Some(TsPayload::PesContinuation(Bytes::new(piece)?)),
        })?;
        rest = next;
    }
    Ok(())
}
