//! Conformance tests of webhooks and the deliveries to them.

use std::collections::{BTreeSet, HashMap};
use std::time::{Duration, SystemTime};

use uuid::Uuid;

use super::*;
use crate::domain::{
    Claim, Claimed, Delivery, DeliveryQuery, DeliveryState, Event, EventKind, EventKinds,
    MOST_WEBHOOKS, Outcome, Try, Verdict, Webhook, WebhookSecret,
};

/// The time for which a try is claimed.
const LEASE: Duration = Duration::from_secs(60);

fn webhook(on: Option<&str>, events: EventKinds) -> Webhook {
    Webhook {
        id: Uuid::new_v4(),
        url: "http://127.0.0.1:9/hook?key=value".to_owned(),
        events,
        on: on.map(|on| on.parse().unwrap()),
        secret: WebhookSecret::random().unwrap(),
        created: SystemTime::UNIX_EPOCH + Duration::from_secs(7),
    }
}

async fn add(catalog: &Catalog, on: Option<&str>) -> Webhook {
    let webhook = webhook(on, EventKinds::all());
    catalog.add_webhook(webhook.clone()).await.unwrap();
    webhook
}

/// Returns the events and what they are about as texts, the oldest first.
async fn told(catalog: &Catalog, webhook: &Webhook) -> Vec<String> {
    let query = DeliveryQuery {
        webhook: Some(webhook.id),
        ..DeliveryQuery::default()
    };
    let found = catalog.deliveries(query).await.unwrap();
    found.iter().rev().map(shown).collect()
}

fn shown(delivery: &Delivery) -> String {
    let subject = delivery.event.subject.as_ref().unwrap();
    let mut text = format!("{} {}", delivery.event.kind.name(), subject.artifact);
    if let Some(version) = &subject.version {
        let len = version.file.as_ref().map(|file| file.len);
        text += &format!("/{}/{} {len:?}", version.artifact_type, version.number);
    }
    if let Some(facts) = &subject.vagrant_box {
        let version = facts.version.as_deref().unwrap_or("all");
        text += &format!(" {version} {}", facts.providers.len());
    }
    if let Some(by) = &subject.by {
        text += &format!(" by {by}");
    }
    text
}

fn at(now: SystemTime) -> Claim {
    Claim {
        now,
        until: now + LEASE,
        busy: HashMap::new(),
        most: 2,
    }
}

async fn claim(catalog: &Catalog, now: SystemTime) -> Claimed {
    catalog.claim_deliveries(at(now)).await.unwrap()
}

async fn end(catalog: &Catalog, one: &Try, verdict: Verdict, now: SystemTime) {
    let outcome = Outcome {
        status: Some(503),
        error: (verdict != Verdict::Delivered).then(|| "it is ill".to_owned()),
        verdict,
    };
    catalog.end_try(one.id(), outcome, now).await.unwrap();
}

/// A time at which everything that was added so far is due.
fn soon() -> SystemTime {
    SystemTime::now() + Duration::from_secs(5)
}

fn numbers(claimed: &Claimed) -> BTreeSet<u64> {
    claimed
        .tries
        .iter()
        .map(|one| one.delivery.number)
        .collect()
}

