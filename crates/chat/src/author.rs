use std::hash::{DefaultHasher, Hash, Hasher};

use serde::{Deserialize, Serialize};

use crate::{Name, UserId};

/// A user in eight bytes: a hash of the id, zero for nobody.
///
/// Two ids of one hash would share rate limits and see each other's unsampled messages; at 64
/// bits a room of a million writers has one such pair in forty million rooms.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub(crate) struct UserKey(u64);

impl UserKey {
    pub(crate) const NOBODY: Self = Self(0);

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "the form serde calls")]
    pub(crate) fn is_nobody(&self) -> bool {
        *self == Self::NOBODY
    }

    pub(crate) fn of(user: &UserId) -> Self {
        let mut hasher = DefaultHasher::new();
        user.hash(&mut hasher);
        Self(hasher.finish().max(1))
    }
}

/// Who may moderate whom: those above, those below.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Rank {
    Viewer,
    /// Also what is taken of a node that does not say.
    #[default]
    Moderator,
    Broadcaster,
    System,
}

/// What somebody is in a room; several at once.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Roles(u8);

impl Roles {
    /// Nothing but a viewer.
    pub const NONE: Self = Self(0);
    /// Follows the channel.
    pub const FOLLOWER: Self = Self(1);
    /// Pays for it.
    pub const SUBSCRIBER: Self = Self(2);
    /// Trusted by the broadcaster: passes slow mode and the audience rules, moderates nothing.
    pub const VIP: Self = Self(4);
    /// May moderate.
    pub const MODERATOR: Self = Self(8);
    /// Whose channel it is; may whatever a moderator may.
    pub const BROADCASTER: Self = Self(16);
    /// The broadcaster's systems: the only ones to announce donations and subscriptions.
    pub const SYSTEM: Self = Self(32);

    const NAMES: [(Self, &'static str); 6] = [
        (Self::FOLLOWER, "follower"),
        (Self::SUBSCRIBER, "subscriber"),
        (Self::VIP, "vip"),
        (Self::MODERATOR, "moderator"),
        (Self::BROADCASTER, "broadcaster"),
        (Self::SYSTEM, "system"),
    ];

    /// These and those.
    #[must_use]
    pub const fn with(self, others: Self) -> Self {
        Self(self.0 | others.0)
    }

    /// Whether any of `others` is among these.
    pub const fn any(self, others: Self) -> bool {
        self.0 & others.0 != 0
    }

    /// Moderators, the broadcaster and its systems: never sampled, never slowed, may moderate.
    pub const fn is_staff(self) -> bool {
        self.any(Self::MODERATOR.with(Self::BROADCASTER).with(Self::SYSTEM))
    }

    /// How far the word of somebody with these reaches.
    pub(crate) const fn rank(self) -> Rank {
        if self.any(Self::SYSTEM) {
            Rank::System
        } else if self.any(Self::BROADCASTER) {
            Rank::Broadcaster
        } else if self.any(Self::MODERATOR) {
            Rank::Moderator
        } else {
            Rank::Viewer
        }
    }

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "the form serde calls")]
    const fn is_none(&self) -> bool {
        self.0 == 0
    }
}

/// In JSON a list of names; unknown ones are passed over.
impl Serialize for Roles {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let held = Self::NAMES.iter().filter(|(role, _)| self.any(*role));
        serializer.collect_seq(held.map(|(_, name)| name))
    }
}

impl<'de> Deserialize<'de> for Roles {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let names = Vec::<std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        Ok(Self::NAMES
            .iter()
            .filter(|(_, name)| names.iter().any(|given| given == name))
            .fold(Self::NONE, |roles, (role, _)| roles.with(*role)))
    }
}

/// Who writes, as the integrator has established it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Author {
    /// Who it is.
    #[serde(rename = "user")]
    pub id: UserId,
    /// What the others see, where that is not the id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<Name>,
    /// What they are in this room.
    #[serde(default, skip_serializing_if = "Roles::is_none")]
    pub roles: Roles,
}

impl Author {
    /// A viewer of that id and no roles.
    pub const fn new(id: UserId) -> Self {
        Self { id, name: None, roles: Roles::NONE }
    }

    /// The same with these roles as well.
    #[must_use]
    pub const fn with_roles(mut self, roles: Roles) -> Self {
        self.roles = self.roles.with(roles);
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_are_names_in_json() {
        let roles = Roles::MODERATOR.with(Roles::SUBSCRIBER);
        let json = serde_json::to_string(&roles).unwrap();
        assert_eq!(json, r#"["subscriber","moderator"]"#);
        assert_eq!(serde_json::from_str::<Roles>(&json).unwrap(), roles);
        assert_eq!(serde_json::from_str::<Roles>(r#"["vip","juggler"]"#).unwrap(), Roles::VIP);
        assert!(roles.is_staff() && !Roles::VIP.is_staff());
    }
}
