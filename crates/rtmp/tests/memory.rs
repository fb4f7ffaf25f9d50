//! What a session holds, whatever it is sent, counted by the allocator.

mod peer;

use std::alloc::System;
use std::time::Duration;

use airloom_rtmp::client::{self, Target};
use airloom_rtmp::server::{self, Output};
use airloom_rtmp::{Config, Deliver, Error, Limits, Message, MessageType, chunk};
use bytes::BytesMut;
use peer::{AAC_HEADER, Peer};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// Bytes held on top of what they were when `region` began.
fn held(region: &Region<'_, System>) -> usize {
    let change = region.change();
    change.bytes_allocated.saturating_sub(change.bytes_deallocated)
}

/// A cheap source of bytes that differ.
struct Noise(u64);

impl Noise {
    fn next(&mut self) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        self.0 >> 33
    }

    /// Whether it was never asked before.
    fn first(&mut self) -> bool {
        let first = self.0 == 1;
        self.next();
        first
    }
}

/// Chunks that each begin a large message on a chunk stream of its own and never end it.
fn never_ending(noise: &mut Noise, out: &mut Vec<u8>) {
    let id = noise.next() % 65_536;
    out.extend([1, id as u8, (id >> 8) as u8, 0, 0, 0, 0xFF, 0xFF, 0xFF, 9, 1, 0, 0, 0]);
    out.extend([0x27; 128]);
}

/// One message that never ends.
fn one_message(noise: &mut Noise, out: &mut Vec<u8>) {
    if noise.first() {
        out.extend([6, 0, 0, 0, 0xFF, 0xFF, 0xFF, 9, 1, 0, 0, 0]);
        out.extend([0x27; 128]);
    }
    out.push(0xC6);
    out.extend([0x27; 128]);
}

/// Messages without payload, one byte each.
fn empty_messages(noise: &mut Noise, out: &mut Vec<u8>) {
    if noise.first() {
        out.extend([6, 0, 0, 0, 0, 0, 0, 9, 1, 0, 0, 0]);
    }
    out.extend([0xC6; 1000]);
}

/// Messages given up and begun anew.
fn restarts(noise: &mut Noise, out: &mut Vec<u8>) {
    let id = 3 + (noise.next() % 60) as u8;
    out.extend([id, 0, 0, 0, 0, 0xFF, 0xFF, 9, 1, 0, 0, 0]);
    out.extend([0x27; 128]);
}

/// Pings, which ask for an answer each.
fn pings(_: &mut Noise, out: &mut Vec<u8>) {
    out.extend([2, 0, 0, 0, 0, 0, 6, 4, 0, 0, 0, 0, 0, 6, 1, 2, 3, 4]);
}

/// Commands that ask for streams, and data full of values.
fn values(_: &mut Noise, out: &mut Vec<u8>) {
    let mut payload = b"\x02\0\x0aonMetaData\x0a\xFF\xFF\xFF\xFF".to_vec();
    payload.resize(3000, 5);
    write(MessageType::DATA_AMF0, payload, out);
}

/// Metadata full of values, whole and legal: decoded, each byte of it takes many.
fn metadata(_: &mut Noise, out: &mut Vec<u8>) {
    let mut payload = b"\x02\0\x0aonMetaData\x0a\0\0\x0F\xF0".to_vec();
    payload.resize(payload.len() + 0xFF0, 5);
    write(MessageType::DATA_AMF0, payload, out);
}

/// The same as the color of a picture.
fn color(_: &mut Noise, out: &mut Vec<u8>) {
    let mut payload = b"\x94hvc1\x02\0\x09colorInfo\x03\0\x01a\x0a\0\0\x0F\xF0".to_vec();
    payload.resize(payload.len() + 0xFF0, 5);
    payload.extend(b"\0\0\x09");
    write(MessageType::VIDEO, payload, out);
}

fn write(message_type: MessageType, payload: Vec<u8>, out: &mut Vec<u8>) {
    let payload = payload.into();
    let message =
        Message { chunk_stream: 5, timestamp: 0, message_type, message_stream: 1, payload };
    chunk::Writer::default().write(&message, out).unwrap();
}

/// Aggregates of very many empty tags.
fn aggregates(_: &mut Noise, out: &mut Vec<u8>) {
    let payload = [8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 11].repeat(4000);
    let message = Message {
        chunk_stream: 4,
        timestamp: 0,
        message_type: MessageType::AGGREGATE,
        message_stream: 1,
        payload: payload.into(),
    };
    chunk::Writer::default().write(&message, out).unwrap();
}

