use super::writer::{full_box, u32, u64};
use crate::EventMessage;

/// Not known.
const UNKNOWN_DURATION: u32 = 0xFFFF_FFFF;

/// `emsg` version 1 (ISO/IEC 23009-1, 5.10.3.3): its time is on the track's timeline.
pub(crate) fn emsg(
    out: &mut Vec<u8>,
    timescale: u32,
    presentation_time: u64,
    duration: Option<u32>,
    message: &EventMessage,
) {
    full_box(out, *b"emsg", 1, 0, |out| {
        u32(out, timescale);
        u64(out, presentation_time);
        u32(out, duration.unwrap_or(UNKNOWN_DURATION));
        u32(out, message.id.unwrap_or(0));
        for text in [&message.scheme, &message.value] {
            out.extend_from_slice(text.as_bytes());
            out.push(0);
        }
        out.extend_from_slice(&message.data);
    });
}

#[cfg(test)]
mod tests {
    use airloom_media::{Timestamp, TrackId};
    use bytes::Bytes;

    use super::*;

    #[test]
    fn byte_by_byte() {
        let data = Bytes::from_static(b"ID3");
        let mut message = EventMessage::new(TrackId::new(1), Timestamp::ZERO, "urn:x", data);
        message.id = Some(7);
        let mut out = Vec::new();
        emsg(&mut out, 90_000, 1 << 33, None, &message);
        assert_eq!(
            out,
            *b"\0\0\0\x2Aemsg\x01\0\0\0\0\x01\x5F\x90\0\0\0\x02\0\0\0\0\xFF\xFF\xFF\xFF\
               \0\0\0\x07urn:x\0\0ID3"
        );
    }
}
