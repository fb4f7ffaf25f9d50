//! Closing periods: in the tenant's time, once, and for good.

mod support;

use std::time::Duration;

use airloom_billing::ledger::{Ledger, Memory};
use airloom_billing::rating::PriceBook;
use airloom_billing::{
    Account, Catalogue, Config, Credit, Currency, Error, Event, Input, LineKind, Money, Outcome,
    Period, Statement, WallTime, Zone,
};
use proptest::prelude::*;
use support::{event, inputs, memory, name, open, time};

fn account(zone: &str) -> Account {
    Account::monthly(name("t"), Zone::new(zone).expect("a zone"))
}

fn book() -> PriceBook {
    PriceBook::seed().expect("a book")
}

fn at(id: &str, when: &str, quantity: u64) -> Event {
    Event { time: time(when), ..event("t", "s", id, quantity) }
}

fn put(ledger: &mut Ledger<Memory>, now: &str, event: Event) -> Outcome {
    ledger.apply(time(now), &inputs([event])).expect("applied").remove(0)
}

fn credit(id: &str, minor: i64) -> Input {
    let amount = Money::new(minor, Currency::USD);
    Input::Credit(Credit { tenant: name("t"), source: name("pay"), id: name(id), amount })
}

const GB: u64 = 1_000_000_000;

/// lago#637, #538, #99, #61: usage around a midnight at which clocks change went to the wrong
/// period, or to none when it came late.
#[test]
fn a_late_event_across_a_dst_midnight_is_in_the_tenants_period() {
    // In Beirut the clocks go from 00:00 to 01:00 on 29 March 2026; the month ends with two days
    // of summer time, so April begins at 21:00 UTC.
    let account = account("Asia/Beirut");
    let march = account.period(time("2026-03-15T00:00:00Z"));
    assert_eq!(march.to(), time("2026-03-31T21:00:00Z"));
    let mut ledger = memory();
    let last = at("last", "2026-03-31T20:59:59.999Z", 20 * GB);
    let first = at("first", "2026-03-31T21:00:00Z", 40 * GB);
    for event in [last, first] {
        // A day late, and after the end of the period, but within its grace.
        let outcome = put(&mut ledger, "2026-04-01T20:00:00Z", event);
        assert!(matches!(outcome, Outcome::Counted { .. }));
    }
    let closed = time("2026-04-01T21:00:00Z");
    let statement = ledger.close(closed, &account, march, &book()).expect("closed");
    assert_eq!(statement.lines[0].quantity, u128::from(20 * GB));
    assert_eq!(statement.total, 100);

    // One that comes after closing is an adjustment in the next.
    let late = at("late", "2026-03-28T21:59:00Z", 10 * GB);
    let outcome = put(&mut ledger, "2026-04-02T00:00:00Z", late);
    assert!(matches!(outcome, Outcome::Counted { .. }));
    let april = march.next(&account.zone, account.cycle);
    let next = ledger.close(time("2026-05-02T00:00:00Z"), &account, april, &book());
    let next = next.expect("closed");
    let adjustment = next.lines.last().expect("a line");
    assert_eq!(adjustment.kind, LineKind::Adjustment);
    assert_eq!((adjustment.covers, adjustment.billed, adjustment.amount), (march, 100, 50));
    assert_eq!(next.total, 200 + 50);
    next.verify(Some(&statement)).expect("chained");
}

#[test]
fn a_period_closes_once_in_order_and_after_its_grace() {
    let account = account("UTC");
    let mut ledger = memory();
    put(&mut ledger, "2026-03-10T00:00:00Z", at("1", "2026-03-10T00:00:00Z", 10 * GB));
    let march = account.period(time("2026-03-10T00:00:00Z"));
    for early in ["2026-03-31T23:59:59Z", "2026-04-01T00:00:00Z", "2026-04-01T23:59:59Z"] {
        let until = time("2026-04-02T00:00:00Z");
        let found = ledger.close(time(early), &account, march, &book());
        assert_eq!(found, Err(Error::PeriodOpen { until }));
    }
    let closed = time("2026-04-02T00:00:00Z");
    let first = ledger.close(closed, &account, march, &book()).expect("closed");
    let may = account.period(time("2026-05-10T00:00:00Z"));
    let found = ledger.close(time("2026-07-01T00:00:00Z"), &account, may, &book());
    assert_eq!(found, Err(Error::PeriodOrder));
    // Whatever comes later, and after a restart, the statement is the same.
    put(&mut ledger, "2026-04-03T00:00:00Z", at("2", "2026-03-31T00:00:00Z", 10 * GB));
    let (mut ledger, _) = open(ledger.into_storage());
    let again = ledger.close(time("2026-06-01T00:00:00Z"), &account, march, &book());
    assert_eq!(again, Ok(first));
}