pub(super) async fn versions_are_told_when_they_can_be_found_and_when_they_are_gone(
    catalog: &Catalog,
) {
    let fixture = Fixture::new(catalog).await;
    let before = fixture.push_with_file().await;
    catalog
        .finish_upload(before.upload, blob(b"1"))
        .await
        .unwrap();
    let all = add(catalog, None).await;
    let of_web = add(catalog, Some("acme/web")).await;
    let other = add(catalog, Some("other")).await;
    let awaiting = fixture.push_with_file().await;
    assert!(
        told(catalog, &all).await.is_empty(),
        "its file has not come"
    );
    for _ in 0..2 {
        // The same bytes again change nothing.
        catalog
            .finish_upload(awaiting.upload, blob(b"22"))
            .await
            .unwrap();
    }
    let amy: Name = "amy".parse().unwrap();
    let (name, of_type) = (&fixture.name, &fixture.artifact_type);
    let plain = catalog.create_version(name, of_type, NewVersion::default(), Some(&amy));
    assert_eq!(plain.await.unwrap().number, 3);
    fixture.push_with_file().await;
    for number in [2, 3, 4] {
        let deleted = catalog.delete_version(name, of_type, number, Some(&amy));
        deleted.await.unwrap();
    }
    catalog.delete_artifact(name, Some(&amy)).await.unwrap();
    let slug = format!("{name}/{of_type}");
    let expected = [
        format!("version.published {slug}/2 Some(2)"),
        format!("version.published {slug}/3 None by amy"),
        format!("version.deleted {slug}/2 Some(2) by amy"),
        format!("version.deleted {slug}/3 None by amy"),
        format!("artifact.deleted {name} by amy"),
    ];
    assert_eq!(told(catalog, &all).await, expected);
    assert_eq!(told(catalog, &of_web).await, expected);
    assert!(told(catalog, &other).await.is_empty());
    let deliveries = catalog.deliveries(DeliveryQuery::default()).await.unwrap();
    let published = deliveries.last().unwrap().event.subject.clone().unwrap();
    let file = published.version.unwrap().file.unwrap();
    assert_eq!(file.digest.unwrap(), blob(b"22").digest().to_string());
}

pub(super) async fn a_change_that_fails_tells_nobody(catalog: &Catalog) {
    let fixture = Fixture::new(catalog).await;
    let hook = add(catalog, None).await;
    let version = fixture.push_with_file().await;
    catalog
        .finish_upload(version.upload, blob(b"1"))
        .await
        .unwrap();
    let other = catalog.finish_upload(version.upload, blob(b"2")).await;
    assert_eq!(other, Err(StorageError::OtherBytes));
    assert!(fixture.delete_version(7).await.is_err());
    let missing = "acme/missing".parse().unwrap();
    assert!(catalog.delete_artifact(&missing, None).await.is_err());
    assert!(catalog.delete_box(&missing, None).await.is_err());
    let (of_type, new) = (&fixture.artifact_type, NewVersion::default());
    let refused = catalog.create_version(&missing, of_type, new, None).await;
    assert!(refused.is_err());
    assert_eq!(told(catalog, &hook).await.len(), 1);
}

pub(super) async fn a_webhook_is_told_only_of_what_it_wants(catalog: &Catalog) {
    let fixture = Fixture::new(catalog).await;
    let only = EventKinds::none().with("version.deleted").unwrap();
    let hook = webhook(None, only);
    catalog.add_webhook(hook.clone()).await.unwrap();
    fixture.push(NewVersion::default()).await;
    fixture.delete_version(1).await.unwrap();
    let expected = format!(
        "version.deleted {}/{}/1 None",
        fixture.name, fixture.artifact_type
    );
    assert_eq!(told(catalog, &hook).await, [expected]);
}

pub(super) async fn a_delivery_is_tried_by_one_until_its_lease_ends(catalog: &Catalog) {
    let fixture = Fixture::new(catalog).await;
    let hook = add(catalog, None).await;
    for _ in 0..5 {
        fixture.push(NewVersion::default()).await;
    }
    let now = soon();
    let first = claim(catalog, now).await;
    assert_eq!(first.tries.len(), 2, "as many as may be tried at a time");
    assert!(first.tries.iter().all(|one| one.delivery.attempts == 1));
    assert!(first.tries.iter().all(|one| one.webhook == hook));
    let second = claim(catalog, now).await;
    assert_eq!(second.tries.len(), 2);
    assert!(numbers(&first).is_disjoint(&numbers(&second)));
    // The webhook has no free place.
    let mut busy = at(now);
    busy.busy.insert(hook.id, 2);
    let none = catalog.claim_deliveries(busy).await.unwrap();
    assert!(none.tries.is_empty() && none.next.is_none());
    assert_eq!(claim(catalog, now).await.tries.len(), 1);
    let none = claim(catalog, now + LEASE / 2).await;
    assert!(none.tries.is_empty());
    let next = none.next.unwrap().duration_since(now).unwrap();
    assert!(next > LEASE - Duration::from_millis(1), "{next:?}");
    // Whoever claimed the first two is gone.
    let lost = claim(catalog, now + LEASE).await;
    assert_eq!(lost.tries.len(), 2);
    assert!(lost.tries.iter().all(|one| one.delivery.attempts == 2));
    // What comes late from the one before changes nothing.
    let again = lost
        .tries
        .iter()
        .find(|one| numbers(&first).contains(&one.delivery.number));
    if let Some(again) = again {
        let mut late = again.clone();
        late.delivery.attempts = 1;
        end(catalog, &late, Verdict::Failed, now).await;
        end(catalog, again, Verdict::Delivered, now).await;
        let found = catalog.deliveries(DeliveryQuery::default()).await.unwrap();
        let found = found.iter().find(|one| one.number == again.delivery.number);
        assert_eq!(found.unwrap().state, DeliveryState::Delivered);
    }
}

