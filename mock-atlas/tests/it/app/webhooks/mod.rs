//! Tests deliveries to webhooks.

pub(crate) mod receiver;

use std::collections::HashSet;
use std::time::{Duration, Instant};

use mock_atlas::Builder;
use reqwest::Method;
use rustix::process::Signal;
use serde_json::{Value, json};

use crate::support::program::Program;
use crate::support::{FILE, Fixture, http, upload_path};
use receiver::{ILL, LONGEST, OK, Received, Receiver};

/// A fixture whose deliveries are tried again at once.
async fn fixture() -> Fixture {
    Fixture::with(fast).await
}

pub(crate) fn fast(builder: Builder) -> Builder {
    builder.webhook_delay(Duration::from_millis(5))
}

pub(crate) async fn add(fixture: &Fixture, webhook: Value) -> Value {
    let body = json!({ "webhook": webhook });
    let reply = fixture.mock(Method::POST, "/webhooks", Some(body)).await;
    assert_eq!(reply.status, 200, "{}", reply.body);
    reply.json()
}

pub(crate) async fn deliveries(fixture: &Fixture) -> Vec<Value> {
    let reply = fixture.mock(Method::GET, "/deliveries", None).await;
    assert_eq!(reply.status, 200, "{}", reply.body);
    reply.json()["deliveries"].as_array().unwrap().clone()
}

/// Waits until the deliveries are as they should be, and returns them.
pub(crate) async fn deliveries_when(
    fixture: &Fixture,
    are_so: impl Fn(&[Value]) -> bool,
) -> Vec<Value> {
    let start = Instant::now();
    loop {
        let found = deliveries(fixture).await;
        if are_so(&found) {
            return found;
        }
        assert!(start.elapsed() < LONGEST, "{found:?}");
        tokio::task::yield_now().await;
    }
}

fn all_are(state: &str) -> impl Fn(&[Value]) -> bool {
    move |all| !all.is_empty() && all.iter().all(|one| one["state"] == state)
}

#[tokio::test]
async fn a_version_is_told_once_its_file_has_come_with_a_signature() {
    let fixture = Fixture::with(|builder| builder.public_url("https://atlas.test")).await;
    let receiver = Receiver::fine().await;
    let added = add(&fixture, json!({"url": receiver.url()})).await;
    fixture.make_artifact("acme", "web").await;
    let version = fixture.make_version(json!({"file": true})).await;
    let path = upload_path(&version).replace("https://atlas.test", fixture.atlas.url());
    assert_eq!(fixture.put(&path, b"bytes").await.status, 200);
    let [received] = &receiver.wait(1).await[..] else {
        panic!("one delivery should come");
    };
    assert!(received.is_signed_with(added["secret"].as_str().unwrap()));
    assert_eq!(received.path, "/hook?key=canary");
    assert_eq!(received.headers["content-type"], "application/json");
    assert_eq!(received.headers["webhook-event"], "version.published");
    let mut body = received.json();
    assert_eq!(body["id"], received.id());
    let file = &mut body["data"]["version"]["file"];
    assert!(
        file["digest"]
            .take()
            .as_str()
            .unwrap()
            .starts_with("blake3-")
    );
    let url = "https://atlas.test/api/v1/artifacts/acme/web/custom.image/1/file";
    let expected = json!({
        "username": "acme", "name": "web", "by": null,
        "url": "https://atlas.test/api/v1/artifacts/acme/web",
        "version": {"type": "custom.image", "number": 1,
            "file": {"length": 5, "digest": null, "sha256": file["sha256"], "url": url}},
    });
    assert_eq!(body["data"], expected);
    assert_eq!(body["type"], "version.published");
    let done = deliveries_when(&fixture, all_are("delivered")).await;
    assert_eq!(done[0]["subject"], "acme/web/custom.image/1");
    assert_eq!(
        (&done[0]["attempts"], &done[0]["status"]),
        (&json!(1), &json!(204))
    );
}

