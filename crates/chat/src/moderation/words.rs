use std::fmt;

use super::{Case, Policy, Verdict};
use crate::Refusal;

/// Finds words that must not be said: the integrator's own list or service, if it answers at once.
pub trait WordFilter: fmt::Debug + Send + Sync {
    /// What is to be done about `text`.
    fn check(&self, text: &str) -> Verdict;
}

/// A [`WordFilter`] as a policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Words<F>(pub F);

impl<F: WordFilter> Policy for Words<F> {
    fn judge(&self, case: &Case<'_>) -> Verdict {
        self.0.check(case.text)
    }
}

/// The plainest filter: whole words, whatever their capitals.
impl WordFilter for Vec<String> {
    fn check(&self, text: &str) -> Verdict {
        let mut words = text.split(|it: char| !it.is_alphanumeric()).filter(|it| !it.is_empty());
        let listed = |word: &str| {
            let word = word.to_lowercase();
            self.iter().any(|bad| bad.to_lowercase() == word)
        };
        if words.any(listed) { Verdict::Refuse(Refusal::Word) } else { Verdict::Pass }
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixture::Fixture;
    use super::*;

    #[test]
    fn whole_words_only() {
        let words = Words(vec!["Darn".to_owned()]);
        let judged = |text| Fixture::saying(text).judged(&words);
        assert_eq!(judged("well, DARN!"), Verdict::Refuse(Refusal::Word));
        assert_eq!(judged("darning socks"), Verdict::Pass);
    }
}