/// Anything at all.
fn anything(noise: &mut Noise, out: &mut Vec<u8>) {
    out.extend((0..1000).map(|_| noise.next() as u8));
}

/// A session that is sent things.
trait Side {
    /// One that is far enough that media counts.
    fn begun(config: &Config) -> Self;
    fn take(&mut self, piece: BytesMut) -> Result<(), Error>;
    /// Takes what it has to say, and throws it away.
    fn drain(&mut self);
}

/// A server session that is published to.
impl Side for Peer {
    fn begun(config: &Config) -> Self {
        Self::publishing(config.clone(), "key").0
    }

    fn take(&mut self, piece: BytesMut) -> Result<(), Error> {
        self.session.handle_input(self.now, piece)
    }

    fn drain(&mut self) {
        while self.session.poll_output().is_some() {}
    }
}

/// A client session that plays.
impl Side for client::Session {
    fn begun(config: &Config) -> Self {
        let target = Target::parse("rtmp://127.0.0.1/live/key").unwrap();
        let mut player = Self::play(config.clone(), target);
        let mut initial = Config::default();
        // What is sent by hand afterwards is in chunks of this size.
        initial.chunk_size = chunk::INITIAL_SIZE;
        let mut server = server::Session::new(initial);
        loop {
            match player.poll_output() {
                Some(client::Output::Send(bytes)) => {
                    server.handle_input(Duration::ZERO, bytes).unwrap();
                }
                Some(client::Output::Ready) => break,
                Some(_) => {}
                None => match server.poll_output() {
                    Some(Output::Send(bytes)) => {
                        player.handle_input(Duration::ZERO, bytes).unwrap();
                    }
                    Some(Output::Request(request)) => server.accept(request.id).unwrap(),
                    other => panic!("{other:?}"),
                },
            }
        }
        while let Some(output) = server.poll_output() {
            if let Output::Send(bytes) = output {
                player.handle_input(Duration::ZERO, bytes).unwrap();
            }
        }
        player
    }

    fn take(&mut self, piece: BytesMut) -> Result<(), Error> {
        self.handle_input(Duration::ZERO, piece)
    }

    fn drain(&mut self) {
        while self.poll_output().is_some() {}
    }
}

/// Sends `total` hostile bytes and answers the most that was held.
fn most_held<S: Side>(
    limits: &Limits,
    hostile: fn(&mut Noise, &mut Vec<u8>),
    total: usize,
    drained: bool,
) -> usize {
    let mut config = Config::default();
    config.deliver = Deliver::Both;
    config.limits = limits.clone();
    let mut noise = Noise(1);
    let mut wire = Vec::with_capacity(1 << 17);
    let region = Region::new(ALLOCATOR);
    let mut side = S::begun(&config);
    let (mut most, mut sent) = (0, 0);
    while sent < total {
        while wire.len() < 60_000 {
            hostile(&mut noise, &mut wire);
        }
        // A block of its own in four reads, as a socket would fill it: what the session keeps of it
        // counts.
        let mut block = BytesMut::from(&wire[..60_000]);
        wire.drain(..60_000);
        sent += block.len();
        let mut result = Ok(());
        while !block.is_empty() && result.is_ok() {
            result = side.take(block.split_to(15_000));
            most = most.max(held(&region));
            if drained {
                side.drain();
            }
        }
        if result.is_err() {
            // Whoever misbehaves comes back.
            side = S::begun(&config);
            noise.0 = 1;
            wire.clear();
        }
    }
    most
}

