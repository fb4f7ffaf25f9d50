//! Deciding who may watch: what one question costs that the origin answers itself.

use std::hint::black_box;
use std::task::{Context, Poll, Waker};

use airloom::access::jwt::{Key, Verifier};
use airloom::access::{Action, Gate, Grant, SignedUrls, Visit};
use airloom::playlist::WallTime;
use cpu_time::ThreadTime;

use crate::Failure;
use crate::measure::median;

const ROUND: u32 = 10_000;
const SECRET: &[u8] = b"0123456789abcdef0123456789abcdef";
/// {"aud":"bench","iss":"bench","exp":32503680000,"play":["cam","event-*"]}, under the secret.
const HS256: &str = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJhdWQiOiJiZW5jaCIsImlzcyI6ImJlbmNoIiwiZXhwIjozMjUwMzY4MDAwMCwicGxheSI6WyJjYW0iLCJldmVudC0qIl19.iVO-WieuQHg_BQVlYzwZyMIXvhPeOKiEaPxIXmpTulQ";
/// The same, under the other half of the key below.
const EDDSA: &str = "eyJhbGciOiJFZERTQSIsInR5cCI6IkpXVCJ9.eyJhdWQiOiJiZW5jaCIsImlzcyI6ImJlbmNoIiwiZXhwIjozMjUwMzY4MDAwMCwicGxheSI6WyJjYW0iLCJldmVudC0qIl19.7hXsjel-aQJ3OJlVg83c00tIeFEGYlgVhNcdUYPd-dh0eTsRZjzvhX5h9cgkh-yMmZ85K2NKjGpfLHsCfdJGAw";
const PUBLIC: &[u8] = &[
    0xE2, 0x0E, 0xFE, 0x1D, 0x6A, 0x2A, 0xDC, 0x65, 0x6B, 0x33, 0x39, 0xA4, 0x7C, 0xAC, 0xE3, 0x44,
    0xD9, 0x36, 0xEA, 0xA3, 0x88, 0xE6, 0x81, 0xCD, 0xE4, 0xF5, 0xE8, 0x51, 0x15, 0x36, 0x86, 0xCE,
];

/// Prints the table.
///
/// # Errors
///
/// Where a token does not hold.
pub fn run(rounds: usize) -> Result<(), Failure> {
    println!("### Letting a viewer in\n");
    println!(
        "From the query of a URL to the pass, {ROUND} times a round, CPU time of the one thread,          median of {rounds} rounds. Asked is under 5 us. It is done once a viewer: the viewer's          other requests go by it.\n"
    );
    println!("| by | us a decision |\n|---|---:|");
    let signed = SignedUrls::new(SECRET)?;
    let grant = Grant { action: Action::Play, expires: 32_503_680_000, streams: "cam" };
    let token = signed.sign(&grant);
    row("signed URL", &signed, &token, rounds, ROUND)?;
    let gate = |key| Verifier::new("bench").with_issuer("bench").with_key(key);
    row("JWT, HS256", &gate(Key::hs256(SECRET)?), HS256, rounds, ROUND)?;
    row("JWT, Ed25519", &gate(Key::ed25519(PUBLIC)?), EDDSA, rounds, ROUND / 20)?;
    println!();
    Ok(())
}

fn row(name: &str, gate: &dyn Gate, token: &str, rounds: usize, times: u32) -> Result<(), Failure> {
    let query = format!("token={token}");
    let mut micros = Vec::new();
    for _ in 0..rounds {
        let start = ThreadTime::now();
        for _ in 0..times {
            decide(gate, black_box(&query))?;
        }
        micros.push(start.elapsed().as_secs_f64() * 1e6 / f64::from(times));
    }
    println!("| {name} | {:.2} |", median(micros));
    Ok(())
}

fn decide(gate: &dyn Gate, query: &str) -> Result<(), Failure> {
    let visit = Visit::new("cam".parse()?, query, WallTime::UNIX_EPOCH);
    let mut admission = gate.play(&visit);
    match admission.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(pass) => Ok(drop(black_box(pass?))),
        Poll::Pending => Err("it waits for something".into()),
    }
}