#[test]
fn credit_pays_what_it_can_and_never_goes_below_zero() {
    let account = account("UTC");
    let mut ledger = memory();
    ledger.apply(time("2026-03-01T00:00:00Z"), &[credit("1", 120)]).expect("applied");
    put(&mut ledger, "2026-03-10T00:00:00Z", at("1", "2026-03-10T00:00:00Z", 20 * GB));
    let march = account.period(time("2026-03-10T00:00:00Z"));
    let one = ledger.close(time("2026-04-02T00:00:00Z"), &account, march, &book());
    let one = one.expect("closed");
    assert_eq!((one.total, one.credit_used, one.credit_left, one.due), (100, 100, 20, 0));
    put(&mut ledger, "2026-04-10T00:00:00Z", at("2", "2026-04-10T00:00:00Z", 20 * GB));
    let april = march.next(&account.zone, account.cycle);
    let two = ledger.close(time("2026-05-02T00:00:00Z"), &account, april, &book());
    let two = two.expect("closed");
    assert_eq!((two.total, two.credit_used, two.credit_left, two.due), (100, 20, 0, 80));
    assert_eq!(ledger.balance(&name("t")), Some(Money::new(0, Currency::USD)));
    two.verify(Some(&one)).expect("chained");

    let euro = PriceBook::from_json(
        br#"{"currency":"EUR","versions":[{"effective":"2020-01-01T00:00:00Z","prices":[]}]}"#,
    );
    let may = april.next(&account.zone, account.cycle);
    let found = ledger.close(time("2026-06-02T00:00:00Z"), &account, may, &euro.expect("a book"));
    assert!(matches!(found, Err(Error::CurrencyMismatch { .. })));
}

#[test]
fn a_changed_statement_is_found() {
    let account = account("UTC");
    let mut ledger = memory();
    put(&mut ledger, "2026-03-10T00:00:00Z", at("1", "2026-03-10T00:00:00Z", 20 * GB));
    let march = account.period(time("2026-03-10T00:00:00Z"));
    let one = ledger.close(time("2026-04-02T00:00:00Z"), &account, march, &book()).expect("one");
    let april = march.next(&account.zone, account.cycle);
    let two = ledger.close(time("2026-05-02T00:00:00Z"), &account, april, &book()).expect("two");
    let read = Statement::from_json(one.to_json().as_bytes()).expect("the statement");
    assert_eq!(read, one);
    two.verify(Some(&read)).expect("chained");

    let mut forged = one.clone();
    (forged.lines[0].amount, forged.total, forged.due) = (1, 1, 1);
    assert_eq!(forged.verify(None), Err(Error::Statement { field: "hash" }));
    assert_eq!(two.verify(None), Err(Error::Statement { field: "previous" }));
    assert_eq!(two.verify(Some(&two)), Err(Error::Statement { field: "previous" }));

    // A statement anchors the ledger it was made from.
    let mut chain = [0; 32];
    for (byte, pair) in chain.iter_mut().zip(two.ledger_chain.as_bytes().chunks(2)) {
        let text = std::str::from_utf8(pair).expect("hexadecimal");
        *byte = u8::from_str_radix(text, 16).expect("hexadecimal");
    }
    let head = airloom_billing::ledger::Head { record: two.ledger_record, chain };
    ledger.verify(&[head]).expect("on the chain");
}

