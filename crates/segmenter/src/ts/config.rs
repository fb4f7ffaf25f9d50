use std::time::Duration;

/// How a program is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Config {
    /// Media time after which PAT and PMT are written again; they always start a segment.
    ///
    /// Default 250 ms: a receiver that joins anywhere finds them within the half second that
    /// ETSI TR 101 290 asks for, at 1.5 KB a second. It is looked at before each access unit,
    /// so a repetition may come one unit late. Costs no memory.
    pub psi_interval: Duration,
    /// What is refused.
    pub limits: Limits,
}

impl Default for Config {
    fn default() -> Self {
        Self { psi_interval: Duration::from_millis(250), limits: Limits::default() }
    }
}

/// Bounds on what a segment may become.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// PCR packets that may be written to bridge one gap between two access units.
    ///
    /// Default 50, which is two seconds of [`PCR_INTERVAL`](super::PCR_INTERVAL) and 9.4 KB. A
    /// longer gap gets none at all: the clock then takes one step, marked by
    /// `discontinuity_indicator`, whether the gap is three seconds or ten days.
    pub pcr_fill: u32,
    /// Bytes of one segment.
    ///
    /// Default 256 MiB, some 20 s at 100 Mbit/s; it is also the most memory one call of
    /// [`render`](super::render) takes.
    pub segment: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { pcr_fill: 50, segment: 256 << 20 }
    }
}
