//! Tests the search among boxes.

use reqwest::Method;
use serde_json::json;

use super::{Hcp, all};

/// Creates a box with a released version of one provider and architecture.
async fn release(hcp: &Hcp, name: &str, provider: &str, architecture: &str, is_private: bool) {
    let registry = "/registry/acme";
    let new =
        json!({"name": name, "short_description": format!("the {name}"), "is_private": is_private});
    hcp.post(&format!("{registry}/boxes"), new).await;
    let path = format!("{registry}/box/{name}");
    hcp.post(
        &format!("{path}/versions"),
        json!({"name": "1.0.0", "description": "v"}),
    )
    .await;
    let version = format!("{path}/version/1.0.0");
    hcp.post(&format!("{version}/providers"), json!({"name": provider}))
        .await;
    let architectures = format!("{version}/provider/{provider}/architectures");
    let url = json!({"download_url": "http://files.test/web.box"});
    let new = json!({"architecture_type": architecture, "box_data": url});
    hcp.post(&architectures, new).await;
    hcp.put(&format!("{version}/release"), None).await;
}

async fn found(hcp: &Hcp, token: &str, query: &str) -> String {
    let list = hcp
        .call_as(token, Method::GET, &format!("/search?{query}"), None)
        .await;
    assert_eq!(list.status, 200, "{}", list.body);
    all(&list.json()["boxes"], "box_name").join(" ")
}

#[tokio::test]
async fn a_search_finds_released_boxes_by_text_provider_and_architecture() {
    let hcp = Hcp::new().await;
    release(&hcp, "app", "qemu", "arm64", false).await;
    release(&hcp, "db", "virtualbox", "amd64", false).await;
    release(&hcp, "hidden", "virtualbox", "arm64", true).await;
    hcp.make_box("1.0.0").await;
    for (query, expected) in [
        ("", "app db"),
        ("q=THE+APP", "app"),
        ("q=acme", "app db"),
        ("providers=virtualbox", "db"),
        ("providers=virtualbox&providers=qemu", "app db"),
        ("architectures=arm64", "app"),
        ("providers=virtualbox&architectures=arm64", ""),
    ] {
        assert_eq!(found(&hcp, "", query).await, expected, "{query}");
    }
    assert_eq!(
        found(&hcp, "RITAS-TOKEN", "architectures=arm64").await,
        "app hidden"
    );
}

#[tokio::test]
async fn a_found_box_is_shown_with_its_current_version() {
    let hcp = Hcp::new().await;
    release(&hcp, "app", "qemu", "arm64", false).await;
    let list = hcp.get("/search?q=app").await;
    let mut one = list["boxes"][0].clone();
    for time in ["created_at", "updated_at", "version_updated_at"] {
        let shown = one.as_object_mut().unwrap().remove(time).unwrap();
        assert!(shown.as_str().unwrap().ends_with('Z'), "{time}");
    }
    let expected = json!({
        "registry_name": "acme", "box_name": "app", "short_description": "the app",
        "description": "", "current_version_name": "1.0.0", "version_description": "v",
        "provider_names": ["qemu"], "architecture_types": ["arm64"], "downloads": "0",
        "is_private": false, "avatar": "", "vc_url": format!("{}/acme/app", hcp.fixture.atlas.url()),
    });
    assert_eq!(one, expected);
}

#[tokio::test]
async fn the_order_and_the_page_are_told() {
    let hcp = Hcp::new().await;
    for name in ["app", "db", "web"] {
        release(&hcp, name, "qemu", "arm64", false).await;
    }
    let path = "/registry/acme/box/db/version/1.0.0/provider/qemu/architecture/arm64/download";
    hcp.get(path).await;
    for (query, expected) in [
        ("", "db app web"),
        ("sort.order_by=box_name", "app db web"),
        ("sort.order_by=box_name%20desc", "web db app"),
        ("sort.order_by=downloads,box_name%20desc", "web app db"),
        (
            "sort.order_by=downloads%20desc&sort.order_by=box_name%20desc",
            "db web app",
        ),
        (
            "sort.order_by=box_name&pagination.page_size=2&pagination.next_page_token=2",
            "web",
        ),
    ] {
        assert_eq!(found(&hcp, "", query).await, expected, "{query}");
    }
    let first = hcp.get("/search?pagination.page_size=2").await;
    assert_eq!(first["pagination"]["next_page_token"], "2");
    let wrong = hcp
        .refused(Method::GET, "/search?sort.order_by=size", None)
        .await;
    assert_eq!(wrong.0, 422);
}
