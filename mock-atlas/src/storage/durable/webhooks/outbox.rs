//! Writes the deliveries of a change in the transaction that makes it: both are there, or neither.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::SystemTime;

use uuid::Uuid;

use crate::domain::{ArtifactName, Event, EventKind, Name, Subject};
use crate::storage::durable::database::{Tx, values};
use crate::storage::{BackendError, StorageError};

/// A change that webhooks may be told of.
#[derive(Debug)]
pub(in crate::storage::durable) struct Telling {
    /// The user who makes the change, if that is known.
    by: Option<Name>,
    now: SystemTime,
    has_told: AtomicBool,
}

impl Telling {
    pub(in crate::storage::durable) fn new(by: Option<&Name>, now: SystemTime) -> Arc<Self> {
        Arc::new(Self {
            by: by.cloned(),
            now,
            has_told: AtomicBool::new(false),
        })
    }

    pub(in crate::storage::durable) fn by(&self) -> Option<&Name> {
        self.by.as_ref()
    }

    /// Records that the change has written deliveries.
    pub(in crate::storage::durable) fn set_told(&self) {
        self.has_told.store(true, Ordering::Relaxed);
    }

    pub(super) fn has_told(&self) -> bool {
        self.has_told.load(Ordering::Relaxed)
    }
}

/// Returns whether there are webhooks, for changes that would otherwise read in vain what they tell.
///
/// # Errors
/// When the database fails.
pub(in crate::storage::durable) async fn are_there(tx: Tx<'_>) -> Result<bool, BackendError> {
    let found = tx.row("SELECT 1 FROM webhook LIMIT 1", &[]).await?;
    Ok(found.is_some())
}

/// Writes a delivery to each webhook that wants such an event.
///
/// # Errors
/// When the database fails.
pub(in crate::storage::durable) async fn tell(
    tx: Tx<'_>,
    telling: &Telling,
    kind: EventKind,
    subject: Subject,
) -> Result<(), BackendError> {
    let sql = "INSERT INTO delivery
        (webhook, event, kind, time, subject, state, claimed, attempts, began, due)
        SELECT id, $1, $2, $3, $4, 0, 0, 0, $3, $3 FROM webhook
        WHERE (events & $5) <> 0 AND (place IS NULL OR place = $6 OR place = $7)";
    let ArtifactName { username, .. } = &subject.artifact;
    let row = values![
        Uuid::new_v4(),
        kind.name(),
        telling.now,
        json(&Some(&subject))?,
        kind.bit(),
        username,
        subject.artifact.to_string(),
    ];
    if tx.execute(sql, &row).await? > 0 {
        telling.set_told();
    }
    Ok(())
}

/// Writes a delivery to one webhook, whatever it wants, and returns its number.
///
/// # Errors
/// [`StorageError::NotFound`].
pub(super) async fn tell_one(tx: Tx<'_>, id: Uuid, event: &Event) -> Result<u64, StorageError> {
    let sql = "INSERT INTO delivery
        (webhook, event, kind, time, subject, state, claimed, attempts, began, due)
        SELECT id, $1, $2, $3, $4, 0, 0, 0, $3, $3 FROM webhook WHERE id = $5 RETURNING id";
    let row = values![
        event.id,
        event.kind.name(),
        event.time,
        json(&event.subject.as_ref())?,
        id,
    ];
    let made = tx.row(sql, &row).await?;
    Ok(made.ok_or(StorageError::NotFound)?.take()?)
}

/// Returns what an event is about as the database has it.
///
/// # Errors
/// When it cannot be written as JSON, which does not happen.
pub(in crate::storage::durable) fn json(
    subject: &Option<&Subject>,
) -> Result<String, BackendError> {
    serde_json::to_string(subject).map_err(|error| BackendError::new(error.to_string()))
}
