use std::sync::Arc;

use airloom_billing::Counter;

use super::Usage;
use crate::origin::Meter;

/// The counters of one stream; of none, where nothing is metered.
#[derive(Debug, Clone, Default)]
pub(crate) struct StreamMeters(Option<Arc<Counters>>);

#[derive(Debug)]
struct Counters {
    ingest_bytes: Option<Counter>,
    ingest_millis: Option<Counter>,
    egress_bytes: Option<Counter>,
    viewer_millis: Option<Counter>,
}

impl StreamMeters {
    pub(super) fn new(usage: &Usage, stream: &str) -> Self {
        let counter = |meter| usage.by(meter, "stream", stream);
        Self(Some(Arc::new(Counters {
            ingest_bytes: counter("ingest_bytes"),
            ingest_millis: counter("ingest_ms"),
            egress_bytes: counter("egress_bytes"),
            viewer_millis: counter("viewer_ms"),
        })))
    }

    pub(crate) fn add(&self, meter: Meter, quantity: u64) {
        let Some(counters) = &self.0 else { return };
        let counter = match meter {
            Meter::IngestBytes => &counters.ingest_bytes,
            Meter::IngestMillis => &counters.ingest_millis,
            Meter::EgressBytes => &counters.egress_bytes,
            Meter::ViewerMillis => &counters.viewer_millis,
        };
        if let Some(counter) = counter
            && quantity > 0
        {
            counter.add(quantity);
        }
    }
}
