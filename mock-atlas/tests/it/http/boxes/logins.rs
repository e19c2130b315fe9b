//! Tests logins of Vagrant: tokens, the second factor, and the end of a token.

use mock_atlas::User;
use reqwest::Method;
use serde_json::{Value, json};

use super::*;

/// Starts an emulator with a user, `amy`, who has a second factor.
async fn fixture() -> Fixture {
    let amy = User::new("amy").password("secret").two_factor("123456");
    Fixture::with(|builder| builder.user(amy)).await
}

async fn log_in(fixture: &Fixture, body: Value) -> Reply {
    // Vagrant presents a token at a login, too, and it may be an old one.
    let (token, path) = (Some("old"), "/api/v1/authenticate");
    call_as(fixture, token, Method::POST, path, Some(body)).await
}

#[tokio::test]
async fn a_login_answers_the_token_and_facts_about_it() {
    let fixture = fixture().await;
    for (token, two_factor, description) in [
        (
            json!({"description": "mine"}),
            json!({"code": null}),
            "mine",
        ),
        (json!({}), json!({}), ""),
        (json!({"description": null}), json!({"code": ""}), ""),
    ] {
        let body = json!({"user": {"login": "rival", "password": "secret"}, "token": token,
            "two_factor": two_factor});
        let reply = log_in(&fixture, body).await;
        assert_eq!(reply.status, 200, "{}", reply.body);
        let made = reply.json();
        let keys: Vec<&String> = made.as_object().unwrap().keys().collect();
        assert_eq!(keys.len(), 4);
        assert_eq!(made["description"], description);
        assert!(made["token_hash"].is_string());
        assert_eq!(made["created_at"].as_str().unwrap().len(), 24);
        let token = made["token"].as_str();
        for api in ["v1", "v2"] {
            let path = format!("/api/{api}/authenticate");
            let reply = call_as(&fixture, token, Method::GET, &path, None).await;
            assert_eq!(reply.body, r#"{"user":{"username":"rival"}}"#);
        }
    }
    assert_eq!(fixture.atlas.lints(), []);
}

#[tokio::test]
async fn a_user_with_two_factors_logs_in_with_the_code_alone() {
    let fixture = fixture().await;
    let body = |password: &str, code: Value| json!({"user": {"login": "amy", "password": password}, "two_factor": {"code": code}});
    for missing in [json!(null), json!("")] {
        let reply = log_in(&fixture, body("secret", missing)).await;
        assert_eq!(reply.status, 406);
        let methods =
            r#"{"two_factor":{"default_delivery_method":"app","delivery_methods":["app","sms"]}}"#;
        assert_eq!(reply.body, methods);
    }
    for (password, code) in [
        ("secret", json!("000000")),
        ("wrong", json!("123456")),
        ("wrong", json!(null)),
    ] {
        assert_eq!(log_in(&fixture, body(password, code)).await.status, 401);
    }
    let reply = log_in(&fixture, body("secret", json!("123456"))).await;
    assert_eq!(reply.status, 200, "{}", reply.body);
}

#[tokio::test]
async fn a_code_is_sent_to_a_user_with_two_factors_who_knows_the_password() {
    let fixture = fixture().await;
    let ask = async |login: &str, password: &str| {
        let body = json!({"two_factor": {"delivery_method": "sms"}, "user": {"login": login, "password": password}});
        let path = "/api/v1/two-factor/request-code";
        call_as(&fixture, Some("old"), Method::POST, path, Some(body)).await
    };
    let sent = ask("amy", "secret").await;
    assert_eq!(sent.status, 200);
    assert!(sent.json()["two_factor"]["obfuscated_destination"].is_string());
    assert_eq!(ask("amy", "wrong").await.status, 401);
    assert_eq!(ask("rival", "secret").await.status, 422);
    let journal = serde_json::to_string(&fixture.atlas.requests()).unwrap();
    assert!(!journal.contains("secret"), "{journal}");
}

#[tokio::test]
async fn a_token_ends_with_its_delete() {
    let fixture = fixture().await;
    let body = json!({"user": {"login": "rival", "password": "secret"}});
    for (api, composite) in [("v1", false), ("v2", true)] {
        let token = log_in(&fixture, body.clone()).await.json()["token"].clone();
        let token = token.as_str().unwrap();
        let sent = if composite {
            format!("old;{token}")
        } else {
            token.to_owned()
        };
        let path = format!("/api/{api}/authenticate");
        let reply = call_as(&fixture, Some(&sent), Method::DELETE, &path, None).await;
        assert_eq!((reply.status.as_u16(), &*reply.body), (204, ""));
        let reply = call_as(&fixture, Some(token), Method::GET, &path, None).await;
        assert_eq!(reply.status, 401);
    }
    for (token, status) in [(None, 401), (Some("old"), 401), (Some("ROOT"), 422)] {
        let reply = call_as(
            &fixture,
            token,
            Method::DELETE,
            "/api/v1/authenticate",
            None,
        )
        .await;
        assert_eq!(reply.status, status, "{token:?}");
    }
}

#[tokio::test]
async fn a_second_factor_survives_a_snapshot_and_comes_from_a_seed() {
    let seed = json!({"users": [{"username": "bob", "password": "p", "two_factor": "42"}]});
    let seed = mock_atlas::Seed::from_json(&seed.to_string()).unwrap();
    let fixture = Fixture::with(|builder| builder.seed(seed)).await;
    let snapshot = crate::support::archive::snapshot(&fixture).await;
    let restored = crate::support::archive::restore(&fixture, snapshot).await;
    assert_eq!(restored.status, 204, "{restored:?}");
    let body =
        |code| json!({"user": {"login": "bob", "password": "p"}, "two_factor": {"code": code}});
    assert_eq!(log_in(&fixture, body(json!(null))).await.status, 406);
    assert_eq!(log_in(&fixture, body(json!("42"))).await.status, 200);
}
