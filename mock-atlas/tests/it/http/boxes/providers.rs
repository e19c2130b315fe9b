//! Tests the providers of a version: architectures, defaults, checksums, and what deletes them.

use reqwest::Method;
use serde_json::{Value, json};

use super::*;

/// Returns the architectures of a version of `acme/web`, the default ones in capitals.
async fn architectures(fixture: &Fixture, version: &str) -> Vec<String> {
    let version = shown(fixture, &version_path(version)).await;
    let providers = version["providers"].as_array().unwrap().iter();
    let name = |provider: &Value| {
        let name = provider["architecture"].as_str().unwrap();
        match provider["default_architecture"].as_bool().unwrap() {
            true => name.to_uppercase(),
            false => name.to_owned(),
        }
    };
    providers.map(name).collect()
}

#[tokio::test]
async fn a_provider_is_answered_in_the_recorded_order_and_only_the_second_version_has_architectures()
 {
    let fixture = Fixture::new().await;
    make_box(&fixture, &["1.0.0"]).await;
    let provider = json!({"provider": {"name": "virtualbox", "checksum": "ABC", "checksum_type": "SHA256",
        "architecture": "amd64", "default_architecture": true}});
    let url = fixture.atlas.url();
    for (api, more) in [
        ("v1", ""),
        (
            "v2",
            r#","architecture":"amd64","default_architecture":true"#,
        ),
    ] {
        let path = format!("/api/{api}/box/acme/web/version/1.0.0/providers");
        let reply = call(&fixture, Method::POST, &path, Some(provider.clone())).await;
        assert_eq!(reply.status, 200, "{}", reply.body);
        let made = reply.json();
        let (created, updated) = (&made["created_at"], &made["updated_at"]);
        let expected = format!(
            r#"{{"name":"virtualbox","hosted":false,"hosted_token":null,"original_url":null,"created_at":{created},"updated_at":{updated},"download_url":"{url}/acme/boxes/web/versions/1.0.0/providers/virtualbox/amd64/vagrant.box","checksum":"abc","checksum_type":"sha256"{more}}}"#
        );
        assert_eq!(reply.body, expected);
        for tail in ["virtualbox", "virtualbox/amd64"] {
            let path = format!("/api/{api}/box/acme/web/version/1.0.0/provider/{tail}");
            assert_eq!(get(&fixture, &path).await, reply, "{path}");
        }
    }
}

#[tokio::test]
async fn each_provider_name_has_exactly_one_default_architecture() {
    let fixture = Fixture::new().await;
    make_box(&fixture, &["1.0.0"]).await;
    let add = async |provider| make_provider(&fixture, "1.0.0", provider).await;
    let path = format!("{}/provider/virtualbox", version_path("1.0.0"));
    let first =
        json!({"name": "virtualbox", "architecture": "amd64", "default_architecture": false});
    add(first).await;
    assert_eq!(architectures(&fixture, "1.0.0").await, ["AMD64"]);
    add(json!({"name": "virtualbox", "architecture": "arm64"})).await;
    assert_eq!(architectures(&fixture, "1.0.0").await, ["AMD64", "arm64"]);
    let moved = json!({"name": "virtualbox", "architecture": "i386", "default_architecture": true});
    add(moved).await;
    assert_eq!(
        architectures(&fixture, "1.0.0").await,
        ["amd64", "arm64", "I386"]
    );
    // Without an architecture, a read means the default one.
    assert_eq!(shown(&fixture, &path).await["architecture"], "i386");
    delete(&fixture, &format!("{path}/i386")).await;
    assert_eq!(architectures(&fixture, "1.0.0").await, ["AMD64", "arm64"]);
    let flag = json!({"provider": {"default_architecture": true}});
    put(&fixture, &format!("{path}/arm64"), flag).await;
    assert_eq!(architectures(&fixture, "1.0.0").await, ["amd64", "ARM64"]);
}

#[tokio::test]
async fn an_architecture_is_unknown_unless_told_and_never_null() {
    let fixture = Fixture::new().await;
    make_box(&fixture, &["1.0.0"]).await;
    let made = make_provider(
        &fixture,
        "1.0.0",
        json!({"name": "a", "architecture": null}),
    )
    .await;
    assert_eq!(made["architecture"], "unknown");
    let path = "/api/v1/box/acme/web/version/1.0.0/providers";
    post(&fixture, path, json!({"provider": {"name": "b"}})).await;
    let path = format!("{}/provider/b/unknown", version_path("1.0.0"));
    assert_eq!(shown(&fixture, &path).await["default_architecture"], true);
}

#[tokio::test]
async fn a_put_with_another_architecture_renames_the_entry() {
    let fixture = Fixture::new().await;
    make_box(&fixture, &["1.0.0"]).await;
    for architecture in ["amd64", "arm64"] {
        let provider = json!({"name": "virtualbox", "architecture": architecture});
        make_provider(&fixture, "1.0.0", provider).await;
    }
    let path = format!("{}/provider/virtualbox/amd64", version_path("1.0.0"));
    let rename = |to| json!({"provider": {"name": "virtualbox", "architecture": to}});
    let message = refused(&fixture, Method::PUT, &path, Some(rename("arm64")), 422).await;
    assert_eq!(message, "Metadata provider must be unique for version");
    assert_eq!(
        put(&fixture, &path, rename("i386")).await["architecture"],
        "i386"
    );
    assert_eq!(get(&fixture, &path).await.status, 404);
    assert_eq!(architectures(&fixture, "1.0.0").await, ["arm64", "I386"]);
}

