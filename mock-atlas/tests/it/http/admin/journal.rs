//! Tests the journal, through `/_mock/requests`, `MockAtlas::requests` and the command.

use mock_atlas::{Request, TokenPlace};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::support::{FILE, Fixture, Reply, begin_upload, printed, run, upload_path};

/// The BLAKE3 of `bytes`, computed by `b3sum`.
const BYTES: &str = "blake3-df19b1f105ff929191ce49d0bbfdc5b4edc2a71a40f502dc955359eb33649e24";

/// Returns the journal as the emulator's own API shows it.
async fn journal(fixture: &Fixture, query: &str) -> Value {
    let path = format!("/requests{query}");
    let reply = fixture.mock(Method::GET, &path, None).await;
    assert_eq!(reply.status, 200, "{}", reply.body);
    reply.json()
}

async fn paths(fixture: &Fixture, query: &str) -> Vec<String> {
    let journal = journal(fixture, query).await;
    let requests = journal["requests"].as_array().unwrap().iter();
    requests
        .map(|request| request["path"].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test]
async fn the_journal_shows_a_push_from_its_artifact_to_its_file() {
    let fixture = Fixture::new().await;
    fixture.make_artifact("acme", "web").await;
    let version = json!({"id": "x", "file": true, "metadata": {"os": "debian"}});
    let version = fixture.make_version(version).await;
    fixture.put(&upload_path(&version), b"bytes").await;
    let [artifact, made, upload] = &fixture.atlas.requests()[..] else {
        panic!("three requests");
    };

    assert_eq!((artifact.number, made.number, upload.number), (1, 2, 3));
    assert_eq!(artifact.route.as_deref(), Some("/api/v1/artifacts"));
    assert_eq!(
        artifact.fields,
        ["artifact", "artifact.username", "artifact.name"]
    );
    assert_eq!(artifact.version, None);

    assert_eq!(made.path, FILE);
    assert_eq!(made.username.as_deref(), Some("atlas"));
    assert_eq!(made.token, Some(TokenPlace::Header));
    assert_eq!(made.content_type.as_deref(), Some("application/json"));
    assert_eq!(made.content_length, Some(made.received));
    assert!(made.announces_file && !made.chunked);
    assert!(
        made.fields
            .contains(&"artifact_version.metadata.os".to_owned())
    );

    assert_eq!(upload.method, "PUT");
    assert_eq!(upload.path, "/_binstore/{hidden}");
    assert_eq!((upload.token, &upload.username), (None, &None));
    assert_eq!((upload.received, upload.status), (5, Some(200)));
    assert!(upload.stored && !made.stored);
    assert_eq!(upload.digest.as_deref(), Some(BYTES));
    assert_eq!(upload.version.as_deref(), Some("acme/web/custom.image/1"));
    assert_eq!(upload.version, made.version);
}

#[tokio::test]
async fn the_api_shows_the_root_token_the_same_journal_as_the_library() {
    let fixture = Fixture::new().await;
    fixture.get("/api/v1/token").await;
    let reply = journal(&fixture, "").await;
    let own = serde_json::to_value(fixture.atlas.requests()).unwrap();
    assert_eq!(reply, json!({"requests": own, "forgotten": 0}));
    assert_eq!(own[0]["token"], "header");
    for method in [Method::GET, Method::DELETE] {
        let ask = || fixture.anonymous(method.clone(), "/_mock/requests");
        for request in [ask(), ask().bearer_auth("RIVAL")] {
            assert_eq!(request.send().await.unwrap().status(), 401);
        }
    }
}

#[tokio::test]
async fn filters_narrow_the_list_and_a_wrong_one_is_an_error() {
    let fixture = Fixture::new().await;
    fixture.make_artifact("acme", "web").await;
    fixture.push(b"bytes").await;
    fixture.get("/api/v1/artifacts/acme/web").await;
    fixture.get("/api/v1/artifacts/acme/other").await;
    let artifact = "/api/v1/artifacts/acme/web";
    for (query, expected) in [
        ("?method=put", &["/_binstore/{hidden}"][..]),
        ("?route=/_binstore/%7Bupload%7D", &["/_binstore/{hidden}"]),
        ("?route=/api/v1/artifacts/acme/web", &[artifact]),
        ("?status=404", &["/api/v1/artifacts/acme/other"]),
        ("?since=4&status=404", &["/api/v1/artifacts/acme/other"]),
        ("?since=5", &[]),
    ] {
        assert_eq!(paths(&fixture, query).await, expected, "{query}");
    }
    for query in ["?path=/", "?status=x", "?route=web"] {
        let path = format!("/requests{query}");
        let reply = fixture.mock(Method::GET, &path, None).await;
        assert_eq!(reply.status, 422, "{}", reply.body);
    }
}

#[tokio::test]
async fn it_holds_as_many_as_were_asked_for_and_a_reset_leaves_it() {
    let fixture = Fixture::with(|builder| builder.journal(2)).await;
    for name in ["a", "b", "c"] {
        fixture.get(&format!("/api/v1/artifacts/acme/{name}")).await;
    }
    fixture.mock(Method::POST, "/reset", None).await;
    let kept = ["/api/v1/artifacts/acme/b", "/api/v1/artifacts/acme/c"];
    assert_eq!(paths(&fixture, "").await, kept);
    assert_eq!(journal(&fixture, "").await["forgotten"], 1);
    let cleared = fixture.mock(Method::DELETE, "/requests", None).await;
    assert_eq!(cleared.status, 204);
    let nothing = json!({"requests": [], "forgotten": 0});
    assert_eq!(journal(&fixture, "").await, nothing);

    let off = Fixture::with(|builder| builder.journal(0)).await;
    off.get("/api/v1/token").await;
    assert_eq!(journal(&off, "").await, nothing);
}

#[tokio::test]
async fn the_journal_shows_the_place_of_a_token_and_no_user_for_an_unknown_one() {
    let fixture = Fixture::new().await;
    let token = || fixture.anonymous(Method::GET, "/api/v1/token");
    let query = fixture.anonymous(Method::GET, "/api/v1/token?access_token=RIVAL");
    for request in [
        token(),
        token().bearer_auth("RIVAL"),
        token().header("X-Atlas-Token", "RIVAL"),
        token().bearer_auth("unknown"),
        query,
    ] {
        request.send().await.unwrap();
    }
    let requests = fixture.atlas.requests();
    let tokens: Vec<_> = requests
        .iter()
        .map(|request| (request.token, request.username.as_deref()))
        .collect();
    let rival = Some("rival");
    let expected = [
        (None, None),
        (Some(TokenPlace::Bearer), rival),
        (Some(TokenPlace::Header), rival),
        (Some(TokenPlace::Bearer), None),
        (Some(TokenPlace::Query), rival),
    ];
    assert_eq!(tokens, expected);
}

/// Sends the head of an upload and some of its bytes, and closes the connection.
async fn break_off(url: &str) {
    let mut stream = begin_upload(url, "Content-Length: 9\r\nExpect: 100-continue\r\n").await;
    let mut asked = [0; 25];
    stream.read_exact(&mut asked).await.unwrap();
    stream.write_all(b"half").await.unwrap();
}

#[tokio::test]
async fn the_journal_shows_an_upload_that_broke_off_without_a_digest() {
    let fixture = Fixture::new().await;
    fixture.make_artifact("acme", "web").await;
    let version = fixture.make_version(json!({"file": true})).await;
    break_off(&upload_path(&version)).await;
    let upload: Request = loop {
        match fixture.atlas.requests().pop() {
            Some(request) if request.method == "PUT" => break request,
            _ => tokio::task::yield_now().await,
        }
    };
    assert_eq!(upload.digest, None);
    assert!(!upload.stored);
    assert_eq!(upload.content_length, Some(9));
    assert_eq!(upload.version.as_deref(), Some("acme/web/custom.image/1"));
}

#[tokio::test]
async fn no_token_no_password_and_no_upload_path_is_in_the_journal() {
    let fixture = Fixture::new().await;
    fixture.make_artifact("acme", "web").await;
    let version = fixture.push(b"bytes").await;
    let upload = version["upload_token"].as_str().unwrap();
    let login = json!({"user": {"login": "rival", "password": "secret"}});
    let token = fixture.post("/api/v1/authenticate", login.clone()).await;
    let token = token.json()["token"].as_str().unwrap().to_owned();
    // A login has the wrong form, and other requests have secrets in wrong places.
    let ask = |path: String| fixture.http.post(format!("{}{path}", fixture.atlas.url()));
    for request in [
        ask("/api/v1/authenticate".to_owned())
            .header("Content-Type", "application/x-www-form-urlencoded")
            .body(login.to_string()),
        ask(format!(
            "/api/v1/artifacts/{token}?access_token={token}&x={token}"
        )),
        ask(format!("/api/v1/_binstore/{upload}?upload_token={upload}")),
        ask("/api/v1/artifacts".to_owned())
            .bearer_auth(&token)
            .header("X-Request-Id", &token)
            .header("Content-Type", format!("application/json; x={token}"))
            .body(json!({ token.as_str(): {upload: 1} }).to_string()),
    ] {
        request.send().await.unwrap();
    }
    let shown = journal(&fixture, "").await.to_string();
    assert_eq!(fixture.atlas.requests().len(), 8);
    for secret in [&*token, upload, "secret", "ROOT", "password\\\""] {
        assert!(!shown.contains(secret), "{secret}: {shown}");
    }
    // A password could be guessed from the digest of its body.
    let logins = journal(&fixture, "?route=/api/v1/authenticate").await;
    assert_eq!(logins["requests"].as_array().unwrap().len(), 2);
    assert!(logins["requests"][0]["digest"].is_null() && logins["requests"][1]["digest"].is_null());
}

#[tokio::test]
async fn the_command_lists_and_clears_them() {
    let fixture = Fixture::new().await;
    fixture.make_artifact("acme", "web").await;
    fixture.push(b"bytes").await;
    let atlas = &fixture.atlas;
    let arguments = [
        "requests",
        "--route",
        "/_binstore/{upload}",
        "--status",
        "200",
    ];
    let line = printed(atlas, &arguments).await;
    let cells: Vec<&str> = line.split_whitespace().collect();
    assert_eq!(
        (cells[0], cells[2], cells[3]),
        ("3", "PUT", "/_binstore/{hidden}")
    );
    assert_eq!((cells[4], cells[5], cells[6]), ("200", "5", "-"));
    let arguments = ["requests", "--since", "2", "--output", "json"];
    let page: Value = serde_json::from_str(&printed(atlas, &arguments).await).unwrap();
    assert_eq!(page["requests"].as_array().unwrap().len(), 1);

    let both = run(atlas, "ROOT", &["requests", "--clear", "--status", "200"]).await;
    assert_eq!(both.status.code(), Some(2));
    assert_eq!(printed(atlas, &["requests", "--clear"]).await, "");
    assert_eq!(printed(atlas, &["requests"]).await, "");
}

#[tokio::test]
async fn a_path_that_is_not_known_has_no_route() {
    let fixture = Fixture::new().await;
    let request = fixture.anonymous(Method::GET, "/api/v1/api/v1/token?version=1");
    assert_eq!(Reply::of(request.send().await.unwrap()).await.status, 404);
    let [request] = &fixture.atlas.requests()[..] else {
        panic!("one request");
    };
    assert_eq!(request.route, None);
    assert_eq!(request.query.as_deref(), Some("version=1"));
    assert_eq!(request.status, Some(404));
}

#[tokio::test]
async fn a_short_token_hides_nothing_but_itself() {
    let fixture = Fixture::with(|builder| builder.token("T")).await;
    let request = fixture.anonymous(Method::POST, "/api/v1/artifacts");
    let request = request.bearer_auth("T").header("X-Request-Id", "aTb");
    let body = json!({"artifact": {"username": "acme", "name": "Tag"}});
    assert_eq!(request.json(&body).send().await.unwrap().status(), 200);
    let [request] = &fixture.atlas.requests()[..] else {
        panic!("one request");
    };
    assert_eq!((&*request.method, &*request.id), ("POST", "aTb"));
}

#[tokio::test]
async fn a_request_is_in_the_journal_before_its_client_has_all_of_the_reply() {
    let fixture = Fixture::new().await;
    fixture.make_artifact("acme", "web").await;
    let large: &[u8] = vec![7; 3_000_000].leak();
    fixture.push(large).await;
    for round in 1..20 {
        let url = format!("{}{FILE}/1/file", fixture.atlas.url());
        let request = fixture.http.get(url).bearer_auth("ROOT").send();
        let bytes = request.await.unwrap().bytes().await.unwrap();
        let requests = fixture.atlas.requests();
        assert_eq!((bytes.len(), requests.len()), (large.len(), 3 + round));
    }
}
