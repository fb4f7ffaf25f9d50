//! Real processes, killed with SIGKILL at any moment, hundreds of times.
//!
//! The writer is this very test binary, started again with [`DIRECTORY`] set. It prints a number
//! once the ledger has answered for it; the producer here hands in again whatever was not
//! answered. At the end everything is there, each once.

mod support;

use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Stdio};

use airloom_billing::ledger::{Directory, Ledger, Memory, inspect};
use airloom_billing::{Catalogue, Config, Input, Limits, Outcome, Storage};
use support::{delta, event, name, now, total};

const DIRECTORY: &str = "LEDGER_DIRECTORY";
const START: &str = "LEDGER_START";
const END: &str = "LEDGER_END";
const KILLS: u64 = 300;
/// Steps of the last writer, which nobody kills.
const REST: u64 = 50;

fn ledger<S: Storage>(storage: S) -> Ledger<S> {
    let limits = Limits { segment: 6_000, ..Limits::default() };
    let config = Config { limits, ..Config::default() };
    Ledger::open(storage, Catalogue::live(), config).expect("a whole ledger").0
}

fn open(path: &std::path::Path) -> Ledger<Directory> {
    ledger(Directory::open(path).expect("the directory"))
}

/// What lies there, to be looked at without changing anything for whoever opens it next.
fn copy(storage: &Directory) -> Memory {
    let mut copy = Memory::new();
    for (name, _) in storage.list().expect("files") {
        let bytes = storage.read(&name, 0).expect("a file");
        copy.append(&name, &bytes).expect("memory");
    }
    copy
}

/// What the child does: from `START` to `END`, an event and a delta a step, until it is killed or
/// done.
#[test]
fn writer() {
    let Some(path) = std::env::var_os(DIRECTORY) else { return };
    let number = |name| std::env::var(name).expect("told").parse::<u64>().expect("a number");
    let (start, end) = (number(START), number(END));
    let mut ledger = open(path.as_ref());
    let mut out = std::io::stdout();
    for step in start..=end {
        let inputs = [
            Input::Event(event("t", "s", &step.to_string(), 1)),
            Input::Delta(delta("p", 1, step, 1_000_000)),
        ];
        let outcomes = ledger.apply(now(), &inputs).expect("applied");
        let fine = |outcome: &Outcome| {
            matches!(
                outcome,
                Outcome::Counted { .. } | Outcome::Applied { counted: 1, .. } | Outcome::Duplicate
            )
        };
        assert!(outcomes.iter().all(fine), "{outcomes:?}");
        // The test harness's own words may stand before it on the line.
        writeln!(out, "\nanswered {step}").expect("the parent listens");
        if step % 50 == 0 {
            let later = now().saturating_add(std::time::Duration::from_hours(1));
            ledger.compact(later, later).expect("compacted");
        }
    }
}

#[test]
fn what_was_answered_survives_every_kill_and_counts_once() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut answered = 0u64;
    let mut seed = 0x9e37_79b9_7f4a_7c15u64;
    let (mut kills, mut wanted) = (0, 0);
    let (mut torn, mut unanswered) = (0, 0);
    let mut end = u64::MAX;
    while answered < end {
        if kills == KILLS {
            end = answered + REST;
        }
        let last = end != u64::MAX;
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let mut child = Command::new(std::env::current_exe().expect("this test"))
            .args(["--exact", "writer", "--nocapture", "--test-threads=1"])
            .env(DIRECTORY, directory.path())
            .env(START, (answered + 1).to_string())
            .env(END, end.to_string())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("a writer");
        let mut lines = BufReader::new(child.stdout.take().expect("its output")).lines();
        let mut listen = |answered: &mut u64| {
            let line = lines.next().and_then(Result::ok);
            if let Some(step) = line.as_deref().and_then(|line| line.strip_prefix("answered ")) {
                *answered = step.parse().expect("a number");
            }
            line.is_some()
        };
        if !last {
            // Some die before they have opened the ledger, some while they compact it.
            let target = answered + (seed >> 40) % 9;
            wanted += target - answered;
            while answered < target && listen(&mut answered) {}
            for turn in 0..(seed >> 44) % 400_000 {
                std::hint::black_box(turn);
            }
            child.kill().expect("killed");
            kills += 1;
        }
        while listen(&mut answered) {}
        let ended = child.wait().expect("its end");
        // One that failed by itself, or was done before it was killed, proves nothing.
        assert!(if last { ended.success() } else { ended.signal() == Some(9) }, "{ended}");
        let storage = Directory::open(directory.path()).expect("the directory");
        let report = inspect(&storage).expect("nothing that a kill leaves is damage");
        torn += u32::from(report.torn.is_some());
        let kept = ledger(copy(&storage)).high_water_mark(&name("p"), 1).unwrap_or(0);
        assert!(kept == answered || kept == answered + 1, "{kept} kept, {answered} answered");
        unanswered += kept - answered;
    }
    assert!(kills == KILLS && answered >= wanted + REST && wanted > KILLS, "{answered}, {wanted}");
    eprintln!("{kills} kills: {torn} in the middle of a write, {unanswered} before the answer");
    let ledger = open(directory.path());
    assert_eq!(total(&ledger, "t", "egress_bytes"), u128::from(end) * 1_000_001);
    let totals = ledger.totals();
    assert_eq!((totals.accepted, totals.counted), (2 * end, 2 * end));
    ledger.verify(&[]).expect("whole");
}
