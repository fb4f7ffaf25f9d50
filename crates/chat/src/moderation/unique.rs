use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use super::{Case, Policy, Record, Verdict};
use crate::Refusal;

/// Nobody says the same twice in a row within a time; capitals and blanks make no difference.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unique {
    /// That time.
    pub within: Duration,
}

impl Policy for Unique {
    fn judge(&self, case: &Case<'_>) -> Verdict {
        match case.record.said {
            Some((text, at))
                if text == folded(case.text) && case.now.saturating_sub(at) < self.within =>
            {
                Verdict::Refuse(Refusal::Repeated)
            }
            _ => Verdict::Pass,
        }
    }

    fn note(&self, case: &Case<'_>, author: &mut Record, _: &mut Record) {
        author.said = Some((folded(case.text), case.now));
    }
}

fn folded(text: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    for word in text.split_whitespace() {
        word.chars().flat_map(char::to_lowercase).for_each(|it| it.hash(&mut hasher));
        ' '.hash(&mut hasher);
    }
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::super::fixture::Fixture;
    use super::*;
    use crate::Body;

    #[test]
    fn the_same_again_waits_or_changes() {
        let unique = Unique { within: Duration::from_secs(30) };
        let mut fixture = Fixture::saying("Hello  there");
        let at = Duration::from_secs;
        assert_eq!(fixture.say(&unique, at(0)), Verdict::Pass);
        fixture.body = Body::Message { text: " hello THERE ".to_owned() };
        assert_eq!(fixture.say(&unique, at(29)), Verdict::Refuse(Refusal::Repeated));
        assert_eq!(fixture.say(&unique, at(30)), Verdict::Pass);
        fixture.body = Body::Message { text: "hellothere".to_owned() };
        assert_eq!(fixture.say(&unique, at(31)), Verdict::Pass);
    }
}
