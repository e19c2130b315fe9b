//! Tests how the library starts and stops emulators.

use std::io::ErrorKind;

use mock_atlas::{MockAtlas, StartError, User, serve};
use reqwest::Method;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::support::{Fixture, status_of};

#[tokio::test]
async fn each_emulator_has_its_own_port_token_and_artifacts() {
    let (a, b) = (
        MockAtlas::start().await.unwrap(),
        MockAtlas::start().await.unwrap(),
    );
    assert_ne!(a.url(), b.url());
    assert_ne!(a.token(), b.token());
}

#[tokio::test]
async fn what_a_failing_test_prints_of_it_has_no_secret() {
    let user = User::new("amy").password("canary-1").token("canary-2");
    let builder = MockAtlas::builder().token("canary-3").user(user.clone());
    let printed = format!("{user:?} {builder:?}");
    let atlas = builder.start().await.unwrap();
    let printed = format!("{printed} {atlas:?}");
    assert!(!printed.contains("canary"), "{printed}");
    assert!(printed.contains("\"amy\"") && printed.contains(atlas.url()));
}

#[tokio::test]
async fn dropping_it_ends_its_connections_and_frees_its_port() {
    let fixture = Fixture::new().await;
    let host = fixture
        .atlas
        .url()
        .strip_prefix("http://")
        .unwrap()
        .to_owned();
    // The request never ends, since its body does not arrive.
    let mut stream = TcpStream::connect(&host).await.unwrap();
    let head = "POST /api/v1/artifacts HTTP/1.1\r\nHost: x\r\nX-Atlas-Token: ROOT\r\nContent-Length: 9\r\n\r\n";
    stream.write_all(head.as_bytes()).await.unwrap();
    drop(fixture);
    let mut rest = Vec::new();
    let ended = stream.read_to_end(&mut rest).await;
    assert!(ended.is_ok_and(|len| len == 0) || rest.is_empty());
    // The port can be bound once the connection has ended.
    TcpListener::bind(&host).await.unwrap();
}

#[tokio::test]
async fn stopping_lets_a_request_under_way_end() {
    let fixture = Fixture::new().await;
    let host = fixture
        .atlas
        .url()
        .strip_prefix("http://")
        .unwrap()
        .to_owned();
    let mut stream = TcpStream::connect(&host).await.unwrap();
    let body = r#"{"artifact":{"username":"acme","name":"web"}}"#;
    let head = format!(
        "POST /api/v1/artifacts HTTP/1.1\r\nHost: x\r\nX-Atlas-Token: ROOT\r\nExpect: 100-continue\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    // `100 Continue` shows that the request is under way.
    let mut asked = [0; 25];
    stream.read_exact(&mut asked).await.unwrap();
    assert!(asked.starts_with(b"HTTP/1.1 100"));

    let stopping = tokio::spawn(fixture.atlas.stop());
    while TcpStream::connect(&host).await.is_ok() {
        tokio::task::yield_now().await;
    }
    stream.write_all(body.as_bytes()).await.unwrap();
    let mut reply = String::new();
    stream.read_to_string(&mut reply).await.unwrap();
    assert!(reply.starts_with("HTTP/1.1 200"), "{reply}");
    stopping.await.unwrap();
}

#[tokio::test]
async fn the_router_can_be_served_on_a_listener_of_ones_own() {
    let router = MockAtlas::builder().token("T").router().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!(
        "http://{}/api/v1/token?access_token=T",
        listener.local_addr().unwrap()
    );
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let server = tokio::spawn(serve(listener, router, async { drop(stopped.await) }));
    assert_eq!(status_of(&url).await, Some(200));
    stop.send(()).unwrap();
    server.await.unwrap().unwrap();
    assert_eq!(status_of(&url).await, None);
}

#[tokio::test]
async fn what_cannot_be_started_says_why() {
    let builder = MockAtlas::builder;
    let taken = MockAtlas::start().await.unwrap();
    let address = taken
        .url()
        .strip_prefix("http://")
        .unwrap()
        .parse()
        .unwrap();
    let error = builder().listen(address).start().await.unwrap_err();
    assert!(
        matches!(error, StartError::Listen { error, .. } if error.kind() == ErrorKind::AddrInUse)
    );

    let mut messages = String::new();
    for builder in [
        builder().token(""),
        builder().token("two\nlines"),
        builder().token("T").user(User::new("amy").token("T")),
        builder().user(User::new("a/b")),
        builder().public_artifact("acme"),
        builder().public_artifact("acme/a b"),
        builder()
            .public_artifact("acme/web")
            .public_artifact("acme/web"),
        builder().public_url("proxy.test"),
        builder().public_url("ftp://proxy.test"),
        builder().public_url("http://proxy.test/?x=y"),
        builder().public_url("http://proxy.test/#x"),
    ] {
        messages.push_str(&format!("{}\n", builder.router().unwrap_err()));
    }
    insta::assert_snapshot!(messages);
}

#[tokio::test]
async fn an_idle_connection_does_not_delay_a_stop() {
    let fixture = Fixture::new().await;
    let reply = fixture
        .request(Method::GET, "/api/v1/token")
        .send()
        .await
        .unwrap();
    assert_eq!(reply.status(), 200);
    // The client keeps its connection open. The timeout is shorter than the grace of ten seconds.
    tokio::time::timeout(std::time::Duration::from_secs(5), fixture.atlas.stop())
        .await
        .unwrap();
}
