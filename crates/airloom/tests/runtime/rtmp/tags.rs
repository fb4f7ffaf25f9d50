use airloom::rtmp::flv::{Kind, Tag};

pub(super) fn metadata() -> Tag {
    let data = b"\x02\0\x0aonMetaData\x08\0\0\0\x01\0\x05width\0\x40\x84\0\0\0\0\0\0\0\0\x09";
    Tag::new(Kind::Script, 0, data.as_slice().into())
}

pub(super) fn video_header() -> Tag {
    let data: &[u8] = &[
        0x17, 0, 0, 0, 0, 1, 0x42, 0xC0, 0x0D, 0xFF, 0xE1, 0, 8, 0x67, 0x42, 0xC0, 0x0D, 0xDA,
        0x0F, 0x0A, 0x69, 1, 0, 2, 0x68, 0xCE,
    ];
    Tag::new(Kind::Video, 0, data.into())
}

pub(super) fn audio_header() -> Tag {
    Tag::new(Kind::Audio, 0, [0xAF, 0, 0x11, 0x90].as_slice().into())
}

/// A keyframe each 1000 ms, 1000 bytes a frame.
pub(super) fn frame(time: i64) -> Tag {
    let first = if time % 1000 == 0 { 0x17 } else { 0x27 };
    let mut data = vec![first, 1, 0, 0, 0, 0, 0, 3, 0xE4];
    data.resize(1005, if first == 0x17 { 0x65 } else { 0x41 });
    Tag::new(Kind::Video, time, data.into())
}

pub(super) fn headers() -> [Tag; 3] {
    [metadata(), video_header(), audio_header()]
}
