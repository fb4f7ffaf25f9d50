use airloom_billing::{Dimensions, Event, Name, WallTime};

/// Tenants of the events.
const TENANTS: u64 = 100;

/// Makes usage events as a service would: ids that look random, a hundred tenants, each with a
/// stream of its own, times within the last hour.
#[derive(Debug)]
pub(super) struct Events {
    names: Vec<(Name, Dimensions)>,
    meter: Name,
    source: Name,
}

/// When the events play.
pub(super) fn now() -> WallTime {
    WallTime::from_unix_seconds(1_780_000_000)
}

/// The finaliser of SplitMix64: a permutation of 64 bits.
pub(super) fn mix(number: u64) -> u64 {
    let number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}

pub(super) fn name(text: &str) -> Name {
    Name::new(text).expect("a name")
}

impl Events {
    pub(super) fn new() -> Self {
        let names = (0..TENANTS).map(|tenant| {
            let stream = format!("stream-{tenant}");
            let set = Dimensions::new([("stream", stream.as_str())]).expect("a set");
            (name(&format!("tenant-{tenant}")), set)
        });
        Self { names: names.collect(), meter: name("egress_bytes"), source: name("edge/eu-1") }
    }

    /// Event `number`; the same each time.
    pub(super) fn event(&self, number: u64) -> Event {
        let random = mix(number.wrapping_add(0x9e37_79b9_7f4a_7c15));
        let (tenant, dimensions) = &self.names[(random % TENANTS) as usize];
        Event {
            tenant: tenant.clone(),
            source: self.source.clone(),
            id: name(&format!("{random:016x}-{number:08x}")),
            meter: self.meter.clone(),
            time: WallTime::from_unix_millis(now().unix_millis() - (random % 3_600_000) as i64),
            quantity: random % 1_000_000,
            dimensions: dimensions.clone(),
            unique: None,
        }
    }
}
