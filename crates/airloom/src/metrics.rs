use std::fmt::{Display, Write};

/// One family of the text exposition format (0.0.4): help, type, then its samples.
pub(crate) struct Family<'a>(&'a mut String, &'static str);

impl<'a> Family<'a> {
    pub(crate) fn new(text: &'a mut String, name: &'static str, kind: &str, help: &str) -> Self {
        // Writing into a String cannot fail.
        let _ = write!(text, "# HELP {name} {help}\n# TYPE {name} {kind}\n");
        Self(text, name)
    }

    pub(crate) fn sample(&mut self, labels: &str, value: impl Display) {
        let _ = writeln!(self.0, "{}{labels} {value}", self.1);
    }
}
