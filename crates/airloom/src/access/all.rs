use std::future::ready;
use std::sync::Arc;

use super::{Admission, Arrival, Gate, Pass, Visit};

/// Several gates, one behind the other: who is let in by all of them is in. Each is asked only where
/// the ones before it let somebody through.
#[derive(Debug, Clone, Default)]
pub struct All(Vec<Arc<dyn Gate>>);

impl All {
    /// No gate: everybody is in.
    pub fn new() -> Self {
        Self::default()
    }

    /// One more, behind the others.
    #[must_use]
    pub fn with(mut self, gate: impl Gate) -> Self {
        self.0.push(Arc::new(gate));
        self
    }

    fn ask<'a>(
        &'a self,
        ask: impl Fn(&'a Arc<dyn Gate>) -> Admission<'a> + Send + 'a,
    ) -> Admission<'a> {
        match self.0.as_slice() {
            [] => Box::pin(ready(Ok(Pass::new()))),
            [one] => ask(one),
            several => Box::pin(async move {
                let mut pass = Pass::new();
                for gate in several {
                    pass = pass.and(ask(gate).await?);
                }
                Ok(pass)
            }),
        }
    }
}

impl Gate for All {
    fn connect<'a>(&'a self, arrival: &'a Arrival) -> Admission<'a> {
        self.ask(move |gate| gate.connect(arrival))
    }

    fn publish<'a>(&'a self, visit: &'a Visit) -> Admission<'a> {
        self.ask(move |gate| gate.publish(visit))
    }

    fn play<'a>(&'a self, visit: &'a Visit) -> Admission<'a> {
        self.ask(move |gate| gate.play(visit))
    }
}
