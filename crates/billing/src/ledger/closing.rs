use super::query::Query;
use super::record::Record;
use super::state::Tenant;
use super::{Ledger, Storage};
use crate::rating::PriceBook;
use crate::statement::{Account, FIRST, Meters, Statement, adjust, rate};
use crate::{Dimensions, Error, Money, Name, Period, Phase, WallTime};

/// One tenant's usage as rating asks for it.
struct Used<'a, S> {
    ledger: &'a Ledger<S>,
    tenant: &'a Name,
}

impl<S: Storage> Meters for Used<'_, S> {
    fn used(&self, meter: &Name, dimensions: &Dimensions, from: WallTime, to: WallTime) -> u128 {
        let query = Query::new(self.tenant.clone(), from, to).meter(meter.clone());
        let usage = self.ledger.usage(&query.dimensions(dimensions.clone()));
        usage.first().map_or(0, |usage| usage.quantity)
    }

    fn unit(&self, meter: &Name) -> Option<Name> {
        self.ledger.catalogue.meter(meter.as_str()).map(|meter| meter.unit().clone())
    }
}

impl<S: Storage> Ledger<S> {
    /// Closes a period and returns its statement, durable; once closed, the same one each time.
    ///
    /// Usage that was counted in an earlier period after that was closed becomes adjustment
    /// lines: the period is rated anew, and what that changes about what was billed for it is
    /// charged or given back.
    ///
    /// # Errors
    ///
    /// [`Error::PeriodOpen`] before the end of the period's grace; [`Error::PeriodOrder`] where
    /// it does not follow the tenant's last closed period; [`Error::CurrencyMismatch`] where the
    /// tenant's credit or earlier statements are in another currency; [`Error::Overflow`];
    /// [`Error::Storage`], after which it is not closed.
    pub fn close(
        &mut self,
        now: WallTime,
        account: &Account,
        period: Period,
        book: &PriceBook,
    ) -> Result<Statement, Error> {
        if let Some(closed) = self.statement(&account.tenant, period)? {
            return Ok(closed);
        }
        if period.phase(now, self.config.grace) != Phase::Due {
            return Err(Error::PeriodOpen { until: period.to().saturating_add(self.config.grace) });
        }
        let statement = self.draft(now, account, period, book)?;
        let text = statement.to_json();
        self.write(now, |group| {
            let tenant = group.tenant(&account.tenant);
            group.write(Record::Statement {
                tenant,
                from: period.from().unix_millis(),
                to: period.to().unix_millis(),
                used: statement.credit_used,
                text: &text,
            });
        })?;
        Ok(statement)
    }

    /// What [`Ledger::close`] would make of a period if it were closed now, adjustments included:
    /// for showing a tenant where it stands.
    ///
    /// # Errors
    ///
    /// As [`Ledger::close`], except that the period may be open.
    pub fn draft(
        &self,
        now: WallTime,
        account: &Account,
        period: Period,
        book: &PriceBook,
    ) -> Result<Statement, Error> {
        let earlier = self.statements(&account.tenant)?;
        if earlier.last().is_some_and(|last| last.period.to() != period.from()) {
            return Err(Error::PeriodOrder);
        }
        let currency = book.currency();
        let tenant = self.tenant(&account.tenant);
        let others = earlier.last().map(|last| last.currency);
        let mut others = others.into_iter().chain(tenant.and_then(|tenant| tenant.currency));
        if let Some(found) = others.find(|&found| found != currency) {
            return Err(Error::CurrencyMismatch { expected: currency, found });
        }
        let used = Used { ledger: self, tenant: &account.tenant };
        let mut lines = rate(book, account, period, &used)?;
        for (place, closed) in tenant.map_or(&[][..], |tenant| &tenant.closed).iter().enumerate() {
            if let (true, Some((original, later))) =
                (closed.changed, earlier.get(place..).and_then(<[_]>::split_first))
            {
                let rated = rate(book, account, original.period, &used)?;
                lines.extend(adjust(rated, original, later)?);
            }
        }
        let mut total = Money::zero(currency);
        for line in &lines {
            total = total.checked_add(Money::new(line.amount, currency))?;
        }
        let balance = tenant.map_or(0, |tenant| tenant.balance);
        let credit_used = total.minor().clamp(0, balance.max(0));
        let mut statement = Statement {
            tenant: account.tenant.clone(),
            zone: account.zone.clone(),
            period,
            closed_at: now,
            currency,
            rounding: book.rounding(),
            lines,
            total: total.minor(),
            credit_used,
            credit_left: balance - credit_used,
            due: total.minor() - credit_used,
            ledger_record: 0,
            ledger_chain: String::new(),
            previous: earlier.last().map_or(FIRST.to_owned(), |last| last.hash.clone()),
            hash: String::new(),
        };
        statement.seal(self.head());
        Ok(statement)
    }

    /// Every statement of a tenant, in order, as it was closed.
    ///
    /// # Errors
    ///
    /// [`Error::Malformed`] where the ledger holds one that this version cannot read.
    pub fn statements(&self, tenant: &Name) -> Result<Vec<Statement>, Error> {
        let closed = self.tenant(tenant).map_or(&[][..], |tenant| &tenant.closed);
        closed.iter().map(|closed| Statement::from_json(closed.text.as_bytes())).collect()
    }

    /// The statement of a closed period.
    ///
    /// # Errors
    ///
    /// As [`Ledger::statements`].
    pub fn statement(&self, tenant: &Name, period: Period) -> Result<Option<Statement>, Error> {
        let Some(tenant) = self.tenant(tenant) else { return Ok(None) };
        let bounds = (period.from().unix_millis(), period.to().unix_millis());
        let found = tenant.closed.iter().find(|closed| (closed.from, closed.to) == bounds);
        found.map(|closed| Statement::from_json(closed.text.as_bytes())).transpose()
    }

    fn tenant(&self, name: &Name) -> Option<&Tenant> {
        self.state.tenants.get(&self.state.names.number(name)?)
    }
}
