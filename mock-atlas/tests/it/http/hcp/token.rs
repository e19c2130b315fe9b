//! Tests `POST /oauth2/token`.

use std::time::{Duration, SystemTime};

use mock_atlas::Clock;
use reqwest::{Method, RequestBuilder, Response};
use serde_json::{Value, json};

use super::{Hcp, path_of};
use crate::support::Fixture;

const GRANT: (&str, &str) = ("grant_type", "client_credentials");

fn ask(fixture: &Fixture) -> RequestBuilder {
    fixture.anonymous(Method::POST, "/oauth2/token")
}

async fn body_of(response: Response) -> (u16, Value) {
    (response.status().as_u16(), response.json().await.unwrap())
}

/// Returns the access token for credentials.
async fn issued(fixture: &Fixture, id: &str, secret: &str) -> String {
    let asked = ask(fixture).basic_auth(id, Some(secret)).form(&[GRANT]);
    let (status, body) = body_of(asked.send().await.unwrap()).await;
    assert_eq!(status, 200, "{body}");
    body["access_token"].as_str().unwrap().to_owned()
}

async fn status_with(hcp: &Hcp, token: &str) -> u16 {
    let reply = hcp.call_as(token, Method::GET, "/registries", None).await;
    reply.status.as_u16()
}

#[tokio::test]
async fn a_token_of_a_user_gives_an_access_token_that_each_api_takes() {
    let hcp = Hcp::new().await;
    let fixture = &hcp.fixture;
    let asked = ask(fixture)
        .basic_auth("amy", Some("AMYS-TOKEN"))
        .form(&[GRANT, ("audience", "https://api.hashicorp.cloud")]);
    let response = asked.send().await.unwrap();
    assert_eq!(response.headers()["cache-control"], "no-store");
    let (status, body) = body_of(response).await;
    assert_eq!(status, 200, "{body}");
    assert_eq!(body["token_type"], "bearer");
    assert_eq!(body["expires_in"], 3600);
    let token = body["access_token"].as_str().unwrap();
    assert_ne!(token, "AMYS-TOKEN");
    assert_eq!(status_with(&hcp, token).await, 200);
    for path in ["/api/v1/authenticate", "/api/v2/authenticate"] {
        let asked = fixture.anonymous(Method::GET, path).bearer_auth(token);
        let (status, body) = body_of(asked.send().await.unwrap()).await;
        assert_eq!((status, &body["user"]["username"]), (200, &json!("amy")));
    }
}

#[tokio::test]
async fn credentials_may_be_in_the_body_and_be_encoded_in_the_header() {
    let hcp = Hcp::with(|builder| builder.token("a+b%2")).await;
    let fixture = &hcp.fixture;
    let form = [GRANT, ("client_id", "amy"), ("client_secret", "AMYS-TOKEN")];
    let (status, _) = body_of(ask(fixture).form(&form).send().await.unwrap()).await;
    assert_eq!(status, 200);
    let json = json!({"grant_type": "client_credentials", "client_id": "amy",
        "client_secret": "AMYS-TOKEN"});
    let (status, _) = body_of(ask(fixture).json(&json).send().await.unwrap()).await;
    assert_eq!(status, 200);
    for secret in ["a+b%2", "a%2Bb%252"] {
        assert_eq!(
            status_with(&hcp, &issued(fixture, "atlas", secret).await).await,
            200
        );
    }
}

#[tokio::test]
async fn wrong_credentials_are_refused_as_oauth_says() {
    let hcp = Hcp::new().await;
    let fixture = &hcp.fixture;
    for (id, secret) in [
        ("amy", "wrong"),
        ("amy", ""),
        ("wendy", "AMYS-TOKEN"),
        ("eve", "AMYS-TOKEN"),
    ] {
        let in_header = ask(fixture).basic_auth(id, Some(secret)).form(&[GRANT]);
        let form = [GRANT, ("client_id", id), ("client_secret", secret)];
        for asked in [in_header, ask(fixture).form(&form)] {
            let response = asked.send().await.unwrap();
            assert!(
                response.headers()["www-authenticate"]
                    .to_str()
                    .unwrap()
                    .starts_with("Basic ")
            );
            let (status, body) = body_of(response).await;
            assert_eq!(
                (status, &body["error"]),
                (401, &json!("invalid_client")),
                "{body}"
            );
            assert!(
                body["error_description"]
                    .as_str()
                    .unwrap()
                    .contains("token")
            );
        }
    }
    let undecodable = ask(fixture)
        .header("Authorization", "Basic ?")
        .form(&[GRANT]);
    assert_eq!(body_of(undecodable.send().await.unwrap()).await.0, 401);
}