#[tokio::test]
async fn a_post_of_a_provider_that_exists_is_an_update_and_nulls_say_nothing() {
    let fixture = Fixture::new().await;
    make_box(&fixture, &["1.0.0"]).await;
    let url = "https://files.test/a.box";
    let provider = json!({"name": "virtualbox", "architecture": "amd64", "url": url,
        "checksum": "ab", "checksum_type": "md5"});
    make_provider(&fixture, "1.0.0", provider).await;
    let again = json!({"name": "virtualbox", "architecture": "amd64"});
    let made = make_provider(&fixture, "1.0.0", again).await;
    assert_eq!(
        (&made["original_url"], &made["checksum"]),
        (&json!(url), &json!("ab"))
    );
    let path = format!("{}/provider/virtualbox/amd64", version_path("1.0.0"));
    // The body of a second `vagrant cloud publish`.
    let nulls = json!({"provider": {"name": "virtualbox", "url": null, "checksum": null,
        "checksum_type": null, "architecture": "amd64", "default_architecture": true}});
    let told = put(&fixture, &path, nulls).await;
    assert_eq!(
        (&told["original_url"], &told["checksum"]),
        (&json!(url), &json!("ab"))
    );
    assert_eq!(
        done(&fixture, Method::PUT, &path, None).await["checksum"],
        "ab"
    );
}

#[tokio::test]
async fn a_checksum_has_one_of_five_types_in_any_case_or_is_null() {
    let fixture = Fixture::new().await;
    make_box(&fixture, &["1.0.0"]).await;
    for (kind, shown) in [
        ("md5", json!("md5")),
        ("SHA1", json!("sha1")),
        ("Sha256", json!("sha256")),
        ("sha384", json!("sha384")),
        ("SHA512", json!("sha512")),
        ("NONE", json!(null)),
        ("unset", json!(null)),
        ("", json!(null)),
    ] {
        let name = format!("p-{kind}");
        let provider = json!({"name": name, "checksum": "AB", "checksum_type": kind});
        let made = make_provider(&fixture, "1.0.0", provider).await;
        assert_eq!(made["checksum_type"], shown, "{kind}");
        assert_eq!(made["checksum"].is_null(), shown.is_null(), "{kind}");
    }
}

#[tokio::test]
async fn a_provider_that_cannot_be_is_refused_with_the_reason() {
    let fixture = Fixture::new().await;
    make_box(&fixture, &["1.0.0"]).await;
    let path = format!("{}/providers", version_path("1.0.0"));
    for (body, words) in [
        (json!({}), "provider parameter is required!"),
        (
            json!({"provider": {}}),
            "provider[name] parameter is required!",
        ),
        (
            json!({"provider": {"name": ""}}),
            "provider[name] must not be empty",
        ),
        (json!({"provider": {"name": "a/b"}}), "provider[name]"),
        (
            json!({"provider": {"name": "a", "architecture": "x y"}}),
            "provider[architecture]",
        ),
        (
            json!({"provider": {"name": "a", "url": "file.box"}}),
            "provider[url]",
        ),
        (
            json!({"provider": {"name": "a", "checksum": "x", "checksum_type": "crc32"}}),
            "crc32",
        ),
        (
            json!({"provider": {"name": "a", "default_architecture": "x"}}),
            "true or false",
        ),
    ] {
        let message = refused(&fixture, Method::POST, &path, Some(body), 422).await;
        assert!(message.contains(words), "{message}");
    }
    let body = Some(json!({"provider": {"name": "a"}}));
    let path = format!("{}/providers", version_path("2.0.0"));
    refused(&fixture, Method::POST, &path, body, 404).await;
}

#[tokio::test]
async fn the_cleanup_of_packer_deletes_only_what_has_no_file_and_no_url() {
    let fixture = Fixture::new().await;
    make_box(&fixture, &[]).await;
    let uploaded = publish(&fixture, "1.0.0", BYTES).await;
    let external =
        json!({"name": "virtualbox", "architecture": "i386", "url": "https://files.test/a"});
    make_provider(&fixture, "1.0.0", external).await;
    let failed = json!({"name": "virtualbox", "architecture": "arm64"});
    make_provider(&fixture, "1.0.0", failed).await;
    let path = format!("{}/provider/virtualbox", version_path("1.0.0"));
    assert_eq!(delete(&fixture, &path).await["architecture"], "arm64");
    assert_eq!(architectures(&fixture, "1.0.0").await, ["AMD64", "i386"]);
    // Nothing is left to clean up.
    assert_eq!(delete(&fixture, &path).await["hosted"], true);
    delete(&fixture, &path.replace("v2", "v1")).await;
    assert_eq!(architectures(&fixture, "1.0.0").await, ["AMD64", "i386"]);
    assert_eq!(shown(&fixture, &uploaded).await["hosted"], true);
}

#[tokio::test]
async fn the_first_version_of_the_api_deletes_the_only_entry_of_a_provider() {
    let fixture = Fixture::new().await;
    make_box(&fixture, &[]).await;
    let uploaded = publish(&fixture, "1.0.0", BYTES).await;
    delete(
        &fixture,
        "/api/v1/box/acme/web/version/1.0.0/provider/virtualbox",
    )
    .await;
    assert_eq!(get(&fixture, &uploaded).await.status, 404);
    let uploaded = publish(&fixture, "2.0.0", BYTES).await;
    assert_eq!(delete(&fixture, &uploaded).await["architecture"], "amd64");
    assert_eq!(get(&fixture, &uploaded).await.status, 404);
}
