//! Tests how boxes are created, shown, changed and deleted.

use reqwest::Method;
use serde_json::json;

use super::*;
use crate::support::NOT_FOUND;

#[tokio::test]
async fn a_new_box_is_answered_in_the_recorded_order_in_both_versions_of_the_api() {
    let fixture = Fixture::new().await;
    for api in ["v1", "v2"] {
        let body = json!({"box": {"username": "acme", "name": api, "short_description": "s",
            "description": "*d*", "is_private": true}});
        let path = format!("/api/{api}/boxes");
        let reply = call(&fixture, Method::POST, &path, Some(body)).await;
        assert_eq!(reply.status, 200);
        let made = reply.json();
        let time = made["created_at"].as_str().unwrap();
        assert!(time.len() == 24 && time.ends_with('Z'), "{time}");
        let expected = format!(
            r#"{{"created_at":"{time}","updated_at":"{time}","tag":"acme/{api}","name":"{api}","short_description":"s","description_html":"<p><em>d</em></p>\n","username":"acme","description_markdown":"*d*","private":true,"downloads":0,"current_version":null,"versions":[]}}"#
        );
        assert_eq!(reply.body, expected);
        let path = format!("/api/{api}/box/acme/{api}");
        assert_eq!(get(&fixture, &path).await, reply);
    }
}

#[tokio::test]
async fn a_box_comes_nested_or_flat_as_json_or_as_a_form() {
    let fixture = Fixture::new().await;
    let json = "application/json";
    let form = "application/x-www-form-urlencoded";
    let bodies = [
        (
            Some(json),
            r#"{"box":{"username":"acme","name":"b0","is_private":false}}"#,
        ),
        (
            None,
            r#"{"box":{"username":"acme","name":"b1","is_private":false}}"#,
        ),
        (
            Some(json),
            r#"{"username":"acme","name":"b2","is_private":false}"#,
        ),
        (
            Some(form),
            "box[username]=acme&box[name]=b3&box[is_private]=false",
        ),
        (Some(form), "username=acme&name=b4&is_private=false"),
        (
            Some(json),
            r#"{"box":{"username":"acme","name":"b5","is_private":false,"description":null,"short_description":null}}"#,
        ),
    ];
    for (at, (content_type, body)) in bodies.into_iter().enumerate() {
        let mut request = fixture.request(Method::POST, "/api/v2/boxes").body(body);
        if let Some(content_type) = content_type {
            request = request.header("Content-Type", content_type);
        }
        let reply = Reply::of(request.send().await.unwrap()).await;
        assert_eq!(reply.status, 200, "{body}: {}", reply.body);
        let made = reply.json();
        assert_eq!(made["tag"], format!("acme/b{at}"));
        assert_eq!(made["private"], false);
        assert_eq!(made["short_description"], "");
    }
    assert_eq!(fixture.atlas.lints(), []);
}

#[tokio::test]
async fn a_box_is_private_unless_told_and_hidden_from_others_like_one_that_is_not_there() {
    let fixture = Fixture::new().await;
    let body = json!({"box": {"username": "acme", "name": "web"}});
    assert_eq!(post(&fixture, "/api/v2/boxes", body).await["private"], true);
    for token in [None, Some("RIVAL")] {
        for path in ["/api/v2/box/acme/web", "/api/v1/box/acme/web"] {
            let reply = call_as(&fixture, token, Method::GET, path, None).await;
            assert_eq!((reply.status.as_u16(), &*reply.body), (404, NOT_FOUND));
        }
    }
    let change = json!({"box": {"is_private": false}});
    let path = "/api/v2/box/acme/web";
    for (token, status) in [(None, 401), (Some("RIVAL"), 404), (Some("ROOT"), 200)] {
        let reply = call_as(&fixture, token, Method::PUT, path, Some(change.clone())).await;
        assert_eq!(reply.status, status, "{token:?}");
    }
    let reply = call_as(&fixture, None, Method::GET, path, None).await;
    assert_eq!(reply.status, 200);
}

#[tokio::test]
async fn what_is_not_told_or_null_stays_as_it_is() {
    let fixture = Fixture::new().await;
    let body = json!({"box": {"username": "acme", "name": "web", "short_description": "s",
        "description": "d", "is_private": true}});
    post(&fixture, "/api/v2/boxes", body).await;
    let path = "/api/v2/box/acme/web";
    let nulls =
        json!({"box": {"short_description": null, "description": null, "is_private": null}});
    put(&fixture, path, nulls).await;
    // An empty body tells nothing, either.
    done(&fixture, Method::PUT, path, None).await;
    let changed = put(&fixture, path, json!({"box": {"description": "d2"}})).await;
    assert_eq!(changed["description_markdown"], "d2");
    assert_eq!(changed["short_description"], "s");
    assert_eq!(changed["private"], true);
    let flat = put(&fixture, path, json!({"short_description": "s2"})).await;
    assert_eq!(flat["short_description"], "s2");
}

