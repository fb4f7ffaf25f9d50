//! Limits on what tenants use, decided in memory and kept in step with a ledger.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::event::Fields;
use crate::ledger::{Ledger, Query};
use crate::{Account, Input, Name, Notice, Outcome, Period, Storage, WallTime};

/// Limits on what tenants use in a period, decided in memory and kept in step with a ledger.
///
/// What counts against a limit is what the ledger has counted in the tenant's current period,
/// and what was admitted here and is not in the ledger yet. Admit at the [`Gate`]; after each
/// [`Ledger::apply`] hand its inputs and outcomes to [`Quotas::applied`]; call
/// [`Quotas::refresh`] now and then for what other nodes have used and for new periods. Crossings
/// come back as notices: give them to the ledger, which keeps each once.
///
/// With several nodes, what one has admitted and not yet shipped is invisible to the others: a
/// hard limit can be passed by at most one flush interval of each other node's usage.
#[derive(Debug, Default)]
pub struct Quotas {
    limits: HashMap<(Name, Name), Limit>,
    /// Tenant and id of notices that a ledger has kept.
    told: HashSet<(Name, Name)>,
}

/// Where a hot path asks whether work is admitted; cheap to clone.
#[derive(Debug, Clone)]
pub struct Gate(Arc<Figures>);

#[derive(Debug)]
struct Figures {
    /// What the ledger has counted in this period, and what was admitted here and is not in the
    /// ledger yet: one figure, so that usage on its way from the second to the first is never
    /// seen in neither.
    used: AtomicU64,
    soft: AtomicU64,
    hard: AtomicU64,
}

/// What a [`Gate`] answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// Admitted.
    Admitted,
    /// Admitted, and over the soft limit.
    OverSoft,
    /// Not admitted: it would pass the hard limit. Nothing was counted.
    Refused,
}

#[derive(Debug)]
struct Limit {
    account: Account,
    gate: Gate,
    period: Period,
    /// The ledger's part of what is used.
    ledger: u64,
}

impl Gate {
    /// Admits `quantity` if it fits under the hard limit, and counts it as pending then.
    #[inline]
    pub fn admit(&self, quantity: u64) -> Decision {
        let figures = &*self.0;
        let hard = figures.hard.load(Ordering::Relaxed);
        let admitted = figures.used.fetch_update(Ordering::AcqRel, Ordering::Relaxed, |used| {
            used.checked_add(quantity).filter(|used| *used <= hard)
        });
        match admitted {
            Err(_) => Decision::Refused,
            Ok(used) if used + quantity > figures.soft.load(Ordering::Relaxed) => {
                Decision::OverSoft
            }
            Ok(_) => Decision::Admitted,
        }
    }

    /// What is used of the limit, pending included.
    pub fn used(&self) -> u64 {
        self.0.used.load(Ordering::Acquire)
    }
}

impl Quotas {
    /// No limits.
    pub fn new() -> Self {
        Self::default()
    }

    /// Limits what `account` may use of `meter` in each of its periods; `None` for no limit of
    /// that kind. Replaces an earlier limit; gates handed out before follow it.
    pub fn limit(
        &mut self,
        account: Account,
        meter: Name,
        soft: Option<u64>,
        hard: Option<u64>,
        now: WallTime,
    ) -> Gate {
        let period = account.period(now);
        let key = (account.tenant.clone(), meter);
        let limit = self.limits.entry(key).or_insert_with(|| Limit {
            account,
            period,
            ledger: 0,
            gate: Gate(Arc::new(Figures {
                used: AtomicU64::new(0),
                soft: AtomicU64::new(u64::MAX),
                hard: AtomicU64::new(u64::MAX),
            })),
        });
        limit.gate.0.soft.store(soft.unwrap_or(u64::MAX), Ordering::Relaxed);
        limit.gate.0.hard.store(hard.unwrap_or(u64::MAX), Ordering::Relaxed);
        limit.gate.clone()
    }

    /// The gate of a tenant and meter, where there is a limit.
    pub fn gate(&self, tenant: &Name, meter: &Name) -> Option<Gate> {
        self.limits.get(&(tenant.clone(), meter.clone())).map(|limit| limit.gate.clone())
    }

