//! Amounts agree with exact rational arithmetic that shares no code with the crate's.

mod support;

use std::str::FromStr;

use airloom_billing::ledger::Memory;
use airloom_billing::rating::{Model, Part, Price, PriceBook, Rate, Tier, Version};
use airloom_billing::{
    Account, Catalogue, Config, Currency, Dimensions, Error, Money, Period, Rounding, Statement,
    WallTime, Zone, ledger::Ledger,
};
use num_bigint::BigInt;
use num_rational::BigRational;
use proptest::prelude::*;
use support::{event, inputs, name, now, time};

fn rate(text: &str) -> Rate {
    Rate::parse(text).expect("a rate")
}

fn price(model: Model) -> Price {
    Price {
        id: name("p"),
        label: name("Price"),
        meter: Some(name("egress_bytes")),
        dimensions: Dimensions::default(),
        allowance: 0,
        minimum: None,
        model,
    }
}

fn book(rounding: Rounding, prices: Vec<Price>) -> PriceBook {
    let version = Version { effective: WallTime::UNIX_EPOCH, minimum: None, prices };
    PriceBook::new(Currency::USD, rounding, vec![version]).expect("a book")
}

/// The statement of March 2026 for one event of `quantity`, not closed.
fn statement(book: &PriceBook, quantity: u64) -> Result<Statement, Error> {
    let (mut ledger, _) = Ledger::open(Memory::new(), Catalogue::live(), Config::default())?;
    ledger.apply(now(), &inputs([event("t", "s", "1", quantity)]))?;
    let account = Account::monthly(name("t"), Zone::utc());
    ledger.draft(now(), &account, account.period(now()), book)
}

fn cents(book: &PriceBook, quantity: u64) -> i64 {
    statement(book, quantity).expect("a statement").total
}

fn big(text: &str) -> BigRational {
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    let digits = BigInt::from_str(&format!("{whole}{part}")).expect("digits");
    BigRational::new(digits, BigInt::from(10).pow(part.len() as u32))
}

fn round(amount: &BigRational, rule: Rounding) -> i64 {
    let two = BigRational::from_integer(2.into());
    let floor = amount.floor();
    let rest = amount - &floor;
    let half = BigRational::from_integer(1.into()) / two;
    let up = match rule {
        Rounding::Down => false,
        Rounding::Up => rest != BigRational::from_integer(0.into()),
        Rounding::HalfUp => rest >= half,
        Rounding::HalfEven => {
            rest > half || (rest == half && (floor.to_integer() % 2) != BigInt::from(0))
        }
    };
    // Past 64 bits there is no such amount.
    i64::try_from(floor.to_integer() + i32::from(up)).unwrap_or(i64::MAX)
}

/// The total is the rounded `exact`; only one past 64 bits is refused.
fn agrees(book: &PriceBook, quantity: u64, exact: &BigRational, rule: Rounding) {
    match statement(book, quantity) {
        Ok(statement) => assert_eq!(statement.total, round(exact, rule)),
        Err(Error::Overflow { .. }) => assert_eq!(round(exact, rule), i64::MAX),
        Err(error) => panic!("{error}"),
    }
}

fn any_rate() -> impl Strategy<Value = String> {
    prop_oneof![
        (0u32..1000, 0u32..8)
            .prop_map(|(digits, zeros)| { format!("0.{}{digits}", "0".repeat(zeros as usize)) }),
        (0u32..100_000, 0u64..1_000_000).prop_map(|(whole, part)| format!("{whole}.{part:06}")),
    ]
}

fn any_rounding() -> impl Strategy<Value = Rounding> {
    prop::sample::select(vec![Rounding::HalfEven, Rounding::HalfUp, Rounding::Down, Rounding::Up])
}

fn any_tiers() -> impl Strategy<Value = Vec<(Option<u64>, String, Option<String>)>> {
    let tier = (1u64..1_000_000, any_rate(), prop::option::of(any_rate()));
    prop::collection::vec(tier, 1..6).prop_map(|tiers| {
        let (mut bound, count) = (0, tiers.len());
        let numbered = tiers.into_iter().enumerate();
        numbered
            .map(|(place, (width, rate, fee))| {
                bound += width;
                ((place + 1 < count).then_some(bound), rate, fee)
            })
            .collect()
    })
}

fn tiers(tiers: &[(Option<u64>, String, Option<String>)]) -> Vec<Tier> {
    let tier = |(up_to, text, fee): &(Option<u64>, String, Option<String>)| Tier {
        up_to: *up_to,
        rate: rate(text),
        fee: fee.as_deref().map(rate),
    };
    tiers.iter().map(tier).collect()
}

fn hundred() -> BigRational {
    BigRational::from_integer(100.into())
}

