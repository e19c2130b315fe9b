//! Webhooks in memory, and the deliveries to them.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use tokio::sync::Notify;
use uuid::Uuid;

use super::{Artifact, MemoryCatalog};
use crate::domain::{
    ArtifactName, BoxFacts, Claim, Claimed, Delivery, DeliveryQuery, DeliveryState, Event,
    EventKind, FileFacts, MOST_WEBHOOKS, Name, Outcome, Subject, Try, TryId, VagrantBox, Verdict,
    VersionFacts, Webhook, box_events,
};
use crate::storage::webhooks::{ENDED_KEPT, GIVEN_UP, LONGEST_WAIT, MOST_ENDED};
use crate::storage::{Blob, StorageError};

/// The webhooks of a catalog.
#[derive(Debug, Default)]
pub(super) struct Webhooks {
    /// Whether there are any. Changes look here alone where there are none.
    are_there: AtomicBool,
    state: Mutex<State>,
    told: Arc<Notify>,
}

#[derive(Debug, Default)]
struct State {
    webhooks: Vec<Webhook>,
    deliveries: BTreeMap<u64, Waiting>,
    last: u64,
}

/// A delivery, with the time at which its tries began.
#[derive(Debug)]
struct Waiting {
    delivery: Delivery,
    began: SystemTime,
    is_claimed: bool,
}

/// A box before a change, for a catalog that has webhooks.
pub(super) struct BoxBefore(Option<Arc<VagrantBox>>);

impl Webhooks {
    /// Creates webhooks without deliveries, which wake whoever these wake.
    pub(super) fn beside(&self, webhooks: Vec<Webhook>) -> Self {
        Self {
            are_there: AtomicBool::new(!webhooks.is_empty()),
            state: Mutex::new(State {
                webhooks,
                ..State::default()
            }),
            told: Arc::clone(&self.told),
        }
    }

    pub(super) fn all(&self) -> Vec<Webhook> {
        self.state().webhooks.clone()
    }

    fn are_there(&self) -> bool {
        self.are_there.load(Ordering::Relaxed)
    }

