//! Tests several emulators on one database.

use std::collections::BTreeSet;

use reqwest::Method;
use rustix::process::Signal;
use serde_json::{Value, json};

use super::{Shared, get, new_version};
use crate::support::{FILE, Fixture, Reply, http, upload_path};

/// Creates versions until the server dies or 200 are made, and returns the acknowledged numbers.
async fn push(url: String) -> Vec<u64> {
    let (http, mut acknowledged) = (http(), Vec::new());
    for _ in 0..200 {
        let made = http
            .post(format!("{url}{FILE}"))
            .bearer_auth("ROOT")
            .json(&new_version());
        let Ok(made) = made.send().await else { break };
        assert_eq!(made.status(), 200);
        let Ok(version) = made.json::<Value>().await else {
            break;
        };
        acknowledged.push(version["version"].as_u64().unwrap());
    }
    acknowledged
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn numbers_have_neither_gaps_nor_doubles_though_one_of_two_emulators_is_killed() {
    let shared = Shared::new();
    let stays = shared.start().await;
    stays.make_artifact("acme", "web").await;
    let (program, announced) = shared.program(&["--token", "ROOT"]).await;
    let dies = announced["address"].as_str().unwrap();
    let writers: Vec<_> = [stays.atlas.url(), dies]
        .into_iter()
        .flat_map(|url| vec![url.to_owned(); 8])
        .map(|url| tokio::spawn(push(url)))
        .collect();
    while stays.found("").await.len() < 400 {}
    program.stop(Signal::KILL).await;
    let mut acknowledged = Vec::new();
    for writer in writers {
        acknowledged.extend(writer.await.unwrap());
    }
    let found = stays.found("").await;
    let highest = found[0];
    assert!(found.iter().rev().copied().eq(1..=highest), "{found:?}");
    let unique: BTreeSet<u64> = acknowledged.iter().copied().collect();
    assert_eq!(unique.len(), acknowledged.len());
    assert!(unique.last() <= Some(&highest));
    // The survivor made all of its versions.
    assert!(acknowledged.len() >= 1600, "{}", acknowledged.len());
}

#[tokio::test]
async fn a_revoked_token_is_refused_by_the_other_emulator_at_once() {
    let shared = Shared::new();
    let (one, other) = (shared.start().await, shared.start().await);
    let new = json!({"token": {"username": "rival"}});
    let made = one.mock(Method::POST, "/tokens", Some(new)).await.json();
    let token = made["token"].as_str().unwrap();
    let authenticate = "/api/v1/authenticate";
    assert_eq!(get(&other, authenticate, token).await.status, 200);
    let path = format!("/tokens/{}", made["id"].as_str().unwrap());
    assert_eq!(one.mock(Method::DELETE, &path, None).await.status, 204);
    assert_eq!(get(&other, authenticate, token).await.status, 401);
}

#[tokio::test]
async fn a_file_may_go_to_another_emulator_than_its_version() {
    let shared = Shared::new();
    let (one, other) = (shared.start().await, shared.start().await);
    one.make_artifact("acme", "web").await;
    let version = one.make_version(json!({"id": "x", "file": true})).await;
    let path = upload_path(&version).replace(one.atlas.url(), other.atlas.url());
    assert_eq!(other.put(&path, b"the bytes").await.status, 200);
    for fixture in [&one, &other] {
        let file = fixture.get(&format!("{FILE}/1/file")).await;
        assert_eq!(file.body, "the bytes");
    }
    // The second time is the same as the first, and other bytes are refused, wherever they come.
    assert_eq!(
        one.put(&upload_path(&version), b"the bytes").await.status,
        200
    );
    assert_eq!(one.put(&upload_path(&version), b"others").await.status, 409);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_change_of_a_box_is_lost_though_two_emulators_make_them_at_once() {
    let shared = Shared::new();
    let emulators = [shared.start().await, shared.start().await];
    let new = json!({"box": {"username": "acme", "name": "debian"}});
    let made = emulators[0].post("/api/v2/boxes", new).await;
    assert_eq!(made.status, 200, "{}", made.body);
    let changes = (0..40).map(|at: usize| {
        let fixture = &emulators[at % 2];
        let path = "/api/v2/box/acme/debian/versions";
        let version = json!({"version": {"version": format!("1.0.{at}")}});
        let made = fixture.request(Method::POST, path).json(&version).send();
        async move { Reply::of(made.await.unwrap()).await.status }
    });
    let statuses = futures_util::future::join_all(changes).await;
    assert!(statuses.iter().all(|status| *status == 200), "{statuses:?}");
    let shown = emulators[1].get("/api/v2/box/acme/debian").await.json();
    assert_eq!(shown["versions"].as_array().unwrap().len(), 40);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_artifact_is_deleted_with_all_its_versions_though_others_are_being_made() {
    let shared = Shared::new();
    let (one, other) = (shared.start().await, shared.start().await);
    let mut highest = 0;
    for _ in 0..10 {
        one.make_artifact("acme", "web").await;
        let writers = (0..4).map(|_| until_deleted(&other));
        let delete = async {
            while one.found("").await.len() < 5 {}
            let deleted = one.mock(Method::DELETE, "/artifacts/acme/web", None).await;
            assert_eq!(deleted.status, 204, "{}", deleted.body);
        };
        let (made, ()) = tokio::join!(futures_util::future::join_all(writers), delete);
        let made: Vec<u64> = made.into_iter().flatten().collect();
        // Numbers go on, and none is given again.
        assert!(made.iter().all(|number| *number > highest), "{made:?}");
        highest = *made.iter().max().unwrap();
        one.make_artifact("acme", "web").await;
        assert!(one.found("").await.is_empty());
        let deleted = one.mock(Method::DELETE, "/artifacts/acme/web", None).await;
        assert_eq!(deleted.status, 204);
    }
}

/// Creates versions until their artifact is gone, and returns their numbers.
async fn until_deleted(fixture: &Fixture) -> Vec<u64> {
    let mut made = Vec::new();
    loop {
        let reply = fixture.post(FILE, new_version()).await;
        match reply.status.as_u16() {
            200 => made.push(reply.json()["version"].as_u64().unwrap()),
            status => {
                assert_eq!(status, 404, "{}", reply.body);
                return made;
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_that_are_cancelled_leave_no_connection_in_a_transaction() {
    let shared = Shared::new();
    let fixture = shared.start().await;
    fixture.make_artifact("acme", "web").await;
    for at in 0..200_u64 {
        let push = fixture.post(FILE, new_version());
        // The client leaves at each stage of a request.
        let patience = std::time::Duration::from_micros(at * 50);
        let _ = tokio::time::timeout(patience, push).await;
    }
    let made = fixture.make_version(json!({"id": "last"})).await;
    let found = fixture.found("").await;
    let highest = made["version"].as_u64().unwrap();
    assert!(found.into_iter().rev().eq(1..=highest));
    let server = atlas_common::servers::postgres::PostgresServer::shared().unwrap();
    let sql = format!(
        "SELECT count(*) FROM pg_stat_activity
        WHERE datname = '{}' AND state LIKE 'idle in transaction%'",
        shared.name()
    );
    while server.run("postgres", &sql).unwrap() != "0" {}
}
