use super::Group;
use crate::event::{CONTENT, Fields, Identity};
use crate::ledger::hash::Key;
use crate::ledger::record::{CreditRecord, Record};
use crate::{Credit, Outcome, Refusal};

impl Group<'_> {
    pub(super) fn credit(&mut self, credit: &Credit) -> Result<Outcome, Outcome> {
        let currency = credit.amount.currency();
        let amount = credit.amount.minor();
        let content = Fields::new("credit").number(amount as u64).text(currency.code()).finish();
        let key = Identity::key("credit", &credit.tenant, &credit.source, &credit.id);
        let identity = Identity { key, content: content[0] & CONTENT };
        self.repeated(identity, self.state.index.content(key))?;
        self.room(self.known_name(&credit.tenant), 0)?;
        let known = self.known_name(&credit.tenant);
        let account = known.and_then(|tenant| self.state.tenants.get(&tenant));
        let pending = known.and_then(|tenant| self.currencies.get(&tenant).copied());
        let expected = account.and_then(|account| account.currency).or(pending);
        let granted = known.and_then(|tenant| self.granted.get(&tenant).copied()).unwrap_or(0);
        let balance = account.map_or(0, |account| account.balance).checked_add(granted);
        let fits = balance.and_then(|balance| balance.checked_add(amount)).is_some();
        if amount <= 0 || !fits || expected.is_some_and(|expected| expected != currency) {
            return Err(Outcome::Refused(Refusal::Amount));
        }
        let tenant = self.tenant(&credit.tenant);
        self.currencies.insert(tenant, currency);
        self.granted.insert(tenant, granted + amount);
        self.keys.insert(Key(identity.key), identity.content);
        let mut code = [0; 3];
        code.copy_from_slice(currency.code().as_bytes());
        let record = self.write(Record::Credit(CreditRecord {
            tenant,
            key: identity.key,
            content: identity.content,
            amount,
            currency: code,
            source: credit.source.as_str(),
            id: credit.id.as_str(),
        }));
        Ok(Outcome::Counted { record })
    }
}
