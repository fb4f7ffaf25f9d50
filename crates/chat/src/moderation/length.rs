use super::{Case, Policy, Verdict};
use crate::Refusal;

/// So many characters a message (Unicode scalar values), the room's byte limit apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Length {
    /// The most.
    pub characters: usize,
}

impl Policy for Length {
    fn judge(&self, case: &Case<'_>) -> Verdict {
        if case.text.chars().nth(self.characters).is_none() {
            return Verdict::Pass;
        }
        Verdict::Refuse(Refusal::TooLong { limit: self.characters, unit: "characters" })
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixture::Fixture;
    use super::*;

    #[test]
    fn characters_are_counted_not_bytes() {
        let length = Length { characters: 3 };
        assert_eq!(Fixture::saying("ÄÖÜ").judged(&length), Verdict::Pass);
        assert_eq!(
            Fixture::saying("ÄÖÜ!").judged(&length),
            Verdict::Refuse(Refusal::TooLong { limit: 3, unit: "characters" })
        );
    }
}
