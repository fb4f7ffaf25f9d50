//! `examples/package`: a file as a folder of HLS and DASH.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::process::{self, Process};

/// The program: what `AIRLOOM_PACKAGE` names, or what was built for tests beside this package.
pub fn program() -> PathBuf {
    std::env::var_os("AIRLOOM_PACKAGE").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../target/debug/package")),
        PathBuf::from,
    )
}

/// Fills a folder.
pub fn run(file: &Path, folder: &Path, flags: &[&str]) {
    process::run(Duration::from_mins(1), Command::new(program()).args(flags).arg(file).arg(folder));
}

/// Fills a folder, and hands back what the program says: standard output and standard error.
pub fn told(file: &Path, folder: &Path) -> (String, String) {
    let mut program = Process::start(Command::new(program()).arg(file).arg(folder));
    let status = program.wait(Duration::from_mins(1));
    assert!(status.success(), "{status}: {}", program.errors());
    (program.output(), program.errors())
}

/// Fills a folder, and joins what the playlists of its two tracks name, in their order.
pub fn joined(file: &Path, folder: &Path, flags: &[&str]) -> [PathBuf; 2] {
    run(file, folder, flags);
    ["1.m3u8", "2.m3u8"].map(|playlist| {
        let text = std::fs::read_to_string(folder.join(playlist)).expect("a playlist");
        let map = text.split("#EXT-X-MAP:URI=\"").nth(1).and_then(|rest| rest.split('"').next());
        let media = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
        let names = map.into_iter().chain(media);
        let media = |name: &str| std::fs::read(folder.join(name)).expect("media");
        let path = folder.join(playlist).with_extension("joined.mp4");
        std::fs::write(&path, names.flat_map(media).collect::<Vec<u8>>()).expect("a file");
        path
    })
}
