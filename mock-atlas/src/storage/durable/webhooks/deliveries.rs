//! Deliveries in a database. A server claims what it tries for a while, so that no other tries it at the same time, and
//! another one does if the server dies.

use std::time::{Duration, SystemTime};

use uuid::Uuid;

use super::{WEBHOOK, read as read_webhook};
use crate::domain::{
    Claim, Delivery, DeliveryQuery, DeliveryState, Event, EventKind, Outcome, Subject, Try, TryId,
    Verdict, Webhook,
};
use crate::storage::durable::database::{Row, Tx, Value, values};
use crate::storage::webhooks::{
    ABANDONED, ENDED_KEPT, GIVEN_UP, LONGEST_WAIT, MOST_ENDED, MOST_WAITING, TOO_MANY,
};
use crate::storage::{BackendError, StorageError};

const PENDING: i64 = 0;
const DELIVERED: i64 = 1;
const FAILED: i64 = 2;

/// The columns of [`read`].
const DELIVERY: &str =
    "id, webhook, event, kind, time, subject, number, state, attempts, due, status, error";

fn read(row: &mut Row) -> Result<Delivery, BackendError> {
    let (number, webhook) = (row.take()?, row.take()?);
    Ok(Delivery {
        number,
        webhook,
        event: read_event(row)?,
        state: match row.take::<i64>()? {
            PENDING => DeliveryState::Pending,
            DELIVERED => DeliveryState::Delivered,
            _ => DeliveryState::Failed,
        },
        attempts: row.take()?,
        due: row.take()?,
        status: row
            .take::<Option<i64>>()?
            .and_then(|status| status.try_into().ok()),
        error: row.take()?,
    })
}

fn read_event(row: &mut Row) -> Result<Event, BackendError> {
    let damaged = |reason: &str| BackendError::new(format!("a delivery is damaged: {reason}"));
    let id = row.take()?;
    let kind: String = row.take()?;
    let kind = EventKind::of_name(&kind).ok_or_else(|| damaged("its event has no such name"))?;
    let time = row.take()?;
    let subject: Option<Subject> = serde_json::from_str(&row.take::<String>()?)
        .map_err(|error| damaged(&error.to_string()))?;
    let number: Option<u64> = row.take()?;
    let subject = subject.map(|mut subject| {
        if let (Some(version), Some(number)) = (&mut subject.version, number) {
            version.number = number;
        }
        subject
    });
    Ok(Event {
        id,
        kind,
        time,
        subject,
    })
}

/// Returns the deliveries that a query chooses, the newest first.
///
/// # Errors
/// When the database fails.
pub(super) async fn find(tx: Tx<'_>, query: DeliveryQuery) -> Result<Vec<Delivery>, BackendError> {
    let mut values: Vec<Value> = vec![(query.limit as u64).into()];
    let mut conditions = String::new();
    if let Some(webhook) = query.webhook {
        values.push(webhook.into());
        conditions.push_str(" AND webhook = $2");
    }
    if query.failed {
        conditions.push_str(" AND error IS NOT NULL");
    }
    let sql = format!(
        "SELECT {DELIVERY} FROM delivery WHERE $1 > 0{conditions} ORDER BY id DESC LIMIT $1"
    );
    let rows = tx.rows(&sql, &values).await?.into_iter();
    rows.map(|mut row| read(&mut row)).collect()
}

/// The webhooks with due deliveries, and the time of the next one.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    /// The webhooks that have something due and may be tried.
    pub(super) due: Vec<Webhook>,
    /// The time at which the next delivery is due.
    pub(super) next: Option<SystemTime>,
}

/// Returns the webhooks for which something is due.
///
/// # Errors
/// When the database fails.
pub(super) async fn waiting(tx: Tx<'_>, claim: &Claim) -> Result<Waiting, BackendError> {
    let sql = format!(
        "SELECT {WEBHOOK}, (SELECT min(due) FROM delivery WHERE delivery.webhook = webhook.id AND state = 0)
        FROM webhook"
    );
    let mut waiting = Waiting::default();
    for mut row in tx.rows(&sql, &[]).await? {
        let webhook = read_webhook(&mut row)?;
        let due: Option<SystemTime> = row.take()?;
        match due {
            Some(due) if claim.free(webhook.id) > 0 => {
                if due <= claim.now {
                    waiting.due.push(webhook);
                } else {
                    waiting.next = waiting.next.map_or(Some(due), |next| Some(next.min(due)));
                }
            }
            _ => {}
        }
    }
    Ok(waiting)
}

