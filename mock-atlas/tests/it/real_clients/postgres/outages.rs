//! Tests emulators whose database is lost, hangs, or comes back.

use std::process::Stdio;

use atlas_common::servers::postgres::PostgresServer;
use reqwest::{Method, Response};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::Command;

use super::{Shared, new_version};
use crate::support::{FILE, Fixture, upload_path};

/// Checks that a reply tells of an outage, and returns its JSON.
async fn outage(reply: Response) -> Value {
    assert_eq!(reply.status(), 503);
    assert_eq!(reply.headers()["retry-after"], "1");
    reply.json().await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_database_is_503_in_each_api_until_it_is_back() {
    let server = PostgresServer::start().unwrap();
    let shared = Shared::on(&server);
    let fixture = shared.start().await;
    fixture.make_artifact("acme", "web").await;
    let health = async || {
        fixture
            .anonymous(Method::GET, "/_mock/health")
            .send()
            .await
            .unwrap()
    };
    assert_eq!(health().await.status(), 200);

    server.stop().unwrap();
    assert!(outage(health().await).await["errors"][0].is_string());
    let push = fixture.request(Method::POST, FILE).json(&new_version());
    assert_eq!(outage(push.send().await.unwrap()).await["success"], false);
    let hcp = fixture.anonymous(Method::GET, "/vagrant/2022-09-30/registry/acme");
    let hcp = hcp.bearer_auth("ROOT").send().await.unwrap();
    assert_eq!(outage(hcp).await["code"], 14);
    let grant = [("grant_type", "client_credentials")];
    let token = fixture
        .anonymous(Method::POST, "/oauth2/token")
        .form(&grant);
    let token = token
        .basic_auth("atlas", Some("ROOT"))
        .send()
        .await
        .unwrap();
    assert_eq!(outage(token).await["error"], "temporarily_unavailable");
    let snapshot = fixture
        .request(Method::POST, "/_mock/snapshot")
        .send()
        .await
        .unwrap();
    outage(snapshot).await;

    server.resume().unwrap();
    assert_eq!(health().await.status(), 200);
    fixture.push(b"after the outage").await;
    assert_eq!(fixture.found("").await, [1]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acknowledged_before_an_outage_is_there_after_it() {
    let server = PostgresServer::start().unwrap();
    let shared = Shared::on(&server);
    let fixture = shared.start().await;
    fixture.make_artifact("acme", "web").await;
    let push = async || {
        let mut acknowledged = Vec::new();
        loop {
            let reply = fixture.post(FILE, new_version()).await;
            match reply.status.as_u16() {
                200 => acknowledged.push(reply.json()["version"].as_u64().unwrap()),
                status => {
                    assert_eq!(status, 503, "{}", reply.body);
                    return acknowledged;
                }
            }
        }
    };
    let writers = futures_util::future::join_all((0..8).map(|_| push()));
    let stop = async {
        while fixture.found("").await.len() < 100 {}
        server.stop().unwrap();
    };
    let (acknowledged, ()) = tokio::join!(writers, stop);
    server.resume().unwrap();
    let found = fixture.found("").await;
    assert!(found.iter().rev().copied().eq(1..=found[0]));
    let mut acknowledged = acknowledged.concat();
    acknowledged.sort_unstable();
    assert!(acknowledged.len() >= 90);
    assert!(acknowledged.iter().all(|number| found.contains(number)));
}

/// A client of the database that holds a lock on the artifacts until it is dropped.
struct Blocker(tokio::process::Child);

impl Blocker {
    async fn new(server: &PostgresServer, shared: &Shared) -> Self {
        let mut psql = Command::new("psql");
        psql.args(["--no-psqlrc", "--quiet", "--username=postgres", "--host"])
            .arg(server.folder())
            .args(["--dbname", shared.name()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true);
        let mut psql = psql.spawn().unwrap();
        let sql = b"BEGIN; LOCK TABLE artifact IN EXCLUSIVE MODE; \\echo locked\n";
        psql.stdin.as_mut().unwrap().write_all(sql).await.unwrap();
        let mut lines = BufReader::new(psql.stdout.take().unwrap()).lines();
        assert_eq!(lines.next_line().await.unwrap().unwrap(), "locked");
        Self(psql)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_that_has_to_wait_too_long_is_503_and_what_needs_no_lock_goes_on() {
    let (server, shared) = (PostgresServer::shared().unwrap(), Shared::new());
    let fixture = shared.start().await;
    fixture.make_artifact("acme", "web").await;
    let version = fixture
        .make_version(serde_json::json!({"id": "x", "file": true}))
        .await;
    let mut blocker = Blocker::new(server, &shared).await;
    let put = fixture.http.put(upload_path(&version)).body("bytes").send();
    let authenticate = fixture.get("/api/v1/authenticate");
    let (put, authenticated) = tokio::join!(put, authenticate);
    assert_eq!(authenticated.status, 200);
    outage(put.unwrap()).await;
    blocker.0.kill().await.unwrap();
    assert_eq!(stored(&fixture, &version).await, 200);
}

/// Uploads the file of a version until the lock is gone, which the server notices by itself.
async fn stored(fixture: &Fixture, version: &Value) -> u16 {
    fixture
        .put(&upload_path(version), b"bytes")
        .await
        .status
        .as_u16()
}
