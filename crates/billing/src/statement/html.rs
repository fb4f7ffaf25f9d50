use std::fmt::Write;

use super::{Line, LineKind, Statement};
use crate::rating::Step;

const STYLE: &str = "body{font:15px/1.5 system-ui,sans-serif;max-width:62rem;margin:2rem auto;\
padding:0 1rem;color:#222;background:#fff}table{border-collapse:collapse;width:100%}\
th,td{padding:.4rem .6rem;text-align:left;vertical-align:top;border-bottom:1px solid #ddd}\
.n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}\
small{color:#666;display:block}tfoot td{font-weight:600;border:0}\
code{font-size:.8em;overflow-wrap:anywhere}";

/// Text as it may stand in an element or a quoted attribute.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

/// A number with its thousands apart.
fn grouped(number: u128) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

impl Statement {
    /// The statement as one page of HTML that needs nothing else.
    ///
    /// Every text in it is escaped; below each line stands how its amount comes about.
    pub fn to_html(&self) -> String {
        let mut out = String::new();
        let (tenant, zone) = (escape(self.tenant.as_str()), escape(self.zone.name()));
        let show = |time| self.zone.show(time);
        let (from, to) = (show(self.period.from()), show(self.period.to()));
        // Writing to a String cannot fail.
        let _ = write!(
            out,
            "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\">\
             <meta name=\"viewport\" content=\"width=device-width\">\
             <title>Statement for {tenant}</title><style>{STYLE}</style>\
             <h1>Statement for {tenant}</h1>\
             <p>From {from} to {to}, {zone}</p>\
             <table><thead><tr><th>What<th class=\"n\">Quantity<th class=\"n\">Amount\
             <tbody>"
        );
        for line in &self.lines {
            self.line(&mut out, line);
        }
        let _ = write!(
            out,
            "<tfoot><tr><td colspan=\"2\">Total<td class=\"n\">{}\
             <tr><td colspan=\"2\">Credit used ({} left)<td class=\"n\">{}\
             <tr><td colspan=\"2\">Due<td class=\"n\">{}</table>\
             <p><small>Each line is rounded once ({}). This statement: <code>{}</code>. \
             The one before: <code>{}</code>. Ledger at record {}: <code>{}</code>. \
             Closed {}.</small>",
            self.money(self.total),
            self.money(self.credit_left),
            self.money(self.credit_used),
            self.money(self.due),
            match self.rounding {
                crate::Rounding::HalfEven => "halves to even",
                crate::Rounding::HalfUp => "halves up",
                crate::Rounding::Down => "down",
                crate::Rounding::Up => "up",
            },
            escape(&self.hash),
            escape(&self.previous),
            self.ledger_record,
            escape(&self.ledger_chain),
            show(self.closed_at),
        );
        out
    }

    fn line(&self, out: &mut String, line: &Line) {
        let _ = write!(out, "<tr><td>{}", escape(line.label.as_str()));
        for (key, value) in line.dimensions.iter() {
            let _ = write!(out, ", {} {}", escape(key.as_str()), escape(value.as_str()));
        }
        if line.kind == LineKind::Adjustment {
            let billed = self.money(line.billed);
            let _ = write!(
                out,
                "<small>adjustment of {} to {}, {billed} billed before</small>",
                self.zone.show(line.covers.from()),
                self.zone.show(line.covers.to()),
            );
        } else if line.covers != self.period {
            let (from, to) = (line.covers.from(), line.covers.to());
            let (from, to) = (self.zone.show(from), self.zone.show(to));
            let _ = write!(out, "<small>{from} to {to}</small>");
        }
        out.push_str("<small>");
        if line.allowance > 0 {
            let _ = write!(out, "{} free. ", grouped(line.allowance.into()));
        }
        for Step { quantity, rate, per, exact } in &line.steps {
            let currency = self.currency;
            let _ = write!(out, "{} × {rate} {currency}", grouped(*quantity));
            if *per != 1 {
                let _ = write!(out, " / {}", grouped((*per).into()));
            }
            let _ = write!(out, " = {} minor units. ", escape(exact));
        }
        if let Some(minimum) = line.minimum {
            let _ = write!(out, "At least {minimum} {} a period.", self.currency);
        }
        out.push_str("</small>");
        let unit = line.unit.as_ref().map_or(String::new(), |unit| escape(unit.as_str()));
        let (quantity, amount) = (grouped(line.quantity), self.money(line.amount));
        let _ = write!(out, "<td class=\"n\">{quantity} {unit}<td class=\"n\">{amount}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_becomes_markup() {
        assert_eq!(escape("<b a='\"'>&"), "&lt;b a=&#39;&quot;&#39;&gt;&amp;");
    }

    #[test]
    fn thousands_stand_apart() {
        assert_eq!(grouped(0), "0");
        assert_eq!(grouped(999), "999");
        assert_eq!(grouped(1_234_567), "1,234,567");
    }
}