pub(super) async fn two_at_once_never_claim_the_same(catalog: &Catalog) {
    let fixture = Fixture::new(catalog).await;
    add(catalog, None).await;
    for _ in 0..20 {
        fixture.push(NewVersion::default()).await;
    }
    let now = soon();
    let claimants = (0..8).map(|_| {
        let catalog = catalog.clone();
        tokio::spawn(async move { claim(&catalog, now).await })
    });
    let claimants: Vec<_> = claimants.collect();
    let (mut seen, mut count) = (BTreeSet::new(), 0);
    for claimant in claimants {
        let claimed = claimant.await.unwrap();
        count += claimed.tries.len();
        seen.extend(numbers(&claimed));
    }
    assert_eq!(seen.len(), count);
    assert!(count > 0);
}

pub(super) async fn a_failed_try_is_told_and_repeated_until_it_succeeds_or_is_given_up(
    catalog: &Catalog,
) {
    let fixture = Fixture::new(catalog).await;
    let hook = add(catalog, None).await;
    fixture.push(NewVersion::default()).await;
    let now = soon();
    let one = claim(catalog, now).await.tries.remove(0);
    let due = now + Duration::from_secs(9);
    end(catalog, &one, Verdict::Again(due), now).await;
    let failed = DeliveryQuery {
        failed: true,
        ..DeliveryQuery::default()
    };
    let shown = catalog.deliveries(failed.clone()).await.unwrap().remove(0);
    assert_eq!(shown.state, DeliveryState::Pending);
    assert_eq!((shown.status, shown.attempts), (Some(503), 1));
    assert_eq!(shown.error.as_deref(), Some("it is ill"));
    assert_eq!(shown.event, one.delivery.event);
    let none = claim(catalog, now).await;
    assert!(none.tries.is_empty() && none.next.is_some());
    let second = claim(catalog, due).await.tries.remove(0);
    assert_eq!(second.delivery.event, one.delivery.event, "also the id");
    end(catalog, &second, Verdict::Delivered, due).await;
    assert!(catalog.deliveries(failed).await.unwrap().is_empty());
    let none = claim(catalog, due + LEASE * 2).await;
    assert!(none.tries.is_empty() && none.next.is_none());
    // Again because somebody wants it.
    let number = one.delivery.number;
    catalog.deliver_again(number, due).await.unwrap();
    let third = claim(catalog, due).await.tries.remove(0);
    assert_eq!(
        (third.delivery.number, third.delivery.attempts),
        (number, 1)
    );
    end(catalog, &third, Verdict::Failed, due).await;
    assert!(claim(catalog, due + LEASE * 2).await.tries.is_empty());
    let missing = catalog.deliver_again(number + 100, due).await;
    assert_eq!(missing, Err(StorageError::NotFound));
    catalog.remove_webhook(hook.id).await.unwrap();
}

