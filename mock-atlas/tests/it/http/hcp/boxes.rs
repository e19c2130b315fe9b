//! Tests the calls for the boxes of a registry.

use reqwest::Method;
use serde_json::{Value, json};

use super::{Hcp, all, path_of, refusal};

const BOXES: &str = "/registry/acme/boxes";

#[tokio::test]
async fn a_new_box_is_answered_with_its_operation() {
    let hcp = Hcp::new().await;
    let new = json!({"name": "web", "description": "# W", "short_description": "w", "is_private": true,
        "created_at": "0001-01-01T00:00:00.000Z", "updated_at": "0001-01-01T00:00:00.000Z",
        "versions": null, "downloads": "7", "state": "AVAILABLE", "summary": {"versions_count": "9"}});
    let made = hcp.post(BOXES, new).await;
    let of = &made["box"];
    let names: Vec<_> = of.as_object().unwrap().keys().collect();
    let fields = "name description description_html short_description is_private downloads state summary \
                  versions created_at updated_at";
    let names: Vec<_> = names.into_iter().map(String::as_str).collect();
    assert_eq!(names.join(" "), fields);
    assert_eq!(of["description_html"], "<h1>W</h1>\n");
    assert_eq!(
        (&of["downloads"], &of["is_private"]),
        (&json!("0"), &json!(true))
    );
    assert_eq!(of["state"], "NO_VERSIONS");
    assert_eq!(
        of["summary"],
        json!({"versions_count": "0", "provider_names": []})
    );
    assert!(!of["created_at"].as_str().unwrap().starts_with("0001"));
    let location = json!({"organization_id": "acme", "project_id": "acme"});
    assert_eq!(made["operation"]["location"], location);
    assert_eq!(made["operation"]["state"], "DONE");
    let shown = hcp.fixture.get("/api/v2/box/acme/web").await.json();
    assert_eq!(
        (&shown["private"], &shown["tag"]),
        (&json!(true), &json!("acme/web"))
    );
    assert!(
        hcp.fixture.atlas.lints().is_empty(),
        "the SDK sends these fields"
    );
}

#[tokio::test]
async fn an_operation_is_shown_to_whoever_knows_it() {
    let hcp = Hcp::new().await;
    let made = hcp.post(BOXES, json!({"name": "web"})).await;
    let id = made["operation"]["id"].as_str().unwrap();
    let show = async |token: &str, place: &str, tail: &str| {
        let path = format!("/operation/2020-05-05/{place}/operations/{tail}");
        let mut request = hcp.fixture.anonymous(Method::GET, &path);
        if !token.is_empty() {
            request = request.bearer_auth(token);
        }
        crate::support::Reply::of(request.send().await.unwrap()).await
    };
    let place = "organizations/acme/projects/acme";
    for tail in [id.to_owned(), format!("{id}/wait?timeout=60s")] {
        let shown = show("AMYS-TOKEN", place, &tail).await;
        assert_eq!(
            shown.json()["operation"],
            made["operation"],
            "{}",
            shown.body
        );
    }
    let unknown = "00000000-0000-0000-0000-000000000000";
    for (token, place, id, expected) in [
        ("", place, id, 401),
        ("AMYS-TOKEN", "organizations/amy/projects/acme", id, 404),
        ("AMYS-TOKEN", "organizations/acme/projects/amy", id, 404),
        ("AMYS-TOKEN", place, unknown, 404),
        ("AMYS-TOKEN", place, "op-1", 404),
    ] {
        assert_eq!(
            refusal(&show(token, place, id).await).0,
            expected,
            "{place} {id}"
        );
    }
}

#[tokio::test]
async fn a_box_is_public_unless_told_since_the_sdk_leaves_out_false() {
    let hcp = Hcp::new().await;
    let made = hcp.post(BOXES, json!({"name": "web"})).await;
    assert_eq!(made["box"]["is_private"], false);
    // The artifact of before keeps its visibility.
    hcp.fixture.make_artifact("acme", "image").await;
    let made = hcp.post(BOXES, json!({"name": "image"})).await;
    assert_eq!(made["box"]["is_private"], true);
}

