//! Tests the calls for architectures of a provider.

use reqwest::Method;
use serde_json::json;

use super::{Hcp, all, path_of};

const OF_PROVIDER: &str = "/version/1.0.0/provider/virtualbox";

fn architecture(name: &str) -> String {
    path_of(&format!("{OF_PROVIDER}/architecture/{name}"))
}

#[tokio::test]
async fn an_architecture_is_what_was_told_and_nothing_is_told_by_zero_times_and_nulls() {
    let hcp = Hcp::new().await;
    hcp.make_box("1.0.0").await;
    let architectures = path_of(&format!("{OF_PROVIDER}/architectures"));
    let zero = "0001-01-01T00:00:00.000Z";
    let new = json!({"architecture_type": "arm64", "created_at": zero, "updated_at": zero,
        "box_data": {"checksum_type": "NONE", "checksum": null, "download_url": "", "size": "0",
            "created_at": zero, "updated_at": zero}});
    let made = hcp.post(&architectures, new).await;
    let shown = &made["architecture"];
    assert_eq!(
        (&shown["architecture_type"], &shown["default"]),
        (&json!("arm64"), &json!(false))
    );
    let data = shown["box_data"].as_object().unwrap();
    for (field, value) in [
        ("download_url", ""),
        ("checksum", ""),
        ("checksum_type", "NONE"),
        ("size", "0"),
    ] {
        assert_eq!(data[field], value, "{field}");
    }
    assert!(!data["created_at"].as_str().unwrap().starts_with("0001"));
    assert_eq!(hcp.get(&architecture("arm64")).await, made);
    assert!(
        hcp.fixture.atlas.lints().is_empty(),
        "the SDK sends these fields"
    );
}

#[tokio::test]
async fn a_checksum_is_told_in_any_case_and_shown_in_capitals() {
    let hcp = Hcp::new().await;
    hcp.make_box("1.0.0").await;
    for (kind, value, shown) in [
        ("md5", "ABC", ("MD5", "abc")),
        ("Sha1", "abc", ("SHA1", "abc")),
        ("SHA256", "abc", ("SHA256", "abc")),
        ("sha384", "abc", ("SHA384", "abc")),
        ("sha512", "abc", ("SHA512", "abc")),
        // These say nothing, so the one of before stays.
        ("none", "", ("SHA512", "abc")),
        ("UNSET", "x", ("SHA512", "abc")),
    ] {
        let body = json!({"box_data": {"checksum": value, "checksum_type": kind}});
        let changed = hcp.put(&architecture("amd64"), Some(body)).await;
        let data = &changed["architecture"]["box_data"];
        assert_eq!(
            (&data["checksum_type"], &data["checksum"]),
            (&json!(shown.0), &json!(shown.1))
        );
    }
    let unknown = json!({"box_data": {"checksum": "abc", "checksum_type": "sha3"}});
    let refused = hcp
        .refused(Method::PUT, &architecture("amd64"), Some(unknown))
        .await;
    assert_eq!((refused.0, refused.1), (422, 3));
    assert!(refused.2.contains("sha3"), "{}", refused.2);
}

#[tokio::test]
async fn an_architecture_that_exists_is_changed_and_may_get_another_name() {
    let hcp = Hcp::new().await;
    hcp.make_box("1.0.0").await;
    let architectures = path_of(&format!("{OF_PROVIDER}/architectures"));
    hcp.post(&architectures, json!({"architecture_type": "arm64"}))
        .await;
    let defaults = async || {
        let list = hcp.get(&architectures).await;
        let list = list["architectures"].as_array().unwrap().clone();
        let names = list.iter().map(|one| one["default"].as_bool().unwrap());
        names.collect::<Vec<_>>()
    };
    assert_eq!(defaults().await, [true, false]);
    let again = json!({"architecture_type": "arm64", "default": true});
    hcp.post(&architectures, again).await;
    assert_eq!(defaults().await, [false, true]);
    let renamed = json!({"architecture_type": "riscv64"});
    let renamed = hcp.put(&architecture("arm64"), Some(renamed)).await;
    assert_eq!(renamed["architecture"]["architecture_type"], "riscv64");
    assert_eq!(renamed["architecture"]["default"], true);
    let taken = json!({"architecture_type": "amd64"});
    let taken = hcp
        .refused(Method::PUT, &architecture("riscv64"), Some(taken))
        .await;
    assert_eq!((taken.0, taken.1), (409, 6));
    let untold = hcp
        .post(
            &path_of("/version/1.0.0/providers"),
            json!({"name": "qemu"}),
        )
        .await;
    assert_eq!(untold["provider"]["name"], "qemu");
    let path = path_of("/version/1.0.0/provider/qemu/architectures");
    let untold = hcp.post(&path, json!({})).await;
    assert_eq!(untold["architecture"]["architecture_type"], "unknown");
}

#[tokio::test]
async fn a_deleted_architecture_leaves_its_provider_and_its_default_is_passed_on() {
    let hcp = Hcp::new().await;
    hcp.make_box("1.0.0").await;
    let architectures = path_of(&format!("{OF_PROVIDER}/architectures"));
    hcp.post(&architectures, json!({"architecture_type": "arm64"}))
        .await;
    assert_eq!(hcp.delete(&architecture("amd64")).await, json!({}));
    assert_eq!(
        hcp.get(&architecture("arm64")).await["architecture"]["default"],
        true
    );
    hcp.delete(&architecture("arm64")).await;
    assert_eq!(hcp.get(&architectures).await["architectures"], json!([]));
    let provider = hcp.get(&path_of(OF_PROVIDER)).await;
    assert_eq!(provider["provider"]["summary"]["architectures_count"], "0");
    for method in [Method::GET, Method::PUT, Method::DELETE] {
        let gone = hcp.refused(method, &architecture("arm64"), None).await;
        assert_eq!((gone.0, gone.1), (404, 5));
    }
}

#[tokio::test]
async fn a_file_elsewhere_is_known_by_its_url() {
    let hcp = Hcp::new().await;
    hcp.make_box("1.0.0").await;
    let url = "http://files.test/web.box";
    let data =
        json!({"box_data": {"download_url": url, "checksum": "abc", "checksum_type": "sha256"}});
    hcp.put(&architecture("amd64"), Some(data)).await;
    hcp.put(&path_of("/version/1.0.0/release"), None).await;
    let download = hcp
        .get(&format!("{}/download", architecture("amd64")))
        .await;
    let expected = json!({"url": url, "checksum": "abc", "checksum_type": "SHA256"});
    assert_eq!(download, expected);
    assert_eq!(hcp.get(&path_of("")).await["box"]["downloads"], "1");
    let v2 = hcp.fixture.get("/api/v2/box/acme/web").await.json();
    let provider = &v2["versions"][0]["providers"][0];
    assert_eq!(
        (&provider["original_url"], &provider["checksum_type"]),
        (&json!(url), &json!("sha256"))
    );
    let wrong = json!({"box_data": {"download_url": "web.box"}});
    let refused = hcp
        .refused(Method::PUT, &architecture("amd64"), Some(wrong))
        .await;
    assert!(
        refused.2.starts_with("box_data[download_url] must be"),
        "{}",
        refused.2
    );
    let wrong = json!({"box_data": "x"});
    let refused = hcp
        .refused(Method::PUT, &architecture("amd64"), Some(wrong))
        .await;
    assert_eq!(refused.2, "box_data must be an object, not \"x\"");
    assert_eq!(
        all(&hcp.get(&path_of("/versions")).await["versions"], "state"),
        ["ACTIVE"]
    );
}
