//! The operations of a catalog on webhooks, and on the deliveries to them.

use std::sync::Arc;
use std::time::SystemTime;

use tokio::sync::Notify;
use uuid::Uuid;

use super::Catalog;
use crate::domain::{Claim, Claimed, Delivery, DeliveryQuery, Event, Outcome, TryId, Webhook};
use crate::storage::StorageError;

impl Catalog {
    /// Adds a webhook. It is told of each change that is acknowledged from then on.
    ///
    /// # Errors
    /// [`StorageError::TooManyWebhooks`].
    pub(crate) async fn add_webhook(&self, webhook: Webhook) -> Result<(), StorageError> {
        match self {
            Self::Memory(memory) => memory.add_webhook(webhook),
            Self::Durable(durable) => durable.add_webhook(webhook).await,
        }
    }

    /// Returns all webhooks, the oldest first.
    pub(crate) async fn webhooks(&self) -> Result<Vec<Webhook>, StorageError> {
        match self {
            Self::Memory(memory) => Ok(memory.webhooks()),
            Self::Durable(durable) => durable.webhooks().await,
        }
    }

    /// Removes a webhook with its deliveries. A try under way may still arrive.
    ///
    /// # Errors
    /// [`StorageError::NotFound`].
    pub(crate) async fn remove_webhook(&self, id: Uuid) -> Result<(), StorageError> {
        match self {
            Self::Memory(memory) => memory.remove_webhook(id),
            Self::Durable(durable) => durable.remove_webhook(id).await,
        }
    }

    /// Adds the delivery of an event to one webhook, whatever it wants, and returns its number.
    ///
    /// # Errors
    /// [`StorageError::NotFound`].
    pub(crate) async fn tell_one(&self, id: Uuid, event: Event) -> Result<u64, StorageError> {
        match self {
            Self::Memory(memory) => memory.tell_one(id, event),
            Self::Durable(durable) => durable.tell_one(id, event).await,
        }
    }

    /// Returns the deliveries that a query chooses, the newest first.
    pub(crate) async fn deliveries(
        &self,
        query: DeliveryQuery,
    ) -> Result<Vec<Delivery>, StorageError> {
        match self {
            Self::Memory(memory) => Ok(memory.deliveries(&query)),
            Self::Durable(durable) => durable.deliveries(query).await,
        }
    }

    /// Makes a delivery due again, with all its tries; nothing changes for one that is being tried.
    ///
    /// # Errors
    /// [`StorageError::NotFound`].
    pub(crate) async fn deliver_again(
        &self,
        number: u64,
        now: SystemTime,
    ) -> Result<(), StorageError> {
        match self {
            Self::Memory(memory) => memory.deliver_again(number, now),
            Self::Durable(durable) => durable.deliver_again(number, now).await,
        }
    }

    /// Claims what is due, for a while: whoever claims it tries it, and tells the outcome.
    pub(crate) async fn claim_deliveries(&self, claim: Claim) -> Result<Claimed, StorageError> {
        match self {
            Self::Memory(memory) => Ok(memory.claim_deliveries(&claim)),
            Self::Durable(durable) => durable.claim_deliveries(claim).await,
        }
    }

    /// Records the outcome of a try, which is ignored if the try counts as lost already or its delivery is removed.
    pub(crate) async fn end_try(
        &self,
        of: TryId,
        outcome: Outcome,
        now: SystemTime,
    ) -> Result<(), StorageError> {
        match self {
            Self::Memory(memory) => {
                memory.end_try(of, outcome, now);
                Ok(())
            }
            Self::Durable(durable) => durable.end_try(of, outcome, now).await,
        }
    }

    /// Gives up what has waited for too long, and removes old deliveries.
    pub(crate) async fn tidy_deliveries(&self, now: SystemTime) -> Result<(), StorageError> {
        match self {
            Self::Memory(memory) => {
                memory.tidy_deliveries(now);
                Ok(())
            }
            Self::Durable(durable) => durable.tidy_deliveries(now).await,
        }
    }

    /// Makes the tries due again that the process had begun which had the catalog before, if only one process can
    /// have it.
    pub(crate) async fn free_deliveries(&self, now: SystemTime) -> Result<(), StorageError> {
        match self {
            Self::Memory(_) => Ok(()),
            Self::Durable(durable) => durable.free_deliveries(now).await,
        }
    }

    /// Returns what is notified when this process has added deliveries. A catalog that replaces this one notifies
    /// the same.
    pub(crate) fn told(&self) -> &Arc<Notify> {
        match self {
            Self::Memory(memory) => memory.told(),
            Self::Durable(durable) => durable.told(),
        }
    }
}