#[test]
fn csv_and_html_say_what_the_statement_says() {
    let mut account = account("Europe/Berlin");
    account.tenant = name("<script>,\"x\"");
    let mut ledger = memory();
    let mut one = at("1", "2026-03-10T00:00:00Z", 25 * GB);
    one.tenant = account.tenant.clone();
    put(&mut ledger, "2026-03-10T00:00:00Z", one);
    let march = account.period(time("2026-03-10T00:00:00Z"));
    let statement =
        ledger.close(time("2026-04-02T00:00:00Z"), &account, march, &book()).expect("closed");
    let csv = statement.to_csv();
    let rows: Vec<_> = csv.lines().collect();
    assert_eq!(rows.len(), 1 + 2 + 3);
    assert!(rows[1].starts_with("\"<script>,\"\"x\"\"\",charge,viewing,Viewing traffic,"));
    assert!(rows[1].ends_with(",25000000000,byte,0,0.00,1.25,USD"), "{}", rows[1]);
    assert!(rows[5].contains(",due,") && rows[5].ends_with(",1.25,USD"));
    let html = statement.to_html();
    assert!(!html.contains("<script>"));
    assert!(html.contains("25,000,000,000 × 0.5 USD / 10,000,000,000 = 125 minor units"));
    assert!(html.contains("From 2026-03-01 00:00 to 2026-04-01 00:00, Europe/Berlin"));
    assert!(html.contains(&statement.hash));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Usage in any order, late or not, with restarts and compactions in between: closed
    /// statements stay, they chain, and what was billed for a month in all is its final price.
    #[test]
    fn statements_never_change_and_add_up(
        steps in prop::collection::vec(
            (0u32..240, 0u64..200, 0u8..8, 0i64..2_000), 1..60
        )
    ) {
        let account = account("America/Santiago");
        let start = account.period(time("2026-01-15T00:00:00Z"));
        let config = Config {
            late: Duration::from_hours(24 * 300),
            remember: Duration::from_hours(24 * 400),
            ..Config::default()
        };
        let open = |storage| {
            Ledger::open(storage, Catalogue::live(), config.clone()).expect("whole").0
        };
        let mut ledger = open(Memory::new());
        let mut now = start.from();
        let mut due = start;
        let mut closed: Vec<Statement> = Vec::new();
        let mut usage: Vec<(WallTime, u64)> = Vec::new();
        let mut paid = 0;
        let mut close = |ledger: &mut Ledger<Memory>, now, closed: &mut Vec<Statement>| {
            let found = ledger.close(now, &account, due, &book());
            if let Ok(statement) = found {
                statement.verify(closed.last()).expect("chained");
                closed.push(statement);
                due = due.next(&account.zone, account.cycle);
            }
        };
        for (place, (back, quantity, action, minor)) in steps.iter().enumerate() {
            now = now.saturating_add(Duration::from_hours(60));
            let when = now.saturating_sub(Duration::from_hours(u64::from(*back) * 12));
            let when = when.max(start.from());
            let quantity = quantity * GB / 7;
            let one = Event { time: when, ..event("t", "s", &place.to_string(), quantity) };
            let outcome = ledger.apply(now, &inputs([one])).expect("applied").remove(0);
            let counted = matches!(outcome, Outcome::Counted { .. });
            prop_assert!(counted);
            usage.push((when, quantity));
            match action {
                0 => ledger = open(ledger.into_storage()),
                1 => { ledger.compact(now, now).expect("compacted"); }
                2..=4 => close(&mut ledger, now, &mut closed),
                5 if *minor > 0 => {
                    ledger.apply(now, &[credit(&place.to_string(), *minor)]).expect("applied");
                    paid += minor;
                }
                _ => {}
            }
            prop_assert_eq!(ledger.statements(&account.tenant), Ok(closed.clone()));
        }
        // Close what is left, and one more month so that every adjustment is made.
        let end = account.period(now).next(&account.zone, account.cycle);
        for month in 0..40u64 {
            let later = end.to().saturating_add(Duration::from_hours(24 * 31 * month));
            close(&mut ledger, later, &mut closed);
            if closed.last().is_some_and(|last| last.period >= end) {
                break;
            }
        }
        ledger.verify(&[]).expect("whole");
        let (mut used, mut due, mut billed) = (0, 0, 0);
        for statement in &closed {
            used += statement.credit_used;
            due += statement.due;
            billed += statement.total;
            prop_assert!(statement.credit_left >= 0 && statement.credit_used >= 0);
        }
        prop_assert!(used <= paid);
        prop_assert_eq!(billed, due + used);
        let price = |period: Period| {
            let quantity: u128 = usage
                .iter()
                .filter(|(when, _)| period.contains(*when))
                .map(|(_, quantity)| u128::from(*quantity))
                .sum();
            // 50 cents for 10^10 bytes, halves up.
            ((quantity * 50 * 2 + 10_000_000_000) / 20_000_000_000) as i64
        };
        let months = closed.iter().map(|statement| price(statement.period)).sum::<i64>();
        prop_assert_eq!(billed, months);
    }
}
