//! Tests that a client that ends its side of a connection early is answered if it waits, and is detected if it is
//! gone.

use std::sync::Arc;
use std::time::Duration;

use mock_atlas::{Builder, Request};
use reqwest::Method;
use serde_json::json;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use crate::support::trusting;
use crate::support::{FILE, Fixture, upload_path};

const SEARCH: &str = "/api/v1/artifacts/acme/web/custom.image/search";

/// Starts an emulator with a version and its file, which delays its replies to requests of these routes.
async fn slow(routes: &[&str], change: impl FnOnce(Builder) -> Builder) -> Fixture {
    let mut fixture = Fixture::with(change).await;
    if let Some(pem) = fixture.atlas.ca_pem() {
        fixture.http = trusting(pem);
    }
    fixture.make_artifact("acme", "web").await;
    // The file is too large for a reply in one piece.
    fixture.push(vec![7; 300_000].leak()).await;
    for route in routes {
        let fault = format!("{route}:delay-reply=100ms").parse().unwrap();
        fixture.atlas.add_fault(fault);
    }
    fixture
}

fn get(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: x\r\nX-Atlas-Token: ROOT\r\n\r\n")
}

async fn connect(fixture: &Fixture) -> TcpStream {
    let (_, host) = fixture.atlas.url().split_once("://").unwrap();
    TcpStream::connect(host).await.unwrap()
}

/// Connects over TLS, and makes a first request: a client that leaves before it has read what TLS itself sends
/// would reset the connection.
async fn connect_securely(fixture: &Fixture) -> impl AsyncRead + AsyncWrite + Unpin + use<> {
    let mut roots = RootCertStore::empty();
    let pem = fixture.atlas.ca_pem().unwrap();
    let ca = CertificateDer::from_pem_slice(pem.as_bytes()).unwrap();
    roots.add(ca).unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from("127.0.0.1").unwrap();
    let stream = connect(fixture).await;
    let connector = TlsConnector::from(Arc::new(config));
    let mut stream = connector.connect(name, stream).await.unwrap();
    stream
        .write_all(get("/_mock/health").as_bytes())
        .await
        .unwrap();
    while stream.read_u8().await.unwrap() != b'}' {}
    stream
}

/// Sends requests, ends this side of the connection, and returns all that is received.
async fn said(mut stream: impl AsyncRead + AsyncWrite + Unpin, requests: &str) -> String {
    stream.write_all(requests.as_bytes()).await.unwrap();
    stream.shutdown().await.unwrap();
    let mut reply = Vec::new();
    stream.read_to_end(&mut reply).await.unwrap();
    String::from_utf8(reply).unwrap()
}

/// Returns the journal's entry of a path, once there is one.
async fn journal(fixture: &Fixture, path: &str) -> Request {
    let look = async {
        loop {
            let found = fixture.atlas.requests();
            if let Some(request) = found.into_iter().find(|request| request.path == path) {
                return request;
            }
            tokio::task::yield_now().await;
        }
    };
    let found = timeout(Duration::from_secs(60), look).await;
    found.expect("the request is told")
}

#[tokio::test]
async fn a_half_closed_client_that_waits_is_answered_and_recorded_as_answered() {
    for routes in [&[][..], &["*"]] {
        let fixture = slow(routes, |builder| builder).await;
        let reply = said(connect(&fixture).await, &get(SEARCH)).await;
        assert!(reply.starts_with("HTTP/1.1 200 OK\r\n"), "{reply}");
        assert!(reply.ends_with("}]}"), "{reply}");
        // The request is in the journal before the client has the whole reply, as for other clients.
        let requests = fixture.atlas.requests();
        let last = requests.last().unwrap();
        assert_eq!((&*last.path, last.status), (SEARCH, Some(200)));

        let file = format!("{FILE}/1/file");
        let reply = said(connect(&fixture).await, &get(&file)).await;
        let (_, body) = reply.split_once("\r\n\r\n").unwrap();
        assert_eq!(body.len(), 300_000);
        assert_eq!(journal(&fixture, &file).await.status, Some(200));
    }
}

#[tokio::test]
async fn an_upload_of_a_half_closed_client_is_stored_and_answered() {
    let fixture = slow(&["upload"], |builder| builder).await;
    let version = fixture.make_version(json!({"file": true})).await;
    let url = upload_path(&version);
    let path = url.strip_prefix(fixture.atlas.url()).unwrap();
    let put = format!("PUT {path} HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nbytes");
    let reply = said(connect(&fixture).await, &put).await;
    assert!(reply.starts_with("HTTP/1.1 200 OK\r\n"), "{reply}");
    assert_eq!(fixture.found("").await, [2, 1]);
}

