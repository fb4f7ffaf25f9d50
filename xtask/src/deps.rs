//! Which crate may know which, and what must never be under a core.

use std::collections::BTreeSet;

use crate::shell::{Failure, Report, Shell, cargo, root};

/// What a crate of the family may depend on directly.
struct Rule {
    name: &'static str,
    /// The arrows of DESIGN.md.
    family: &'static [&'static str],
    /// Everything else; `None` is anything that brings no runtime.
    others: Option<&'static [&'static str]>,
    /// A core knows no socket, clock or runtime, however deep.
    core: bool,
}

const RULES: [Rule; 7] = [
    Rule { name: "airloom-media", family: &[], others: Some(&["bytes", "thiserror"]), core: true },
    Rule {
        name: "airloom-rtmp",
        family: &["airloom-media"],
        others: Some(&["bytes", "thiserror", "sha2", "hmac"]),
        core: true,
    },
    Rule { name: "airloom-segmenter", family: &["airloom-media"], others: None, core: true },
    Rule {
        name: "airloom-playlist",
        // The segmenter only to take what it makes, with a feature.
        family: &["airloom-media", "airloom-segmenter"],
        others: None,
        core: true,
    },
    Rule { name: "airloom-chat", family: &[], others: None, core: true },
    Rule { name: "airloom-billing", family: &[], others: None, core: true },
    Rule {
        name: "airloom",
        family: &[
            "airloom-media",
            "airloom-rtmp",
            "airloom-segmenter",
            "airloom-playlist",
            "airloom-chat",
            "airloom-billing",
        ],
        others: None,
        core: false,
    },
];

/// Runtimes, sockets and HTTP. A name stands for itself and for `name-…`.
const RUNTIMES: [&str; 17] = [
    "tokio",
    "mio",
    "socket2",
    "net2",
    "polling",
    "async-std",
    "async-io",
    "smol",
    "hyper",
    "h2",
    "axum",
    "tower",
    "reqwest",
    "ureq",
    "quinn",
    "actix",
    "rustls",
];

pub(crate) fn run(shell: &mut Shell) -> Result<Report, Failure> {
    let mut report = Report::default();
    for (name, manifest) in crates()? {
        let Some(rule) = RULES.iter().find(|rule| rule.name == name) else {
            return Err(Failure(format!("{name} has no rule in xtask/src/deps.rs: state one")));
        };
        let direct = tree(shell, &name, &["--depth", "1"])?;
        let whole = tree(shell, &name, &[])?;
        let broken = broken(rule, &direct, &whole);
        for line in &broken {
            shell.say(line);
        }
        if let Some(first) = broken.first() {
            return Err(Failure(first.clone()));
        }
        // Alone, without the features its neighbours switch on.
        shell.run(cargo().args(["check", "--package", &name]))?;
        if manifest.contains("\n[features]") {
            for features in ["--no-default-features", "--all-features"] {
                shell.run(cargo().args(["check", "--package", &name, features]))?;
            }
        }
        report.passed += 1;
    }
    Ok(report)
}

/// Name and manifest of every crate of the family.
fn crates() -> Result<Vec<(String, String)>, Failure> {
    let directory = root().join("crates");
    let unreadable = |error| Failure(format!("{} cannot be read: {error}", directory.display()));
    let mut crates = Vec::new();
    for entry in std::fs::read_dir(&directory).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path().join("Cargo.toml");
        let Ok(manifest) = std::fs::read_to_string(&path) else { continue };
        let name = manifest
            .lines()
            .find_map(|line| line.strip_prefix("name = "))
            .ok_or_else(|| Failure(format!("{} names no package", path.display())))?;
        crates.push((name.trim_matches('"').to_owned(), manifest));
    }
    crates.sort();
    Ok(crates)
}

/// Names of what a package is built from, itself left out.
fn tree(shell: &mut Shell, package: &str, more: &[&str]) -> Result<BTreeSet<String>, Failure> {
    let text = shell.output(
        cargo()
            .args(["tree", "--locked", "--all-features", "--edges", "normal"])
            .args(["--prefix", "none", "--format", "{p}", "--package", package])
            .args(more),
    )?;
    let names = text.lines().filter_map(|line| line.split_whitespace().next());
    Ok(names.filter(|name| *name != package).map(str::to_owned).collect())
}

fn broken(rule: &Rule, direct: &BTreeSet<String>, whole: &BTreeSet<String>) -> Vec<String> {
    let mut broken = Vec::new();
    for name in direct {
        if name == "airloom" || name.starts_with("airloom-") {
            if !rule.family.contains(&name.as_str()) {
                broken.push(format!("{} must not know {name}", rule.name));
            }
        } else if rule.others.is_some_and(|others| !others.contains(&name.as_str())) {
            broken.push(format!("{} must not depend on {name}", rule.name));
        }
    }
    if rule.core {
        for name in whole.iter().filter(|name| is_runtime(name)) {
            broken.push(format!("{} is a core and has {name} under it", rule.name));
        }
    }
    broken
}

fn is_runtime(name: &str) -> bool {
    RUNTIMES.iter().any(|runtime| {
        name.strip_prefix(runtime).is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(names: &[&str]) -> BTreeSet<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn arrows_runtimes_and_strangers_are_named() {
        let rtmp = &RULES[1];
        let direct = names(&["airloom-media", "bytes", "thiserror"]);
        assert!(broken(rtmp, &direct, &direct).is_empty());

        let direct = names(&["airloom-playlist", "serde"]);
        let whole = names(&["airloom-playlist", "serde", "tokio-util"]);
        assert_eq!(
            broken(rtmp, &direct, &whole),
            [
                "airloom-rtmp must not know airloom-playlist",
                "airloom-rtmp must not depend on serde",
                "airloom-rtmp is a core and has tokio-util under it",
            ]
        );
    }

    #[test]
    fn a_name_that_only_begins_like_a_runtime_passes() {
        assert!(is_runtime("mio"));
        assert!(is_runtime("hyper-util"));
        assert!(!is_runtime("miow"));
        assert!(!is_runtime("h264-reader"));
    }
}
