use super::{LineKind, Statement};
use crate::Name;

/// A field of RFC 4180: quoted where it has to be, and never what a spreadsheet would run.
fn field(text: &str) -> String {
    let formula = text.starts_with(['=', '+', '-', '@']);
    let text = if formula { format!("'{text}") } else { text.to_owned() };
    if text.contains(['"', ',', '\r', '\n']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text
    }
}

impl Statement {
    /// The statement as CSV (RFC 4180): a header, a row a line, then rows for credit and what is
    /// due, so that the column `amount` of the lines sums to the total.
    ///
    /// Amounts are decimal numbers in the currency of their row.
    pub fn to_csv(&self) -> String {
        let mut out = String::from(
            "tenant,kind,price,label,meter,dimensions,from,to,quantity,unit,allowance,billed_before,amount,currency\r\n",
        );
        let tenant = field(self.tenant.as_str());
        let name = |name: &Option<Name>| field(name.as_ref().map_or("", Name::as_str));
        for line in &self.lines {
            let kind = match line.kind {
                LineKind::Charge => "charge",
                LineKind::Minimum => "minimum",
                LineKind::Adjustment => "adjustment",
            };
            let dimensions: Vec<_> =
                line.dimensions.iter().map(|(key, value)| format!("{key}={value}")).collect();
            let row = [
                tenant.clone(),
                kind.to_owned(),
                field(line.price.as_str()),
                field(line.label.as_str()),
                name(&line.meter),
                field(&dimensions.join(";")),
                line.covers.from().to_string(),
                line.covers.to().to_string(),
                line.quantity.to_string(),
                name(&line.unit),
                line.allowance.to_string(),
                self.money(line.billed).decimal(),
                self.money(line.amount).decimal(),
                self.currency.to_string(),
            ];
            out.push_str(&row.join(","));
            out.push_str("\r\n");
        }
        for (kind, amount) in
            [("total", self.total), ("credit_used", self.credit_used), ("due", self.due)]
        {
            let (from, to) = (self.period.from(), self.period.to());
            let (amount, currency) = (self.money(amount).decimal(), self.currency);
            let row = format!("{tenant},{kind},,,,,{from},{to},,,,,{amount},{currency}\r\n");
            out.push_str(&row);
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::field;

    #[test]
    fn fields_neither_break_out_nor_run() {
        assert_eq!(field("plain"), "plain");
        assert_eq!(field("a,\"b\"\n"), "\"a,\"\"b\"\"\n\"");
        assert_eq!(field("=1+1"), "'=1+1");
    }
}