#[tokio::test]
async fn a_box_is_told_when_vagrant_can_find_it_and_when_it_cannot_any_more() {
    let fixture = fixture().await;
    let receiver = Receiver::fine().await;
    add(
        &fixture,
        json!({"url": receiver.url(), "on": "acme/debian"}),
    )
    .await;
    fixture.make_artifact("acme", "web").await;
    fixture.push(b"bytes").await;
    fixture.push_box().await;
    let version = "/api/v2/box/acme/debian/version/1.0.0";
    let changes = [
        (Method::PUT, format!("{version}/revoke")),
        (Method::PUT, format!("{version}/release")),
        (Method::DELETE, version.to_owned()),
        (Method::DELETE, "/api/v2/box/acme/debian".to_owned()),
    ];
    for (before, (method, path)) in changes.into_iter().enumerate() {
        // Two are sent at a time, so that each is waited for.
        receiver.wait(before + 1).await;
        let reply = fixture.request(method, &path).send().await.unwrap();
        assert_eq!(reply.status(), 200, "{path}");
    }
    let received = receiver.wait(5).await;
    let told: Vec<_> = received.iter().map(Received::json).collect();
    let types: Vec<_> = told
        .iter()
        .map(|told| told["type"].as_str().unwrap())
        .collect();
    let expected = [
        "box.published",
        "box.revoked",
        "box.published",
        "box.deleted",
        "box.deleted",
    ];
    assert_eq!(types, expected);
    let provider = &told[0]["data"]["box"]["providers"][0];
    assert_eq!(told[0]["data"]["box"]["version"], "1.0.0");
    assert_eq!(
        (&provider["name"], &provider["architecture"]),
        (&json!("virtualbox"), &json!("amd64"))
    );
    assert_eq!(provider["file"]["length"], 5);
    assert_eq!(told[0]["data"]["by"], "atlas");
    assert_eq!(told[4]["data"]["box"]["version"], Value::Null);
    let url = provider["url"].as_str().unwrap();
    assert!(url.starts_with(fixture.atlas.url()), "{url}");
}

#[tokio::test]
async fn a_delivery_is_repeated_with_the_same_id_until_the_receiver_takes_it() {
    let fixture = fixture().await;
    let receiver = Receiver::start(|count| Some(if count < 4 { ILL } else { OK }.to_owned())).await;
    add(&fixture, json!({"url": receiver.url()})).await;
    fixture.make_artifact("acme", "web").await;
    fixture.push(b"bytes").await;
    let received = receiver.wait(4).await;
    let ids: HashSet<_> = received.iter().map(Received::id).collect();
    assert_eq!(ids.len(), 1, "{received:?}");
    let bodies: HashSet<_> = received.iter().map(|one| &one.body).collect();
    assert_eq!(bodies.len(), 1, "{received:?}");
    let done = deliveries_when(&fixture, all_are("delivered")).await;
    assert_eq!(
        (&done[0]["attempts"], &done[0]["error"]),
        (&json!(4), &Value::Null)
    );
    let metrics = fixture.get("/_mock/metrics").await.body;
    for line in [
        "mock_atlas_webhook_tries_total{outcome=\"delivered\"} 1",
        "mock_atlas_webhook_tries_total{outcome=\"again\"} 3",
        "mock_atlas_webhook_tries_total{outcome=\"failed\"} 0",
        "mock_atlas_webhook_deliveries_pending 0",
    ] {
        assert!(metrics.contains(line), "{line}: {metrics}");
    }
}

#[tokio::test]
async fn a_receiver_that_never_takes_it_is_given_up_and_can_be_tried_again() {
    let fixture = Fixture::with(|builder| builder.webhook_delay(Duration::ZERO)).await;
    let redirect =
        "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n";
    let receiver =
        Receiver::start(move |count| Some(if count <= 10 { redirect } else { OK }.to_owned()))
            .await;
    add(&fixture, json!({"url": receiver.url()})).await;
    fixture.make_artifact("acme", "web").await;
    fixture.push(b"bytes").await;
    let failed = deliveries_when(&fixture, all_are("failed")).await;
    assert_eq!(receiver.received().len(), 10);
    let error = failed[0]["error"].as_str().unwrap();
    assert_eq!(error, "status 302: a redirect, which is not followed");
    assert_eq!(failed[0]["next_try_at"], Value::Null);
    let only = fixture
        .mock(Method::GET, "/deliveries?failed=true", None)
        .await;
    assert_eq!(only.json()["deliveries"], json!(failed));
    let path = format!("/deliveries/{}/redeliver", failed[0]["delivery"]);
    let again = fixture.mock(Method::POST, &path, None).await;
    assert_eq!(again.status, 204, "{}", again.body);
    let done = deliveries_when(&fixture, all_are("delivered")).await;
    assert_eq!(done[0]["attempts"], 1);
    let received = receiver.received();
    assert_eq!(received[0].id(), received[10].id());
}

