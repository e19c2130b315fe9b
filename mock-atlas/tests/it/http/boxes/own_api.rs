//! Tests boxes in the emulator's own API: orphans, journal, expectations, deletion, reset, snapshots
//! and seeds.

use mock_atlas::Seed;
use reqwest::Method;
use serde_json::json;

use super::*;
use crate::support::archive::{restore, snapshot};
use crate::support::{NOT_FOUND, printed};

/// A seed of the box `acme/web` with an active and an unreleased version.
const SEED: &str = r#"{"boxes": [{"name": "acme/web", "private": false, "versions": [
    {"version": "1.0.0", "providers": [
        {"name": "virtualbox", "architecture": "amd64", "file": {"text": "one"}},
        {"name": "libvirt", "url": "https://files.example.com/a.box",
            "checksum_type": "md5", "checksum": "ABC"}
    ]},
    {"version": "1.1.0", "status": "unreleased", "providers": [{"name": "virtualbox"}]}
]}]}"#;

const SLUG: &str = "acme/web/vagrant.box/1.0.0/virtualbox/amd64";

async fn seeded() -> Fixture {
    let seed = Seed::from_json(SEED).unwrap();
    Fixture::with(|builder| builder.seed(seed)).await
}

/// Begins an upload of the provider of `acme/web`, and returns the reply.
async fn begin(fixture: &Fixture, kind: &str) -> Value {
    let provider = format!("{}/provider/virtualbox/amd64", version_path("1.0.0"));
    shown(fixture, &format!("{provider}/{kind}")).await
}

#[tokio::test]
async fn a_seeded_box_is_what_box_add_reads() {
    let fixture = seeded().await;
    let anonymous = fixture.anonymous(Method::GET, "/api/v2/vagrant/acme/web");
    let document = Reply::of(anonymous.send().await.unwrap()).await.json();
    let versions = document["versions"].as_array().unwrap();
    assert_eq!(versions.len(), 1, "{document}");
    let providers = &versions[0]["providers"];
    assert_eq!(each(providers, "name"), ["libvirt", "virtualbox"]);
    assert_eq!(each(providers, "architecture"), ["unknown", "amd64"]);
    assert_eq!(each(providers, "checksum")[0], "abc");
    let url = providers[1]["url"].as_str().unwrap();
    let bytes = fixture.http.get(url).send().await.unwrap().text().await;
    assert_eq!(bytes.unwrap(), "one");
    let shown = shown(&fixture, "/api/v2/box/acme/web").await;
    assert_eq!(each(&shown["versions"], "version"), ["1.1.0", "1.0.0"]);
}

#[tokio::test]
async fn an_upload_that_is_not_complete_is_an_orphan() {
    let fixture = seeded().await;
    let begun = begin(&fixture, "upload/direct").await;
    let orphans = async || {
        let reply = fixture.mock(Method::GET, "/orphans", None).await.json();
        reply["orphans"].as_array().unwrap().clone()
    };
    let reserved = orphans().await;
    let expected = json!({"slug": SLUG, "id": "", "state": "reserved", "received": 0,
        "announced": null, "since": reserved[0]["since"]});
    assert_eq!(reserved, [expected]);
    let url = begun["upload_path"].as_str().unwrap();
    assert_eq!(fixture.put(url, BYTES).await.status, 200);
    let awaited = orphans().await;
    assert_eq!(awaited[0]["state"], "complete");
    let listed = printed(&fixture.atlas, &["orphans"]).await;
    assert!(
        listed.starts_with(&format!("{SLUG}  complete  18  18  ")),
        "{listed}"
    );
    let callback = path_of(&fixture, &begun["callback"]).to_owned();
    done(&fixture, Method::PUT, &callback, None).await;
    assert_eq!(orphans().await, [] as [Value; 0]);
}

#[tokio::test]
async fn the_journal_names_the_provider_whose_file_is_uploaded() {
    let fixture = seeded().await;
    let begun = begin(&fixture, "upload").await;
    fixture
        .put(begun["upload_path"].as_str().unwrap(), BYTES)
        .await;
    let release = format!("{}/release", version_path("1.1.0"));
    done(&fixture, Method::PUT, &release, None).await;
    let requests = fixture.atlas.requests();
    let [_, upload, _] = &requests[..] else {
        panic!("{requests:?}");
    };
    assert_eq!(upload.version.as_deref(), Some(SLUG));
    assert!(upload.stored);
    assert_eq!(upload.path, "/_binstore/{hidden}");

    let verified = printed(
        &fixture.atlas,
        &[
            "verify",
            "--in-order",
            "--expect",
            "GET /api/v2/box/acme/web/version/{v}/provider/{p}/{a}/upload 200 exactly 1",
            "--expect",
            "PUT /_binstore/{upload} 200 exactly 1",
            "--expect",
            "PUT /api/v2/box/acme/web/version/{v}/release 200 exactly 1",
        ],
    );
    verified.await;
}

#[tokio::test]
async fn a_deleted_artifact_takes_its_box_along_and_a_reset_brings_both_back() {
    let fixture = seeded().await;
    let path = "/api/v2/box/acme/web";
    let begun = begin(&fixture, "upload").await;
    printed(&fixture.atlas, &["delete", "acme/web"]).await;
    assert_eq!(get(&fixture, path).await.body, NOT_FOUND);
    let url = begun["upload_path"].as_str().unwrap();
    assert_eq!(fixture.put(url, BYTES).await.status, 404);
    make_box(&fixture, &["7.0.0"]).await;
    let found = shown(&fixture, path).await;
    assert_eq!(each(&found["versions"], "version"), ["7.0.0"]);

    fixture.mock(Method::POST, "/reset", None).await;
    let found = shown(&fixture, path).await;
    assert_eq!(each(&found["versions"], "version"), ["1.1.0", "1.0.0"]);
}

#[tokio::test]
async fn a_snapshot_goes_on_where_the_emulator_was() {
    let first = seeded().await;
    let begun = begin(&first, "upload/direct").await;
    let url = begun["upload_path"].as_str().unwrap();
    first.put(url, BYTES).await;
    let path = "/api/v2/box/acme/web";
    let before = shown(&first, path).await;
    let archive = snapshot(&first).await;

    let second = Fixture::new().await;
    assert_eq!(restore(&second, archive).await.status, 204);
    let here = |text: &str| text.replace(first.atlas.url(), second.atlas.url());
    let restored = shown(&second, path).await;
    assert_eq!(restored.to_string(), here(&before.to_string()));
    // The bytes of a direct upload still await their callback.
    let callback = path_of(&first, &begun["callback"]);
    let provider = done(&second, Method::PUT, callback, None).await;
    assert_eq!(provider["checksum"], SHA256, "{provider}");
}