    /// Takes what a ledger has just answered for out of what is pending, and returns the limits
    /// that are crossed. Usage that was admitted elsewhere must not be handed in here.
    pub fn applied<S: Storage>(
        &mut self,
        now: WallTime,
        ledger: &Ledger<S>,
        inputs: &[Input],
        outcomes: &[Outcome],
    ) -> Vec<Notice> {
        for input in inputs {
            if let Input::Notice(notice) = input {
                self.told.insert((notice.tenant.clone(), notice.id.clone()));
            }
        }
        let uses = inputs.iter().zip(outcomes).filter(|(_, outcome)| {
            // Anything else is final, and pending no longer.
            !matches!(outcome, Outcome::Gap { .. } | Outcome::Conflict)
        });
        let mut settled: HashMap<(Name, Name), u64> = HashMap::new();
        let mut add = |tenant: &Name, meter: &Name, quantity| {
            let sum = settled.entry((tenant.clone(), meter.clone())).or_default();
            *sum = sum.saturating_add(quantity);
        };
        for (input, _) in uses {
            match input {
                Input::Event(event) => add(&event.tenant, &event.meter, event.quantity),
                Input::Delta(delta) => {
                    for entry in &delta.entries {
                        add(&entry.tenant, &entry.meter, entry.quantity);
                    }
                }
                _ => {}
            }
        }
        let mut crossed = Vec::new();
        for (key, quantity) in settled {
            let Some(limit) = self.limits.get_mut(&key) else { continue };
            // The ledger's figure first: for a moment usage counts twice, never not at all.
            limit.refresh(&key, now, ledger, &mut crossed);
            limit.settle(quantity);
        }
        self.news(crossed)
    }

    /// Brings every limit up to what the ledger has counted in its tenant's current period, and
    /// returns those that are crossed, until [`Quotas::applied`] has seen the ledger keep the
    /// notice. The ledger keeps each once a period, over restarts and nodes.
    pub fn refresh<S: Storage>(&mut self, now: WallTime, ledger: &Ledger<S>) -> Vec<Notice> {
        let (mut crossed, mut begun) = (Vec::new(), false);
        for (key, limit) in &mut self.limits {
            begun |= limit.refresh(key, now, ledger, &mut crossed);
        }
        if begun {
            // What an earlier period told is never asked for again; the rest is told once more,
            // and the ledger has it.
            self.told.clear();
        }
        self.news(crossed)
    }

    fn news(&self, mut crossed: Vec<Notice>) -> Vec<Notice> {
        crossed.retain(|notice| !self.told.contains(&(notice.tenant.clone(), notice.id.clone())));
        crossed
    }
}

impl Limit {
    /// Takes the ledger's figure over, and adds what is crossed to `crossed`; whether a new period
    /// has begun.
    fn refresh<S: Storage>(
        &mut self,
        (tenant, meter): &(Name, Name),
        now: WallTime,
        ledger: &Ledger<S>,
        crossed: &mut Vec<Notice>,
    ) -> bool {
        let begun = !self.period.contains(now);
        if begun {
            self.period = self.account.period(now);
        }
        let (from, to) = (self.period.from(), self.period.to());
        let query = Query::new(tenant.clone(), from, to).meter(meter.clone());
        let used = ledger.usage(&query).first().map_or(0, |usage| usage.quantity);
        let used = u64::try_from(used).unwrap_or(u64::MAX);
        let before = std::mem::replace(&mut self.ledger, used);
        let figures = &self.gate.0;
        let _ = figures.used.fetch_update(Ordering::AcqRel, Ordering::Relaxed, |held| {
            Some(held.saturating_sub(before).saturating_add(used))
        });
        for (kind, bound) in [("quota.soft", &figures.soft), ("quota.hard", &figures.hard)] {
            let bound = bound.load(Ordering::Relaxed);
            // The hard limit is reached, never passed.
            let reached = if kind == "quota.hard" { used >= bound } else { used > bound };
            if reached && bound != u64::MAX {
                let crossing = Crossing { kind, tenant, meter, period: self.period, bound };
                crossed.extend(crossing.notice(now, used));
            }
        }
        begun
    }

    /// Takes what has reached the ledger out of what is pending.
    fn settle(&self, quantity: u64) {
        let _ = self.gate.0.used.fetch_update(Ordering::AcqRel, Ordering::Relaxed, |used| {
            Some(used.saturating_sub(quantity).max(self.ledger))
        });
    }
}

struct Crossing<'a> {
    kind: &'static str,
    tenant: &'a Name,
    meter: &'a Name,
    period: Period,
    bound: u64,
}

impl Crossing<'_> {
    fn notice(&self, now: WallTime, used: u64) -> Option<Notice> {
        let Self { kind, tenant, meter, period, bound } = *self;
        let body = serde_json::json!({
            "type": kind,
            "timestamp": now,
            "data": {
                "tenant": tenant, "meter": meter, "period": period,
                "limit": bound.to_string(), "used": used.to_string(),
            },
        });
        // A hash, so that no two meters, periods and limits can meet, however they are written.
        let words = Fields::new(kind)
            .text(meter.as_str())
            .number(period.from().unix_millis() as u64)
            .number(bound)
            .finish();
        Some(Notice {
            tenant: tenant.clone(),
            kind: Name::new(kind).ok()?,
            id: Name::new(&words.map(|word| format!("{word:016x}")).concat()).ok()?,
            body: body.to_string(),
        })
    }
}