fn whole(quantity: u64) -> BigRational {
    BigRational::from_integer(quantity.into())
}

proptest! {
    #[test]
    fn per_unit(quantity in 0u64..1 << 40, text in any_rate(), rule in any_rounding()) {
        let book = book(rule, vec![price(Model::PerUnit { rate: rate(&text) })]);
        let exact = whole(quantity) * big(&text) * hundred();
        agrees(&book, quantity, &exact, rule);
    }

    #[test]
    fn packages(
        quantity in 0u64..1 << 45,
        size in 1u64..1 << 40,
        text in any_rate(),
        rule in any_rounding(),
    ) {
        let model = |part| Model::Package { size, price: rate(&text), part };
        let pro_rata = book(rule, vec![price(model(Part::ProRata))]);
        let exact = whole(quantity) * big(&text) * hundred() / whole(size);
        agrees(&pro_rata, quantity, &exact, rule);
        let started = book(rule, vec![price(model(Part::Started))]);
        let exact = whole(quantity.div_ceil(size)) * big(&text) * hundred();
        agrees(&started, quantity, &exact, rule);
    }

    #[test]
    fn tiers_agree_with_rationals(
        quantity in 0u64..5_000_000,
        steps in any_tiers(),
        rule in any_rounding(),
    ) {
        let graduated = book(rule, vec![price(Model::Graduated { tiers: tiers(&steps) })]);
        let mut exact = whole(0);
        let mut below = 0;
        for (bound, text, fee) in &steps {
            if quantity > below {
                let upper = bound.unwrap_or(u64::MAX);
                exact += whole(quantity.min(upper) - below) * big(text);
                exact += fee.as_deref().map_or(whole(0), big);
                below = upper;
            }
        }
        agrees(&graduated, quantity, &(exact * hundred()), rule);

        let volume = book(rule, vec![price(Model::Volume { tiers: tiers(&steps) })]);
        let tier = steps.iter().find(|(bound, ..)| bound.is_none_or(|bound| quantity <= bound));
        let (_, text, fee) = tier.expect("the last tier has no bound");
        let exact = match quantity {
            0 => whole(0),
            _ => whole(quantity) * big(text) + fee.as_deref().map_or(whole(0), big),
        };
        agrees(&volume, quantity, &(exact * hundred()), rule);
    }

    #[test]
    fn lines_sum_to_the_total(
        quantity in 0u64..1 << 34,
        rates in prop::collection::vec(any_rate(), 1..8),
        allowance in 0u64..1 << 40,
    ) {
        let prices = rates.iter().enumerate().map(|(place, text)| Price {
            id: name(&format!("p{place}")),
            allowance,
            ..price(Model::PerUnit { rate: rate(text) })
        });
        let statement = statement(&book(Rounding::HalfUp, prices.collect()), quantity);
        let statement = statement.expect("a statement");
        let sum: i64 = statement.lines.iter().map(|line| line.amount).sum();
        prop_assert_eq!(sum, statement.total);
        statement.verify(None).expect("whole");
        for (line, text) in statement.lines.iter().zip(&rates) {
            let billable = quantity.saturating_sub(allowance);
            let exact = whole(billable) * big(text) * hundred();
            prop_assert_eq!(line.amount, round(&exact, Rounding::HalfUp));
        }
    }
}

/// lago-api#821: an amount of 0.0199… was cut to 0.01 on the way from one unit to another.
#[test]
fn an_amount_of_almost_two_cents_is_two_cents() {
    let book = |text| book(Rounding::HalfUp, vec![price(Model::PerUnit { rate: rate(text) })]);
    assert_eq!(cents(&book("0.0199"), 1), 2);
    assert_eq!(cents(&book("0.019999999999"), 1), 2);
    assert_eq!(cents(&book("0.00199999"), 10), 2);
    assert_eq!(cents(&book("0.0149999"), 1), 1);
    // Rounded once, not unit by unit.
    assert_eq!(cents(&book("0.004"), 1000), 400);
}

/// lago#239, nango#7495: an amount past the range of its type came out as another amount.
#[test]
fn an_amount_out_of_range_is_an_error() {
    let book = book(Rounding::HalfUp, vec![price(Model::PerUnit { rate: rate("1000000000") })]);
    let overflow = Err(Error::Overflow { what: "amount" });
    assert_eq!(statement(&book, u64::MAX).map(|statement| statement.total), overflow);
}

