use super::Group;
use crate::event::Identity;
use crate::ledger::hash::Key;
use crate::ledger::record::Record;
use crate::{Notice, Outcome, Refusal};

/// The longest notice, in bytes.
const NOTICE: usize = 64 << 10;

impl Group<'_> {
    pub(super) fn notice(&mut self, notice: &Notice) -> Result<Outcome, Outcome> {
        let key = Identity::key("notice", &notice.tenant, &notice.kind, &notice.id);
        self.repeated(Identity { key, content: 0 }, self.state.index.content(key))?;
        self.room(self.known_name(&notice.tenant), 1)?;
        if notice.body.len() > NOTICE {
            return Err(Outcome::Refused(Refusal::Size));
        }
        // The log takes a sector of zeros for one that was never written.
        if notice.body.bytes().any(|byte| byte.is_ascii_control()) {
            return Err(Outcome::Refused(Refusal::Body));
        }
        if self.state.notices.len() + self.notices >= self.config.limits.quarantine {
            return Err(Outcome::Refused(Refusal::Full));
        }
        let tenant = self.tenant(&notice.tenant);
        self.keys.insert(Key(key), 0);
        self.notices += 1;
        let (at, kind, body) = (self.now.unix_millis(), notice.kind.as_str(), &notice.body);
        let id = notice.id.as_str();
        let record = self.write(Record::Notice { tenant, key, at, kind, id, body });
        Ok(Outcome::Counted { record })
    }

    pub(super) fn settled(&mut self, notice: u64) -> Result<Outcome, Outcome> {
        if !self.state.notices.contains_key(&notice) || !self.settled.insert(notice) {
            return Err(Outcome::Refused(Refusal::Held));
        }
        Ok(Outcome::Counted { record: self.write(Record::Settled { notice }) })
    }
}
