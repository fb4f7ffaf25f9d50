use super::{Case, Policy, Verdict};
use crate::{Refusal, Roles};

/// Followers-only and subscribers-only, as the moderators set them in [`Modes`](super::Modes).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Audience;

impl Policy for Audience {
    fn judge(&self, case: &Case<'_>) -> Verdict {
        let paying = Roles::SUBSCRIBER.with(Roles::VIP);
        let roles = case.author.roles;
        if case.modes.subscribers_only && !roles.any(paying) {
            Verdict::Refuse(Refusal::SubscribersOnly)
        } else if case.modes.followers_only && !roles.any(paying.with(Roles::FOLLOWER)) {
            Verdict::Refuse(Refusal::FollowersOnly)
        } else {
            Verdict::Pass
        }
    }
}

/// Emotes-only, as the moderators set it in [`Modes`](super::Modes).
///
/// An emote is a word between colons (`:wave:`), or one without any letter or digit outside
/// them: emoji and signs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Emotes;

impl Policy for Emotes {
    fn judge(&self, case: &Case<'_>) -> Verdict {
        if !case.modes.emotes_only || case.text.split_whitespace().all(is_emote) {
            Verdict::Pass
        } else {
            Verdict::Refuse(Refusal::EmotesOnly)
        }
    }
}

fn is_emote(word: &str) -> bool {
    let named = word.strip_prefix(':').and_then(|word| word.strip_suffix(':'));
    if named.is_some_and(|name| !name.is_empty() && !name.contains(':')) {
        return true;
    }
    // Keycaps are a digit, perhaps U+FE0F, and U+20E3.
    let mut rest = word.chars().peekable();
    while let Some(character) = rest.next() {
        if character.is_ascii_digit() {
            rest.next_if_eq(&'\u{fe0f}');
            if rest.next() != Some('\u{20e3}') {
                return false;
            }
        } else if character.is_alphanumeric() {
            return false;
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::super::fixture::Fixture;
    use super::*;

    #[test]
    fn who_is_not_in_the_audience_is_told_which() {
        let mut fixture = Fixture::saying("x");
        assert_eq!(fixture.judged(&Audience), Verdict::Pass);
        fixture.modes.followers_only = true;
        assert_eq!(fixture.judged(&Audience), Verdict::Refuse(Refusal::FollowersOnly));
        fixture.author.roles = Roles::FOLLOWER;
        assert_eq!(fixture.judged(&Audience), Verdict::Pass);
        fixture.modes.subscribers_only = true;
        assert_eq!(fixture.judged(&Audience), Verdict::Refuse(Refusal::SubscribersOnly));
        fixture.author.roles = Roles::SUBSCRIBER;
        assert_eq!(fixture.judged(&Audience), Verdict::Pass);
    }

    #[test]
    fn emotes_are_emoji_and_named_ones() {
        let judged = |text| {
            let mut fixture = Fixture::saying(text);
            fixture.modes.emotes_only = true;
            fixture.judged(&Emotes)
        };
        for text in ["🔥", ":wave: 🇩🇪 :+1:", "👩‍👩‍👧", "1\u{fe0f}\u{20e3}2\u{20e3}", "!!"]
        {
            assert_eq!(judged(text), Verdict::Pass, "{text}");
        }
        for text in
            ["fire", "fire\u{20e3}", "12\u{20e3}", "1\u{fe0f}", "🔥 fire", "::", "a:b:", ":a:b:c:"]
        {
            let refused = Verdict::Refuse(Refusal::EmotesOnly);
            assert_eq!(judged(text) == refused, text != "::", "{text}");
        }
    }
}