fn sixty_four_megabytes_of_hostile_bytes<S: Side>(side: &str) {
    const ALL: usize = 64 << 20;
    /// Where each byte is a message.
    const FEWER: usize = 4 << 20;
    let limits = Limits::default();
    let per_item = limits.outputs * 400 + limits.chunk_streams * 200;
    // Drained as a runtime does, a session holds what is partial and what is fixed.
    // Values that wait, and those of the message that is being read.
    let decoded = 2 * limits.amf_values * 200;
    let fixed = limits.reserve + limits.partial_bytes / 8 + per_item + decoded;
    for (name, hostile, total, partial) in [
        ("never ending", never_ending as fn(&mut Noise, &mut Vec<u8>), ALL, 256 * 128),
        ("one message", one_message, ALL, limits.message),
        ("empty messages", empty_messages, FEWER, 0),
        ("restarts", restarts, ALL, 60 * 128),
        ("pings", pings, FEWER, 0),
        ("values", values, ALL, 3000),
        ("metadata", metadata, FEWER, 0),
        ("color", color, FEWER, 0),
        ("aggregates", aggregates, FEWER, 60_000),
        ("anything", anything, ALL, limits.partial_bytes),
    ] {
        let most = most_held::<S>(&limits, hostile, total, true);
        let allowed = partial + fixed;
        println!("{side}, {name}: at most {most} bytes held");
        assert!(most <= allowed, "{side}, {name}: {most} held, {allowed} allowed");
    }
    // Not drained at all, the queues have their own bounds.
    let fixed = fixed + limits.held_input + limits.queued_bytes;
    for (name, hostile) in [
        ("empty messages", empty_messages as fn(&mut Noise, &mut Vec<u8>)),
        ("pings", pings),
        ("values", values),
        ("metadata", metadata),
        ("color", color),
        ("aggregates", aggregates),
    ] {
        let most = most_held::<S>(&limits, hostile, ALL, false);
        println!("{side}, {name}, not drained: at most {most} bytes held");
        assert!(most <= fixed, "{side}, {name}, not drained: {most} held, {fixed} allowed");
    }
}

/// Allocations that reading `messages` messages of `size` bytes takes, in chunks of `chunk_size`.
fn allocations(messages: usize, size: usize, chunk_size: u32) -> usize {
    let mut wire = Vec::new();
    let mut writer = chunk::Writer::default();
    let mut write = |message_type, payload: Vec<u8>| {
        let payload = payload.into();
        let message =
            Message { chunk_stream: 6, timestamp: 0, message_type, message_stream: 1, payload };
        writer.write(&message, &mut wire).unwrap();
    };
    write(MessageType::SET_CHUNK_SIZE, chunk_size.to_be_bytes().to_vec());
    for _ in 0..messages {
        write(MessageType::VIDEO, vec![0x27; size]);
    }
    let pieces: Vec<_> = wire.chunks(65_536).map(BytesMut::from).collect();
    let mut reader = chunk::Reader::new(Limits::default());
    let region = Region::new(ALLOCATOR);
    let mut read = 0;
    for mut piece in pieces {
        while let Some(message) = reader.read(&mut piece).unwrap() {
            read += 1;
            drop(message);
        }
    }
    assert_eq!(read, messages + 1);
    let stats = region.change();
    stats.allocations + stats.reallocations
}

fn a_message_takes_at_most_one_allocation() {
    for (size, chunk_size) in
        [(300, 128), (25_000, 128), (25_000, 4096), (300_000, 4096), (25_000, 60_000)]
    {
        let count = allocations(200, size, chunk_size);
        assert!(count <= 200 + 10, "{count} for 200 messages of {size} in chunks of {chunk_size}");
    }
}

fn a_session_at_rest_is_small_and_leaves_nothing_behind() {
    let mut config = Config::default();
    config.deliver = Deliver::Samples;
    let publish = || {
        let (mut peer, _) = Peer::publishing(config.clone(), "key");
        peer.audio(0, AAC_HEADER);
        for time in 0..1000 {
            peer.audio(time, b"\xAF\x01sound");
        }
        peer.drain();
        let samples =
            peer.outputs.iter().filter(|output| matches!(output, Output::Sample { .. })).count();
        assert_eq!(samples, 1000);
        peer.outputs = Vec::new();
        peer.heard = Vec::new();
        peer
    };
    drop(publish());
    let region = Region::new(ALLOCATOR);
    let peer = publish();
    let at_rest = held(&region);
    // The peer's own writer and reader are in it, too, and the queue of 1,000 events.
    assert!(at_rest < 400_000, "{at_rest}");
    assert_eq!(peer.session.held_bytes(), 0);
    drop(peer);
    assert!(held(&region) < 1000, "{}", held(&region));
    for _ in 0..100 {
        drop(publish());
    }
    assert!(held(&region) < 1000, "{}", held(&region));
}

/// The allocator counts for the whole process, so that one test has to have it to itself.
#[test]
fn memory_is_bounded() {
    a_session_at_rest_is_small_and_leaves_nothing_behind();
    a_message_takes_at_most_one_allocation();
    sixty_four_megabytes_of_hostile_bytes::<Peer>("server");
    sixty_four_megabytes_of_hostile_bytes::<client::Session>("client");
}