    fn tell(&self, kind: EventKind, subject: &Subject, now: SystemTime) {
        let mut state = self.state();
        let wants = |webhook: &&Webhook| webhook.wants(kind, &subject.artifact);
        let ids: Vec<Uuid> = state
            .webhooks
            .iter()
            .filter(wants)
            .map(|one| one.id)
            .collect();
        let event = Event {
            id: Uuid::new_v4(),
            kind,
            time: now,
            subject: Some(subject.clone()),
        };
        for id in &ids {
            state.add(*id, event.clone());
        }
        if !ids.is_empty() {
            self.told.notify_one();
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn add(&mut self, webhook: Uuid, event: Event) -> u64 {
        self.make_room();
        self.last += 1;
        let delivery = Delivery {
            number: self.last,
            webhook,
            state: DeliveryState::Pending,
            attempts: 0,
            due: event.time,
            status: None,
            error: None,
            event,
        };
        let waiting = Waiting {
            began: delivery.due,
            delivery,
            is_claimed: false,
        };
        self.deliveries.insert(self.last, waiting);
        self.last
    }

    /// Removes the oldest delivery that has ended, or else the oldest of all, if there is no room for another.
    fn make_room(&mut self) {
        if self.deliveries.len() < MOST_ENDED {
            return;
        }
        let mut all = self.deliveries.iter();
        let ended = all.find(|(_, one)| one.delivery.state != DeliveryState::Pending);
        let ended = ended.map(|(number, _)| *number);
        if ended.is_none() {
            tracing::error!(
                "a delivery to a webhook is lost: more than {MOST_ENDED} wait, and there is no room in memory"
            );
        }
        let oldest = || self.deliveries.keys().next().copied();
        if let Some(number) = ended.or_else(oldest) {
            self.deliveries.remove(&number);
        }
    }

    fn claim(&mut self, claim: &Claim) -> Claimed {
        let mut claimed = Claimed::default();
        let webhooks = self.webhooks.iter();
        let mut free: HashMap<Uuid, (&Webhook, usize)> = webhooks
            .map(|webhook| (webhook.id, (webhook, claim.free(webhook.id))))
            .collect();
        let is_pending = |one: &&mut Waiting| one.delivery.state == DeliveryState::Pending;
        for one in self.deliveries.values_mut().filter(is_pending) {
            let delivery = &mut one.delivery;
            let Some((webhook, free)) = free.get_mut(&delivery.webhook) else {
                continue;
            };
            if *free == 0 {
                continue;
            }
            if delivery.due > claim.now {
                let next = claimed.next.map(|next| next.min(delivery.due));
                claimed.next = next.or(Some(delivery.due));
                continue;
            }
            *free -= 1;
            one.is_claimed = true;
            delivery.attempts += 1;
            delivery.due = claim.until;
            claimed.tries.push(Try {
                webhook: (*webhook).clone(),
                delivery: delivery.clone(),
            });
        }
        claimed
    }
}

/// Methods that concern webhooks. [`Catalog`](crate::storage::Catalog) documents them.
impl MemoryCatalog {
    pub(crate) fn add_webhook(&self, webhook: Webhook) -> Result<(), StorageError> {
        // A change under way ends first: one that is acknowledged later has seen the webhook.
        let _changes = self.maps_exclusive();
        let mut state = self.webhooks.state();
        if state.webhooks.len() >= MOST_WEBHOOKS {
            return Err(StorageError::TooManyWebhooks);
        }
        state.webhooks.push(webhook);
        self.webhooks.are_there.store(true, Ordering::Relaxed);
        Ok(())
    }

    pub(crate) fn webhooks(&self) -> Vec<Webhook> {
        self.webhooks.all()
    }

    pub(crate) fn remove_webhook(&self, id: Uuid) -> Result<(), StorageError> {
        let mut state = self.webhooks.state();
        let before = state.webhooks.len();
        state.webhooks.retain(|webhook| webhook.id != id);
        if state.webhooks.len() == before {
            return Err(StorageError::NotFound);
        }
        state.deliveries.retain(|_, one| one.delivery.webhook != id);
        let are_there = !state.webhooks.is_empty();
        self.webhooks.are_there.store(are_there, Ordering::Relaxed);
        Ok(())
    }

    pub(crate) fn tell_one(&self, id: Uuid, event: Event) -> Result<u64, StorageError> {
        let mut state = self.webhooks.state();
        if state.webhooks.iter().all(|webhook| webhook.id != id) {
            return Err(StorageError::NotFound);
        }
        let number = state.add(id, event);
        self.webhooks.told.notify_one();
        Ok(number)
    }

    pub(crate) fn deliveries(&self, query: &DeliveryQuery) -> Vec<Delivery> {
        let state = self.webhooks.state();
        let all = state.deliveries.values().rev().map(|one| &one.delivery);
        let chosen = all.filter(|delivery| query.accepts(delivery));
        chosen.take(query.limit).cloned().collect()
    }

    pub(crate) fn deliver_again(&self, number: u64, now: SystemTime) -> Result<(), StorageError> {
        let mut state = self.webhooks.state();
        let one = state.deliveries.get_mut(&number);
        let one = one.ok_or(StorageError::NotFound)?;
        if !one.is_claimed {
            one.began = now;
            one.delivery.state = DeliveryState::Pending;
            one.delivery.attempts = 0;
            one.delivery.due = now;
            one.delivery.status = None;
            one.delivery.error = None;
        }
        self.webhooks.told.notify_one();
        Ok(())
    }

    pub(crate) fn claim_deliveries(&self, claim: &Claim) -> Claimed {
        self.webhooks.state().claim(claim)
    }

    pub(crate) fn end_try(&self, of: TryId, outcome: Outcome, now: SystemTime) {
        let mut state = self.webhooks.state();
        let Some(one) = state.deliveries.get_mut(&of.number) else {
            return;
        };
        let delivery = &mut one.delivery;
        let is_other = delivery.webhook != of.webhook || delivery.event.id != of.event;
        if is_other || delivery.attempts != of.attempt || delivery.state != DeliveryState::Pending {
            return;
        }
        one.is_claimed = false;
        delivery.state = outcome.verdict.state();
        delivery.due = match outcome.verdict {
            Verdict::Again(due) => due,
            Verdict::Delivered | Verdict::Failed => now,
        };
        delivery.status = outcome.status;
        delivery.error = outcome.error;
    }

    pub(crate) fn tidy_deliveries(&self, now: SystemTime) {
        let is_older = |one: &Waiting, than| {
            let age = now.duration_since(one.began);
            age.is_ok_and(|age| age > than)
        };
        let mut state = self.webhooks.state();
        for one in state.deliveries.values_mut() {
            let is_pending = one.delivery.state == DeliveryState::Pending;
            if is_pending && !one.is_claimed && is_older(one, LONGEST_WAIT) {
                one.delivery.state = DeliveryState::Failed;
                one.delivery.error = Some(GIVEN_UP.to_owned());
            }
        }
        let is_kept = |one: &Waiting| {
            one.delivery.state == DeliveryState::Pending || !is_older(one, ENDED_KEPT)
        };
        state.deliveries.retain(|_, one| is_kept(one));
    }

    pub(crate) fn told(&self) -> &Arc<Notify> {
        &self.webhooks.told
    }

    pub(super) fn pending_deliveries(&self) -> u64 {
        let state = self.webhooks.state();
        let all = state.deliveries.values();
        all.filter(|one| one.delivery.state == DeliveryState::Pending)
            .count() as u64
    }
}

/// Methods with which changes tell webhooks, while they hold the entry that they have changed.
impl MemoryCatalog {
    /// Tells of a version, if anybody listens. `version` describes it.
    pub(super) fn tell_version(
        &self,
        kind: EventKind,
        (name, by): (&ArtifactName, Option<&Name>),
        version: impl FnOnce() -> VersionFacts,
    ) {
        if self.webhooks.are_there() {
            let subject = Subject::of_version(name, by, version());
            self.webhooks.tell(kind, &subject, self.clock.now());
        }
    }

    /// Tells that an artifact is deleted, and its box, if anybody listens.
    pub(super) fn tell_artifact_deleted(
        &self,
        name: &ArtifactName,
        has_box: bool,
        by: Option<&Name>,
    ) {
        if self.webhooks.are_there() {
            let subject = Subject::of_artifact(name, by);
            let kind = EventKind::ArtifactDeleted;
            self.webhooks.tell(kind, &subject, self.clock.now());
            if has_box {
                self.tell_box_deleted(name, by);
            }
        }
    }

    /// Tells that a box is deleted, if anybody listens.
    pub(super) fn tell_box_deleted(&self, name: &ArtifactName, by: Option<&Name>) {
        if self.webhooks.are_there() {
            let subject = Subject::of_box(name, by, BoxFacts::default());
            let kind = EventKind::BoxDeleted;
            self.webhooks.tell(kind, &subject, self.clock.now());
        }
    }

    /// Returns the box of an artifact that is to be changed; `None` if nobody listens.
    pub(super) fn box_before(&self, artifact: &Artifact) -> Option<BoxBefore> {
        let entry = || artifact.vagrant_box.as_ref();
        let before = || entry().map(|entry| Arc::clone(&entry.vagrant_box));
        self.webhooks.are_there().then(|| BoxBefore(before()))
    }

    /// Tells what has changed in a box.
    pub(super) fn tell_box(
        &self,
        (name, by): (&ArtifactName, Option<&Name>),
        before: Option<BoxBefore>,
        artifact: &Artifact,
    ) {
        let Some((BoxBefore(before), entry)) = before.zip(artifact.vagrant_box.as_ref()) else {
            return;
        };
        for (kind, facts) in box_events(before.as_deref(), &entry.vagrant_box) {
            let subject = Subject::of_box(name, by, facts);
            self.webhooks.tell(kind, &subject, self.clock.now());
        }
    }
}

impl From<&Blob> for FileFacts {
    fn from(blob: &Blob) -> Self {
        Self {
            len: blob.len(),
            digest: Some(blob.digest().to_string()),
            sha256: blob.sha256().map(|sha256| sha256.to_string()),
        }
    }
}

/// Describes a version.
pub(super) fn facts(artifact_type: &Name, number: u64, file: Option<&Blob>) -> VersionFacts {
    VersionFacts {
        artifact_type: artifact_type.clone(),
        number,
        file: file.map(FileFacts::from),
    }
}
