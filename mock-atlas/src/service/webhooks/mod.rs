//! Webhooks, for the root token: adds, lists and removes them, and the deliveries to them.
//!
//! - `address`: the addresses that a webhook may have
//! - `sender`: sends a delivery, and signs it
//! - `schedule`: the times of the tries of a delivery

mod address;
mod schedule;
mod sender;

use std::time::SystemTime;

use uuid::Uuid;

use super::{Dataset, ServiceError};
use crate::domain::{
    Delivery, DeliveryQuery, Event, EventKind, EventKinds, Webhook, WebhookPlace, WebhookSecret,
};
use address::check_url;
pub(crate) use schedule::WebhookTiming;
pub(crate) use sender::{Message, Sender, Sent};

/// The description of a new webhook.
#[derive(Clone, Debug)]
pub(crate) struct NewWebhook {
    pub(crate) url: String,
    /// The events that it is told of; none stand for all.
    pub(crate) events: EventKinds,
    pub(crate) on: Option<WebhookPlace>,
    pub(crate) secret: Option<WebhookSecret>,
}

/// Adds a webhook, and makes a secret for it if it has none.
///
/// # Errors
/// [`ServiceError::Webhook`] for a URL that it cannot have, and
/// [`StorageError::TooManyWebhooks`](crate::storage::StorageError::TooManyWebhooks).
pub(crate) async fn add(
    dataset: &Dataset,
    new: NewWebhook,
    now: SystemTime,
) -> Result<Webhook, ServiceError> {
    let url = check_url(&new.url).map_err(|error| ServiceError::Webhook(error.to_string()))?;
    let no_randomness = || ServiceError::Webhook("the system gave no randomness".to_owned());
    let secret = new.secret.or_else(WebhookSecret::random);
    let webhook = Webhook {
        id: Uuid::new_v4(),
        url: url.into(),
        events: match new.events == EventKinds::none() {
            true => EventKinds::all(),
            false => new.events,
        },
        on: new.on,
        secret: secret.ok_or_else(no_randomness)?,
        created: now,
    };
    dataset.catalog().add_webhook(webhook.clone()).await?;
    Ok(webhook)
}

/// Returns all webhooks, the oldest first.
///
/// # Errors
/// When the storage fails.
pub(crate) async fn list(dataset: &Dataset) -> Result<Vec<Webhook>, ServiceError> {
    Ok(dataset.catalog().webhooks().await?)
}

/// Removes a webhook with its deliveries.
///
/// # Errors
/// [`StorageError::NotFound`](crate::storage::StorageError::NotFound).
pub(crate) async fn remove(dataset: &Dataset, id: Uuid) -> Result<(), ServiceError> {
    Ok(dataset.catalog().remove_webhook(id).await?)
}

/// Sends a ping to a webhook soon, and returns the number of its delivery.
///
/// # Errors
/// [`StorageError::NotFound`](crate::storage::StorageError::NotFound).
pub(crate) async fn test(
    dataset: &Dataset,
    id: Uuid,
    now: SystemTime,
) -> Result<u64, ServiceError> {
    let ping = Event {
        id: Uuid::new_v4(),
        kind: EventKind::Ping,
        time: now,
        subject: None,
    };
    Ok(dataset.catalog().tell_one(id, ping).await?)
}

/// Returns the deliveries that a query chooses, the newest first.
///
/// # Errors
/// When the storage fails.
pub(crate) async fn deliveries(
    dataset: &Dataset,
    query: DeliveryQuery,
) -> Result<Vec<Delivery>, ServiceError> {
    Ok(dataset.catalog().deliveries(query).await?)
}

/// Delivers again soon, whatever became of a delivery.
///
/// # Errors
/// [`StorageError::NotFound`](crate::storage::StorageError::NotFound).
pub(crate) async fn deliver_again(
    dataset: &Dataset,
    number: u64,
    now: SystemTime,
) -> Result<(), ServiceError> {
    Ok(dataset.catalog().deliver_again(number, now).await?)
}
