//! Tests the calls for versions and their providers.

use reqwest::Method;
use serde_json::json;

use super::{Hcp, all, path_of};

#[tokio::test]
async fn a_version_is_created_shown_changed_and_deleted() {
    let hcp = Hcp::new().await;
    hcp.make_box("1.0.0").await;
    let new = json!({"name": "2.0.0", "description": "*V*", "providers": null,
        "created_at": "0001-01-01T00:00:00.000Z", "updated_at": "0001-01-01T00:00:00.000Z"});
    let made = hcp.post(&path_of("/versions"), new.clone()).await;
    let version = &made["version"];
    assert_eq!(
        (&version["name"], &version["state"]),
        (&json!("2.0.0"), &json!("UNRELEASED"))
    );
    assert_eq!(version["description_html"], "<p><em>V</em></p>\n");
    assert_eq!(
        version["summary"],
        json!({"provider_names": [], "providers_count": "0"})
    );
    assert_eq!(version["providers"], json!([]));
    assert_eq!(hcp.get(&path_of("/version/2.0.0")).await, made);
    let again = hcp
        .refused(Method::POST, &path_of("/versions"), Some(new))
        .await;
    assert_eq!((again.0, again.1), (409, 6));
    let changed = json!({"name": "2.0.1", "description": "d"});
    let changed = hcp.put(&path_of("/version/2.0.0"), Some(changed)).await;
    assert_eq!(
        (
            &changed["version"]["name"],
            &changed["version"]["description"]
        ),
        (&json!("2.0.1"), &json!("d"))
    );
    assert_eq!(
        hcp.refused(Method::GET, &path_of("/version/2.0.0"), None)
            .await
            .0,
        404
    );
    assert_eq!(hcp.delete(&path_of("/version/2.0.1")).await, json!({}));
    assert_eq!(
        hcp.refused(Method::DELETE, &path_of("/version/2.0.1"), None)
            .await
            .0,
        404
    );
    let unparseable = json!({"name": "v1"});
    let refused = hcp
        .refused(Method::POST, &path_of("/versions"), Some(unparseable))
        .await;
    assert_eq!(refused.0, 422);
    assert!(refused.2.contains("RubyGems"), "{}", refused.2);
}

#[tokio::test]
async fn a_version_is_released_once_and_revoked_once() {
    let hcp = Hcp::new().await;
    hcp.make_box("1.0.0").await;
    hcp.post(&path_of("/versions"), json!({"name": "2.0.0"}))
        .await;
    let state = async || hcp.get(&path_of("/version/1.0.0")).await["version"]["state"].clone();
    let empty = hcp
        .refused(Method::PUT, &path_of("/version/2.0.0/release"), None)
        .await;
    assert_eq!((empty.0, empty.1), (422, 3));
    assert!(empty.2.contains("provider"), "{}", empty.2);
    let refused = hcp
        .refused(Method::PUT, &path_of("/version/1.0.0/revoke"), None)
        .await;
    assert_eq!(refused.0, 422);
    assert_eq!(
        hcp.put(&path_of("/version/1.0.0/release"), None).await,
        json!({})
    );
    assert_eq!(state().await, "ACTIVE");
    let again = hcp
        .refused(Method::PUT, &path_of("/version/1.0.0/release"), None)
        .await;
    assert!(again.2.contains("already been released"), "{}", again.2);
    assert_eq!(
        hcp.put(&path_of("/version/1.0.0/revoke"), Some(json!({})))
            .await,
        json!({})
    );
    assert_eq!(state().await, "REVOKED");
    hcp.put(&path_of("/version/1.0.0/release"), None).await;
    assert_eq!(state().await, "ACTIVE");
}

#[tokio::test]
async fn a_provider_exists_without_architectures() {
    let hcp = Hcp::new().await;
    hcp.make_box("1.0.0").await;
    let providers = path_of("/version/1.0.0/providers");
    let new =
        json!({"name": "qemu", "architectures": null, "created_at": "0001-01-01T00:00:00.000Z"});
    let made = hcp.post(&providers, new.clone()).await;
    assert_eq!(made["provider"]["name"], "qemu");
    assert_eq!(made["provider"]["architectures"], json!([]));
    assert_eq!(
        made["provider"]["summary"],
        json!({"architecture_types": [], "architectures_count": "0"})
    );
    assert_eq!(
        hcp.post(&providers, new).await,
        made,
        "a provider again stays as it is"
    );
    assert_eq!(
        hcp.get(&path_of("/version/1.0.0/provider/qemu")).await,
        made
    );
    let list = hcp.get(&providers).await;
    assert_eq!(all(&list["providers"], "name"), ["qemu", "virtualbox"]);
    let version = hcp.get(&path_of("/version/1.0.0")).await;
    assert_eq!(version["version"]["summary"]["providers_count"], "2");
    let shown = hcp.fixture.get("/api/v2/box/acme/web").await.json();
    assert_eq!(
        all(&shown["versions"][0]["providers"], "name"),
        ["virtualbox"]
    );
    let other = path_of("/version/1.0.0/provider/hyperv");
    assert_eq!(hcp.refused(Method::GET, &other, None).await.0, 404);
    let first = hcp
        .refused(
            Method::POST,
            &format!("{other}/architectures"),
            Some(json!({})),
        )
        .await;
    assert_eq!(first.0, 404, "an architecture needs its provider");
}

#[tokio::test]
async fn a_provider_is_renamed_and_deleted_with_its_architectures() {
    let hcp = Hcp::new().await;
    hcp.make_box("1.0.0").await;
    let path = |name: &str| path_of(&format!("/version/1.0.0/provider/{name}"));
    hcp.post(
        &path_of("/version/1.0.0/providers"),
        json!({"name": "qemu"}),
    )
    .await;
    let same = hcp
        .put(&path("virtualbox"), Some(json!({"name": "virtualbox"})))
        .await;
    assert_eq!(
        same["provider"]["summary"]["architecture_types"],
        json!(["amd64"])
    );
    assert_eq!(
        hcp.put(&path("virtualbox"), None).await["provider"]["name"],
        "virtualbox"
    );
    let taken = hcp
        .refused(
            Method::PUT,
            &path("virtualbox"),
            Some(json!({"name": "qemu"})),
        )
        .await;
    assert_eq!((taken.0, taken.1), (409, 6));
    let renamed = hcp
        .put(&path("virtualbox"), Some(json!({"name": "libvirt"})))
        .await;
    assert_eq!(
        renamed["provider"]["summary"]["architecture_types"],
        json!(["amd64"])
    );
    assert_eq!(
        hcp.refused(Method::GET, &path("virtualbox"), None).await.0,
        404
    );
    assert_eq!(hcp.delete(&path("libvirt")).await, json!({}));
    assert_eq!(
        hcp.refused(Method::GET, &path("libvirt"), None).await.0,
        404
    );
    assert_eq!(
        hcp.refused(Method::DELETE, &path("libvirt"), None).await.0,
        404
    );
}