#[tokio::test]
async fn a_box_that_exists_is_not_created_again() {
    let hcp = Hcp::new().await;
    hcp.post(BOXES, json!({"name": "web"})).await;
    let again = hcp
        .refused(Method::POST, BOXES, Some(json!({"name": "web"})))
        .await;
    assert_eq!((again.0, again.1), (409, 6), "{}", again.2);
    for wrong in [
        json!({}),
        json!({"name": null}),
        json!({"name": "a/b"}),
        json!({"name": 7}),
    ] {
        let refused = hcp.refused(Method::POST, BOXES, Some(wrong)).await;
        assert_eq!((refused.0, refused.1), (422, 3), "{}", refused.2);
        assert!(refused.2.starts_with("name "), "{}", refused.2);
    }
}

#[tokio::test]
async fn what_a_change_does_not_tell_stays() {
    let hcp = Hcp::new().await;
    hcp.make_box("1.0.0").await;
    let changed = hcp
        .put(
            &path_of(""),
            Some(json!({"name": "web", "is_private": true})),
        )
        .await;
    assert_eq!(changed["box"]["is_private"], true);
    assert_eq!(changed["box"]["description"], "*W*");
    assert_eq!(changed["operation"]["state"], "DONE");
    let nulls = json!({"description": null, "is_private": null, "versions": null});
    let changed = hcp.put(&path_of(""), Some(nulls)).await;
    assert_eq!(changed["box"]["is_private"], true);
    let changed = hcp
        .put(
            &path_of(""),
            Some(json!({"description": "d", "short_description": "s"})),
        )
        .await;
    assert_eq!(
        (
            &changed["box"]["description"],
            &changed["box"]["short_description"]
        ),
        (&json!("d"), &json!("s"))
    );
    let renamed = hcp
        .refused(Method::PUT, &path_of(""), Some(json!({"name": "other"})))
        .await;
    assert_eq!(renamed.0, 422);
    assert!(renamed.2.contains("cannot be changed"), "{}", renamed.2);
}

#[tokio::test]
async fn roles_decide_who_reads_and_writes() {
    let hcp = Hcp::new().await;
    hcp.post(BOXES, json!({"name": "web"})).await;
    hcp.post(BOXES, json!({"name": "hidden", "is_private": true}))
        .await;
    let status = async |token: &str, method: Method, path: &str| {
        let reply = hcp.call_as(token, method, path, Some(json!({}))).await;
        reply.status.as_u16()
    };
    let hidden = "/registry/acme/box/hidden";
    for (token, public, private, write) in [
        ("", 200, 404, 401),
        ("RIVAL", 200, 404, 404),
        ("RITAS-TOKEN", 200, 200, 404),
        ("WENDYS-TOKEN", 200, 200, 200),
        ("AMYS-TOKEN", 200, 200, 200),
        ("unknown", 401, 401, 401),
    ] {
        assert_eq!(
            status(token, Method::GET, &path_of("")).await,
            public,
            "{token}"
        );
        assert_eq!(status(token, Method::GET, hidden).await, private, "{token}");
        assert_eq!(status(token, Method::PUT, hidden).await, write, "{token}");
    }
    let list = async |token: &str| {
        let list = hcp.call_as(token, Method::GET, BOXES, None).await.json();
        all(&list["boxes"], "name").join(" ")
    };
    assert_eq!(list("").await, "web");
    assert_eq!(list("RITAS-TOKEN").await, "hidden web");
}

