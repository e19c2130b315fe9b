//! Tests the lints about clients, through `/_mock/lints`, `MockAtlas::lints` and the command.

use mock_atlas::{Expectations, LintKind};
use reqwest::{Body, Method};
use serde_json::{Value, json};

use crate::support::{FILE, Fixture, printed, run, upload_path};

/// Starts an emulator and makes requests that cause each lint; the id of each request names its mistake.
async fn careless() -> Fixture {
    let fixture = Fixture::new().await;
    fixture.make_artifact("acme", "web").await;
    let make = async |id: &'static str, version: Value| {
        let request = fixture
            .request(Method::POST, FILE)
            .header("X-Request-Id", id);
        let reply = request.json(&json!({ "artifact_version": version })).send();
        reply.await.unwrap().json::<Value>().await.unwrap()
    };
    let version = make("typo", json!({"file": true, "bulid_id": 5})).await;
    make("orphan", json!({"file": true})).await;
    let put = |id: &str| {
        fixture
            .http
            .put(upload_path(&version))
            .header("X-Request-Id", id)
    };
    let chunks = futures_util::stream::iter([Ok::<_, std::io::Error>("bytes")]);
    for request in [
        put("token").body("bytes").bearer_auth("ROOT"),
        put("chunks").body(Body::wrap_stream(chunks)),
        fixture
            .request(Method::GET, "/api/v1/api/v1/authenticate")
            .header("X-Request-Id", "doubled"),
    ] {
        request.send().await.unwrap();
    }
    fixture
}

#[tokio::test]
async fn each_lint_is_listed_with_its_requests() {
    let fixture = careless().await;
    let lints = fixture.atlas.lints();
    let found: Vec<_> = lints
        .iter()
        .map(|lint| (lint.kind, lint.requests.join(" ")))
        .collect();
    let expected = [
        (LintKind::UnknownField, "typo"),
        (LintKind::TokenOnUpload, "token"),
        (LintKind::NoContentLength, "chunks"),
        (LintKind::DoubledApiPath, "doubled"),
        (LintKind::RepeatedUpload, "chunks"),
        (LintKind::NeverUploaded, "orphan"),
    ];
    assert_eq!(found, expected.map(|(kind, id)| (kind, id.to_owned())));

    let reply = fixture.mock(Method::GET, "/lints", None).await;
    let own = serde_json::to_value(&lints).unwrap();
    assert_eq!(reply.json(), json!({ "lints": own }));
    assert_eq!(own[0]["kind"], "unknown-field");
    let ask = || fixture.anonymous(Method::GET, "/_mock/lints");
    for request in [ask(), ask().bearer_auth("RIVAL")] {
        assert_eq!(request.send().await.unwrap().status(), 401);
    }
}

#[tokio::test]
async fn a_careful_client_hears_nothing() {
    let fixture = Fixture::new().await;
    fixture.make_artifact("acme", "web").await;
    fixture.push(b"bytes").await;
    fixture.get(&format!("{FILE}/latest/file")).await;
    let metadata = json!({"git/branch": "main", "größe": 1, "a key": true});
    fixture.make_version(json!({ "metadata": metadata })).await;
    let login = json!({"user": {"login": "rival", "password": "secret", "description": "x"}});
    fixture.post("/api/v1/authenticate", login).await;
    assert_eq!(fixture.atlas.lints(), []);
    fixture.atlas.verify(&Expectations::new().lint()).unwrap();
}

#[tokio::test]
async fn a_box_that_is_not_as_told_is_taken_and_noted() {
    // A box of libvirt.
    const BOX: &[u8] = include_bytes!("../../../data/boxes/plain.tar");
    let fixture = Fixture::new().await;
    fixture.make_artifact("acme", "web").await;
    for (provider, file) in [
        ("virtualbox", BOX),
        ("libvirt", b"no box"),
        ("libvirt", BOX),
    ] {
        let version = json!({"file": true, "metadata": {"provider": provider}});
        let version = json!({ "artifact_version": version });
        let path = "/api/v1/artifacts/acme/web/vagrant.box";
        let version = fixture.post(path, version).await;
        let put = fixture.put(&upload_path(&version.json()), file).await;
        assert_eq!(put.status, 200, "{}", put.body);
    }
    let lints = fixture.atlas.lints();
    let found: Vec<_> = lints
        .iter()
        .map(|lint| (lint.kind, lint.message.as_str()))
        .collect();
    let expected = [
        (
            LintKind::BoxProvider,
            "the metadata.json of acme/web 0.1.0 virtualbox/unknown names the provider \"libvirt\"",
        ),
        (
            LintKind::BoxUnreadable,
            "the file of acme/web 0.2.0 libvirt/unknown is no box: \
             it is neither a tar nor a tar compressed by gzip, bzip2, xz or zstd",
        ),
    ];
    assert_eq!(found, expected);
}

#[tokio::test]
async fn verifying_looks_for_them_when_asked() {
    let fixture = careless().await;
    let uploads = Expectations::new()
        .expect("PUT /_binstore/{upload}")
        .unwrap();
    fixture.atlas.verify(&uploads).unwrap();
    let unmet = fixture
        .atlas
        .verify(&uploads.lint())
        .unwrap_err()
        .to_string();
    assert!(unmet.starts_with("6 not as expected"), "{unmet}");
    assert!(
        unmet.contains("artifact_version.bulid_id is not a field"),
        "{unmet}"
    );

    let atlas = &fixture.atlas;
    let output = run(atlas, "ROOT", &["verify", "--lint"]).await;
    assert_eq!(output.status.code(), Some(1));
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(stderr.contains("doubled-api-path: "), "{stderr}");
    let list = printed(atlas, &["lints"]).await;
    assert_eq!(list.lines().count(), 6, "{list}");
    assert!(list.contains(r#"["doubled"]"#), "{list}");
}
