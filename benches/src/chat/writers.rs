//! Whether those who write in different rooms wait for each other.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use airloom::chat::core::{Author, Input, RoomId, Submission, UserId};
use airloom::chat::{Chat, Config};
use futures_util::FutureExt;

use crate::Failure;
use crate::measure::median;

const TURN: Duration = Duration::from_secs(1);

/// Prints the table.
///
/// # Errors
///
/// Where a chat cannot be started.
pub fn run(rounds: usize) -> Result<(), Failure> {
    println!("### Chat: what is admitted a second, without HTTP\n");
    println!(
        "Threads that each say one thing after another, in the rooms in turn, while ticks go on; \
         median of {rounds} rounds.\n"
    );
    println!("| rooms | 1 thread | 2 threads |\n|---:|---:|---:|");
    for rooms in [1, 64, 4096] {
        let mut rates = Vec::new();
        for threads in [1, 2] {
            let turns = (0..rounds).map(|_| turn(rooms, threads)).collect::<Result<_, _>>()?;
            rates.push(median(turns));
        }
        println!("| {rooms} | {:.0} | {:.0} |", rates[0], rates[1]);
    }
    println!();
    Ok(())
}

/// How much `threads` get admitted in a second.
fn turn(rooms: usize, threads: usize) -> Result<f64, Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let inside = runtime.enter();
    let mut config = Config::default();
    // Nothing is refused because a tick is late.
    config.room.limits.pending = 1 << 24;
    let chat = Chat::builder().config(config).build()?;
    drop(inside);
    let rooms = (0..rooms).map(|room| format!("room{room}").parse());
    let rooms = rooms.collect::<Result<Vec<RoomId>, _>>()?;
    let user = "ann".parse::<UserId>()?;
    let stop = AtomicBool::new(false);
    let work = |offset: usize| {
        let mut said = 0;
        for room in rooms.iter().cycle().skip(offset * rooms.len() / threads) {
            let message = Submission::message(Author::new(user.clone()), "some words");
            let answer = chat.request(room, Input::Submit(message)).now_or_never();
            said += u64::from(matches!(answer, Some(Ok(_))));
            if stop.load(Ordering::Relaxed) {
                break;
            }
        }
        said
    };
    let work = &work;
    let start = Instant::now();
    let said: u64 = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|it| scope.spawn(move || work(it))).collect();
        std::thread::sleep(TURN);
        stop.store(true, Ordering::Relaxed);
        workers.into_iter().map(|worker| worker.join().unwrap_or_default()).sum()
    });
    Ok(said as f64 / start.elapsed().as_secs_f64())
}