#[tokio::test]
async fn the_state_of_a_box_tells_what_it_lacks() {
    let hcp = Hcp::new().await;
    let state = async || hcp.get(&path_of("")).await["box"]["state"].clone();
    hcp.post(BOXES, json!({"name": "web"})).await;
    assert_eq!(state().await, "NO_VERSIONS");
    hcp.make_box("1.0.0").await;
    assert_eq!(state().await, "NO_RELEASED_VERSIONS");
    hcp.put(&path_of("/version/1.0.0/release"), None).await;
    assert_eq!(state().await, "AVAILABLE");
    hcp.delete(&path_of(
        "/version/1.0.0/provider/virtualbox/architecture/amd64",
    ))
    .await;
    assert_eq!(state().await, "NO_PROVIDERS");
    hcp.put(&path_of("/version/1.0.0/revoke"), None).await;
    assert_eq!(state().await, "NO_RELEASED_VERSIONS");
}

#[tokio::test]
async fn an_expanded_box_is_the_whole_tree() {
    let hcp = Hcp::new().await;
    hcp.make_box("1.10.0").await;
    hcp.make_box("1.9.0").await;
    hcp.put(&path_of("/version/1.9.0/release"), None).await;
    let plain = hcp.get(&path_of("")).await;
    assert_eq!(plain["box"]["versions"], json!([]));
    assert_eq!(plain["box"]["summary"]["versions_count"], "2");
    assert_eq!(
        plain["box"]["summary"]["provider_names"],
        json!(["virtualbox"])
    );
    let released = plain["box"]["summary"]["latest_released_at"].as_str();
    assert!(released.unwrap().ends_with('Z'));
    let whole = hcp.get(&path_of("?expanded=true")).await;
    let versions = &whole["box"]["versions"];
    assert_eq!(all(versions, "name"), ["1.10.0", "1.9.0"]);
    let providers = &versions[0]["providers"];
    assert_eq!(all(providers, "name"), ["virtualbox"]);
    assert_eq!(
        all(&providers[0]["architectures"], "architecture_type"),
        ["amd64"]
    );
    for (path, field) in [
        (path_of("/versions?expanded=true"), "versions"),
        (
            path_of("/version/1.9.0/providers?expanded=true"),
            "providers",
        ),
    ] {
        let list = hcp.get(&path).await;
        let children = if field == "versions" {
            "providers"
        } else {
            "architectures"
        };
        assert_eq!(
            list[field][0][children].as_array().unwrap().len(),
            1,
            "{list}"
        );
    }
    let wrong = hcp
        .refused(Method::GET, &path_of("?expanded=1"), None)
        .await;
    assert_eq!(wrong.0, 422);
}

#[tokio::test]
async fn a_deleted_box_is_gone_in_all_apis() {
    let hcp = Hcp::new().await;
    hcp.make_box("1.0.0").await;
    let gone = hcp.delete(&path_of("")).await;
    assert_eq!(gone["box"]["name"], "web");
    assert_eq!(gone["operation"]["state"], "DONE");
    assert_eq!(hcp.refused(Method::GET, &path_of(""), None).await.0, 404);
    assert_eq!(hcp.refused(Method::DELETE, &path_of(""), None).await.1, 5);
    let v1 = hcp.fixture.get("/api/v1/box/acme/web").await;
    assert_eq!(v1.status, 404, "{}", v1.body);
    assert_eq!(
        v1.json().get("code"),
        None,
        "the other APIs have errors of their own"
    );
}

#[tokio::test]
async fn what_one_api_makes_the_others_have() {
    let hcp = Hcp::new().await;
    hcp.make_box("1.0.0").await;
    let body = json!({"provider": {"name": "virtualbox", "architecture": "arm64"}});
    let made = hcp
        .fixture
        .post("/api/v2/box/acme/web/version/1.0.0/providers", body)
        .await;
    assert_eq!(made.status, 200, "{}", made.body);
    let list = hcp
        .get(&path_of("/version/1.0.0/provider/virtualbox/architectures"))
        .await;
    assert_eq!(
        all(&list["architectures"], "architecture_type"),
        ["amd64", "arm64"]
    );
    let shown: Value = hcp.fixture.get("/api/v2/box/acme/web").await.json();
    assert_eq!(
        all(&shown["versions"][0]["providers"], "architecture"),
        ["amd64", "arm64"]
    );
}
