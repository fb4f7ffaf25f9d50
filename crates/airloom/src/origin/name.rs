use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// The name of a stream: 1 to 64 of `A-Z a-z 0-9 . _ -`, and not `.` or `..`.
///
/// The same word is the RTMP stream key and a segment of the HTTP path, so it never needs escaping.
/// Cloning is cheap.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StreamName(Arc<str>);

/// A word that cannot name a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a stream is named by 1 to 64 of A-Z a-z 0-9 . _ -")]
pub struct InvalidName;

impl StreamName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for StreamName {
    type Err = InvalidName;

    fn from_str(word: &str) -> Result<Self, InvalidName> {
        let legal = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
        // "." and ".." are steps in a path, not names: every HTTP client resolves them away.
        let nameable = (1..=64).contains(&word.len()) && word != "." && word != "..";
        if nameable && word.bytes().all(legal) { Ok(Self(word.into())) } else { Err(InvalidName) }
    }
}

impl fmt::Display for StreamName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_needs_no_escaping_names_a_stream() {
        for good in ["a", "Cam-1_x.y", "...", &"n".repeat(64)] {
            assert_eq!(good.parse::<StreamName>().unwrap().as_str(), good);
        }
        for bad in ["", ".", "..", "a/b", "a b", "ä", "a%2f", &"n".repeat(65)] {
            assert_eq!(bad.parse::<StreamName>(), Err(InvalidName));
        }
    }
}
