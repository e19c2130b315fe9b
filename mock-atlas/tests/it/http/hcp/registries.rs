//! Tests the calls for registries.

use reqwest::Method;
use serde_json::{Value, json};

use super::{Hcp, all, path_of, refusal};

async fn as_root(hcp: &Hcp, method: Method, path: &str, body: Option<Value>) -> Value {
    let reply = hcp.call_as("ROOT", method, path, body).await;
    assert_eq!(reply.status, 200, "{path}: {}", reply.body);
    reply.json()
}

async fn status(hcp: &Hcp, token: &str, method: Method, path: &str) -> u16 {
    let reply = hcp.call_as(token, method, path, Some(json!({}))).await;
    match reply.status.as_u16() {
        200 => 200,
        _ => refusal(&reply).0,
    }
}

#[tokio::test]
async fn users_and_organisations_are_registries_that_everybody_can_see() {
    let hcp = Hcp::new().await;
    for name in ["acme", "amy", "atlas"] {
        let reply = hcp
            .call_as("", Method::GET, &format!("/registry/{name}"), None)
            .await;
        assert_eq!(reply.status, 200, "{}", reply.body);
        let registry = &reply.json()["registry"];
        assert_eq!(registry["name"], name);
        assert_eq!(registry["activated"], true);
        assert_eq!(registry["boxes"], json!([]));
        let location = json!({"organization_id": name, "project_id": name});
        assert_eq!(registry["location"], location);
        assert!(registry["created_at"].as_str().unwrap().ends_with('Z'));
    }
    assert_eq!(status(&hcp, "", Method::GET, "/registry/eve").await, 404);
}

#[tokio::test]
async fn a_caller_lists_the_registries_in_which_they_have_a_role() {
    let hcp = Hcp::new().await;
    let names = async |token: &str, query: &str| {
        let path = format!("/registries{query}");
        let list = hcp.call_as(token, Method::GET, &path, None).await.json();
        let names = all(&list["registries"], "name").join(" ");
        (
            names,
            list["pagination"]["next_page_token"]
                .as_str()
                .unwrap()
                .to_owned(),
        )
    };
    assert_eq!(names("AMYS-TOKEN", "").await.0, "acme amy");
    assert_eq!(names("RITAS-TOKEN", "").await.0, "acme rita");
    assert_eq!(names("ROOT", "").await.0, "acme amy atlas rita rival wendy");
    let filtered = names(
        "ROOT",
        "?location.organization_id=acme&location.project_id=acme",
    )
    .await;
    assert_eq!(filtered.0, "acme");
    let (first, next) = names("ROOT", "?pagination.page_size=4").await;
    assert_eq!(first, "acme amy atlas rita");
    let path = format!("?pagination.page_size=4&pagination.next_page_token={next}");
    assert_eq!(names("ROOT", &path).await.0, "rival wendy");
    let anonymous = hcp.call_as("", Method::GET, "/registries", None).await;
    assert_eq!(refusal(&anonymous).0, 401);
}

#[tokio::test]
async fn the_root_token_creates_organisations() {
    let hcp = Hcp::new().await;
    let new = json!({"name": "new", "description": "*N*", "boxes": null, "activated": false,
        "created_at": "0001-01-01T00:00:00.000Z"});
    let made = as_root(&hcp, Method::POST, "/registries", Some(new.clone())).await;
    assert_eq!(made["registry"]["name"], "new");
    assert_eq!(made["registry"]["activated"], true);
    assert_eq!(made["registry"]["description_html"], "<p><em>N</em></p>\n");
    assert_eq!(made["operation"]["state"], "DONE");
    let again = hcp
        .call_as("ROOT", Method::POST, "/registries", Some(new.clone()))
        .await;
    assert_eq!(refusal(&again).0, 409);
    assert_eq!(refusal(&again).1, 6);
    let others = hcp
        .call_as("AMYS-TOKEN", Method::POST, "/registries", Some(new))
        .await;
    assert_eq!(refusal(&others).1, 16);
    for wrong in [
        json!({}),
        json!({"name": ""}),
        json!({"name": "a b"}),
        json!({"name": "vagrant"}),
    ] {
        let reply = hcp
            .call_as("ROOT", Method::POST, "/registries", Some(wrong))
            .await;
        assert_eq!(refusal(&reply).0, 422, "{}", reply.body);
    }
}

#[tokio::test]
async fn an_administrator_changes_a_registry_and_others_cannot() {
    let hcp = Hcp::new().await;
    let changed = hcp
        .put("/registry/acme", Some(json!({"description": "d"})))
        .await;
    assert_eq!(changed["registry"]["description"], "d");
    let same = json!({"name": "acme", "description": null});
    let changed = hcp.put("/registry/acme", Some(same)).await;
    assert_eq!(changed["registry"]["description"], "d", "null says nothing");
    let renamed = json!({"name": "other"});
    let refused = hcp
        .refused(Method::PUT, "/registry/acme", Some(renamed))
        .await;
    assert_eq!(refused.0, 422);
    for (method, tail) in [
        (Method::PUT, ""),
        (Method::DELETE, ""),
        (Method::PUT, "/activate"),
        (Method::PUT, "/deactivate"),
    ] {
        let path = format!("/registry/acme{tail}");
        for (token, expected) in [("WENDYS-TOKEN", 404), ("RIVAL", 404), ("", 401)] {
            let found = status(&hcp, token, method.clone(), &path).await;
            assert_eq!(found, expected, "{token} {path}");
        }
    }
    let own = hcp
        .put("/registry/amy", Some(json!({"description": "mine"})))
        .await;
    assert_eq!(own["registry"]["description"], "mine");
    let profile = hcp.fixture.get("/api/v2/user/amy").await.json();
    assert_eq!(profile["profile_markdown"], "mine");
    assert_eq!(profile["profile_html"], "<p>mine</p>\n");
}