#[tokio::test]
async fn a_receiver_that_is_gone_for_good_is_not_tried_again() {
    let fixture = fixture().await;
    let gone = "HTTP/1.1 410 Gone\r\nContent-Length: 0\r\n\r\n";
    let receiver = Receiver::start(move |_| Some(gone.to_owned())).await;
    let added = add(&fixture, json!({"url": receiver.url()})).await;
    let path = format!("/webhooks/{}/test", added["id"].as_str().unwrap());
    let made = fixture.mock(Method::POST, &path, None).await;
    assert_eq!(made.status, 200, "{}", made.body);
    let failed = deliveries_when(&fixture, all_are("failed")).await;
    assert_eq!(failed[0]["delivery"], made.json()["delivery"]);
    assert_eq!(
        (&failed[0]["attempts"], &failed[0]["event"]),
        (&json!(1), &json!("ping"))
    );
    let received = receiver.received();
    assert_eq!(
        (received.len(), &received[0].json()["data"]),
        (1, &Value::Null)
    );
}

#[tokio::test]
async fn a_receiver_that_hangs_holds_up_neither_others_nor_uploads() {
    let fixture = Fixture::with(|builder| builder.webhook_timeout(LONGEST)).await;
    let (hanging, fine) = (Receiver::start(|_| None).await, Receiver::fine().await);
    add(&fixture, json!({"url": hanging.url()})).await;
    add(&fixture, json!({"url": fine.url()})).await;
    fixture.make_artifact("acme", "web").await;
    for _ in 0..10 {
        fixture.push(b"bytes").await;
    }
    fine.wait(10).await;
    hanging.wait(2).await;
    assert_eq!(hanging.received().len(), 2, "two tries at a time");
    // Stopping does not wait for the receiver.
    let start = Instant::now();
    fixture.atlas.stop().await;
    assert!(start.elapsed() < LONGEST / 2, "{:?}", start.elapsed());
}

#[tokio::test]
async fn a_try_ends_after_its_time_even_if_the_reply_never_does() {
    let fixture =
        Fixture::with(|builder| fast(builder).webhook_timeout(Duration::from_millis(300))).await;
    let receiver = Receiver::start(|count| match count {
        1 => None,
        // The reply has a body that never comes.
        2 => Some("HTTP/1.1 500 Oops\r\nContent-Length: 9\r\n\r\n".to_owned()),
        _ => Some(OK.to_owned()),
    })
    .await;
    add(&fixture, json!({"url": receiver.url()})).await;
    fixture.make_artifact("acme", "web").await;
    fixture.push(b"bytes").await;
    receiver.wait(3).await;
    let done = deliveries_when(&fixture, all_are("delivered")).await;
    assert_eq!(done[0]["attempts"], 3);
}

#[tokio::test]
async fn nothing_is_sent_to_a_webhook_that_is_removed() {
    let fixture = fixture().await;
    let (removed, other) = (Receiver::fine().await, Receiver::fine().await);
    let added = add(&fixture, json!({"url": removed.url()})).await;
    add(&fixture, json!({"url": other.url()})).await;
    let path = format!("/webhooks/{}", added["id"].as_str().unwrap());
    assert_eq!(fixture.mock(Method::DELETE, &path, None).await.status, 204);
    assert_eq!(fixture.mock(Method::DELETE, &path, None).await.status, 404);
    fixture.make_artifact("acme", "web").await;
    fixture.push(b"bytes").await;
    other.wait(1).await;
    assert!(removed.received().is_empty());
}

#[tokio::test]
async fn a_secret_is_shown_once_and_the_address_must_be_one_of_a_receiver() {
    let fixture = fixture().await;
    let secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwAAAA";
    let told = add(
        &fixture,
        json!({"url": "http://127.0.0.1:9/", "secret": secret}),
    )
    .await;
    assert!(told.get("secret").is_none(), "{told}");
    let made = add(
        &fixture,
        json!({"url": "http://127.0.0.1:9/", "events": ["box.deleted"]}),
    )
    .await;
    let made_secret = made["secret"].as_str().unwrap();
    let list = fixture.mock(Method::GET, "/webhooks", None).await;
    assert_eq!(list.json()["webhooks"].as_array().unwrap().len(), 2);
    assert_eq!(list.json()["webhooks"][1]["events"], json!(["box.deleted"]));
    let audit = fixture.mock(Method::GET, "/audit", None).await.body;
    for text in [&list.body, &audit] {
        assert!(
            !text.contains(secret) && !text.contains(made_secret),
            "{text}"
        );
    }
    for (webhook, expected) in [
        (json!({"url": "http://169.254.169.254/"}), "link-local"),
        (
            json!({"url": "http://[::ffff:169.254.169.254]/"}),
            "link-local",
        ),
        (json!({"url": "ftp://acme.test/"}), "http://"),
        (
            json!({"url": "http://a:canary@acme.test/"}),
            "user or a password",
        ),
        (
            json!({"url": "http://acme.test/", "events": ["push"]}),
            "version.published",
        ),
        (
            json!({"url": "http://acme.test/", "events": "push"}),
            "list of strings",
        ),
        (
            json!({"url": "http://acme.test/", "on": "a/b/c"}),
            "webhook[on]",
        ),
        (
            json!({"url": "http://acme.test/", "secret": "canary"}),
            "whsec_",
        ),
        (json!({}), "webhook[url]"),
    ] {
        let body = json!({ "webhook": webhook });
        let refused = fixture.mock(Method::POST, "/webhooks", Some(body)).await;
        assert_eq!(refused.status, 422, "{webhook}");
        assert!(
            refused.body.contains(expected),
            "{webhook}: {}",
            refused.body
        );
        assert!(!refused.body.contains("canary"), "{}", refused.body);
    }
}

