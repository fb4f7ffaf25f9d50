//! `CONFORMANCE.md` names tests that there are.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// All Rust files below `folder`.
fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

#[test]
fn every_test_it_names_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let table = std::fs::read_to_string(root.join("CONFORMANCE.md")).unwrap();
    // The last cell of the tables that end in tests.
    let (proved, _) = table.split_once("## Not done").unwrap();
    let cells = proved.lines().filter_map(|line| line.strip_suffix('|')?.rsplit('|').next());
    let named: BTreeSet<_> = cells.flat_map(|cell| cell.split('`').skip(1).step_by(2)).collect();
    assert!(named.len() > 80, "{}", named.len());
    let mut files = Vec::new();
    for folder in
        ["playlist/src", "playlist/tests", "segmenter/tests", "airloom/tests", "airloom/src/origin"]
    {
        sources(&root.join("..").join(folder), &mut files);
    }
    let text: String = files.iter().map(|file| std::fs::read_to_string(file).unwrap()).collect();
    let missing: Vec<_> =
        named.into_iter().filter(|name| !text.contains(&format!("fn {name}("))).collect();
    assert!(missing.is_empty(), "{missing:?}");
}
