use super::{Account, Line, LineKind, Statement};
use crate::rating::{Exact, MINIMUM, Price, PriceBook};
use crate::{Dimensions, Error, Money, Name, Period, WallTime};

/// How much of a meter was used, with which dimensions, from when to when; and its unit.
pub(crate) trait Meters {
    fn used(&self, meter: &Name, dimensions: &Dimensions, from: WallTime, to: WallTime) -> u128;
    fn unit(&self, meter: &Name) -> Option<Name>;
}

/// The lines of one period by the versions in force in it.
pub(crate) fn rate(
    book: &PriceBook,
    account: &Account,
    period: Period,
    meters: &impl Meters,
) -> Result<Vec<Line>, Error> {
    let mut lines = Vec::new();
    let start = account.since.map_or(period.from(), |since| since.max(period.from()));
    let whole = millis(period.from(), period.to());
    for (from, to, version) in book.parts(start, period.to()) {
        let covers = Period::new(from, to);
        let share = (millis(from, to), whole);
        let mut sum = Money::zero(book.currency());
        for price in &version.prices {
            let line = line(book, price, covers, share, meters)?;
            sum = sum.checked_add(Money::new(line.amount, book.currency()))?;
            lines.push(line);
        }
        if let Some(minimum) = version.minimum {
            let least = Exact::price(1, minimum, 1, book.currency())?.share(share.0, share.1)?;
            let least = least.round(book.rounding(), book.currency())?;
            if least.minor() > sum.minor() {
                lines.push(Line {
                    kind: LineKind::Minimum,
                    price: Name::new(MINIMUM)?,
                    label: Name::new("Minimum charge")?,
                    meter: None,
                    unit: None,
                    dimensions: Dimensions::default(),
                    covers,
                    quantity: 1,
                    allowance: 0,
                    minimum: Some(minimum),
                    steps: Vec::new(),
                    billed: 0,
                    amount: least.checked_sub(sum)?.minor(),
                });
            }
        }
    }
    Ok(lines)
}

fn millis(from: WallTime, to: WallTime) -> i128 {
    i128::from(to.unix_millis()) - i128::from(from.unix_millis())
}

fn line(
    book: &PriceBook,
    price: &Price,
    covers: Period,
    share: (i128, i128),
    meters: &impl Meters,
) -> Result<Line, Error> {
    let currency = book.currency();
    let (quantity, unit) = match &price.meter {
        Some(meter) => {
            (meters.used(meter, &price.dimensions, covers.from(), covers.to()), meters.unit(meter))
        }
        None => (1, None),
    };
    // At most the whole allowance, so it fits.
    let free = (i128::from(price.allowance) * share.0 + share.1 - 1) / share.1.max(1);
    let allowance = u64::try_from(free).unwrap_or(price.allowance);
    let billable = quantity.saturating_sub(u128::from(allowance));
    let (mut exact, steps) = price.model.amount(billable, share, currency)?;
    let mut minimum = None;
    if let Some(least) = price.minimum {
        let floor = Exact::price(1, least, 1, currency)?.share(share.0, share.1)?;
        if exact.max(floor)? != exact {
            (exact, minimum) = (floor, Some(least));
        }
    }
    Ok(Line {
        kind: LineKind::Charge,
        price: price.id.clone(),
        label: price.label.clone(),
        meter: price.meter.clone(),
        unit,
        dimensions: price.dimensions.clone(),
        covers,
        quantity,
        allowance,
        minimum,
        steps,
        billed: 0,
        amount: exact.round(book.rounding(), currency)?.minor(),
    })
}

/// What `rated`, the lines of an earlier period as they would be now, change about what the
/// statement of that period and adjustments in later ones have billed for it.
pub(crate) fn adjust(
    rated: Vec<Line>,
    original: &Statement,
    later: &[Statement],
) -> Result<Vec<Line>, Error> {
    let same = |one: &Line, two: &Line| one.price == two.price && one.covers == two.covers;
    let overflow = Error::Overflow { what: "adjustment" };
    let mut lines = Vec::new();
    let mut rated = rated;
    // A line that is no longer there, such as a minimum that is now reached, is worth nothing.
    for gone in &original.lines {
        let was_charged = gone.kind != LineKind::Adjustment;
        if was_charged && !rated.iter().any(|line| same(line, gone)) {
            rated.push(Line { amount: 0, steps: Vec::new(), ..gone.clone() });
        }
    }
    for now in rated {
        let charged = original.lines.iter().filter(|line| line.kind != LineKind::Adjustment);
        let adjusted = later
            .iter()
            .flat_map(|statement| &statement.lines)
            .filter(|line| line.kind == LineKind::Adjustment);
        let billed = charged
            .chain(adjusted)
            .filter(|line| same(line, &now))
            .try_fold(0i64, |sum, line| sum.checked_add(line.amount));
        let billed = billed.ok_or(overflow.clone())?;
        let amount = now.amount.checked_sub(billed).ok_or(overflow.clone())?;
        if amount != 0 {
            lines.push(Line { kind: LineKind::Adjustment, billed, amount, ..now });
        }
    }
    Ok(lines)
}
