//! Webhooks in a database.
//!
//! - `outbox`: writes the deliveries of a change, in its transaction
//! - `deliveries`: what waits to be delivered, and what was

mod deliveries;
mod outbox;

use std::sync::Arc;
use std::time::SystemTime;

use tokio::sync::Notify;
use uuid::Uuid;

use super::DurableCatalog;
use super::database::{Database, Row, Tx, values};
use crate::domain::{
    Claim, Claimed, Delivery, DeliveryQuery, Event, EventKinds, MOST_WEBHOOKS, Outcome, TryId,
    Webhook, WebhookPlace, WebhookSecret,
};
use crate::storage::{BackendError, StorageError};
pub(super) use outbox::{Telling, are_there, json, tell};

/// The columns of [`read`].
const WEBHOOK: &str = "id, url, events, place, secret, created";

fn read(row: &mut Row) -> Result<Webhook, BackendError> {
    let damaged = |what: &str| BackendError::new(format!("the {what} of a webhook is damaged"));
    Ok(Webhook {
        id: row.take()?,
        url: row.take()?,
        events: EventKinds::of_bits(row.take()?),
        on: match row.take::<Option<String>>()? {
            None => None,
            Some(place) => Some(
                place
                    .parse::<WebhookPlace>()
                    .map_err(|_| damaged("place"))?,
            ),
        },
        secret: row
            .take::<String>()?
            .parse::<WebhookSecret>()
            .map_err(|_| damaged("secret"))?,
        created: row.take()?,
    })
}

/// Returns all webhooks, the oldest first.
///
/// # Errors
/// When the database fails.
pub(super) async fn all(tx: Tx<'_>) -> Result<Vec<Webhook>, BackendError> {
    let sql = format!("SELECT {WEBHOOK} FROM webhook ORDER BY created, id");
    let rows = tx.rows(&sql, &[]).await?;
    rows.into_iter().map(|mut row| read(&mut row)).collect()
}

/// Inserts a webhook.
///
/// # Errors
/// When the database fails.
pub(super) async fn insert(tx: Tx<'_>, webhook: &Webhook) -> Result<(), BackendError> {
    let sql = "INSERT INTO webhook (id, url, events, place, secret, created)
        VALUES ($1, $2, $3, $4, $5, $6)";
    let row = values![
        webhook.id,
        webhook.url.as_str(),
        webhook.events.bits(),
        webhook.on.as_ref().map(WebhookPlace::as_str),
        webhook.secret.reveal(),
        webhook.created,
    ];
    tx.execute(sql, &row).await?;
    Ok(())
}

/// Removes all webhooks with their deliveries.
///
/// # Errors
/// When the database fails.
pub(super) async fn clear(tx: Tx<'_>) -> Result<(), BackendError> {
    // In the order in which a removal takes them, so that neither waits for the other.
    for sql in ["DELETE FROM webhook", "DELETE FROM delivery"] {
        tx.execute(sql, &[]).await?;
    }
    Ok(())
}

/// Methods that concern webhooks. [`Catalog`](crate::storage::Catalog) documents them.
impl DurableCatalog {
    pub(crate) async fn add_webhook(&self, webhook: Webhook) -> Result<(), StorageError> {
        self.check_space(0).await?;
        let add = self.database.write(move |tx| {
            Box::pin(async move {
                // A change under way ends first: one that is acknowledged later has seen the webhook.
                tx.lock_all().await?;
                if all(tx).await?.len() >= MOST_WEBHOOKS {
                    return Err(StorageError::TooManyWebhooks);
                }
                Ok(insert(tx, &webhook).await?)
            })
        });
        add.await
    }

    pub(crate) async fn webhooks(&self) -> Result<Vec<Webhook>, StorageError> {
        let read = self.database.look_up(|tx| Box::pin(all(tx)));
        Ok(read.await?)
    }

    pub(crate) async fn remove_webhook(&self, id: Uuid) -> Result<(), StorageError> {
        let remove = self.database.write(move |tx| {
            Box::pin(async move {
                let sql = "DELETE FROM webhook WHERE id = $1";
                if tx.execute(sql, &values![id]).await? == 0 {
                    return Err(StorageError::NotFound);
                }
                let sql = "DELETE FROM delivery WHERE webhook = $1";
                tx.execute(sql, &values![id]).await?;
                Ok(())
            })
        });
        remove.await
    }

    pub(crate) async fn tell_one(&self, id: Uuid, event: Event) -> Result<u64, StorageError> {
        let tell = self
            .database
            .write(move |tx| Box::pin(async move { outbox::tell_one(tx, id, &event).await }));
        let number = tell.await?;
        self.wake.notify_one();
        Ok(number)
    }

    pub(crate) async fn deliveries(
        &self,
        query: DeliveryQuery,
    ) -> Result<Vec<Delivery>, StorageError> {
        let find = self
            .database
            .look_up(move |tx| Box::pin(deliveries::find(tx, query)));
        Ok(find.await?)
    }

    pub(crate) async fn deliver_again(
        &self,
        number: u64,
        now: SystemTime,
    ) -> Result<(), StorageError> {
        let again = self
            .database
            .write(move |tx| Box::pin(deliveries::again(tx, number, now)));
        again.await?;
        self.wake.notify_one();
        Ok(())
    }

    pub(crate) async fn claim_deliveries(&self, claim: Claim) -> Result<Claimed, StorageError> {
        let look = claim.clone();
        let waiting = self
            .database
            .look_up(move |tx| Box::pin(async move { deliveries::waiting(tx, &look).await }));
        let waiting = waiting.await?;
        let tries = match waiting.due.is_empty() {
            true => Vec::new(),
            false => {
                let claim = self.database.write(move |tx| {
                    Box::pin(async move { deliveries::claim(tx, waiting.due, &claim).await })
                });
                claim.await?
            }
        };
        let next = waiting.next;
        Ok(Claimed { tries, next })
    }

    pub(crate) async fn end_try(
        &self,
        of: TryId,
        outcome: Outcome,
        now: SystemTime,
    ) -> Result<(), StorageError> {
        let end = self
            .database
            .write(move |tx| Box::pin(async move { deliveries::end(tx, of, outcome, now).await }));
        Ok(end.await?)
    }

    pub(crate) async fn tidy_deliveries(&self, now: SystemTime) -> Result<(), StorageError> {
        if !self.has_deliveries().await? {
            return Ok(());
        }
        let tidy = self
            .database
            .write(move |tx| Box::pin(deliveries::tidy(tx, now)));
        Ok(tidy.await?)
    }

    pub(crate) async fn free_deliveries(&self, now: SystemTime) -> Result<(), StorageError> {
        // Another server of the same database may still be at it.
        if matches!(self.database, Database::Postgres(_)) || !self.has_deliveries().await? {
            return Ok(());
        }
        let free = self
            .database
            .write(move |tx| Box::pin(deliveries::free(tx, now)));
        Ok(free.await?)
    }

    /// Returns whether there are any deliveries: most catalogs have none, and need no transaction for them.
    async fn has_deliveries(&self) -> Result<bool, BackendError> {
        let find = self.database.look_up(|tx| {
            Box::pin(async move { tx.row("SELECT 1 FROM delivery LIMIT 1", &[]).await })
        });
        Ok(find.await?.is_some())
    }

    pub(crate) fn told(&self) -> &Arc<Notify> {
        &self.wake
    }

    /// Wakes whoever delivers, if a change has written deliveries.
    pub(super) fn wake_if_told(&self, telling: &Telling) {
        if telling.has_told() {
            self.wake.notify_one();
        }
    }
}
