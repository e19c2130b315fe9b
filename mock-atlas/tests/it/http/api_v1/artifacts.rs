//! Tests `/api/v1/artifacts`, which creates and shows artifacts.

use reqwest::{Method, StatusCode};
use serde_json::json;

use crate::support::{Fixture, NOT_FOUND, Reply};

const WEB: &str = r#"{"artifact":{"username":"acme","name":"web","tag":"acme/web"}}"#;

#[tokio::test]
async fn an_artifact_is_made_once_and_found_again() {
    let fixture = Fixture::new().await;
    let body = json!({"artifact": {"username": "acme", "name": "web"}});
    assert_eq!(
        fixture.get("/api/v1/artifacts/acme/web").await.body,
        NOT_FOUND
    );
    assert_eq!(
        fixture.post("/api/v1/artifacts", body.clone()).await.body,
        WEB
    );
    assert_eq!(fixture.get("/api/v1/artifacts/acme/web").await.body, WEB);

    let again = fixture.post("/api/v1/artifacts", body).await;
    assert_eq!(again.status, 422);
    assert_eq!(
        again.json()["errors"],
        json!(["artifact[name] has already been taken"])
    );
}

#[tokio::test]
async fn json_needs_no_content_type_and_a_form_will_do() {
    let fixture = Fixture::new().await;
    let request = fixture
        .request(Method::POST, "/api/v1/artifacts")
        .body(r#"{"artifact":{"username":"acme","name":"web"}}"#);
    assert_eq!(Reply::of(request.send().await.unwrap()).await.body, WEB);

    let request = fixture
        .request(Method::POST, "/api/v1/artifacts")
        .header(
            "Content-Type",
            "application/x-www-form-urlencoded; charset=utf-8",
        )
        .body("artifact[username]=acme&artifact[name]=form");
    assert_eq!(Reply::of(request.send().await.unwrap()).await.status, 200);
}

#[tokio::test]
async fn what_a_user_may_not_see_or_write_is_not_there() {
    let fixture = Fixture::new().await;
    fixture.make_artifact("acme", "web").await;
    let by_rival = |method, path: &str| {
        fixture
            .anonymous(method, path)
            .header("X-Atlas-Token", "RIVAL")
    };
    let version = json!({"artifact_version": {"id": "x"}});
    let elsewhere = json!({"artifact": {"username": "acme", "name": "mine"}});
    for request in [
        by_rival(Method::GET, "/api/v1/artifacts/acme/web"),
        by_rival(Method::GET, "/api/v1/artifacts/acme/web/aws.ami/search"),
        by_rival(
            Method::GET,
            "/api/v1/artifacts/acme/web/aws.ami/latest/file",
        ),
        by_rival(Method::POST, "/api/v1/artifacts/acme/web/aws.ami").json(&version),
        by_rival(Method::POST, "/api/v1/artifacts/acme/public/aws.ami").json(&version),
        by_rival(Method::POST, "/api/v1/artifacts").json(&elsewhere),
        fixture.anonymous(Method::GET, "/api/v1/artifacts/acme/web"),
        fixture.anonymous(Method::GET, "/api/v1/artifacts/acme/web/aws.ami/search"),
    ] {
        let reply = Reply::of(request.send().await.unwrap()).await;
        assert_eq!(
            (reply.status, reply.body.as_str()),
            (StatusCode::NOT_FOUND, NOT_FOUND)
        );
    }

    let own = json!({"artifact": {"username": "rival", "name": "web"}});
    let request = by_rival(Method::POST, "/api/v1/artifacts").json(&own);
    assert_eq!(request.send().await.unwrap().status(), 200);
}

#[tokio::test]
async fn a_public_artifact_is_read_by_everyone_and_written_by_its_owner() {
    let fixture = Fixture::new().await;
    let path = "/api/v1/artifacts/acme/public/aws.ami";
    let version = json!({"artifact_version": {"id": "x"}});
    let anonymous = fixture.anonymous(Method::POST, path).json(&version);
    assert_eq!(anonymous.send().await.unwrap().status(), 401);
    assert_eq!(fixture.post(path, version).await.status, 200);

    let search = fixture.anonymous(Method::GET, &format!("{path}/search"));
    let reply = Reply::of(search.send().await.unwrap()).await;
    assert_eq!(reply.json()["versions"][0]["id"], "x");
}

#[tokio::test]
async fn writing_without_a_token_is_refused_before_anything_else() {
    let fixture = Fixture::new().await;
    for path in ["/api/v1/artifacts", "/api/v1/artifacts/no/such/type"] {
        let reply = fixture
            .anonymous(Method::POST, path)
            .body("{")
            .send()
            .await
            .unwrap();
        assert_eq!(reply.status(), 401, "{path}");
    }
}
