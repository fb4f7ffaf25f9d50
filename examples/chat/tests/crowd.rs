//! The program as a whole, with a small audience.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

#[test]
fn a_crowd_is_told_what_is_said() {
    let mut program = Command::new(env!("CARGO_BIN_EXE_chat"))
        .args(["--http", "127.0.0.1:0", "--crowd", "50", "--rate", "20"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(program.stdout.take().unwrap()).lines();
    let first = lines.next().unwrap().unwrap();
    assert!(first.starts_with(r#"{"event":"listening","http":"127.0.0.1:"#), "{first}");
    // The first seconds are those in which the crowd comes.
    let told = lines.map(Result::unwrap).take(20).find(|line| {
        let words: Vec<_> = line.split_whitespace().collect();
        let after = |name: &str| {
            let at =
                words.iter().position(|word| *word == name).unwrap_or_else(|| panic!("{line}"));
            words[at + 1].parse::<u64>().unwrap()
        };
        // Of 1,000 a second; a busy machine is forgiven half of them.
        after("readers") == 50 && after("delivered/s") >= 500
    });
    program.kill().unwrap();
    program.wait().unwrap();
    assert!(told.is_some());
}
