//! Tests that a malformed request gets an error that names the mistake, and never a 500.

use std::fmt::Write;

use reqwest::Method;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::{FILE, Fixture, Reply};

const JSON: &str = "application/json";
const FORM: &str = "application/x-www-form-urlencoded";

#[tokio::test]
async fn each_mistake_is_named() {
    let fixture = Fixture::new().await;
    fixture.make_artifact("acme", "web").await;
    let artifacts = "/api/v1/artifacts";
    let long = format!(
        r#"{{"artifact":{{"username":"acme","name":"{}"}}}}"#,
        "n".repeat(51)
    );
    let mut shown = String::new();
    for (path, content_type, body) in [
        (artifacts, JSON, r#"{"artifact": {"#),
        (artifacts, JSON, "[]"),
        (artifacts, JSON, "\"text\""),
        (artifacts, JSON, ""),
        (artifacts, JSON, "{}"),
        (artifacts, JSON, r#"{"artifact": "web"}"#),
        (artifacts, JSON, r#"{"artifact": {"name": "web"}}"#),
        (
            artifacts,
            JSON,
            r#"{"artifact": {"username": "acme", "name": null}}"#,
        ),
        (
            artifacts,
            JSON,
            r#"{"artifact": {"username": "acme", "name": 5}}"#,
        ),
        (
            artifacts,
            JSON,
            r#"{"artifact": {"username": "acme", "name": ""}}"#,
        ),
        (
            artifacts,
            JSON,
            r#"{"artifact": {"username": "a/b", "name": "web"}}"#,
        ),
        (
            artifacts,
            JSON,
            r#"{"artifact": {"username": "acme", "name": ".."}}"#,
        ),
        (artifacts, JSON, &long),
        (
            artifacts,
            FORM,
            r#"{"artifact": {"username": "acme", "name": "web"}}"#,
        ),
        (artifacts, FORM, "artifact=web"),
        (artifacts, FORM, "artifact[name=web"),
        (artifacts, FORM, "artifact=web&artifact[name]=web"),
        (artifacts, "text/plain", "artifact"),
        ("/api/v1/authenticate", FORM, "user[login]=rival"),
        ("/api/v1/authenticate", FORM, "user=hunter2"),
        (
            "/api/v1/authenticate",
            JSON,
            r#"{"user": {"login": "rival", "password": 12345}}"#,
        ),
        (FILE, FORM, "artifact_version[build_id]=%2B5"),
        (artifacts, "application/vnd.atlas+json", "{}"),
        (FILE, JSON, "{}"),
        (FILE, JSON, r#"{"artifact_version": {"id": ["x"]}}"#),
        (FILE, JSON, r#"{"artifact_version": {"file": "true"}}"#),
        (FILE, FORM, "artifact_version[file]=yes"),
        (FILE, JSON, r#"{"artifact_version": {"build_id": "5"}}"#),
        (FILE, JSON, r#"{"artifact_version": {"build_id": -1}}"#),
        (FILE, JSON, r#"{"artifact_version": {"build_id": 1.5}}"#),
        (FILE, FORM, "artifact_version[compile_id]=five"),
        (FILE, JSON, r#"{"artifact_version": {"metadata": ["a"]}}"#),
        (
            FILE,
            JSON,
            r#"{"artifact_version": {"metadata": {"a": {"b": "c"}}}}"#,
        ),
        (
            FILE,
            JSON,
            r#"{"artifact_version": {"metadata": {"a": ["a long list is cut short", "so that the message stays short"]}}}"#,
        ),
        (
            "/api/v1/artifacts/acme/web/a%20type",
            JSON,
            r#"{"artifact_version": {}}"#,
        ),
    ] {
        let request = fixture
            .request(Method::POST, path)
            .header("Content-Type", content_type)
            .body(body.to_owned());
        let reply = Reply::of(request.send().await.unwrap()).await;
        assert_eq!(reply.json()["success"], json!(false), "{body}");
        let error = reply.json()["errors"][0].as_str().unwrap().to_owned();
        writeln!(
            shown,
            "POST {path} {content_type}\n  {body}\n  {} {error}\n",
            reply.status
        )
        .unwrap();
    }
    insta::assert_snapshot!(shown);
    assert!(fixture.found("").await.is_empty());
}

#[tokio::test]
async fn a_search_that_would_overlook_a_filter_is_an_error() {
    let fixture = Fixture::new().await;
    fixture.make_artifact("acme", "web").await;
    for (query, word) in [
        ("metadata.0.key=a", "counts from 1"),
        ("metadata.1.value=a", "metadata.1.key"),
    ] {
        let reply = fixture.get(&format!("{FILE}/search?{query}")).await;
        assert_eq!(reply.status, 422, "{query}");
        assert!(reply.body.contains(word), "{}", reply.body);
    }
}

#[tokio::test]
async fn an_unknown_path_is_not_found_and_an_unknown_method_is_told_the_known_ones() {
    let fixture = Fixture::new().await;
    for path in [
        "/",
        "/api/v1",
        "/api/v1/api/v1/authenticate",
        "/api/v1/artifacts/a",
        "/api/v1/authenticate/",
    ] {
        let reply = fixture.get(path).await;
        assert_eq!(reply.status, 404, "{path}");
        assert_eq!(reply.json()["errors"], json!(["Resource not found!"]));
    }
    for (method, path, allow) in [
        (Method::PUT, "/api/v1/authenticate", "GET,HEAD,POST,DELETE"),
        (Method::GET, "/api/v1/artifacts", "POST"),
        (Method::PUT, "/api/v1/artifacts/acme/web", "GET,HEAD"),
        (Method::GET, "/_binstore/x", "PUT"),
    ] {
        let response = fixture.request(method, path).send().await.unwrap();
        assert_eq!(response.status(), 405, "{path}");
        assert_eq!(response.headers()["allow"], allow);
        assert_eq!(Reply::of(response).await.json()["success"], json!(false));
    }
}

#[tokio::test]
async fn names_in_a_path_that_nothing_can_have_are_not_found() {
    let fixture = Fixture::new().await;
    for path in [
        "/api/v1/artifacts/%ff/web",
        "/api/v1/artifacts/a%20b/web",
        "/api/v1/artifacts/a%2fb/web",
    ] {
        assert_eq!(fixture.get(path).await.status, 404, "{path}");
    }
}

#[tokio::test]
async fn parameters_over_the_limit_are_refused() {
    let fixture = Fixture::new().await;
    let body = format!("{{\"artifact\": \"{}\"}}", "x".repeat(9 * 1024 * 1024));
    let request = fixture
        .request(Method::POST, "/api/v1/artifacts")
        .body(body);
    assert_eq!(request.send().await.unwrap().status(), 413);
}

#[tokio::test]
async fn whoever_writes_all_before_reading_learns_why_it_was_refused() {
    let fixture = Fixture::new().await;
    let host = fixture.atlas.url().strip_prefix("http://").unwrap();
    let body = vec![b' '; 20 * 1024 * 1024];
    for (request, token, status) in [
        ("POST /_mock/seed", "ROOT", "413"),
        ("POST /_mock/restore", "WRONG", "401"),
        ("POST /api/v1/artifacts", "WRONG", "401"),
        ("POST /api/v1/artifacts/acme/web", "ROOT", "405"),
        ("POST /nowhere", "ROOT", "404"),
    ] {
        let mut stream = TcpStream::connect(host).await.unwrap();
        let head = format!(
            "{request} HTTP/1.1\r\nHost: localhost\r\nX-Atlas-Token: {token}\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        let written = stream.write_all(&body).await;
        assert!(written.is_ok(), "{request}: {written:?}");
        let mut reply = [0; 12];
        stream.read_exact(&mut reply).await.unwrap();
        assert_eq!(reply, format!("HTTP/1.1 {status}").as_bytes(), "{request}");
    }
}

#[tokio::test]
async fn a_broken_request_does_not_stop_the_emulator() {
    let fixture = Fixture::new().await;
    let host = fixture.atlas.url().strip_prefix("http://").unwrap();
    for bytes in [
        &b"\0\0\0\0\r\n\r\n"[..],
        b"GET / HTTP/9\r\n\r\n",
        b"PUT /_binstore/x HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n",
        b"POST /api/v1/artifacts HTTP/1.1\r\nHost: \xff\r\nX-Atlas-Token: ROOT\r\nContent-Length: 9\r\n\r\nhalf",
    ] {
        let mut stream = TcpStream::connect(host).await.unwrap();
        stream.write_all(bytes).await.unwrap();
        stream.shutdown().await.unwrap();
        let mut reply = Vec::new();
        let _ = stream.read_to_end(&mut reply).await;
        let reply = String::from_utf8_lossy(&reply);
        assert!(reply.is_empty() || reply.starts_with("HTTP/1.1 4"), "{reply}");
    }
    assert_eq!(fixture.get("/api/v1/authenticate").await.status, 200);
}

#[tokio::test]
async fn a_text_that_a_database_could_not_hold_is_refused() {
    let fixture = Fixture::new().await;
    fixture.make_artifact("acme", "web").await;
    let version = json!({"artifact_version": {"id": "a\0b"}});
    let login = json!({"user": {"login": "rival\0", "password": "secret"}});
    let token = json!({"token": {"username": "rival", "description": "\0"}});
    for (path, body) in [
        (FILE, version),
        ("/api/v2/authenticate", login),
        ("/_mock/tokens", token),
    ] {
        let reply = fixture.post(path, body).await;
        assert_eq!(reply.status, 422, "{path}: {}", reply.body);
        assert!(reply.body.contains("NUL"), "{path}: {}", reply.body);
    }
}
