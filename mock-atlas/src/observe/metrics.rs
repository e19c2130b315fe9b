//! Prometheus metrics of requests.

use std::fmt;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

use crate::domain::Totals;
use crate::endpoint::Endpoint;

/// The upper bounds of the histogram in seconds: from an access to memory to a large upload.
const BUCKETS: [f64; 12] = [
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 30.0, 120.0,
];

/// The counts since the start. A reset of the emulator keeps them, since a counter never decreases.
#[derive(Debug)]
pub(crate) struct Metrics {
    registry: Registry,
    requests: Family<RequestLabels, Counter>,
    seconds: Family<DurationLabels, Histogram>,
    received: Counter,
    sent: Counter,
    artifacts: Gauge<u64, AtomicU64>,
    versions: Gauge<u64, AtomicU64>,
    boxes: Gauge<u64, AtomicU64>,
    box_versions: Gauge<u64, AtomicU64>,
    file_bytes: Family<LocationLabels, Gauge<u64, AtomicU64>>,
    damaged_files: Gauge<u64, AtomicU64>,
    webhook_tries: Family<TryLabels, Counter>,
    pending_deliveries: Gauge<u64, AtomicU64>,
    /// The free space of the disk; without a value for data in memory.
    free_bytes: Family<[(&'static str, &'static str); 0], Gauge<u64, AtomicU64>>,
}

