//! The program as a whole, on a file of two tracks.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const FILE: &str =
    concat!(env!("CARGO_MANIFEST_DIR"), "/../../crates/segmenter/tests/fixtures/pyramid.flv");

fn packaged(folder: &str, flags: &[&str]) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(folder);
    let _ = fs::remove_dir_all(&folder);
    let done = Command::new(env!("CARGO_BIN_EXE_package"))
        .args(flags)
        .arg(FILE)
        .arg(&folder)
        .output()
        .unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let found = String::from_utf8(done.stdout).unwrap();
    assert!(found.starts_with("video 1: avc1."), "{found}");
    folder
}

fn names(folder: &Path, playlist: &str) -> Vec<String> {
    let text = fs::read_to_string(folder.join(playlist)).unwrap();
    let media = text.lines().filter(|line| !line.starts_with('#'));
    media.map(str::to_owned).collect()
}

#[test]
fn everything_a_playlist_names_is_in_the_folder() {
    let folder = packaged("clear", &[]);
    for playlist in ["1.m3u8", "2.m3u8"] {
        let text = fs::read_to_string(folder.join(playlist)).unwrap();
        assert!(text.ends_with("#EXT-X-ENDLIST\n"));
        let names = names(&folder, playlist);
        assert!(names.len() > 1);
        for name in names {
            let media = fs::read(folder.join(name)).unwrap();
            assert_eq!(media[4..8], *b"styp");
        }
    }
    assert_eq!(names(&folder, "index.m3u8"), ["1.m3u8"]);
    let manifest = fs::read_to_string(folder.join("manifest.mpd")).unwrap();
    assert!(manifest.contains("type=\"static\""));
}

#[test]
fn an_encrypted_folder_names_its_key() {
    let folder = packaged("encrypted", &["--cbcs"]);
    assert_eq!(fs::read(folder.join("key.bin")).unwrap().len(), 16);
    let text = fs::read_to_string(folder.join("1.m3u8")).unwrap();
    let lines: Vec<_> = text.lines().collect();
    let map = lines.iter().position(|line| line.starts_with("#EXT-X-MAP")).unwrap();
    assert!(lines[map + 1].starts_with("#EXT-X-KEY:METHOD=SAMPLE-AES,URI=\"key.bin\""));
    let init = fs::read(folder.join("1-init-0.mp4")).unwrap();
    assert!(init.windows(4).any(|four| four == b"encv"));
    let manifest = fs::read_to_string(folder.join("manifest.mpd")).unwrap();
    assert_eq!(manifest.matches("<ContentProtection ").count(), 2);
}
