use std::collections::BTreeMap;
use std::time::Duration;

use super::frame::Rules;
use crate::Room;

/// Sanctions in one part: some 50 KB.
const PART: usize = 500;

/// What a follower knows of what moderators have set.
#[derive(Debug, Default)]
pub(super) struct Copy {
    /// The version that is here in full.
    known: Option<u64>,
    /// The version that is coming.
    coming: u64,
    parts: BTreeMap<usize, Rules>,
    asked: Option<Duration>,
}

impl Copy {
    /// Whether to ask for `version` now: not each time it is mentioned.
    pub(super) fn lacks(&mut self, now: Duration, version: u64, pause: Duration) -> bool {
        if self.known == Some(version)
            || self.asked.is_some_and(|asked| now < asked.saturating_add(pause))
        {
            return false;
        }
        self.asked = Some(now);
        true
    }

    /// Takes a part in; the last one of a version puts it in force.
    pub(super) fn take(&mut self, now: Duration, rules: Rules, room: &mut Room) {
        if self.known.is_some_and(|known| known >= rules.version) || rules.version < self.coming {
            return;
        }
        if rules.version > self.coming {
            self.coming = rules.version;
            self.parts.clear();
        }
        let (parts, modes) = (rules.parts, rules.modes);
        self.parts.insert(rules.part, rules);
        if self.parts.len() == parts {
            let parts = std::mem::take(&mut self.parts).into_values();
            room.set_rules(now, modes, parts.flat_map(|part| part.sanctions).collect());
            self.known = Some(self.coming);
        }
    }

    /// Another sequencer counts from elsewhere.
    pub(super) fn forget(&mut self) {
        *self = Self::default();
    }
}

/// What moderators have set in `room`, in parts that fit a frame.
pub(super) fn parts(now: Duration, room: &Room) -> Vec<Rules> {
    let (modes, standing) = room.rules(now);
    let parts = standing.len().div_ceil(PART).max(1);
    let version = room.rules_version();
    let part = |part: usize| Rules {
        version,
        part,
        parts,
        modes,
        sanctions: standing.iter().skip(part * PART).take(PART).cloned().collect(),
    };
    (0..parts).map(part).collect()
}
