//! A whole server session: the same events however the input is split, memory that follows what
//! arrived, and an end after an error.
//!
//! Input: flags and a step, then what the peer sends. Flags: 1 puts a handshake in front, 2 and 4
//! reject the second and the third request, 8 leaves tags out and 16 samples, 32 sends something to
//! whoever plays, 64 lets time pass.

#![no_main]

use std::time::Duration;

use airloom_rtmp::flv::{Kind, Tag};
use airloom_rtmp::server::{Output, Rejection, RequestKind, Session};
use airloom_rtmp::{Config, Deliver, EncodedTag, Error};
use fuzz::{head, reads};
use libfuzzer_sys::fuzz_target;

fn drive(flags: u8, stream: &[u8], step: u8) -> Vec<Output> {
    let mut config = Config::default();
    config.deliver = match (flags & 8 != 0, flags & 16 != 0) {
        (true, _) => Deliver::Samples,
        (_, true) => Deliver::Tags,
        _ => Deliver::Both,
    };
    let slack = config.limits.reserve + config.limits.queued_bytes;
    let mut session = Session::new(config);
    let tag = Tag::new(Kind::Video, 7, vec![0x17, 1, 0, 0, 0, 1, 2, 3].into());
    let encoded = EncodedTag::new(&tag, session.chunk_size());
    let mut outputs = Vec::new();
    let mut requests = 0;
    let mut players = Vec::new();
    let mut now = Duration::ZERO;
    let mut received = 0;
    // Pieces of an odd size lie together.
    for piece in reads(stream, step, step % 2 == 1) {
        received += piece.len();
        let mut failed = session.handle_input(now, piece).err();
        while let Some(output) = session.poll_output() {
            match &output {
                Output::Request(request) => {
                    requests += 1;
                    let answered =
                        if requests == 2 && flags & 2 != 0 || requests == 3 && flags & 4 != 0 {
                            session.reject(request.id, Rejection::BadName)
                        } else {
                            if let RequestKind::Play(_) = request.kind {
                                players.push(request.id);
                            }
                            session.accept(request.id)
                        };
                    failed = failed.or(answered.err());
                }
                // When an acknowledgement is due depends on how the input is split.
                Output::Send(_) => continue,
                _ => {}
            }
            outputs.push(output);
        }
        assert!(session.held_bytes() <= received + received / 8 + slack);
        if flags & 32 != 0 {
            for player in &players {
                // A player may be gone by now.
                let _ = session.send_encoded(*player, &encoded);
            }
        }
        // The last output says why it ended, also where no call was there to return the error. How
        // an input goes on after that is nobody's business.
        if failed.is_some() || matches!(outputs.last(), Some(Output::Closed(_))) {
            assert_eq!(session.handle_input(now, stream), Err(Error::Closed));
            return outputs;
        }
        if flags & 64 != 0 {
            now += Duration::from_millis(10);
            let _ = session.handle_timeout(now);
        }
    }
    outputs
}

fuzz_target!(|data: &[u8]| {
    let Some(([flags, step], input)) = head(data) else { return };
    let mut stream = Vec::new();
    if flags & 1 != 0 {
        stream.resize(1 + 2 * 1536, 0);
        stream[0] = 3;
    }
    stream.extend_from_slice(input);
    let whole = drive(flags, &stream, 0);
    // Time and players make a difference between one call and many.
    if flags & (32 | 64) == 0 {
        assert_eq!(whole, drive(flags, &stream, step.max(64)));
    } else {
        drive(flags, &stream, step.max(16));
    }
});
