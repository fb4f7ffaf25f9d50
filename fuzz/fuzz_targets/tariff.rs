//! Price books in JSON, and a statement by each.
//!
//! Input: a quantity of eight bytes, then the book.

#![no_main]

use airloom_billing::ledger::{Ledger, Memory};
use airloom_billing::{
    Account, Catalogue, Config, Dimensions, Event, Input, Name, PriceBook, Statement, WallTime,
    Zone,
};
use fuzz::head;
use libfuzzer_sys::fuzz_target;

fn name(text: &str) -> Name {
    Name::new(text).expect("a name")
}

fuzz_target!(|data: &[u8]| {
    let Some((quantity, text)) = head::<8>(data) else { return };
    let Ok(book) = PriceBook::from_json(text) else { return };
    let written = serde_json::to_string(&book).expect("a book can be written");
    assert_eq!(PriceBook::from_json(written.as_bytes()).as_ref(), Ok(&book));

    let now = WallTime::from_unix_seconds(1_773_144_000);
    let config = Config::default();
    let (mut ledger, _) =
        Ledger::open(Memory::new(), Catalogue::live(), config).expect("a new ledger");
    let event = Event {
        tenant: name("t"),
        source: name("s"),
        id: name("1"),
        meter: name("egress_bytes"),
        time: now,
        quantity: u64::from_le_bytes(quantity),
        dimensions: Dimensions::new([("stream", "a")]).expect("a set"),
        unique: None,
    };
    ledger.apply(now, &[Input::Event(event)]).expect("memory does not fail");
    let account = Account::monthly(name("t"), Zone::utc());
    // An amount past what can be said exactly is an error; nothing else may be.
    let Ok(statement) = ledger.draft(now, &account, account.period(now), &book) else { return };
    statement.verify(None).expect("whole");
    let sum: i128 = statement.lines.iter().map(|line| i128::from(line.amount)).sum();
    assert_eq!(sum, i128::from(statement.total));
    assert!(statement.lines.iter().all(|line| line.amount >= 0));
    assert_eq!(Statement::from_json(statement.to_json().as_bytes()).as_ref(), Ok(&statement));
    assert!(!statement.to_csv().is_empty() && !statement.to_html().is_empty());
});
