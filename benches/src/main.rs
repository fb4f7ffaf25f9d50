//! `cargo run --release -p bench -- all`

use std::process::{Command, ExitCode, Stdio};

use bench::ingest::Plan;
use bench::input::Input;
use bench::measure::{Clock, compete};
use bench::report::{Allocations, machine, table};
use bench::{
    Failure, access, archive, billing, chat, delivery, directory, heats, ingest, instructions, vod,
};

const USAGE: &str = "usage: bench all | access | archive | rtmp | rtmp/<chunk size> | cmaf | ts | vod | memory | chat | ingest | players\n\
                     \x20      bench chat/fanout | chat/million | chat/loopback | chat/writers\n\
                     \x20      bench chat/connections [count]\n\
                     \x20      bench idle | record | billing | billing/hot | billing/durable | billing/duplicates\n\
                     \x20      bench billing/recovery | billing/query\n\
                     \x20      bench delivery | delivery/egress | delivery/render | delivery/blocked\n\
                     \x20      bench instructions [word]\n\
                     options: --rounds <n> (default 11, of ingest, record, players and delivery 5)";

fn main() -> ExitCode {
    let mut arguments: Vec<String> = std::env::args().skip(1).collect();
    let mut rounds = None;
    if let Some(at) = arguments.iter().position(|argument| argument == "--rounds") {
        match arguments.get(at + 1).and_then(|value| value.parse().ok()) {
            Some(value) => rounds = Some(value),
            None => return usage(),
        }
        arguments.drain(at..at + 2);
    }
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let result = match words.as_slice() {
        ["one", key, contender] => one(key, contender),
        ["instructions"] => count_instructions("all"),
        ["instructions", word] => count_instructions(word),
        ["serve", "chat", port, deliveries @ ..] => match port.parse() {
            Ok(port) => {
                let deliveries = deliveries.first().and_then(|count| count.parse().ok());
                chat::serve(port, deliveries).map(|()| true)
            }
            Err(_) => Ok(false),
        },
        ["serve", "sse", port] => match port.parse() {
            Ok(port) => chat::serve_axum(port).map(|()| true),
            Err(_) => Ok(false),
        },
        ["read", "chat", port, part, readers] => {
            match (port.parse(), part.parse(), readers.parse()) {
                (Ok(port), Ok(part), Ok(readers)) => chat::read(port, part, readers).map(|()| true),
                _ => Ok(false),
            }
        }
        ["chat/writers"] => chat::writers(rounds.unwrap_or(3)).map(|()| true),
        ["chat/connections"] => measure_connections(50_000),
        ["chat/connections", count] => match count.parse() {
            Ok(count) => measure_connections(count),
            Err(_) => Ok(false),
        },
        ["archive"] => {
            println!("Machine: {}.\n", machine());
            archive::run(50).map(|()| true)
        }
        ["access"] => measure_access(rounds),
        ["vod"] => measure_vod(rounds),
        ["memory"] => measure_memory(),
        ["serve", "delivery", port] => match port.parse() {
            Ok(port) => delivery::serve(port).map(|()| true),
            Err(_) => Ok(false),
        },
        ["serve", "loop", port] => match port.parse() {
            Ok(port) => delivery::serve_loop(port).map(|()| true),
            Err(_) => Ok(false),
        },
        ["chat/loopback"] => measure_chat(rounds),
        ["chat"] => throughput("chat", rounds.unwrap_or(5))
            .and_then(|_| measure_chat(rounds))
            .and_then(|_| chat::writers(rounds.unwrap_or(3)))
            .and_then(|()| measure_connections(50_000)),
        ["serve", name, port] => match port.parse() {
            Ok(port) => ingest::serve(name, port).map(|()| true),
            Err(_) => Ok(false),
        },
        ["ingest"] => measure_ingest(rounds),
        ["players"] => Input::open(&directory())
            .map_err(Failure::from)
            .and_then(|input| ingest::players::run(&input, rounds.unwrap_or(5), 4).map(|()| true)),
        ["record"] => Input::open(&directory())
            .map_err(Failure::from)
            .and_then(|input| ingest::record::run(&input, rounds.unwrap_or(5), 8).map(|()| true)),
        ["idle"] => Input::open(&directory())
            .map_err(Failure::from)
            .and_then(|input| ingest::idle(&input, 100).map(|()| true)),
        [] | ["all"] => throughput("all", rounds.unwrap_or(11))
            .and_then(|_| measure_vod(rounds))
            .and_then(|_| measure_memory())
            .and_then(|_| measure_ingest(rounds))
            .and_then(|_| measure_billing("all", rounds))
            .and_then(|_| measure_access(rounds))
            .and_then(|_| measure_chat(rounds))
            .and_then(|_| measure_delivery("delivery", rounds)),
        [word] if word.starts_with("delivery") => measure_delivery(word, rounds),
        [word] if word.starts_with("billing") => measure_billing(word, rounds),
        [word] => throughput(word, rounds.unwrap_or(11)),
        _ => return usage(),
    };
    match result {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => usage(),
        Err(error) => {
            eprintln!("bench: {error}");
            ExitCode::FAILURE
        }
    }
}