#[tokio::test]
async fn the_boxes_of_a_deactivated_registry_are_not_found_in_any_api() {
    let hcp = Hcp::new().await;
    hcp.make_box("1.0.0").await;
    hcp.upload(
        &path_of("/version/1.0.0/provider/virtualbox/architecture/amd64"),
        b"bytes",
    )
    .await;
    hcp.put(&path_of("/version/1.0.0/release"), None).await;
    let statuses = async || {
        let mut found = vec![
            status(&hcp, "AMYS-TOKEN", Method::GET, &path_of("")).await,
            status(&hcp, "AMYS-TOKEN", Method::GET, "/registry/acme/boxes").await,
            status(&hcp, "AMYS-TOKEN", Method::PUT, &path_of("")).await,
        ];
        for path in [
            "/api/v2/box/acme/web",
            "/api/v2/vagrant/acme/web",
            "/acme/web",
        ] {
            found.push(hcp.fixture.get(path).await.status.as_u16());
        }
        found
    };
    assert_eq!(statuses().await, [200; 6]);
    let off = hcp.put("/registry/acme/deactivate", None).await;
    assert_eq!(off["registry"]["activated"], false);
    assert_eq!(statuses().await, [404; 6]);
    let found = hcp.get("/search?q=web").await;
    assert_eq!(found["boxes"], json!([]));
    assert_eq!(
        status(&hcp, "RITAS-TOKEN", Method::GET, "/registry/acme").await,
        200
    );
    assert_eq!(
        status(&hcp, "RIVAL", Method::GET, "/registry/acme").await,
        404
    );
    let on = hcp.put("/registry/acme/activate", None).await;
    assert_eq!(on["registry"]["activated"], true);
    assert_eq!(statuses().await, [200; 6]);
}

#[tokio::test]
async fn a_deleted_registry_is_gone_with_its_boxes() {
    let hcp = Hcp::new().await;
    hcp.make_box("1.0.0").await;
    hcp.fixture.make_artifact("acme", "image").await;
    let refused = hcp.refused(Method::DELETE, "/registry/acme", None).await;
    assert_eq!(refused.0, 422);
    assert!(refused.2.contains("no boxes"), "{}", refused.2);
    for artifact in ["image", "public"] {
        let path = format!("/artifacts/acme/{artifact}");
        hcp.fixture.mock(Method::DELETE, &path, None).await;
    }
    let gone = hcp.delete("/registry/acme").await;
    assert_eq!(gone["registry"]["name"], "acme");
    let operation = gone["operation"]["id"].as_str().unwrap();
    let path =
        format!("/operation/2020-05-05/organizations/acme/projects/acme/operations/{operation}");
    let shown = hcp.fixture.get(&path).await;
    assert_eq!(shown.json()["operation"]["state"], "DONE", "{}", shown.body);
    assert_eq!(
        status(&hcp, "ROOT", Method::GET, "/registry/acme").await,
        404
    );
    assert_eq!(status(&hcp, "ROOT", Method::GET, &path_of("")).await, 404);
    let of_user = hcp.refused(Method::DELETE, "/registry/amy", None).await;
    assert_eq!(of_user.0, 422);
}

#[tokio::test]
async fn an_expanded_registry_has_its_boxes() {
    let hcp = Hcp::new().await;
    hcp.make_box("1.0.0").await;
    hcp.post(
        "/registry/acme/boxes",
        json!({"name": "hidden", "is_private": true}),
    )
    .await;
    let names = async |token: &str| {
        let path = "/registry/acme?expanded=true";
        let registry = hcp.call_as(token, Method::GET, path, None).await.json();
        all(&registry["registry"]["boxes"], "name").join(" ")
    };
    assert_eq!(names("RITAS-TOKEN").await, "hidden web");
    assert_eq!(names("").await, "web");
}

#[tokio::test]
async fn a_registry_that_nobody_owns_exists_while_it_has_a_box() {
    let hcp = Hcp::new().await;
    let path = "/registry/nobody";
    assert_eq!(status(&hcp, "ROOT", Method::GET, path).await, 404);
    let new = json!({"name": "web"});
    as_root(&hcp, Method::POST, "/registry/nobody/boxes", Some(new)).await;
    assert_eq!(status(&hcp, "", Method::GET, path).await, 200);
    assert_eq!(status(&hcp, "ROOT", Method::PUT, path).await, 404);
}

#[tokio::test]
async fn a_snapshot_has_the_registries() {
    let hcp = Hcp::new().await;
    hcp.put("/registry/acme", Some(json!({"description": "d"})))
        .await;
    hcp.put("/registry/acme/deactivate", None).await;
    let before = hcp.get("/registry/acme").await;
    let snapshot = crate::support::archive::snapshot(&hcp.fixture).await;
    hcp.put("/registry/acme/activate", None).await;
    let restored = crate::support::archive::restore(&hcp.fixture, snapshot).await;
    assert_eq!(restored.status, 204, "{}", restored.body);
    assert_eq!(hcp.get("/registry/acme").await, before);
}
