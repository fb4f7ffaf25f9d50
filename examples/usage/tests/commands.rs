//! The program as people run it: every command, on a month of two tenants.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

const MARCH: &str = include_str!("../march.jsonl");
const NOW: &str = "2026-03-31T23:00:00Z";
const DOWNLOAD: &str = r#"{"Records":[{"eventName":"s3:ObjectAccessed:Get","eventTime":"2026-03-31T20:00:00.5Z","responseElements":{"content-length":"48213","x-amz-request-id":"17B2C3D4E5F60718"},"s3":{"bucket":{"name":"videos"},"object":{"key":"a%2F1.m4s"}}}]}"#;

fn usage(directory: &Path, words: &[&str], input: &str) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_usage"))
        .args(["--data", "ledger"])
        .args(words)
        .current_dir(directory)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program");
    let mut stdin = child.stdin.take().expect("its input");
    // One that reads nothing may be gone before it is told.
    let _ = stdin.write_all(input.as_bytes());
    drop(stdin);
    child.wait_with_output().expect("its end")
}

fn said(directory: &Path, words: &[&str], input: &str) -> String {
    let output = usage(directory, words, input);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{words:?}: {errors}");
    String::from_utf8(output.stdout).expect("text")
}

/// The quantity in the row of a tenant and meter.
fn shown(directory: &Path, tenant: &str, meter: &str) -> u64 {
    let table = said(directory, &["show", tenant], "");
    let row = table.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    let mut row = row.filter(|row| row[..2] == [tenant, meter]);
    row.next().unwrap_or_else(|| panic!("{tenant} {meter}: {table}"))[2].parse().expect("a number")
}

#[test]
fn a_month_is_recorded_shown_closed_and_verified() {
    let directory = tempfile::tempdir().expect("a directory");
    let directory = directory.path();
    let lines = MARCH.lines().count();
    let all = format!("accepted {lines} = counted {lines} + quarantined 0\n");
    assert_eq!(said(directory, &["--now", NOW, "record"], MARCH), all);
    let again = usage(directory, &["--now", NOW, "record"], MARCH);
    assert_eq!(String::from_utf8_lossy(&again.stdout), all);
    let duplicates = String::from_utf8_lossy(&again.stderr);
    assert_eq!(duplicates.lines().filter(|line| line.ends_with(": Duplicate")).count(), lines);

    let table = said(directory, &["show"], "");
    assert!(table.contains("acme") && table.contains('█'), "{table}");
    let april = "2026-04-03T00:00:00Z";
    let close = ["--now", april, "close", "acme", "2026-03-01", "Europe/Berlin"];
    let closed = said(directory, &close, "");
    let total = closed.lines().last().expect("a total");
    assert!(total.contains(" USD for 2026-02-28T23:00:00Z to 2026-03-31T22:00:00Z"), "{total}");
    let amount = total.split(' ').next().expect("an amount");
    for file in closed.lines().take(3) {
        let text = std::fs::read_to_string(directory.join(file)).expect(file);
        let digits = amount.replace('.', "");
        assert!(text.contains(amount) || text.contains(&digits), "{amount} in {file}: {text}");
    }
    assert_eq!(said(directory, &close, ""), closed, "closed once, the same for ever");
    assert!(said(directory, &["verify"], "").contains(" records in "));
}

#[test]
fn what_is_exported_can_be_recorded_elsewhere() {
    let directory = tempfile::tempdir().expect("a directory");
    said(directory.path(), &["--now", NOW, "record"], MARCH);
    let exported = said(directory.path(), &["export"], "");
    assert_eq!(exported.lines().count(), MARCH.lines().count());
    let other = tempfile::tempdir().expect("a directory");
    said(other.path(), &["--now", NOW, "record"], &exported);
    let both = [directory.path(), other.path()].map(|path| said(path, &["show"], ""));
    assert_eq!(both[0], both[1]);
}

#[test]
fn downloads_of_an_object_store_count_once() {
    let directory = tempfile::tempdir().expect("a directory");
    let directory = directory.path();
    let import = ["--now", NOW, "import", "acme"];
    let lines = format!("{DOWNLOAD}\nno notification\n");
    let first = usage(directory, &import, &lines);
    assert!(String::from_utf8_lossy(&first.stderr).starts_with("line 2: notification"));
    let again = usage(directory, &import, &lines);
    assert!(String::from_utf8_lossy(&again.stderr).contains("line 1: Duplicate"));
    assert_eq!(shown(directory, "acme", "egress_bytes"), 48_213);
    assert!(said(directory, &["export"], "").contains(r#""dimensions":{"bucket":"videos"}"#));
}

#[test]
fn a_changed_byte_is_told_and_nothing_is_done() {
    let directory = tempfile::tempdir().expect("a directory");
    let directory = directory.path();
    said(directory, &["--now", NOW, "record"], MARCH);
    let log = directory.join("ledger/00000000000000000001.log");
    let mut bytes = std::fs::read(&log).expect("the log");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&log, &bytes).expect("the log");
    let verified = usage(directory, &["verify"], "");
    let error = String::from_utf8_lossy(&verified.stderr);
    assert!(!verified.status.success() && error.starts_with("ledger: segment 1, byte "), "{error}");
    assert_eq!(std::fs::read(&log).expect("the log"), bytes, "left as it was");
}
