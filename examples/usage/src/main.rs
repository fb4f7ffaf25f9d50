//! Records usage events, shows them, closes a month and proves the ledger.

use std::io::Write;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};
use std::{env, fs, io};

use airloom_billing::ledger::{Directory, Ledger, Query};
use airloom_billing::{
    Account, Catalogue, Config, Dimensions, Error, Event, Input, Name, Outcome, PriceBook,
    WallTime, Zone, s3,
};

const HELP: &str = "usage [--data DIR] [--now RFC3339] [--tariff FILE] COMMAND

  record [FILE]           read CloudEvents, one JSON object a line, from FILE or standard input
  import TENANT [FILE]    read S3's notifications of downloads, one a line: TENANT's egress, by bucket
  export                  write every event, and every entry of a delta, as CloudEvents
  show [TENANT]           usage by tenant and meter, with a bar for each day
  close TENANT DAY [ZONE] close the month of DAY (2026-03-01); write it here as HTML, CSV and JSON
  verify                  read the whole log again; check every hash and statement";

const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
const DAY: Duration = Duration::from_hours(24);

type Line = Result<Vec<Input>, Error>;
type Result<T = (), E = Box<dyn std::error::Error>> = std::result::Result<T, E>;

fn main() {
    if let Err(error) = run() {
        eprintln!("{error}");
        std::process::exit(1);
    }
}

fn run() -> Result {
    let mut words = Vec::new();
    let (mut directory, mut tariff) = (PathBuf::from("airloom-data/usage"), PriceBook::seed()?);
    let mut now = WallTime::UNIX_EPOCH.saturating_add(SystemTime::UNIX_EPOCH.elapsed()?);
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
    // Whole months come at once: late is what is older. Windows are as wide as those of `live`.
    let window = Duration::from_mins(1);
    let config = Config { window, late: 40 * DAY, remember: 60 * DAY, ..Config::default() };
    let ledger = Ledger::open(Directory::open(&directory)?, Catalogue::live(), config)?;
    if let Some(torn) = ledger.1.torn {
        eprintln!("cut {} bytes of an interrupted write off segment {}", torn.bytes, torn.segment);
    }
    let mut desk = Desk { ledger: ledger.0, now };
    match words.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["record", ref file @ ..] => desk.record(file, event),
        ["import", tenant, ref file @ ..] => desk.record(file, |line| downloads(tenant, line)),
        ["export"] => desk.export(),
        ["show", ref tenant @ ..] => desk.show(tenant.first()),
        ["close", tenant, day] => desk.close(&tariff, tenant, day, "UTC"),
        ["close", tenant, day, zone] => desk.close(&tariff, tenant, day, zone),
        ["verify"] => Ok(writeln!(io::stdout(), "{}", desk.ledger.verify(&[])?)?),
        _ => Err(HELP.into()),
    }
}

fn event(line: &[u8]) -> Line {
    Ok(vec![Input::Event(Event::from_json(line)?)])
}

fn downloads(tenant: &str, line: &[u8]) -> Line {
    let accesses = s3::accesses(line)?.into_iter();
    let event = |access: s3::Access| {
        let bucket = Dimensions::new([("bucket", access.bucket.as_str())])?;
        access.event(Name::new(tenant)?, bucket).map(Input::Event)
    };
    accesses.map(|access| access.and_then(event)).collect()
}

struct Desk {
    ledger: Ledger<Directory>,
    now: WallTime,
}

impl Desk {
    /// Hands in what `read` makes of each line of the file, or of standard input.
    fn record(&mut self, file: &[&str], read: impl Fn(&[u8]) -> Line) -> Result {
        let text =
            file.first().map_or_else(|| io::read_to_string(io::stdin()), fs::read_to_string)?;
        let read = text.lines().zip(1..).flat_map(|(line, number)| {
            let read = read(line.as_bytes()).map_err(|error| eprintln!("line {number}: {error}"));
            read.unwrap_or_default().into_iter().map(move |input| (number, input))
        });
        let (lines, inputs): (Vec<u32>, Vec<_>) = read.unzip();
        for (line, outcome) in lines.into_iter().zip(self.ledger.apply(self.now, &inputs)?) {
            if !matches!(outcome, Outcome::Counted { .. }) {
                eprintln!("line {line}: {outcome:?}");
            }
        }
        Ok(writeln!(io::stdout(), "{}", self.ledger.totals())?)
    }

    fn export(&self) -> Result {
        let mut reader = self.ledger.reader(self.ledger.oldest());
        while let Some(kept) = reader.next(&self.ledger)? {
            for event in kept.events() {
                writeln!(io::stdout(), "{}", event.to_json())?;
            }
        }
        Ok(())
    }

    fn show(&self, only: Option<&&str>) -> Result {
        let (ledger, mut out) = (&self.ledger, io::stdout());
        writeln!(out, "{:<12} {:<20} {:>20} {:<10} by day", "tenant", "meter", "quantity", "unit")?;
        for tenant in ledger.tenants().filter(|name| only.is_none_or(|it| *it == name.as_str())) {
            let always = (WallTime::UNIX_EPOCH, WallTime::from_unix_seconds(i64::MAX));
            let query = Query::new(tenant.clone(), always.0, always.1);
            for total in ledger.usage(&query) {
                let days = ledger.usage(&query.clone().meter(total.meter.clone()).step(DAY));
                let most = days.iter().map(|day| day.quantity).max().unwrap_or(0).max(1);
                let bars = days.iter().map(|day| BARS[(day.quantity * 7 / most) as usize]);
                let (meter, bars) = (total.meter.as_str(), bars.collect::<String>());
                let unit = ledger.catalogue().meter(meter).map_or("", |it| it.unit().as_str());
                let used = total.quantity;
                writeln!(out, "{tenant:<12} {meter:<20} {used:>20} {unit:<10} {bars}")?;
            }
        }
        Ok(())
    }

    fn close(&mut self, tariff: &PriceBook, tenant: &str, day: &str, zone: &str) -> Result {
        let account = Account::monthly(Name::new(tenant)?, Zone::new(zone)?);
        // Noon is on the same day in every zone but the farthest ones.
        let period = account.period(WallTime::parse(&format!("{day}T12:00:00Z"))?);
        let made = self.ledger.close(self.now, &account, period, tariff)?;
        let texts = [("html", made.to_html()), ("csv", made.to_csv()), ("json", made.to_json())];
        for (suffix, text) in texts {
            let file = format!("statement-{}.{suffix}", &made.hash[..16]);
            fs::write(&file, text)?;
            writeln!(io::stdout(), "{file}")?;
        }
        Ok(writeln!(io::stdout(), "{} for {period}", made.money(made.total))?)
    }
}