fn usage() -> ExitCode {
    eprintln!("{USAGE}");
    ExitCode::from(2)
}

/// Times every heat that the word names; whether there was one.
fn throughput(word: &str, rounds: usize) -> Result<bool, Failure> {
    let input = Input::open(&directory())?;
    println!("Machine: {}. Input: {}.", machine(), input.describe());
    println!(
        "Method: CPU time of the one thread, {rounds} rounds after one that warms up, everyone \
         once a round; GB/s from the median pass, ratios as the median of each round's ratio. \
         Allocations (with reallocations) are counted in a second program.\n"
    );
    let allocations = allocations(word);
    let mut any = false;
    heats(word, &input, &mut |mut heat| {
        any = true;
        let standings = compete(&mut heat.contenders, rounds, &mut Clock);
        println!("{}", table(&heat, &standings, &allocations));
    });
    Ok(any)
}

fn measure_vod(rounds: Option<usize>) -> Result<bool, Failure> {
    let input = Input::open(&directory())?;
    println!("Machine: {}. Input: {}.\n", machine(), input.describe());
    vod::run(&input, &directory(), rounds.unwrap_or(11))?;
    Ok(true)
}

/// In the program that counts.
fn measure_memory() -> Result<bool, Failure> {
    let output = counting("memory").ok_or("the program that counts allocations does not run")?;
    print!("{output}");
    Ok(true)
}

fn measure_ingest(rounds: Option<usize>) -> Result<bool, Failure> {
    let input = Input::open(&directory())?;
    println!("Machine: {}. Input: {}.\n", machine(), input.describe());
    let plan = Plan::default();
    ingest::run(&input, Plan { rounds: rounds.unwrap_or(plan.rounds), ..plan })?;
    Ok(true)
}

fn measure_billing(word: &str, rounds: Option<usize>) -> Result<bool, Failure> {
    println!("Machine: {}.\n", machine());
    billing::run(word, rounds.unwrap_or(11))
}

fn measure_access(rounds: Option<usize>) -> Result<bool, Failure> {
    println!("Machine: {}.\n", machine());
    access::run(rounds.unwrap_or(11))?;
    Ok(true)
}

fn measure_chat(rounds: Option<usize>) -> Result<bool, Failure> {
    println!("Machine: {}.\n", machine());
    chat::loopback(rounds.unwrap_or(3))?;
    Ok(true)
}

fn measure_connections(count: usize) -> Result<bool, Failure> {
    println!("Machine: {}.\n", machine());
    chat::connections(count)?;
    Ok(true)
}

fn measure_delivery(word: &str, rounds: Option<usize>) -> Result<bool, Failure> {
    println!("Machine: {}.\n", machine());
    delivery::run(word, rounds.unwrap_or(5))
}

/// What the program that counts allocations counted.
fn allocations(word: &str) -> Allocations {
    let Some(output) = counting(word) else { return Allocations::new() };
    output
        .lines()
        .filter_map(|line| {
            let mut fields = line.split('\t');
            let place = (fields.next()?.to_owned(), fields.next()?.to_owned());
            Some((place, (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?)))
        })
        .collect()
}

/// Runs the program that counts allocations, building it first; nothing where that fails.
fn counting(word: &str) -> Option<String> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["run", "--release", "--quiet", "--bin", "allocations", "--manifest-path"])
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"))
        .args(["--", word])
        .stderr(Stdio::inherit())
        .output()
        .ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}

fn count_instructions(word: &str) -> Result<bool, Failure> {
    if !instructions::available() {
        return Err("valgrind is not installed".into());
    }
    let input = Input::open(&directory())?;
    println!("Input: {}. Instructions by callgrind, one pass each.\n", input.describe());
    let mut any = false;
    heats(word, &input, &mut |heat| {
        any = true;
        println!("### {}\n", heat.title);
        println!("| | instructions a byte | instructions a {} |\n|---|---:|---:|", heat.item);
        for (index, contender) in heat.contenders.iter().enumerate() {
            match instructions::count(&heat.key, index) {
                Some(count) => println!(
                    "| {} | {:.3} | {:.0} |",
                    contender.name,
                    count as f64 / heat.bytes as f64,
                    count as f64 / heat.items as f64
                ),
                None => println!("| {} | failed | |", contender.name),
            }
        }
        println!();
    });
    Ok(any)
}

/// What runs under callgrind.
fn one(key: &str, contender: &str) -> Result<bool, Failure> {
    let input = Input::open(&directory())?;
    let mut done = false;
    heats(key, &input, &mut |mut heat| {
        // `rtmp/4096` names `rtmp/4096/kept`, too.
        if heat.key != key {
            return;
        }
        let index = contender.parse().ok();
        if let Some(contender) = index.and_then(|index: usize| heat.contenders.get_mut(index)) {
            done = instructions::child(contender);
        }
    });
    Ok(done)
}