#[test]
fn the_seed_tariff_is_pro_rata_to_the_cent() {
    let book = PriceBook::seed().expect("a book");
    assert_eq!(cents(&book, 10_000_000_000), 50);
    assert_eq!(cents(&book, 5_000_000_000), 25);
    assert_eq!(cents(&book, 99_999_999), 0);
    assert_eq!(cents(&book, 100_000_000), 1);
    let text = serde_json::to_string(&book).expect("text");
    assert_eq!(PriceBook::from_json(text.as_bytes()), Ok(book));
}

#[test]
fn allowances_minimums_and_fees_follow_the_part_of_the_period() {
    let fee = Price { meter: None, id: name("fee"), ..price(Model::Flat { fee: rate("31") }) };
    let usage = Price {
        allowance: 310,
        minimum: Some(rate("3.1")),
        ..price(Model::PerUnit { rate: rate("0.01") })
    };
    let version = |effective, prices| Version { effective: time(effective), minimum: None, prices };
    let old = version("2020-01-01T00:00:00Z", vec![fee.clone(), usage.clone()]);
    let dearer = Price { model: Model::Flat { fee: rate("62") }, ..fee };
    let new = version("2026-03-11T00:00:00Z", vec![dearer, usage]);
    let book = PriceBook::new(Currency::USD, Rounding::HalfUp, vec![old, new]).expect("a book");
    let statement = statement(&book, 250).expect("a statement");
    let amounts: Vec<_> = statement.lines.iter().map(|line| line.amount).collect();
    // Ten days of 31 at the old price, 21 at the new; usage falls on the 10th.
    assert_eq!(amounts, [1_000, 150, 4_200, 210]);
    assert_eq!(statement.lines[1].allowance, 100);
    assert_eq!(statement.lines[3].minimum, Some(rate("3.1")));
}

#[test]
fn a_books_minimum_is_a_line_of_its_own() {
    let version = Version {
        effective: WallTime::UNIX_EPOCH,
        minimum: Some(rate("5")),
        prices: vec![price(Model::PerUnit { rate: rate("0.01") })],
    };
    let book = PriceBook::new(Currency::USD, Rounding::HalfUp, vec![version]).expect("a book");
    let amounts = |quantity| {
        let statement = statement(&book, quantity).expect("a statement");
        statement.lines.iter().map(|line| line.amount).collect::<Vec<_>>()
    };
    assert_eq!(amounts(120), [120, 380]);
    assert_eq!(amounts(500), [500]);
}

#[test]
fn a_book_that_could_be_misread_is_refused() {
    let unit = || price(Model::PerUnit { rate: rate("1") });
    let version = |prices| Version { effective: WallTime::UNIX_EPOCH, minimum: None, prices };
    let fields = [
        (vec![], "versions"),
        (vec![version(vec![unit()]), version(vec![unit()])], "versions"),
        (vec![version(vec![unit(), unit()])], "prices"),
        (vec![version(vec![Price { id: name("minimum"), ..unit() }])], "prices"),
        (vec![version(vec![Price { meter: None, ..unit() }])], "meter"),
        (vec![version(vec![price(Model::Volume { tiers: vec![] })])], "tiers"),
    ];
    for (versions, wanted) in fields {
        let found = PriceBook::new(Currency::USD, Rounding::HalfUp, versions);
        assert!(matches!(found, Err(Error::Malformed { field, .. }) if field == wanted));
    }
    for text in [
        r#"{"currency":"USD","versions":[],"discount":"0.5"}"#,
        r#"{"currency":"USD","versions":[{"effective":"2026-01-01T00:00:00Z","prices":
            [{"id":"a","label":"a","meter":"m","model":{"per_unit":{"rate":0.5}}}]}]}"#,
        r#"{"currency":"USD","versions":[{"effective":"2026-01-01T00:07:00Z","prices":[]}]}"#,
    ] {
        assert!(PriceBook::from_json(text.as_bytes()).is_err(), "{text}");
    }
}

proptest! {
    #[test]
    fn no_text_breaks_the_tariff_reader(text: Vec<u8>) {
        let _ = PriceBook::from_json(&text);
        let _ = Statement::from_json(&text);
    }
}

#[test]
fn amounts_carry_their_currency_places() {
    let period = Period::containing(now(), &Zone::utc(), airloom_billing::Cycle::Month);
    assert!(period.contains(now()));
    for (code, minor) in [("JPY", 2), ("USD", 150), ("KWD", 1_500)] {
        let currency = Currency::new(code).expect("a code");
        let version = Version {
            effective: WallTime::UNIX_EPOCH,
            minimum: None,
            prices: vec![price(Model::PerUnit { rate: rate("1.5") })],
        };
        let book = PriceBook::new(currency, Rounding::HalfUp, vec![version]).expect("a book");
        let statement = statement(&book, 1).expect("a statement");
        assert_eq!(statement.money(statement.total), Money::new(minor, currency));
    }
}
