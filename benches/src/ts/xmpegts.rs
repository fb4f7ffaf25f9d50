//! xmpegts 0.2, the muxer of the xiu server, fed as that server feeds it: access units as Annex B
//! and ADTS, which glue makes.

use ::xmpegts::define::{MPEG_FLAG_H264_H265_WITH_AUD, MPEG_FLAG_IDR_FRAME, epsi_stream_type};
use ::xmpegts::ts::TsMuxer;
use bytes::BytesMut;

use super::elementary::Elementary;
use crate::Failure;
use crate::input::{Input, Kind};
use crate::output::{Collect, Lane, Muxer};

pub(super) const MUXER: Muxer = Muxer { name: "xmpegts 0.2 with glue", run };

fn run(input: &Input, out: &mut dyn Collect) -> Result<(), Failure> {
    let failed = |error: ::xmpegts::errors::MpegTsError| error.to_string();
    let mut elementary = Elementary::default();
    let mut muxer = TsMuxer::new();
    let video =
        muxer.add_stream(epsi_stream_type::PSI_STREAM_H264, BytesMut::new()).map_err(failed)?;
    let audio =
        muxer.add_stream(epsi_stream_type::PSI_STREAM_AAC, BytesMut::new()).map_err(failed)?;
    let mut empty = true;
    for tag in &input.tags {
        if tag.is_config() {
            elementary.configure(tag);
        }
        if !tag.is_sample() {
            continue;
        }
        let mut flags = 0;
        if tag.kind == Kind::Video {
            flags |= MPEG_FLAG_H264_H265_WITH_AUD;
            if tag.is_key() {
                flags |= MPEG_FLAG_IDR_FRAME;
                if !empty {
                    // A segment begins, and with it the tables.
                    out.put(Lane::Muxed, &muxer.get_data());
                    muxer.reset();
                }
            }
        }
        let mut unit = BytesMut::with_capacity(elementary.size_hint(tag));
        elementary.write(tag, &mut unit);
        let dts = i64::from(tag.timestamp) * 90;
        let pts = dts + i64::from(tag.composition_offset()) * 90;
        let pid = if tag.kind == Kind::Video { video } else { audio };
        muxer.write(pid, pts, dts, flags, unit).map_err(failed)?;
        empty = false;
    }
    out.put(Lane::Muxed, &muxer.get_data());
    Ok(())
}