#[tokio::test]
async fn a_request_without_the_grant_is_invalid() {
    let hcp = Hcp::new().await;
    for (body, error) in [
        ("", "invalid_request"),
        ("grant_type=password", "unsupported_grant_type"),
        ("grant_type[x]=1", "invalid_request"),
    ] {
        let asked = ask(&hcp.fixture)
            .basic_auth("amy", Some("AMYS-TOKEN"))
            .header("Content-Type", "application/x-www-form-urlencoded")
            .body(body);
        let (status, reply) = body_of(asked.send().await.unwrap()).await;
        assert_eq!((status, &reply["error"]), (400, &json!(error)), "{body}");
    }
    let wrong = hcp
        .fixture
        .anonymous(Method::GET, "/oauth2/token")
        .send()
        .await
        .unwrap();
    let (status, reply) = body_of(wrong).await;
    assert_eq!((status, &reply["error"]), (405, &json!("invalid_request")));
}

#[tokio::test]
async fn an_access_token_expires_and_ends_with_its_token() {
    let clock = Clock::fixed(SystemTime::UNIX_EPOCH);
    let hcp = Hcp::with(|builder| builder.clock(clock.clone())).await;
    let fixture = &hcp.fixture;
    let new = json!({"token": {"username": "amy"}});
    let made = fixture
        .mock(Method::POST, "/tokens", Some(new))
        .await
        .json();
    let (id, secret) = (
        made["id"].as_str().unwrap(),
        made["token"].as_str().unwrap(),
    );
    // The id of the token is another name of the client.
    let (short, other) = (
        issued(fixture, id, secret).await,
        issued(fixture, "amy", "AMYS-TOKEN").await,
    );
    clock.advance(Duration::from_secs(3599));
    assert_eq!(status_with(&hcp, &short).await, 200);
    clock.advance(Duration::from_secs(1));
    assert_eq!(status_with(&hcp, &short).await, 401);
    assert_eq!(status_with(&hcp, &other).await, 401);
    let (short, other) = (
        issued(fixture, id, secret).await,
        issued(fixture, "amy", "AMYS-TOKEN").await,
    );
    fixture
        .mock(Method::DELETE, &format!("/tokens/{id}"), None)
        .await;
    assert_eq!(status_with(&hcp, &short).await, 401);
    assert_eq!(status_with(&hcp, &other).await, 200);
}

#[tokio::test]
async fn an_access_token_outlives_a_reset_but_is_no_credential_itself() {
    let hcp = Hcp::new().await;
    let fixture = &hcp.fixture;
    let access = issued(fixture, "amy", "AMYS-TOKEN").await;
    fixture.mock(Method::POST, "/reset", None).await;
    assert_eq!(status_with(&hcp, &access).await, 200);
    let again = ask(fixture).basic_auth("amy", Some(&access)).form(&[GRANT]);
    assert_eq!(body_of(again.send().await.unwrap()).await.0, 401);
    let out = fixture
        .anonymous(Method::DELETE, "/api/v1/authenticate")
        .bearer_auth(&access);
    let (status, body) = body_of(out.send().await.unwrap()).await;
    assert_eq!(status, 422);
    let message = body["errors"][0].as_str().unwrap();
    assert!(message.contains("ends by itself"), "{message}");
    let changed = access.replace("hcp.", "hcp.0");
    assert_eq!(status_with(&hcp, &changed).await, 401);
}

#[tokio::test]
async fn the_journal_shows_no_credential() {
    let hcp = Hcp::new().await;
    let fixture = &hcp.fixture;
    let access = issued(fixture, "amy", "AMYS-TOKEN").await;
    let form = [GRANT, ("client_id", "amy"), ("client_secret", "AMYS-TOKEN")];
    ask(fixture).form(&form).send().await.unwrap();
    hcp.call_as(
        &access,
        Method::GET,
        &path_of(&format!("?x={access}")),
        None,
    )
    .await;
    let journal = fixture.get("/_mock/requests").await;
    let requests = journal.json()["requests"].as_array().unwrap().clone();
    assert_eq!(requests.len(), 3, "{}", journal.body);
    assert_eq!(requests[0]["route"], "/oauth2/token");
    assert_eq!(requests[0]["username"], "amy");
    assert_eq!(requests[0]["sha256"], Value::Null);
    assert_eq!(
        requests[1]["fields"],
        json!(["grant_type", "client_id", "client_secret"])
    );
    assert_eq!(requests[2]["username"], "amy");
    for secret in ["AMYS-TOKEN", &access, "QU1Z"] {
        assert!(!journal.body.contains(secret), "{secret}: {}", journal.body);
    }
    assert!(fixture.atlas.lints().is_empty());
}