#[tokio::test]
async fn what_a_restored_snapshot_undoes_is_not_sent_and_its_webhooks_are_there() {
    let fixture = Fixture::with(|builder| builder.webhook_delay(LONGEST * 60)).await;
    let receiver =
        Receiver::start(|count| Some(if count == 1 { ILL } else { OK }.to_owned())).await;
    add(
        &fixture,
        json!({"url": receiver.url(), "events": ["version.published"]}),
    )
    .await;
    fixture.make_artifact("acme", "web").await;
    let snapshot = fixture
        .request(Method::POST, "/_mock/snapshot")
        .send()
        .await
        .unwrap();
    let snapshot = snapshot.bytes().await.unwrap();
    fixture.push(b"undone").await;
    receiver.wait(1).await;
    let restore = fixture
        .request(Method::POST, "/_mock/restore")
        .body(snapshot);
    assert_eq!(restore.send().await.unwrap().status(), 204);
    assert!(deliveries(&fixture).await.is_empty());
    fixture.push(b"again").await;
    let received = receiver.wait(2).await;
    assert_ne!(received[0].id(), received[1].id());
    assert_eq!(fixture.get(&format!("{FILE}/1/file")).await.body, "again");
    let reset = fixture.mock(Method::POST, "/reset", None).await;
    assert_eq!(reset.status, 204, "{}", reset.body);
    let list = fixture.mock(Method::GET, "/webhooks", None).await;
    assert_eq!(list.json()["webhooks"], json!([]));
}

#[tokio::test]
async fn what_was_acknowledged_is_delivered_after_a_kill_and_a_start_on_the_same_folder() {
    let folder = tempfile::tempdir().unwrap();
    // Two are under way when the server is killed, and one was never tried.
    let receiver = Receiver::start(|count| (count > 2).then(|| OK.to_owned())).await;
    let data = folder.path().to_str().unwrap();
    let mut program = Program::serve(&["--data", data, "--token", "ROOT"], &[]);
    let address = program.json().await["address"].clone();
    let url = address.as_str().unwrap();
    let post = async |path: &str, body: Value| {
        let request = http().post(format!("{url}{path}")).bearer_auth("ROOT");
        let reply = request.json(&body).send().await.unwrap();
        assert_eq!(reply.status(), 200, "{path}");
        reply.json::<Value>().await.unwrap()
    };
    let webhook = json!({"webhook": {"url": receiver.url()}});
    let added = post("/_mock/webhooks", webhook).await;
    let artifact = json!({"artifact": {"username": "acme", "name": "web"}});
    post("/api/v1/artifacts", artifact).await;
    for _ in 0..3 {
        let version = post(FILE, json!({"artifact_version": {"file": true}})).await;
        let upload = http().put(upload_path(&version)).body("bytes");
        assert_eq!(upload.send().await.unwrap().status(), 200);
    }
    let lost = receiver.wait(2).await;
    program.stop(Signal::KILL).await;
    let fixture = Fixture::with(|builder| fast(builder.data(folder.path()))).await;
    let received = receiver.wait(5).await;
    let ids: HashSet<_> = received[2..].iter().map(Received::id).collect();
    assert_eq!(ids.len(), 3);
    assert!(lost.iter().all(|one| ids.contains(one.id())));
    let secret = added["secret"].as_str().unwrap();
    assert!(received.iter().all(|one| one.is_signed_with(secret)));
    let done = deliveries_when(&fixture, all_are("delivered")).await;
    let mut attempts: Vec<_> = done.iter().map(|one| one["attempts"].as_u64()).collect();
    attempts.sort_unstable();
    assert_eq!(attempts, [Some(1), Some(2), Some(2)]);
}