pub(super) async fn a_removed_webhook_takes_its_deliveries_along(catalog: &Catalog) {
    let fixture = Fixture::new(catalog).await;
    let (gone, stays) = (add(catalog, None).await, add(catalog, None).await);
    fixture.push(NewVersion::default()).await;
    let totals = catalog.totals().await.unwrap();
    assert_eq!(totals.pending_deliveries, 2);
    let under_way = claim(catalog, soon()).await.tries;
    catalog.remove_webhook(gone.id).await.unwrap();
    let again = catalog.remove_webhook(gone.id).await;
    assert_eq!(again, Err(StorageError::NotFound));
    fixture.push(NewVersion::default()).await;
    assert!(told(catalog, &gone).await.is_empty());
    assert_eq!(told(catalog, &stays).await.len(), 2);
    assert_eq!(catalog.webhooks().await.unwrap(), [stays]);
    // The outcome of a try that was under way belongs to no other delivery, whatever its number is.
    let lost = under_way.iter().find(|one| one.webhook.id == gone.id);
    let tries = claim(catalog, soon()).await.tries;
    assert!(tries.iter().all(|one| one.webhook.id != gone.id));
    end(catalog, lost.unwrap(), Verdict::Delivered, soon()).await;
    for one in &tries {
        end(catalog, one, Verdict::Again(soon()), soon()).await;
    }
    let again = claim(catalog, soon() + LEASE).await.tries;
    assert!(tries.iter().all(|one| {
        again
            .iter()
            .any(|other| other.delivery.number == one.delivery.number)
    }));
}

pub(super) async fn there_are_no_more_webhooks_than_there_may_be(catalog: &Catalog) {
    for _ in 0..MOST_WEBHOOKS {
        add(catalog, None).await;
    }
    let refused = catalog.add_webhook(webhook(None, EventKinds::all())).await;
    assert_eq!(refused, Err(StorageError::TooManyWebhooks));
    assert_eq!(catalog.webhooks().await.unwrap().len(), MOST_WEBHOOKS);
}

pub(super) async fn webhooks_are_exported_and_imported_without_deliveries(catalog: &Catalog) {
    let fixture = Fixture::new(catalog).await;
    let hook = add(catalog, Some("acme")).await;
    fixture.push(NewVersion::default()).await;
    let contents = catalog.export().await.unwrap();
    fixture.push(NewVersion::default()).await;
    let imported = catalog.import(contents, Limits::default()).await.unwrap();
    assert_eq!(
        imported.webhooks().await.unwrap(),
        std::slice::from_ref(&hook)
    );
    assert!(told(&imported, &hook).await.is_empty());
    assert!(claim(&imported, soon()).await.tries.is_empty());
    let fixture = Fixture {
        catalog: imported.clone(),
        ..fixture
    };
    fixture.push(NewVersion::default()).await;
    assert_eq!(told(&imported, &hook).await.len(), 1);
    let initial = MemoryCatalog::new("atlas".parse().unwrap(), "root", Clock::default());
    let reset = imported.reset(&initial).await.unwrap();
    assert!(reset.webhooks().await.unwrap().is_empty());
    assert!(claim(&reset, soon()).await.tries.is_empty());
}

pub(super) async fn old_deliveries_are_given_up_and_removed(catalog: &Catalog) {
    let fixture = Fixture::new(catalog).await;
    let hook = add(catalog, None).await;
    fixture.push(NewVersion::default()).await;
    let states = async || {
        let found = catalog.deliveries(DeliveryQuery::default()).await.unwrap();
        found.iter().map(|one| one.state).collect::<Vec<_>>()
    };
    let hours = |hours: u64| soon() + Duration::from_secs(hours * 60 * 60);
    catalog.tidy_deliveries(hours(23)).await.unwrap();
    assert_eq!(states().await, [DeliveryState::Pending]);
    catalog.tidy_deliveries(hours(24)).await.unwrap();
    assert_eq!(states().await, [DeliveryState::Failed]);
    catalog.tidy_deliveries(hours(24 * 29)).await.unwrap();
    assert_eq!(states().await.len(), 1);
    catalog.tidy_deliveries(hours(24 * 30)).await.unwrap();
    assert!(states().await.is_empty());
    let ping = Event {
        id: Uuid::new_v4(),
        kind: EventKind::Ping,
        time: SystemTime::UNIX_EPOCH + Duration::from_secs(1),
        subject: None,
    };
    let number = catalog.tell_one(hook.id, ping.clone()).await.unwrap();
    let found = catalog.deliveries(DeliveryQuery::default()).await.unwrap();
    assert_eq!((found[0].number, &found[0].event), (number, &ping));
    let unknown = catalog.tell_one(Uuid::new_v4(), ping).await;
    assert_eq!(unknown, Err(StorageError::NotFound));
}
