//! What crates.io would be given: each crate is packed, and built as whoever takes it alone builds
//! it, without features and with each of them.

use crate::shell::{Failure, Report, Shell, cargo, root};

const CRATES: [(&str, &str); 7] = [
    ("airloom-media", "media"),
    ("airloom-rtmp", "rtmp"),
    ("airloom-segmenter", "segmenter"),
    ("airloom-playlist", "playlist"),
    ("airloom-chat", "chat"),
    ("airloom-billing", "billing"),
    ("airloom", "airloom"),
];

pub(crate) fn run(shell: &mut Shell) -> Result<Report, Failure> {
    let mut pack = cargo();
    pack.args(["package", "--no-verify", "--allow-dirty"]);
    for (name, _) in CRATES {
        pack.args(["-p", name]);
    }
    shell.run(&mut pack)?;
    let mut report = Report::one();
    for (name, folder) in CRATES {
        let manifest = root().join("crates").join(folder).join("Cargo.toml");
        let manifest = std::fs::read_to_string(&manifest)
            .map_err(|error| Failure(format!("{}: {error}", manifest.display())))?;
        for feature in std::iter::once("").chain(features(&manifest)) {
            shell.run(
                cargo()
                    .args(["check", "-p", name, "--lib", "--no-default-features"])
                    .args(["--features", feature])
                    .env("RUSTFLAGS", "-D warnings"),
            )?;
            report.passed += 1;
        }
    }
    Ok(report)
}

/// The names under `[features]`.
fn features(manifest: &str) -> impl Iterator<Item = &str> {
    let section = manifest.split("\n[").find(|section| section.starts_with("features]"));
    let lines = section.unwrap_or_default().lines().skip(1);
    lines.filter(|line| !line.starts_with('#')).filter_map(|line| Some(line.split_once(" = ")?.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn features_are_found_in_a_manifest() {
        let manifest = "[package]\nname = \"a\"\n\n[features]\n# What it is.\none = []\n\
            two = [\"one\", \"dep:x\"]\n\n[dependencies]\nx = \"1\"\n";
        assert_eq!(features(manifest).collect::<Vec<_>>(), ["one", "two"]);
        assert_eq!(features("[package]\nname = \"a\"\n").count(), 0);
    }
}