#[tokio::test]
async fn all_requests_that_came_before_are_answered() {
    let fixture = slow(&["search"], |builder| builder).await;
    let requests = [get(SEARCH), get("/api/v1/token"), get(SEARCH)].concat();
    let reply = said(connect(&fixture).await, &requests).await;
    assert_eq!(reply.matches("HTTP/1.1 200 OK\r\n").count(), 3, "{reply}");
    let requests = fixture.atlas.requests();
    let statuses = requests.iter().rev().take(3).map(|request| request.status);
    assert!(statuses.eq([Some(200); 3]));
}

#[tokio::test]
async fn a_half_closed_client_over_tls_is_answered_too() {
    let fixture = slow(&["*"], Builder::tls).await;
    let reply = said(connect_securely(&fixture).await, &get(SEARCH)).await;
    assert!(reply.starts_with("HTTP/1.1 200 OK\r\n"), "{reply}");
    assert_eq!(journal(&fixture, SEARCH).await.status, Some(200));
}

/// Requests a path, and closes the connection before there is a reply.
async fn leave(mut stream: impl AsyncWrite + Unpin, path: &str) {
    stream.write_all(get(path).as_bytes()).await.unwrap();
    stream.flush().await.unwrap();
}

#[tokio::test]
async fn a_client_that_is_gone_is_recorded_as_broken_off_whatever_the_reply_would_be() {
    let fixture = slow(&["*"], |builder| builder).await;
    let file = format!("{FILE}/1/file");
    for path in [SEARCH, &*file, "/api/v1/artifacts/acme/nothing"] {
        leave(connect(&fixture).await, path).await;
        assert_eq!(journal(&fixture, path).await.status, None, "{path}");
    }
    let metrics = fixture.mock(Method::GET, "/metrics", None).await.body;
    let line = "route=\"/api/v1/artifacts/{username}/{name}/{type}/search\",status=\"\"} 1\n";
    assert!(metrics.contains(line), "{metrics}");
}

#[tokio::test]
async fn a_client_that_is_gone_over_tls_is_recorded_as_broken_off_too() {
    let fixture = slow(&["*"], Builder::tls).await;
    let file = format!("{FILE}/1/file");
    for path in [SEARCH, &*file] {
        leave(connect_securely(&fixture).await, path).await;
        assert_eq!(journal(&fixture, path).await.status, None, "{path}");
    }
}

#[tokio::test]
async fn a_client_that_takes_one_reply_and_leaves_before_the_next_is_recorded_as_gone() {
    const FIRST: &str = "/api/v1/authenticate";
    // The first reply is delayed, so that the emulator has seen the client end its side.
    let fixture = slow(&["authenticate"], |builder| builder).await;
    let late = "search:delay-reply=500ms".parse().unwrap();
    fixture.atlas.add_fault(late);
    let mut stream = connect(&fixture).await;
    let requests = [get(FIRST), get(SEARCH)].concat();
    stream.write_all(requests.as_bytes()).await.unwrap();
    stream.shutdown().await.unwrap();
    let mut reply = Vec::new();
    while !reply.ends_with(b"}}") {
        reply.push(stream.read_u8().await.unwrap());
    }
    drop(stream);
    assert_eq!(journal(&fixture, FIRST).await.status, Some(200));
    assert_eq!(journal(&fixture, SEARCH).await.status, None);
}

#[tokio::test]
async fn a_client_that_resets_the_connection_keeps_no_request_waiting_whatever_else_was_sent() {
    // The requests are longer than one read.
    let many = get("/_mock/health").repeat(3000);
    for more in ["", &many] {
        let fixture = slow(&[], |builder| builder).await;
        let never = "search:latency=10000m".parse().unwrap();
        fixture.atlas.add_fault(never);
        let mut stream = connect(&fixture).await;
        let requests = [&get(SEARCH), more].concat();
        stream.write_all(requests.as_bytes()).await.unwrap();
        while fixture.atlas.faults()[0].fired == 0 {
            tokio::task::yield_now().await;
        }
        stream.set_zero_linger().unwrap();
        drop(stream);
        assert_eq!(journal(&fixture, SEARCH).await.status, None);
    }
}

#[tokio::test]
async fn a_client_that_is_gone_delays_no_stop() {
    let fixture = slow(&[], |builder| builder).await;
    let never = "search:latency=10000m".parse().unwrap();
    fixture.atlas.add_fault(never);
    for _ in 0..3 {
        leave(connect(&fixture).await, SEARCH).await;
    }
    while fixture.atlas.faults()[0].fired < 3 {
        tokio::task::yield_now().await;
    }
    // The timeout is shorter than the grace of ten seconds.
    let stopped = timeout(Duration::from_secs(5), fixture.atlas.stop());
    stopped.await.unwrap();
}
