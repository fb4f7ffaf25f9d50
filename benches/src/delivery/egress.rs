//! Requests a second, and the server's CPU for them.

use std::time::{Duration, Instant};

use super::client::{Client, fetch};
use super::servers::{self, Server};
use crate::Failure;
use crate::measure::median;

/// Connections that are kept and ask one thing after the other.
const CONNECTIONS: usize = 16;

/// How long one turn of one server lasts.
const TURN: Duration = Duration::from_secs(2);

const LIST: &str = "/live/bench/1.m3u8";

pub fn run(rounds: usize) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let origin = servers::origin()?;
    let (paths, files) = runtime.block_on(things(&origin))?;
    let nginx = servers::nginx(&files)?;
    let all = [nginx, origin];
    println!("### Delivery: the server's CPU\n");
    println!(
        "{CONNECTIONS} connections over loopback that are kept, each asking for the same thing \
         again and again, {} s a turn, {rounds} rounds, everyone once a round, the client one \
         thread. CPU is utime and stime of the server's process; medians; a ratio is the median of \
         each round's ratio. nginx gives out files that hold what the origin had answered.\n",
        TURN.as_secs()
    );
    println!("| what | bytes | | requests/s | CPU-us a request | CPU-s a GB | x nginx |");
    println!("|---|---:|---|---:|---:|---:|---:|");
    for (what, path) in &paths {
        let (mut rates, mut costs) = (vec![Vec::new(); 2], vec![Vec::new(); 2]);
        let mut length = 0;
        for round in 0..rounds {
            for turn in 0..all.len() {
                let index = (turn + round) % all.len();
                let (requests, bytes, cpu, time) = runtime.block_on(turn_of(&all[index], path))?;
                rates[index].push(requests as f64 / time.as_secs_f64());
                costs[index].push(cpu.as_secs_f64() / requests as f64);
                length = bytes / requests;
            }
        }
        for (index, server) in all.iter().enumerate() {
            let ratios = costs[index].iter().zip(&costs[0]).map(|(own, first)| own / first);
            let cost = median(costs[index].clone());
            println!(
                "| {what} | {length} | {} | {:.0} | {:.1} | {:.2} | {:.2} |",
                server.name,
                median(rates[index].clone()),
                cost * 1e6,
                cost * 1e9 / length as f64,
                median(ratios.collect()),
            );
        }
    }
    println!();
    Ok(())
}

/// A thing's name and path, and a path and what lies there.
type Things = (Vec<(&'static str, String)>, Vec<(&'static str, Vec<u8>)>);

async fn things(origin: &Server) -> Result<Things, Failure> {
    let list = fetch(origin.port, LIST).await?;
    let text = String::from_utf8(list.clone())?;
    let segment = text.lines().rfind(|line| line.ends_with(".m4s")).ok_or("no segment")?;
    let part = text.rsplit_once("#EXT-X-PART:").ok_or("no part")?.1;
    let part = part.split("URI=\"").nth(1).and_then(|rest| rest.split('"').next());
    let path = |name: &str| format!("/live/bench/{name}");
    let (segment, part) = (path(segment), path(part.ok_or("a part without a name")?));
    let mut files = vec![(LIST, list)];
    for path in [&segment, &part] {
        files.push((path.clone().leak(), fetch(origin.port, path).await?));
    }
    Ok((vec![("playlist", LIST.to_owned()), ("part", part), ("segment", segment)], files))
}

async fn turn_of(server: &Server, path: &str) -> Result<(u64, u64, Duration, Duration), Failure> {
    let mut clients = Vec::new();
    for _ in 0..CONNECTIONS {
        let mut client = Client::wide(server.port).await?;
        client.get(path).await?;
        clients.push(client);
    }
    let (start, before) = (Instant::now(), server.process.cpu()?);
    let local = tokio::task::LocalSet::new();
    let mut asking = Vec::new();
    for mut client in clients {
        let path = path.to_owned();
        asking.push(local.spawn_local(async move {
            let (mut requests, mut bytes) = (0, 0);
            while start.elapsed() < TURN {
                bytes += client.get(&path).await.map_err(|failure| failure.to_string())?;
                requests += 1;
            }
            Ok::<_, String>((requests, bytes))
        }));
    }
    let (mut requests, mut bytes) = (0, 0);
    local
        .run_until(async {
            for asking in asking {
                let (own, length) = asking.await??;
                requests += own;
                bytes += length;
            }
            Ok::<_, Failure>(())
        })
        .await?;
    Ok((requests, bytes, server.process.cpu()?.saturating_sub(before), start.elapsed()))
}
