//! Tests that emulators on one database share the deliveries to webhooks.

use std::collections::HashSet;

use serde_json::json;

use super::Shared;
use crate::app::webhooks::receiver::{Received, Receiver};
use crate::app::webhooks::{add, deliveries_when};

const EACH: usize = 20;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_emulators_deliver_each_event_once() {
    let shared = Shared::new();
    let (one, other) = (shared.start().await, shared.start().await);
    let receiver = Receiver::fine().await;
    add(&one, json!({"url": receiver.url()})).await;
    one.make_artifact("acme", "web").await;
    for _ in 0..EACH {
        for fixture in [&one, &other] {
            fixture.make_version(json!({"id": "x"})).await;
        }
    }
    let done = deliveries_when(&other, |all| {
        all.len() == 2 * EACH && all.iter().all(|one| one["state"] == "delivered")
    })
    .await;
    assert!(done.iter().all(|one| one["attempts"] == 1), "{done:?}");
    let received = receiver.received();
    assert_eq!(received.len(), 2 * EACH, "one for each event");
    let ids: HashSet<_> = received.iter().map(Received::id).collect();
    assert_eq!(ids.len(), 2 * EACH);
    let numbers: HashSet<_> = received
        .iter()
        .map(|one| one.json()["data"]["version"]["number"].as_u64())
        .collect();
    assert_eq!(numbers, (1..=2 * EACH as u64).map(Some).collect());
}
