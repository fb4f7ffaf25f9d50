use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use super::{Shared, Unavailable, running};
use crate::metrics::Family;

/// What became of pulls so far.
#[derive(Debug, Default)]
pub(super) struct Totals {
    begun: AtomicU64,
    cut_off: AtomicU64,
    failed: [AtomicU64; Unavailable::ALL.len()],
}

impl Totals {
    pub(super) fn begun(&self) {
        self.begun.fetch_add(1, Relaxed);
    }

    /// One was on air, and will be tried again.
    pub(super) fn cut_off(&self) {
        self.cut_off.fetch_add(1, Relaxed);
    }

    pub(super) fn failed(&self, why: Unavailable) {
        if let Some(place) = Unavailable::ALL.iter().position(|known| *known == why) {
            self.failed[place].fetch_add(1, Relaxed);
        }
    }
}

pub(super) fn render(shared: &Shared) -> String {
    let (mut text, totals) = (String::new(), &shared.totals);
    let mut total = |name, kind, help, value: u64| {
        Family::new(&mut text, name, kind, help).sample("", value);
    };
    let now = running(&shared.lock()) as u64;
    total("airloom_pulls", "gauge", "Streams being pulled.", now);
    total("airloom_pulls_total", "counter", "Pulls begun.", totals.begun.load(Relaxed));
    let cut_off = totals.cut_off.load(Relaxed);
    total("airloom_pulls_cut_off_total", "counter", "Times a pull on air was cut off.", cut_off);
    let help = "Pulls given up, by why.";
    let mut family = Family::new(&mut text, "airloom_pulls_failed_total", "counter", help);
    for (why, count) in Unavailable::ALL.iter().zip(&totals.failed) {
        family.sample(&format!("{{reason=\"{}\"}}", why.code()), count.load(Relaxed));
    }
    text
}
