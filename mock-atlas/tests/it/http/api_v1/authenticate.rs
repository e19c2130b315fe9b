//! Tests `/api/v1/authenticate` and `/api/v1/token`, which check a token, and the login.

use reqwest::Method;
use serde_json::json;

use crate::support::{Fixture, Reply};

const PATH: &str = "/api/v1/authenticate";

#[tokio::test]
async fn a_token_is_taken_from_each_of_its_places() {
    let fixture = Fixture::new().await;
    let query = format!("{PATH}?access_token=ROOT");
    for request in [
        fixture
            .anonymous(Method::GET, PATH)
            .header("X-Atlas-Token", "ROOT"),
        fixture
            .anonymous(Method::GET, PATH)
            .header("Authorization", "Bearer ROOT"),
        fixture
            .anonymous(Method::GET, PATH)
            .header("Authorization", "bearer  ROOT"),
        fixture.anonymous(Method::GET, &query),
        fixture
            .anonymous(Method::GET, &query)
            .header("X-Atlas-Token", ""),
        fixture
            .anonymous(Method::GET, "/api/v1/token")
            .header("X-Atlas-Token", "ROOT"),
    ] {
        let reply = Reply::of(request.send().await.unwrap()).await;
        assert_eq!(reply.body, r#"{"user":{"username":"atlas"}}"#);
    }
}

#[tokio::test]
async fn of_several_tokens_the_header_of_its_own_counts_first_and_the_query_last() {
    let fixture = Fixture::new().await;
    let query = format!("{PATH}?access_token=other");
    for request in [
        fixture
            .anonymous(Method::GET, &query)
            .header("X-Atlas-Token", "ROOT")
            .header("Authorization", "Bearer other"),
        fixture
            .anonymous(Method::GET, &query)
            .header("Authorization", "Bearer ROOT"),
    ] {
        assert_eq!(request.send().await.unwrap().status(), 200);
    }
}

#[tokio::test]
async fn a_missing_or_unknown_token_is_refused() {
    let fixture = Fixture::new().await;
    for request in [
        fixture.anonymous(Method::GET, PATH),
        fixture.anonymous(Method::GET, "/api/v1/token"),
        fixture
            .anonymous(Method::GET, PATH)
            .header("X-Atlas-Token", "ROOTS"),
        fixture
            .anonymous(Method::GET, PATH)
            .header("Authorization", "Basic ROOT"),
        fixture.anonymous(Method::GET, &format!("{PATH}?access_token=other")),
        // An unknown token is an error even where no token is needed.
        fixture
            .anonymous(Method::GET, "/api/v1/artifacts/acme/public")
            .header("X-Atlas-Token", "other"),
    ] {
        let reply = Reply::of(request.send().await.unwrap()).await;
        assert_eq!(reply.status, 401, "{}", reply.body);
        assert_eq!(reply.json()["success"], json!(false));
    }
}

#[tokio::test]
async fn a_login_gives_a_token_for_its_user() {
    let fixture = Fixture::new().await;
    let form = "user%5Blogin%5D=rival&user%5Bpassword%5D=secret&user%5Bdescription%5D=mine";
    let request = fixture
        .anonymous(Method::POST, PATH)
        .header("Content-Type", "application/x-www-form-urlencoded")
        .body(form);
    let reply = Reply::of(request.send().await.unwrap()).await;
    let token = reply.json()["token"].as_str().unwrap().to_owned();

    let request = fixture.anonymous(Method::GET, PATH).bearer_auth(token);
    let reply = Reply::of(request.send().await.unwrap()).await;
    assert_eq!(reply.body, r#"{"user":{"username":"rival"}}"#);
}

#[tokio::test]
async fn a_login_with_a_wrong_password_is_refused() {
    let fixture = Fixture::new().await;
    for (login, password) in [
        ("rival", "wrong"),
        ("nobody", "secret"),
        ("atlas", ""),
        ("", ""),
    ] {
        let body = json!({"user": {"login": login, "password": password}});
        let request = fixture.anonymous(Method::POST, PATH).json(&body);
        let reply = Reply::of(request.send().await.unwrap()).await;
        assert_eq!(reply.status, 401, "{login}: {}", reply.body);
    }
}