/// Claims what is due of these webhooks, as much as may be tried, and counts the tries.
///
/// # Errors
/// When the database fails.
pub(super) async fn claim(
    tx: Tx<'_>,
    due: Vec<Webhook>,
    claim: &Claim,
) -> Result<Vec<Try>, BackendError> {
    // Another server takes the rows that this one does not.
    let locked = match tx {
        Tx::Sqlite(_) => "",
        Tx::Postgres(_) => "FOR UPDATE SKIP LOCKED",
    };
    // PostgreSQL evaluates the list once, as its limit needs it, only where it stands in front.
    let sql = format!(
        "WITH due AS MATERIALIZED (SELECT id FROM delivery
        WHERE webhook = $1 AND state = 0 AND due <= $2 ORDER BY due LIMIT $3 {locked})
        UPDATE delivery SET claimed = 1, attempts = attempts + 1, due = $4
        WHERE id IN (SELECT id FROM due) AND state = 0 RETURNING {DELIVERY}"
    );
    let mut tries = Vec::new();
    for webhook in due {
        let free = claim.free(webhook.id) as u64;
        let values = values![webhook.id, claim.now, free, claim.until];
        for mut row in tx.rows(&sql, &values).await? {
            tries.push(Try {
                webhook: webhook.clone(),
                delivery: read(&mut row)?,
            });
        }
    }
    Ok(tries)
}

/// Records the outcome of a try, unless it counts as lost already and another has begun.
///
/// # Errors
/// When the database fails.
pub(super) async fn end(
    tx: Tx<'_>,
    of: TryId,
    outcome: Outcome,
    now: SystemTime,
) -> Result<(), BackendError> {
    let (state, due) = match outcome.verdict {
        Verdict::Delivered => (DELIVERED, now),
        Verdict::Failed => (FAILED, now),
        Verdict::Again(due) => (PENDING, due),
    };
    let sql = "UPDATE delivery SET state = $1, claimed = 0, due = $2, status = $3, error = $4
        WHERE id = $5 AND attempts = $6 AND state = 0 AND webhook = $7 AND event = $8";
    let status = outcome.status.map(i64::from);
    let row = values![
        state,
        due,
        status,
        outcome.error,
        of.number,
        of.attempt,
        of.webhook,
        of.event,
    ];
    tx.execute(sql, &row).await?;
    Ok(())
}

/// Makes a delivery due, whatever became of it.
///
/// # Errors
/// [`StorageError::NotFound`].
pub(super) async fn again(tx: Tx<'_>, number: u64, now: SystemTime) -> Result<(), StorageError> {
    let sql = "UPDATE delivery SET state = 0, claimed = 0, attempts = 0, began = $1, due = $1,
        status = NULL, error = NULL WHERE id = $2 AND claimed = 0";
    if tx.execute(sql, &values![now, number]).await? > 0 {
        return Ok(());
    }
    let sql = "SELECT 1 FROM delivery WHERE id = $1";
    match tx.row(sql, &values![number]).await? {
        // It is being tried.
        Some(_) => Ok(()),
        None => Err(StorageError::NotFound),
    }
}

/// Makes the tries due that a process had begun which is gone.
///
/// # Errors
/// When the database fails.
pub(super) async fn free(tx: Tx<'_>, now: SystemTime) -> Result<(), BackendError> {
    let sql = "UPDATE delivery SET claimed = 0, due = $1 WHERE state = 0 AND claimed = 1";
    tx.execute(sql, &values![now]).await?;
    Ok(())
}

/// Gives up what has waited for too long, and removes what is old, or too much, or of no webhook.
///
/// # Errors
/// When the database fails.
pub(super) async fn tidy(tx: Tx<'_>, now: SystemTime) -> Result<(), BackendError> {
    let before = |age: Duration| now.checked_sub(age).unwrap_or(SystemTime::UNIX_EPOCH);
    let sql = "UPDATE delivery SET state = 2, error = $1
        WHERE state = 0 AND claimed = 0 AND began < $2";
    tx.execute(sql, &values![GIVEN_UP, before(LONGEST_WAIT)])
        .await?;
    let sql = "UPDATE delivery SET state = 2, error = $1
        WHERE webhook = $2 AND state = 0 AND claimed = 0 AND id <= coalesce((SELECT id FROM delivery
        WHERE webhook = $2 AND state = 0 ORDER BY id DESC LIMIT 1 OFFSET $3), 0)";
    for mut row in tx.rows("SELECT id FROM webhook", &[]).await? {
        let webhook: Uuid = row.take()?;
        tx.execute(sql, &values![TOO_MANY, webhook, MOST_WAITING as u64])
            .await?;
    }
    let sql = "DELETE FROM delivery WHERE state <> 0 AND (began < $1 OR id <= coalesce(
        (SELECT id FROM delivery WHERE state <> 0 ORDER BY id DESC LIMIT 1 OFFSET $2), 0))";
    tx.execute(sql, &values![before(ENDED_KEPT), MOST_ENDED as u64])
        .await?;
    // A change may have written it while the webhook was removed.
    let sql = "DELETE FROM delivery WHERE webhook NOT IN (SELECT id FROM webhook) AND began < $1";
    tx.execute(sql, &values![before(ABANDONED)]).await?;
    Ok(())
}
