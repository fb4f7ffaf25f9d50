//! What the end-to-end tests share: the server under test, real programs around it, and
//! the comparison of what went in with what came out.
//!
//! This is the one place of the project where real time exists. Nothing here sleeps for a
//! guess: every wait polls a condition and has a deadline ([`wait::until`]).

pub mod busy;
pub mod clip;
pub mod edge;
pub mod ffmpeg;
pub mod film;
pub mod frames;
pub mod hls;
pub mod http;
pub mod mpd;
pub mod nginx;
pub mod package;
pub mod packets;
// What the tests of the runtime crate have, too.
#[path = "../../crates/airloom/tests/port/mod.rs"]
pub mod port;
pub mod probe;
pub mod process;
pub mod proxy;
pub mod receiver;
pub mod relay;
pub mod scratch;
pub mod segments;
pub mod server;
pub mod transport;
pub mod viewer;
pub mod wait;
