use axum::http::{HeaderMap, header};
use bytes::{Buf, Bytes};

/// What part of `length` bytes a request wants (RFC 9110, 14.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Range {
    /// All of it: nothing else was asked for, or nothing that has to be understood. Several ranges
    /// in one request are answered like that too; no player asks for them.
    Whole,
    /// `length` bytes from `start` on.
    Single { start: u64, length: u64 },
    /// Nothing of it: 416.
    Unsatisfiable,
}

impl Range {
    /// `tag` is the entity tag that `If-Range` has to name.
    pub(crate) fn of(headers: &HeaderMap, tag: &str, length: u64) -> Self {
        let Some(range) = headers.get(header::RANGE) else { return Self::Whole };
        if headers.get(header::IF_RANGE).is_some_and(|known| known != tag) {
            return Self::Whole;
        }
        range.to_str().ok().and_then(|text| parse(text, length)).unwrap_or(Self::Whole)
    }
}

/// `None` for what is malformed, which is then as if it were not there.
fn parse(text: &str, length: u64) -> Option<Range> {
    let (first, last) = text.trim().strip_prefix("bytes=")?.trim().split_once('-')?;
    let (start, end) = match (first, last) {
        ("", suffix) => (length.saturating_sub(number(suffix)?), length),
        (first, "") => (number(first)?, length),
        (first, last) => {
            let (first, last) = (number(first)?, number(last)?);
            if last < first {
                return None;
            }
            (first, last.saturating_add(1).min(length))
        }
    };
    Some(if start >= end {
        Range::Unsatisfiable
    } else {
        Range::Single { start, length: end - start }
    })
}

/// Digits only; what does not fit is more than there is of anything.
fn number(text: &str) -> Option<u64> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().unwrap_or(u64::MAX))
}

/// The bytes of `chunks` from `skip` on, `left` of them, shared.
#[derive(Debug)]
pub(crate) struct Sliced<I> {
    chunks: I,
    skip: u64,
    left: u64,
}

impl<I> Sliced<I> {
    pub(crate) fn new(chunks: I, start: u64, length: u64) -> Self {
        Self { chunks, skip: start, left: length }
    }
}

impl<I: Iterator<Item = Bytes>> Iterator for Sliced<I> {
    type Item = Bytes;

    fn next(&mut self) -> Option<Bytes> {
        while self.left > 0 {
            let mut chunk = self.chunks.next()?;
            let length = chunk.len() as u64;
            if self.skip >= length {
                self.skip -= length;
                continue;
            }
            chunk.advance(self.skip as usize);
            self.skip = 0;
            chunk.truncate(usize::try_from(self.left).unwrap_or(usize::MAX));
            self.left -= chunk.len() as u64;
            return Some(chunk);
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_read_as_the_rule_says() {
        let single = |start, length| Some(Range::Single { start, length });
        for (text, range) in [
            ("bytes=0-0", single(0, 1)),
            ("bytes=0-", single(0, 100)),
            ("bytes=90-200", single(90, 10)),
            ("bytes=-5", single(95, 5)),
            ("bytes=-500", single(0, 100)),
            ("bytes=99-18446744073709551615", single(99, 1)),
            ("bytes=99-99999999999999999999999", single(99, 1)),
            ("bytes=100-", Some(Range::Unsatisfiable)),
            ("bytes=99999999999999999999999-", Some(Range::Unsatisfiable)),
            ("bytes=-0", Some(Range::Unsatisfiable)),
            ("bytes=5-4", None),
            ("bytes=-", None),
            ("bytes=a-b", None),
            ("bytes=+1-2", None),
            ("bytes=0-1,3-4", None),
            ("lines=0-1", None),
            ("", None),
        ] {
            assert_eq!(parse(text, 100), range, "{text}");
        }
    }

    #[test]
    fn slices_are_cut_wherever_chunks_meet() {
        let text = b"abcdefghij";
        for start in 0..10u64 {
            for length in 1..=10 - start {
                let chunks = text.chunks(3).map(Bytes::copy_from_slice);
                let cut: Vec<u8> = Sliced::new(chunks, start, length).flatten().collect();
                assert_eq!(cut, text[start as usize..(start + length) as usize]);
            }
        }
    }
}
