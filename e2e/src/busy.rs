//! Figures in real time, on a machine that may have other things to do.

use std::thread;

/// Makes an attempt whose success depends on getting the processor in time; fails with what
/// the attempt says.
///
/// One that fails while the machine has more to do than processors to do it with is made
/// once more, and both results are printed. On a machine at rest the first one counts.
pub fn attempt(what: &str, attempt: impl Fn() -> Result<String, String>) {
    let told = || {
        let outcome = attempt();
        let (Ok(report) | Err(report)) = &outcome;
        println!("{what}: {report}");
        outcome
    };
    let mut outcome = told();
    if outcome.is_err()
        && let Some(load) = overload()
    {
        println!("{what}: once more, since the load average is {load}");
        outcome = told();
    }
    if let Err(reason) = outcome {
        panic!("{what}: {reason}");
    }
}

/// The load average over the last minute where it exceeds the number of processors.
fn overload() -> Option<f64> {
    let text = std::fs::read_to_string("/proc/loadavg").ok()?;
    let load: f64 = text.split_whitespace().next()?.parse().ok()?;
    let processors = u32::try_from(thread::available_parallelism().ok()?.get()).ok()?;
    (load > f64::from(processors)).then_some(load)
}
