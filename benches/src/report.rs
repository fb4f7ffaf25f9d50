//! Markdown.

use std::collections::HashMap;
use std::fmt::Write;

use crate::Heat;
use crate::measure::Standing;

/// Allocations and bytes asked for in one pass, by heat and contender.
pub type Allocations = HashMap<(String, String), (u64, u64)>;

/// One line on what the figures were taken with.
pub fn machine() -> String {
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = info
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(": "))
        .map_or("an unnamed CPU", |(_, model)| model);
    let cores = std::thread::available_parallelism().map_or(0, std::num::NonZero::get);
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load = load.split(' ').next().unwrap_or("?").to_owned();
    format!("{cores} cores of {model}, load {load} at the start")
}

/// The table of one heat. Ratios are medians of each round's own ratio.
pub fn table(heat: &Heat<'_>, standings: &[Standing], allocations: &Allocations) -> String {
    let mut out = format!("### {}\n\n{}\n\n", heat.title, heat.method);
    let Some(reference) = standings.first() else { return out };
    let (item, reference_name) = (heat.item, &reference.name);
    let _ = writeln!(
        out,
        "| | GB/s | x {reference_name} | ns a {item} | allocations a {item} | bytes allocated a byte | what came out |"
    );
    out.push_str("|---|---:|---:|---:|---:|---:|---|\n");
    for standing in standings {
        let name = &standing.name;
        if let Some(failure) = &standing.failure {
            let _ =
                writeln!(out, "| {name} | | | | | | **failed**: {} |", failure.replace('|', "/"));
            continue;
        }
        let seconds = standing.seconds();
        let _ = write!(
            out,
            "| {name} | {:.2} | {:.2} | {} | ",
            heat.bytes as f64 / 1e9 / seconds,
            standing.speed_beside(reference),
            nanoseconds(seconds * 1e9 / heat.items as f64),
        );
        match allocations.get(&(heat.key.clone(), name.clone())) {
            Some((count, bytes)) => {
                let _ = writeln!(
                    out,
                    "{:.2} | {:.3} | {} |",
                    *count as f64 / heat.items as f64,
                    *bytes as f64 / heat.bytes as f64,
                    standing.note,
                );
            }
            None => {
                let _ = writeln!(out, "? | ? | {} |", standing.note);
            }
        }
    }
    out
}

/// Two digits of a small figure, the whole of a large one.
fn nanoseconds(value: f64) -> String {
    if value < 10.0 { format!("{value:.2}") } else { format!("{value:.0}") }
}
