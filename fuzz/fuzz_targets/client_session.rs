//! A whole client session that publishes or plays: the same events however the input is split.
//!
//! Input: flags and a step, then what the server sends. Flags: 1 puts a handshake in front, 2 plays
//! instead of publishing, 4 sends tags while it publishes.

#![no_main]

use std::time::Duration;

use airloom_rtmp::client::{Output, Session, Target};
use airloom_rtmp::flv::{Kind, Tag};
use airloom_rtmp::{Config, Error};
use fuzz::{head, reads};
use libfuzzer_sys::fuzz_target;

fn drive(flags: u8, stream: &[u8], step: u8) -> (Vec<Output>, Option<Error>) {
    let target = Target::parse("rtmp://127.0.0.1/live/fuzz").expect("a legal URL");
    let config = Config::default();
    let slack = config.limits.reserve + config.limits.queued_bytes;
    let mut session = if flags & 2 == 0 {
        Session::publish(config, target)
    } else {
        Session::play(config, target)
    };
    let tag = Tag::new(Kind::Video, 7, vec![0x17, 1, 0, 0, 0, 1, 2, 3].into());
    let mut outputs = Vec::new();
    let mut received = 0;
    // Pieces of an odd size lie together.
    for piece in reads(stream, step, step % 2 == 1) {
        received += piece.len();
        let failed = session.handle_input(Duration::ZERO, piece).err();
        while let Some(output) = session.poll_output() {
            if !matches!(output, Output::Send(_)) {
                outputs.push(output);
            }
        }
        assert!(session.held_bytes() <= received + received / 8 + slack);
        if flags & 4 != 0 {
            // Refused before the server agreed.
            let _ = session.send_tag(&tag);
        }
        // How an input goes on that goes on after the end is nobody's business.
        if failed.is_some() || matches!(outputs.last(), Some(Output::Closed(_))) {
            return (outputs, failed);
        }
    }
    (outputs, None)
}

fuzz_target!(|data: &[u8]| {
    // A URL is something that people type.
    if let Ok(url) = std::str::from_utf8(data)
        && let Ok(target) = Target::parse(url)
    {
        assert!(!target.host().is_empty());
        let again = Target::parse(&format!("{}/{}", target.tc_url(), target.name()));
        assert_eq!(again.as_ref(), Ok(&target));
    }
    let Some(([flags, step], input)) = head(data) else { return };
    let mut stream = Vec::new();
    if flags & 1 != 0 {
        stream.resize(1 + 2 * 1536, 0);
        stream[0] = 3;
    }
    stream.extend_from_slice(input);
    assert_eq!(drive(flags, &stream, 0), drive(flags, &stream, step.max(64)));
});
