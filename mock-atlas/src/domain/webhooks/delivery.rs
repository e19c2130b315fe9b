//! Deliveries: events on their way to webhooks.

use std::collections::HashMap;
use std::time::SystemTime;

use uuid::Uuid;

use super::{Event, Webhook};

/// An event on its way to a webhook, or that has arrived or was given up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Delivery {
    pub(crate) number: u64,
    pub(crate) webhook: Uuid,
    pub(crate) event: Event,
    pub(crate) state: DeliveryState,
    /// The number of tries that have begun.
    pub(crate) attempts: u64,
    /// The time of the next try. While one is under way, it is the time at which it counts as lost.
    pub(crate) due: SystemTime,
    /// The status of the last reply; `None` where there was none.
    pub(crate) status: Option<u16>,
    /// The reason for which the last try failed.
    pub(crate) error: Option<String>,
}

/// The state of a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DeliveryState {
    Pending,
    Delivered,
    /// No try has succeeded, and there is no other.
    Failed,
}

impl DeliveryState {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Delivered => "delivered",
            Self::Failed => "failed",
        }
    }
}

/// A choice of deliveries, the newest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct DeliveryQuery {
    pub(crate) webhook: Option<Uuid>,
    /// Whether only deliveries are chosen whose last try failed.
    pub(crate) failed: bool,
    /// The greatest number of deliveries.
    pub(crate) limit: usize,
}

impl DeliveryQuery {
    /// The greatest number of deliveries that are shown.
    pub(crate) const MOST: usize = 1000;

    /// Returns whether the query chooses a delivery, without regard to the limit.
    pub(crate) fn accepts(&self, delivery: &Delivery) -> bool {
        self.webhook.is_none_or(|id| delivery.webhook == id)
            && (!self.failed || delivery.error.is_some())
    }
}

impl Default for DeliveryQuery {
    fn default() -> Self {
        Self {
            webhook: None,
            failed: false,
            limit: 100,
        }
    }
}

/// A request for deliveries that are due.
#[derive(Clone, Debug)]
pub(crate) struct Claim {
    pub(crate) now: SystemTime,
    /// The time from which another server may try what is claimed.
    pub(crate) until: SystemTime,
    /// The number of tries of each webhook that are under way here.
    pub(crate) busy: HashMap<Uuid, usize>,
    /// The greatest number of tries of a webhook at a time.
    pub(crate) most: usize,
}

impl Claim {
    /// Returns how many tries of a webhook may begin.
    pub(crate) fn free(&self, webhook: Uuid) -> usize {
        let busy = self.busy.get(&webhook).copied().unwrap_or_default();
        self.most.saturating_sub(busy)
    }
}

/// The answer to a [`Claim`].
#[derive(Debug, Default)]
pub(crate) struct Claimed {
    pub(crate) tries: Vec<Try>,
    /// The time at which the next delivery is due, of a webhook that may be tried; `None` where none waits.
    pub(crate) next: Option<SystemTime>,
}

/// A try that may begin, and whose attempt is counted.
#[derive(Clone, Debug)]
pub(crate) struct Try {
    pub(crate) webhook: Webhook,
    pub(crate) delivery: Delivery,
}

impl Try {
    pub(crate) fn id(&self) -> TryId {
        TryId {
            webhook: self.webhook.id,
            event: self.delivery.event.id,
            number: self.delivery.number,
            attempt: self.delivery.attempts,
        }
    }
}

/// Names a try. The number alone would not do, since a database may give that of a removed delivery again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TryId {
    pub(crate) webhook: Uuid,
    pub(crate) event: Uuid,
    pub(crate) number: u64,
    pub(crate) attempt: u64,
}

/// The outcome of a try.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Outcome {
    pub(crate) status: Option<u16>,
    /// The reason of a failure; `None` after success.
    pub(crate) error: Option<String>,
    pub(crate) verdict: Verdict,
}

/// Decides how a delivery goes on after a try.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Delivered,
    Failed,
    /// The delivery is tried again at this time.
    Again(SystemTime),
}

impl Verdict {
    pub(crate) fn state(self) -> DeliveryState {
        match self {
            Self::Delivered => DeliveryState::Delivered,
            Self::Failed => DeliveryState::Failed,
            Self::Again(_) => DeliveryState::Pending,
        }
    }
}
