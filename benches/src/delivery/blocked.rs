//! From a part's last picture to the answer in the hands of everybody who was held for it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::client::{Client, fetch};
use super::servers::{self, Server};
use crate::Failure;
use crate::measure::median;

const CLIENTS: [usize; 3] = [1, 1_000, 10_000];

const LIST: &str = "/live/bench/1.m3u8";

pub fn run(rounds: usize) -> Result<(), Failure> {
    println!("### Delivery: clients blocked on one playlist\n");
    println!(
        "So many connections over loopback, each held for the next part by `_HLS_msn` and \
         `_HLS_part` with `_HLS_skip=YES`; {rounds} parts, the same connections each time. From \
         when the picture that completes the part is handed to the origin until each client's first \
         byte of the answer is read; medians of the parts' own figures. The client, of as many \
         threads as there are processors, shares them with the server. Memory is what the server's \
         resident memory grew by from connections made to all of them held. The loop of writes is a \
         server that knows nothing and has one thread write an answer of the same length to one \
         connection after the other: what the system takes for so many answers.\n"
    );
    println!(
        "| | clients | first ms | median ms | p99 ms | last ms | server CPU-us each | bytes each |"
    );
    println!("|---|---:|---:|---:|---:|---:|---:|---:|");
    for clients in CLIENTS {
        for server in [servers::origin, servers::loop_of_writes] {
            let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
            let row = runtime.block_on(measure(server()?, clients, rounds))?;
            println!("{row}");
        }
    }
    println!();
    Ok(())
}

async fn measure(server: Server, count: usize, rounds: usize) -> Result<String, Failure> {
    let mut clients = Vec::new();
    for _ in 0..count {
        clients.push(Client::connect(server.port).await?);
    }
    tokio::time::sleep(Duration::from_millis(500)).await;
    let empty = server.process.resident()?;
    let mut each = 0.0;
    let mut columns = vec![Vec::new(); 5];
    for round in 0..=rounds {
        let path = next(&fetch(server.port, LIST).await?)?;
        let answered = Arc::new(AtomicU64::new(0));
        let mut waiting = tokio::task::JoinSet::new();
        for mut client in clients.drain(..) {
            client.ask(&path).await?;
            let answered = Arc::clone(&answered);
            waiting.spawn(async move {
                let mut at = Duration::ZERO;
                let outcome = client.answer(|| at = now()).await.map_err(|it| it.to_string());
                answered.fetch_add(1, Ordering::Relaxed);
                outcome.map(|_| (client, at))
            });
        }
        tokio::time::sleep(Duration::from_millis(1000)).await;
        if answered.load(Ordering::Relaxed) > 0 {
            return Err("answered before there was anything".into());
        }
        if round == 0 {
            let held = server.process.resident()?.saturating_sub(empty);
            each = held as f64 / count as f64;
        }
        let before = server.process.cpu()?;
        let step = String::from_utf8(fetch(server.port, "/step").await?)?;
        let made = Duration::from_nanos(step.parse()?);
        let mut times = Vec::new();
        while let Some(done) = waiting.join_next().await {
            let (client, at) = done??;
            times.push(at.saturating_sub(made).as_secs_f64() * 1e3);
            clients.push(client);
        }
        let cpu = server.process.cpu()?.saturating_sub(before).as_secs_f64() * 1e6;
        // The first one warms up.
        if round > 0 {
            times.sort_by(f64::total_cmp);
            let at = |part: f64| times[((times.len() - 1) as f64 * part) as usize];
            let figures = [at(0.0), at(0.5), at(0.99), at(1.0), cpu / count as f64];
            for (column, figure) in columns.iter_mut().zip(figures) {
                column.push(figure);
            }
        }
    }
    let mut row = format!("| {} | {count} |", server.name);
    for column in columns {
        row += &format!(" {:.2} |", median(column));
    }
    Ok(format!("{row} {each:.0} |"))
}

fn now() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

/// Asks for the part that the playlist hints at.
fn next(list: &[u8]) -> Result<String, Failure> {
    let text = String::from_utf8_lossy(list);
    let hint = text.split("PRELOAD-HINT:TYPE=PART,URI=\"1-").nth(1).ok_or("no hint")?;
    let (sequence, rest) = hint.split_once('.').ok_or("no part")?;
    let part = rest.split('.').next().unwrap_or_default();
    Ok(format!("{LIST}?_HLS_msn={sequence}&_HLS_part={part}&_HLS_skip=YES"))
}
