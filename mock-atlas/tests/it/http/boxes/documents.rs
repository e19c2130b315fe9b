//! Tests the documents that `vagrant box add` reads.

use reqwest::Method;
use serde_json::json;

use super::*;
use crate::support::NOT_FOUND;

const CURRENT: &str = "/api/v2/vagrant/acme/web";
const OLD: &str = "/acme/web";

async fn document(fixture: &Fixture, path: &str) -> serde_json::Value {
    let reply = call_as(fixture, None, Method::GET, path, None).await;
    assert_eq!(reply.status, 200, "{}", reply.body);
    reply.json()
}

/// Creates `acme/web` with two active versions; the newer one has two architectures.
async fn two_versions() -> Fixture {
    let fixture = Fixture::new().await;
    make_box(&fixture, &["3.0.0"]).await;
    put(
        &fixture,
        "/api/v2/box/acme/web",
        json!({"box": {"description": "d", "short_description": "s"}}),
    )
    .await;
    for version in ["1.10.0", "1.9.0"] {
        publish(&fixture, version, BYTES).await;
    }
    let arm64 =
        json!({"name": "virtualbox", "architecture": "arm64", "url": "https://files.test/a.box"});
    make_provider(&fixture, "1.10.0", arm64).await;
    make_provider(&fixture, "1.10.0", json!({"name": "libvirt"})).await;
    fixture
}

#[tokio::test]
async fn a_document_lists_what_can_be_downloaded_of_active_versions_the_oldest_first() {
    let fixture = two_versions().await;
    let found = call_as(&fixture, None, Method::GET, CURRENT, None).await;
    let files = format!("{}/acme/boxes/web/versions", fixture.atlas.url());
    let hosted = |version: &str| {
        format!(
            r#"{{"name":"virtualbox","url":"{files}/{version}/providers/virtualbox/amd64/{SHA256}/vagrant.box","checksum":"{SHA256}","checksum_type":"sha256","architecture":"amd64","default_architecture":true}}"#
        )
    };
    let (older, newer) = (hosted("1.9.0"), hosted("1.10.0"));
    let expected = format!(
        r#"{{"name":"acme/web","description":"d","short_description":"s","versions":[{{"version":"1.9.0","status":"active","providers":[{older}]}},{{"version":"1.10.0","status":"active","providers":[{newer},{{"name":"virtualbox","url":"{files}/1.10.0/providers/virtualbox/arm64/vagrant.box","checksum":null,"checksum_type":null,"architecture":"arm64","default_architecture":false}}]}}]}}"#
    );
    assert_eq!(found.body, expected);
}

#[tokio::test]
async fn an_old_vagrant_finds_the_default_architecture_of_each_provider_alone() {
    let fixture = two_versions().await;
    let found = document(&fixture, OLD).await;
    let newer = &found["versions"][1]["providers"];
    assert_eq!(each(newer, "name"), ["virtualbox"]);
    assert_eq!(newer[0]["checksum"], SHA256);
    assert!(
        newer[0].get("architecture").is_none() && newer[0].get("default_architecture").is_none()
    );
    // What a document names is there.
    let url = newer[0]["url"].as_str().unwrap();
    assert_eq!(
        fixture
            .http
            .get(url)
            .send()
            .await
            .unwrap()
            .bytes()
            .await
            .unwrap(),
        BYTES
    );
    let flag = json!({"provider": {"default_architecture": true}});
    put(
        &fixture,
        &format!("{}/provider/virtualbox/arm64", version_path("1.10.0")),
        flag,
    )
    .await;
    let newer = document(&fixture, OLD).await["versions"][1]["providers"].clone();
    assert!(newer[0]["url"].as_str().unwrap().contains("/arm64/"));
}

#[tokio::test]
async fn head_says_that_the_document_is_json_and_a_slash_too_many_does_no_harm() {
    let fixture = two_versions().await;
    for path in [CURRENT, OLD] {
        for path in [path.to_owned(), format!("/{path}")] {
            let head = fixture.anonymous(Method::HEAD, &path).send().await.unwrap();
            assert_eq!(head.status(), 200, "{path}");
            assert_eq!(head.headers()["content-type"], "application/json");
            document(&fixture, &path).await;
        }
    }
    for path in [
        "/api/v2/vagrant/acme/none",
        "/acme/none",
        "/pre/acme/web",
        "/nobody/x",
    ] {
        let reply = call_as(&fixture, None, Method::GET, path, None).await;
        assert_eq!(
            (reply.status.as_u16(), &*reply.body),
            (404, NOT_FOUND),
            "{path}"
        );
    }
}

#[tokio::test]
async fn a_bad_token_does_not_block_a_public_box_and_a_private_one_needs_a_good_one() {
    let fixture = two_versions().await;
    let status = async |token: Option<&str>, path: &str| {
        call_as(&fixture, token, Method::GET, path, None)
            .await
            .status
            .as_u16()
    };
    for path in [CURRENT, OLD] {
        for token in [
            None,
            Some("bad"),
            Some("bad;worse"),
            Some("RIVAL"),
            Some("ROOT"),
        ] {
            assert_eq!(status(token, path).await, 200, "{token:?}");
        }
    }
    put(
        &fixture,
        "/api/v2/box/acme/web",
        json!({"box": {"is_private": true}}),
    )
    .await;
    for path in [CURRENT, OLD] {
        for token in [None, Some("bad"), Some("RIVAL")] {
            assert_eq!(status(token, path).await, 404, "{token:?}");
        }
        assert_eq!(status(Some("ROOT"), path).await, 200);
        assert_eq!(status(Some("old;ROOT"), path).await, 200);
        assert_eq!(
            status(None, &format!("{path}?access_token=ROOT")).await,
            200
        );
    }
}

#[tokio::test]
async fn a_box_without_active_versions_has_an_empty_document_and_an_artifact_without_a_box_none() {
    let fixture = Fixture::new().await;
    make_box(&fixture, &["1.0.0"]).await;
    for path in [CURRENT, OLD] {
        assert_eq!(document(&fixture, path).await["versions"], json!([]));
    }
    for path in ["/acme/public", "/api/v2/vagrant/acme/public"] {
        assert_eq!(get(&fixture, path).await.status, 404);
    }
}
