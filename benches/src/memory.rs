//! Memory that a stream being segmented takes beside its payload, which it shares with whoever
//! received it.

use std::collections::VecDeque;

use airloom_media::Timestamp;
use airloom_segmenter::{Config, Output, Segment, Segmenter};

use crate::Failure;
use crate::input::Input;
use crate::ts::{sample, tracks};

/// Segments of 2 s that a window of a minute holds.
const WINDOW: usize = 30;
/// The input lasts a minute.
const ROUND: i64 = 60_000;
const ROUNDS: i64 = 5;

/// Prints the table; `live` says how many bytes of heap are in use.
///
/// # Errors
///
/// What the segmenter says.
pub fn run(input: &Input, live: &dyn Fn() -> usize) -> Result<(), Failure> {
    println!("### Memory a track beside the payload\n");
    println!(
        "`airloom-segmenter`, parts of 200 ms, MPEG-TS measured too, {ROUNDS} minutes of two tracks whose \
         payload lies outside of what is counted: bytes of heap in use above those before, looked at \
         after each output, halved. Asked is under 64 KB a track.\n"
    );
    println!(
        "| | most in the first minute, KB a track | most of all, KB a track | headers in that, which are served |\n|---|---:|---:|---:|"
    );
    for (name, held) in [
        ("what comes out is passed on", 0),
        ("the last minute's segments are kept, with the tables of their samples", WINDOW),
    ] {
        let (most, headers) = most(input, held, live)?;
        let kilobytes = |bytes: usize| bytes as f64 / 2.0 / 1024.0;
        let all = most.iter().copied().max().unwrap_or(0);
        println!(
            "| {name} | {:.1} | {:.1} | {:.1} |",
            kilobytes(most[0]),
            kilobytes(all),
            kilobytes(headers)
        );
    }
    println!();
    Ok(())
}

/// The most above the start in each minute, and bytes of the headers that are kept at the end.
fn most(
    input: &Input,
    held: usize,
    live: &dyn Fn() -> usize,
) -> Result<([usize; ROUNDS as usize], usize), Failure> {
    // Of both tracks.
    let mut window = VecDeque::<Segment>::with_capacity(held * 2 + 1);
    let tracks = tracks(input)?;
    let before = live();
    let mut most = [0; ROUNDS as usize];
    let mut segmenter = Segmenter::new(Config::default());
    for track in tracks {
        segmenter.set_track(track)?;
    }
    for (round, most) in most.iter_mut().enumerate() {
        for tag in input.samples() {
            let mut sample = sample(tag);
            let time = sample.decode_time.ticks() + round as i64 * ROUND;
            sample.decode_time = Timestamp::new(time);
            segmenter.handle_input(sample)?;
            while let Some(output) = segmenter.poll_output() {
                if let Output::Segment(segment) = output
                    && held > 0
                {
                    window.push_back(segment);
                    if window.len() > held * 2 {
                        window.pop_front();
                    }
                }
                *most = (*most).max(live().saturating_sub(before));
            }
        }
    }
    let parts = window.iter().flat_map(|segment| segment.parts.iter());
    Ok((most, parts.map(|part| part.header.len()).sum()))
}
