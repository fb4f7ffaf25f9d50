//! Records usage events, shows them, closes a month and proves the ledger.

use std::error::Error;
use std::io::{BufRead, Write};
use std::path::PathBuf;
use std::time::{Duration, SystemTime};
use std::{env, fs, io};

use airloom_billing::ledger::{Directory, Ledger, Query, Totals};
use airloom_billing::{
    Account, Catalogue, Config, Event, Input, Name, Outcome, Period, PriceBook, WallTime, Zone,
};

const HELP: &str = "usage [--data DIR] [--now RFC3339] COMMAND

  record [FILE]              read CloudEvents, one JSON object a line, from FILE or standard input
  show [TENANT]              usage by tenant and meter, with a bar for each day
  close TENANT DAY [ZONE]    close the month that DAY (2026-03-01) is in; write it here, as HTML, CSV and JSON
  verify                     read the whole log again and check every hash

--tariff FILE  a price book in JSON; default 0.5 USD a 10 GB viewed, 1 USD a 1,000 chat requests";

/// Events that wait for the disk together.
const GROUP: usize = 1_000;
const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
const DAY: Duration = Duration::from_hours(24);

fn main() {
    if let Err(error) = run() {
        eprintln!("{error}");
        std::process::exit(1);
    }
}

fn run() -> Result<(), Box<dyn Error>> {
    let mut words = Vec::new();
    let (mut directory, mut tariff) = (PathBuf::from("airloom-data/usage"), PriceBook::seed()?);
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?;
    let mut now = WallTime::UNIX_EPOCH.saturating_add(since);
    let mut arguments = env::args().skip(1);
    while let Some(word) = arguments.next() {
        let mut value = || arguments.next().ok_or(format!("{word} needs a value"));
        match word.as_str() {
            "--data" => directory = value()?.into(),
            "--now" => now = WallTime::parse(&value()?)?,
            "--tariff" => tariff = PriceBook::from_json(&fs::read(value()?)?)?,
            flag if flag.starts_with('-') => return Err(format!("{flag}?\n\n{HELP}").into()),
            _ => words.push(word),
        }
    }
    // Whole months are recorded here at once, so usage is late only after forty days.
    let config = Config { late: 40 * DAY, remember: 60 * DAY, ..Config::default() };
    let (mut ledger, found) =
        Ledger::open(Directory::open(&directory)?, Catalogue::live(), config)?;
    if let Some(torn) = found.torn {
        eprintln!("cut {} bytes of an interrupted write off segment {}", torn.bytes, torn.segment);
    }
    let words: Vec<_> = words.iter().map(String::as_str).collect();
    match words[..] {
        ["record"] => record(&mut ledger, now, io::stdin().lock()),
        ["record", file] => record(&mut ledger, now, io::BufReader::new(fs::File::open(file)?)),
        ["show"] => show(&ledger, None),
        ["show", tenant] => show(&ledger, Some(tenant)),
        ["close", tenant, day] => close(&mut ledger, now, &tariff, [tenant, day, "UTC"]),
        ["close", tenant, day, zone] => close(&mut ledger, now, &tariff, [tenant, day, zone]),
        ["verify"] => verify(&ledger),
        _ => Err(HELP.into()),
    }
}

fn record(
    ledger: &mut Ledger<Directory>,
    now: WallTime,
    from: impl BufRead,
) -> Result<(), Box<dyn Error>> {
    let (mut group, mut lines) = (Vec::new(), from.lines().enumerate().peekable());
    while let Some((number, line)) = lines.next() {
        match Event::from_json(line?.as_bytes()) {
            Ok(event) => group.push((number + 1, Input::Event(event))),
            Err(error) => eprintln!("line {}: {error}", number + 1),
        }
        if group.len() == GROUP || lines.peek().is_none() {
            let inputs: Vec<_> = group.iter().map(|(_, input)| input.clone()).collect();
            for ((number, _), outcome) in group.drain(..).zip(ledger.apply(now, &inputs)?) {
                if !matches!(outcome, Outcome::Counted { .. }) {
                    eprintln!("line {number}: {outcome:?}");
                }
            }
        }
    }
    let Totals { accepted, counted, quarantined } = ledger.totals();
    println!("accepted {accepted} = counted {counted} + quarantined {quarantined}");
    Ok(())
}

fn show(ledger: &Ledger<Directory>, only: Option<&str>) -> Result<(), Box<dyn Error>> {
    let mut out = io::stdout().lock();
    let always = (WallTime::UNIX_EPOCH, WallTime::from_unix_seconds(i64::MAX));
    writeln!(out, "{:<12} {:<20} {:>20} {:<10} by day", "tenant", "meter", "quantity", "unit")?;
    for tenant in ledger.tenants().filter(|name| only.is_none_or(|only| only == name.as_str())) {
        let query = Query::new(tenant.clone(), always.0, always.1);
        for total in ledger.usage(&query) {
            let days = ledger.usage(&query.clone().meter(total.meter.clone()).step(DAY));
            let most = days.iter().map(|day| day.quantity).max().unwrap_or(0).max(1);
            let bar = |quantity: u128| BARS[(quantity * 7 / most) as usize];
            let chart: String = days.iter().map(|day| bar(day.quantity)).collect();
            let meter = ledger.catalogue().meter(total.meter.as_str());
            let unit = meter.map_or("", |meter| meter.unit().as_str());
            let (tenant, meter, quantity) = (tenant.as_str(), total.meter.as_str(), total.quantity);
            writeln!(out, "{tenant:<12} {meter:<20} {quantity:>20} {unit:<10} {chart}")?;
        }
    }
    Ok(())
}

fn close(
    ledger: &mut Ledger<Directory>,
    now: WallTime,
    tariff: &PriceBook,
    [tenant, day, zone]: [&str; 3],
) -> Result<(), Box<dyn Error>> {
    let account = Account::monthly(Name::new(tenant)?, Zone::new(zone)?);
    // Noon is on the same day in every zone but the farthest ones.
    let period: Period = account.period(WallTime::parse(&format!("{day}T12:00:00Z"))?);
    let statement = ledger.close(now, &account, period, tariff)?;
    let texts = [statement.to_html(), statement.to_csv(), statement.to_json()];
    for (suffix, text) in ["html", "csv", "json"].into_iter().zip(texts) {
        let file = format!("statement-{}.{suffix}", &statement.hash[..16]);
        fs::write(&file, text)?;
        println!("{file}");
    }
    println!("{} for {} to {}", statement.money(statement.total), period.from(), period.to());
    Ok(())
}

fn verify(ledger: &Ledger<Directory>) -> Result<(), Box<dyn Error>> {
    let report = ledger.verify(&[])?;
    for tenant in ledger.tenants() {
        let statements = ledger.statements(tenant)?;
        for (place, statement) in statements.iter().enumerate() {
            statement.verify(place.checked_sub(1).map(|before| &statements[before]))?;
        }
    }
    println!(
        "whole: {} records in {} groups, {} segments",
        report.head.record, report.groups, report.segments
    );
    Ok(())
}
