//! Tests where a call for boxes has its token, composite tokens, and tokens that nobody has.

use reqwest::Method;
use serde_json::json;

use super::*;

const BOX: &str = "/api/v2/box/acme/web";

#[tokio::test]
async fn a_token_is_taken_from_each_of_its_places_the_body_included() {
    let fixture = Fixture::new().await;
    make_box(&fixture, &[]).await;
    put(&fixture, BOX, json!({"box": {"is_private": true}})).await;
    let form = "application/x-www-form-urlencoded";
    let query = format!("{BOX}?access_token=ROOT");
    let ask = |path: &str| fixture.anonymous(Method::GET, path);
    let json = r#"{"access_token":"ROOT"}"#;
    for request in [
        ask(BOX).header("X-Atlas-Token", "ROOT"),
        ask(BOX).bearer_auth("ROOT"),
        ask(&query),
        ask(BOX)
            .header("Content-Type", form)
            .body("access_token=ROOT"),
        ask(BOX).body(json),
    ] {
        assert_eq!(request.send().await.unwrap().status(), 200);
    }
    let tell = fixture
        .anonymous(Method::PUT, BOX)
        .header("Content-Type", form);
    let request = tell.body("access_token=ROOT&box[description]=d");
    assert_eq!(request.send().await.unwrap().status(), 200);
    assert_eq!(shown(&fixture, BOX).await["description_markdown"], "d");
    let journal = serde_json::to_string(&fixture.atlas.requests()).unwrap();
    assert!(!journal.contains("ROOT"), "{journal}");
    assert_eq!(fixture.atlas.lints(), []);
}

#[tokio::test]
async fn a_body_without_a_type_that_means_something_is_no_obstacle_where_it_is_empty() {
    let fixture = Fixture::new().await;
    make_box(&fixture, &[]).await;
    let request = fixture.request(Method::GET, BOX);
    let request = request.header("Content-Type", "text/plain");
    assert_eq!(request.send().await.unwrap().status(), 200);
}

#[tokio::test]
async fn of_a_composite_token_the_first_part_that_is_known_counts() {
    let fixture = Fixture::new().await;
    for (token, username) in [
        ("ROOT;RIVAL", Some("atlas")),
        ("RIVAL;ROOT", Some("rival")),
        ("old;RIVAL", Some("rival")),
        (";RIVAL", Some("rival")),
        ("RIVAL;", Some("rival")),
        ("old;new", None),
        (";", None),
        ("a;b;c;d;RIVAL", None),
    ] {
        let reply = call_as(
            &fixture,
            Some(token),
            Method::GET,
            "/api/v2/authenticate",
            None,
        )
        .await;
        match username {
            Some(username) => {
                assert_eq!(
                    reply.body,
                    json!({"user": {"username": username}}).to_string()
                );
            }
            None => assert_eq!(reply.status, 401, "{token}"),
        }
    }
}

#[tokio::test]
async fn an_unknown_token_is_refused_by_every_call_of_the_api() {
    let fixture = Fixture::new().await;
    make_box(&fixture, &["1.0.0"]).await;
    for path in [
        BOX,
        "/api/v2/box/acme/web/version/1.0.0",
        "/api/v1/box/acme/web",
        "/api/v2/user/acme",
        "/api/v2/search",
    ] {
        let reply = call_as(&fixture, Some("bad"), Method::GET, path, None).await;
        assert_eq!(reply.status, 401, "{path}");
        assert_eq!(reply.json()["success"], false);
        let reply = call_as(&fixture, None, Method::GET, path, None).await;
        assert_eq!(reply.status, 200, "{path}");
    }
    for (method, path) in [
        (Method::POST, "/api/v2/boxes"),
        (Method::PUT, BOX),
        (Method::DELETE, BOX),
        (Method::POST, "/api/v2/box/acme/web/versions"),
        (Method::PUT, "/api/v2/box/acme/web/version/1.0.0/release"),
    ] {
        let reply = call_as(&fixture, None, method, path, Some(json!({}))).await;
        assert_eq!(reply.status, 401, "{path}");
    }
}
