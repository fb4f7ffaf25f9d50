use std::time::Duration;

/// A stretch of a recording, in milliseconds since its start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Span {
    pub(super) from: u64,
    /// Excluded.
    pub(super) to: u64,
}

/// A query that asks for no stretch of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum BadSpan {
    #[error("`{0}` is a time in seconds, such as 90 or 90.5")]
    Malformed(&'static str),
    #[error("`from` is a time before `to`")]
    Backward,
}

impl Span {
    pub(super) const ALL: Self = Self { from: 0, to: u64::MAX };

    /// Reads `from` and `to`, in seconds with up to three decimals; `None` where neither is there.
    pub(super) fn of(query: &str) -> Result<Option<Self>, BadSpan> {
        let (mut span, mut asked) = (Self::ALL, false);
        for pair in query.split('&') {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let (field, name) = match name {
                "from" => (&mut span.from, "from"),
                "to" => (&mut span.to, "to"),
                _ => continue,
            };
            *field = millis(value).ok_or(BadSpan::Malformed(name))?;
            asked = true;
        }
        if span.from >= span.to {
            return Err(BadSpan::Backward);
        }
        Ok(asked.then_some(span))
    }

    /// Whether media from `from` to `to` has a part in it.
    pub(super) fn touches(self, from: i64, to: i64) -> bool {
        let limit = |time: u64| i64::try_from(time).unwrap_or(i64::MAX);
        from < limit(self.to) && to > limit(self.from)
    }

    /// As a query: what links of a clip's playlist carry on.
    pub(super) fn query(self) -> String {
        let from = Seconds(self.from);
        if self.to == u64::MAX {
            format!("from={from}")
        } else {
            format!("from={from}&to={}", Seconds(self.to))
        }
    }
}

/// Milliseconds, written as seconds.
struct Seconds(u64);

impl std::fmt::Display for Seconds {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{:03}", self.0 / 1000, self.0 % 1000)
    }
}

fn millis(text: &str) -> Option<u64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || whole.len() > 9 || !digits(whole) || !digits(fraction) {
        return None;
    }
    // What is finer than a millisecond is cut off.
    let thousandths: String = fraction.chars().chain("000".chars()).take(3).collect();
    let time = Duration::from_secs(whole.parse().ok()?);
    let time = time + Duration::from_millis(thousandths.parse().ok()?);
    u64::try_from(time.as_millis()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_seconds_with_decimals() {
        let span = |from, to| Ok(Some(Span { from, to }));
        for (query, expected) in [
            ("", Ok(None)),
            ("token=1", Ok(None)),
            ("from=1.5&to=60", span(1500, 60_000)),
            ("to=0.0019", span(0, 1)),
            ("from=7", span(7000, u64::MAX)),
            ("from=1&to=1", Err(BadSpan::Backward)),
            ("from=2&to=1", Err(BadSpan::Backward)),
            ("from=", Err(BadSpan::Malformed("from"))),
            ("from=-1", Err(BadSpan::Malformed("from"))),
            ("to=1e3", Err(BadSpan::Malformed("to"))),
            ("to=1.2.3", Err(BadSpan::Malformed("to"))),
            ("to=99999999999999999999", Err(BadSpan::Malformed("to"))),
        ] {
            assert_eq!(Span::of(query), expected, "{query}");
        }
    }

    #[test]
    fn a_query_is_read_back() {
        for span in [Span { from: 1500, to: 60_001 }, Span { from: 7, to: u64::MAX }] {
            assert_eq!(Span::of(&span.query()), Ok(Some(span)));
        }
    }
}
