//! A disk that is really full: the kernel refuses to write, and what was answered stays.
//!
//! A child of this test runs under a limit on the size of its files (`ulimit -f`), which needs
//! nothing but a POSIX shell. To see the same on a real small file system, mount one and name it:
//! `mount -t tmpfs -o size=200k tmpfs /mnt && AIRLOOM_SMALL_DISK=/mnt cargo test --test full_disk`.

mod support;

use std::path::Path;
use std::process::Command;

use airloom_billing::ledger::{Directory, Ledger};
use airloom_billing::{Catalogue, Config, Error, FaultKind, Outcome};
use support::{event, inputs, now, total};

const DIRECTORY: &str = "FULL_DISK_DIRECTORY";
const GROUP: u64 = 20;

fn open(path: &Path) -> Ledger<Directory> {
    let storage = Directory::open(path).expect("the directory");
    Ledger::open(storage, Catalogue::live(), Config::default()).expect("a whole ledger").0
}

fn group(number: u64) -> Vec<airloom_billing::Input> {
    let ids = number * GROUP..(number + 1) * GROUP;
    inputs(ids.map(|id| event("t", "s", &format!("{id:040}"), 1)))
}

/// Takes groups in until there is no room for another; returns how many.
fn fill(path: &Path) -> u64 {
    let mut ledger = open(path);
    for number in 0.. {
        match ledger.apply(now(), &group(number)) {
            Ok(outcomes) => {
                let counted = |outcome: &Outcome| matches!(outcome, Outcome::Counted { .. });
                assert!(outcomes.iter().all(counted), "{outcomes:?}");
            }
            Err(Error::Storage(fault)) => {
                assert_eq!(fault.kind, FaultKind::Full, "{fault:?}");
                assert_eq!(total(&ledger, "t", "egress_bytes"), u128::from(number * GROUP));
                // It stays full, and stays whole.
                assert!(matches!(ledger.apply(now(), &group(number)), Err(Error::Storage(_))));
                ledger.verify(&[]).expect("whole");
                return number;
            }
            Err(error) => panic!("{error}"),
        }
    }
    unreachable!("a disk without end");
}

/// What the child does: fills its disk, and says how far it came.
#[test]
fn filler() {
    let Some(path) = std::env::var_os(DIRECTORY) else { return };
    println!("\nanswered {}", fill(path.as_ref()));
}

/// Where there is room again, the rest goes in, and nothing counts twice.
fn goes_on(path: &Path, answered: u64) {
    let mut ledger = open(path);
    assert_eq!(total(&ledger, "t", "egress_bytes"), u128::from(answered * GROUP));
    for number in 0..answered + 5 {
        let outcomes = ledger.apply(now(), &group(number)).expect("room");
        let again = outcomes.iter().all(|outcome| *outcome == Outcome::Duplicate);
        assert_eq!(again, number < answered);
    }
    assert_eq!(total(&ledger, "t", "egress_bytes"), u128::from((answered + 5) * GROUP));
    ledger.verify(&[]).expect("whole");
}

#[test]
fn a_file_that_may_not_grow_costs_nothing_that_was_answered() {
    let directory = tempfile::tempdir().expect("a directory");
    // 100 blocks of 512 bytes, or of 1024: 50 or 100 KB. The signal that goes with it would end
    // the process; ignored, the write fails.
    let script = "trap '' XFSZ; ulimit -f 100; exec \"$0\" \"$@\"";
    let output = Command::new("sh")
        .args(["-c", script])
        .arg(std::env::current_exe().expect("this test"))
        .args(["--exact", "filler", "--nocapture", "--test-threads=1"])
        .env(DIRECTORY, directory.path())
        .output()
        .expect("a shell");
    let text = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    let answered = text.lines().find_map(|line| line.strip_prefix("answered "));
    let answered: u64 = answered.unwrap_or_else(|| panic!("{text}{errors}")).parse().expect("one");
    assert!(answered > 5, "{answered}");
    goes_on(directory.path(), answered);
}

#[test]
fn a_file_system_without_room_costs_nothing_that_was_answered() {
    // Without one, `damage.rs` has the same with a storage that says it is full.
    let Some(disk) = std::env::var_os("AIRLOOM_SMALL_DISK") else { return };
    let full = tempfile::tempdir_in(disk).expect("a small disk");
    let answered = fill(full.path());
    assert!(answered > 5, "{answered}");
    let roomy = tempfile::tempdir().expect("a directory");
    for entry in std::fs::read_dir(full.path()).expect("the ledger") {
        let entry = entry.expect("a file");
        std::fs::copy(entry.path(), roomy.path().join(entry.file_name())).expect("copied");
    }
    goes_on(roomy.path(), answered);
}