#[tokio::test]
async fn a_box_that_cannot_be_is_refused_with_the_reason() {
    let fixture = Fixture::new().await;
    make_box(&fixture, &[]).await;
    for (body, words) in [
        (json!({}), "box parameter is required!"),
        (json!({"box": null}), "box parameter is required!"),
        (json!({"other": {}}), "box parameter is required!"),
        (
            json!({"box": {"name": "x"}}),
            "box[username] parameter is required!",
        ),
        (
            json!({"box": {"username": "acme"}}),
            "box[name] parameter is required!",
        ),
        (
            json!({"box": {"username": "acme", "name": "a b"}}),
            "box[name] \"a b\" may hold",
        ),
        (
            json!({"box": {"username": "acme", "name": "web"}}),
            "already been taken",
        ),
        (
            json!({"box": {"username": "vagrant", "name": "x"}}),
            "paths of the emulator's own begin",
        ),
        (
            json!({"box": {"username": "acme", "name": "x", "is_private": "yes"}}),
            "box[is_private] must be true or false",
        ),
        (
            json!({"box": {"username": "acme", "name": "x", "description": "x".repeat(70_000)}}),
            "box[description] is longer",
        ),
    ] {
        let message = refused(&fixture, Method::POST, "/api/v2/boxes", Some(body), 422).await;
        assert!(message.contains(words), "{message}");
    }
    let message = refused(
        &fixture,
        Method::PUT,
        "/api/v2/box/acme/web",
        Some(json!({"x": 1})),
        422,
    );
    assert_eq!(message.await, "box parameter is required!");
}

#[tokio::test]
async fn a_box_is_a_part_of_the_artifact_of_its_name() {
    let fixture = Fixture::new().await;
    // The artifact is public, and so is the box that is added to it.
    let body = json!({"box": {"username": "acme", "name": "public"}});
    assert_eq!(
        post(&fixture, "/api/v2/boxes", body).await["private"],
        false
    );
    let version = json!({"artifact_version": {"id": "x"}});
    let reply = fixture.post("/api/v1/artifacts/acme/public/custom.image", version);
    assert_eq!(reply.await.status, 200);
    make_box(&fixture, &[]).await;
    assert_eq!(fixture.get("/api/v1/artifacts/acme/web").await.status, 200);

    let deleted = delete(&fixture, "/api/v2/box/acme/public").await;
    assert_eq!(deleted["tag"], "acme/public");
    delete(&fixture, "/api/v2/box/acme/web").await;
    // What is no box stays, with its artifact.
    assert_eq!(
        fixture.get("/api/v1/artifacts/acme/public").await.status,
        200
    );
    assert_eq!(fixture.get("/api/v1/artifacts/acme/web").await.status, 404);
    for path in ["/api/v2/box/acme/public", "/api/v2/box/acme/web"] {
        assert_eq!(get(&fixture, path).await.body, NOT_FOUND);
        let again = call(&fixture, Method::DELETE, path, None).await;
        assert_eq!(again.status, 404);
    }
}

#[tokio::test]
async fn a_pushed_artifact_of_the_type_makes_the_box_appear_and_grow() {
    let fixture = Fixture::new().await;
    let push = async |metadata: serde_json::Value| {
        let path = "/api/v1/artifacts/acme/public/vagrant.box";
        let version = json!({"artifact_version": {"file": true, "metadata": metadata}});
        let made = fixture.post(path, version).await.json();
        let reply = fixture
            .put(made["upload_path"].as_str().unwrap(), BYTES)
            .await;
        assert_eq!(reply.status, 200, "{}", reply.body);
    };
    push(json!({"provider": "virtualbox"})).await;
    push(json!({"provider": "virtualbox", "architecture": "arm64", "description": "next"})).await;
    push(json!({"provider": "libvirt", "version": "0.2.0"})).await;
    let found = shown(&fixture, "/api/v2/box/acme/public").await;
    assert_eq!(each(&found["versions"], "version"), ["0.2.0", "0.1.0"]);
    assert_eq!(each(&found["versions"], "status"), ["active", "active"]);
    let newest = &found["current_version"];
    assert_eq!(newest["description_markdown"], "next");
    assert_eq!(
        each(&newest["providers"], "name"),
        ["libvirt", "virtualbox"]
    );
    assert_eq!(
        each(&newest["providers"], "architecture"),
        ["unknown", "arm64"]
    );
}
