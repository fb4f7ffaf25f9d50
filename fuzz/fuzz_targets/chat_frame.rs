//! Frames between the nodes of a room, and a member that takes them in. Frames are parted by a
//! zero byte; a piece `@7` lets seven milliseconds pass, `!9` grants the lease of epoch 9.

#![no_main]

use std::time::Duration;

use airloom_chat::cluster::{Config, Frame, Input, Lease, Member, NodeId};
use airloom_chat::moderation::Policies;
use airloom_chat::{Anchor, Epoch, Room};
use bytes::Bytes;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let mut now = Duration::ZERO;
    let room = airloom_chat::Config::default();
    let room = Room::new(now, room, Policies::none(), Epoch::new(0), Anchor::default());
    let config = Config { backlog: 8, requests: 8, outputs: 64, ..Config::default() };
    let mut member = Member::new(now, NodeId(7), config, room);
    let mut reader = member.feed_mut().join(now, None, None);
    for piece in data.split(|byte| *byte == 0).take(100) {
        match (piece.split_first(), std::str::from_utf8(piece)) {
            (Some((b'@', _)), Ok(text)) => {
                now += Duration::from_millis(text[1..].parse::<u16>().unwrap_or(50).into());
            }
            (Some((b'!', _)), Ok(text)) => {
                let epoch = Epoch::new(text[1..].parse().unwrap_or(1));
                let until = now + Duration::from_secs(5);
                member.handle_input(now, Input::Lease(Lease::Granted { epoch, until }));
            }
            _ => {
                let Ok(frame) = Frame::decode(&Bytes::copy_from_slice(piece)) else { continue };
                let again = Frame::decode(&frame.encode()).expect("what was encoded decodes");
                assert_eq!(frame, again);
                member.handle_input(now, Input::Frame(frame));
            }
        }
        member.handle_timeout(now);
        let mut outputs = 0;
        while member.poll_output().is_some() {
            outputs += 1;
            assert!(outputs <= 256, "outputs without end");
        }
        let _ = member.feed_mut().catch_up(now, &mut reader);
    }
});