/// The labels of the request counter. Each label has few values whatever clients send: no label
/// holds a path, a name or an unknown method.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    method: &'static str,
    route: &'static str,
    /// The status; `None` for a request that broke off.
    status: Option<u16>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct DurationLabels {
    method: &'static str,
    route: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct LocationLabels {
    place: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct TryLabels {
    outcome: &'static str,
}

/// The outcome of a try to deliver to a webhook.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TryOutcome {
    Delivered,
    /// The try failed, and there is another one.
    Again,
    /// The try failed, and was the last one.
    Failed,
}

impl TryOutcome {
    const ALL: [Self; 3] = [Self::Delivered, Self::Again, Self::Failed];

    const fn labels(self) -> TryLabels {
        let outcome = match self {
            Self::Delivered => "delivered",
            Self::Again => "again",
            Self::Failed => "failed",
        };
        TryLabels { outcome }
    }
}

impl Metrics {
    pub(crate) fn new() -> Self {
        let mut all = Self {
            registry: Registry::with_prefix("mock_atlas"),
            requests: Family::default(),
            seconds: Family::new_with_constructor(|| Histogram::new(BUCKETS)),
            received: Counter::default(),
            sent: Counter::default(),
            artifacts: Gauge::default(),
            versions: Gauge::default(),
            boxes: Gauge::default(),
            box_versions: Gauge::default(),
            file_bytes: Family::default(),
            damaged_files: Gauge::default(),
            webhook_tries: Family::default(),
            pending_deliveries: Gauge::default(),
            free_bytes: Family::default(),
        };
        all.register();
        // An alert on an increase needs the zero before it.
        for outcome in TryOutcome::ALL {
            let _ = all.webhook_tries.get_or_create(&outcome.labels());
        }
        all
    }

    fn register(&mut self) {
        let registry = &mut self.registry;
        registry.register(
            "http_requests",
            "Requests that ended, by method, route and status; without a status, they broke off",
            self.requests.clone(),
        );
        registry.register_with_unit(
            "http_request_duration",
            "From the head of a request to the end of its reply",
            Unit::Seconds,
            self.seconds.clone(),
        );
        registry.register_with_unit(
            "http_received",
            "What was read of the bodies of requests",
            Unit::Bytes,
            self.received.clone(),
        );
        registry.register_with_unit(
            "http_sent",
            "What was sent of the bodies of replies",
            Unit::Bytes,
            self.sent.clone(),
        );
        registry.register("artifacts", "Artifacts", self.artifacts.clone());
        registry.register(
            "versions",
            "Versions, with those that await their file",
            self.versions.clone(),
        );
        registry.register("boxes", "Vagrant boxes", self.boxes.clone());
        registry.register(
            "box_versions",
            "Versions of Vagrant boxes, of any status",
            self.box_versions.clone(),
        );
        registry.register_with_unit(
            "files",
            "What the files of all versions hold of memory and disk",
            Unit::Bytes,
            self.file_bytes.clone(),
        );
        registry.register(
            "damaged_files",
            "Files that a check has found damaged, and that are not served",
            self.damaged_files.clone(),
        );
        registry.register(
            "webhook_tries",
            "Tries to deliver to webhooks, by outcome: again if another follows, failed if none does",
            self.webhook_tries.clone(),
        );
        registry.register(
            "webhook_deliveries_pending",
            "Deliveries to webhooks that wait for a try",
            self.pending_deliveries.clone(),
        );
        registry.register_with_unit(
            "disk_free",
            "The free space of the disk that the data is kept on",
            Unit::Bytes,
            self.free_bytes.clone(),
        );
    }

    /// Counts a try to deliver to a webhook.
    pub(crate) fn count_try(&self, outcome: TryOutcome) {
        self.webhook_tries.get_or_create(&outcome.labels()).inc();
    }

    /// Counts a request that ended at the endpoint of `counters`.
    pub(crate) fn count(&self, counters: &CounterCache, method: &'static str, outcome: &Outcome) {
        while !counters.count(method, outcome) {
            counters.add(self.known(counters.endpoint, method, outcome.status));
        }
        self.received.inc_by(outcome.received);
        self.sent.inc_by(outcome.sent);
    }

    fn known(
        &self,
        endpoint: Endpoint,
        method: &'static str,
        status: Option<u16>,
    ) -> CachedCounters {
        let route = endpoint.label();
        let seconds = self
            .seconds
            .get_or_create_owned(&DurationLabels { method, route });
        let counter = self.requests.get_or_create_owned(&RequestLabels {
            method,
            route,
            status,
        });
        CachedCounters {
            method,
            status,
            counter,
            seconds,
        }
    }

    /// Returns all metrics in the text format of OpenMetrics. `free_bytes` is the free space of the disk
    /// that the data is kept on.
    ///
    /// # Errors
    /// When a metric cannot be formatted, which does not happen for these.
    pub(crate) fn text(
        &self,
        totals: Totals,
        free_bytes: Option<u64>,
    ) -> Result<String, fmt::Error> {
        self.artifacts.set(totals.artifacts);
        self.versions.set(totals.versions);
        self.boxes.set(totals.boxes);
        self.box_versions.set(totals.box_versions);
        self.damaged_files.set(totals.damaged_files);
        self.pending_deliveries.set(totals.pending_deliveries);
        for (place, bytes) in [("memory", totals.memory_bytes), ("disk", totals.disk_bytes)] {
            self.file_bytes
                .get_or_create(&LocationLabels { place })
                .set(bytes);
        }
        if let Some(bytes) = free_bytes {
            self.free_bytes.get_or_create(&[]).set(bytes);
        }
        let mut text = String::new();
        encode(&mut text, &self.registry)?;
        Ok(text)
    }
}

/// A cache of one endpoint's counters. A lookup by labels takes 1900 instructions, and a lookup
/// here a tenth of that.
#[derive(Clone, Debug)]
pub(crate) struct CounterCache {
    endpoint: Endpoint,
    cached: Arc<RwLock<Vec<CachedCounters>>>,
}

#[derive(Debug)]
struct CachedCounters {
    method: &'static str,
    status: Option<u16>,
    counter: Counter,
    seconds: Histogram,
}

impl CounterCache {
    pub(crate) fn new(endpoint: Endpoint) -> Self {
        Self {
            endpoint,
            cached: Arc::default(),
        }
    }

    pub(crate) fn endpoint(&self) -> Endpoint {
        self.endpoint
    }

    fn count(&self, method: &'static str, outcome: &Outcome) -> bool {
        let all = self.cached.read().unwrap_or_else(PoisonError::into_inner);
        let known = all
            .iter()
            .find(|known| known.method == method && known.status == outcome.status);
        let Some(CachedCounters {
            counter, seconds, ..
        }) = known
        else {
            return false;
        };
        counter.inc();
        seconds.observe(outcome.duration.as_secs_f64());
        true
    }

    fn add(&self, known: CachedCounters) {
        let mut all = self.cached.write().unwrap_or_else(PoisonError::into_inner);
        all.push(known);
    }
}

/// The outcome of a request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Outcome {
    /// The status; `None` if the request broke off before the reply.
    pub(crate) status: Option<u16>,
    pub(crate) received: u64,
    pub(crate) sent: u64,
    pub(crate) duration: Duration,
}
