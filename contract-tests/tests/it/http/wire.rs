//! The suite sends exactly these bytes, and leaves out what genuine clients leave out.

use atlas_contract_tests::{
    http::{Auth, Call, encoding::Encoding, request::Sending},
    run::{settings::Settings, target::Target},
    safety::run_prefix::RunPrefix,
    suite::context::Context,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

const TOKEN: &str = "canary-token";

struct Listener {
    listener: TcpListener,
    target: Target,
}

/// A request as it arrived: the head in lower case, and the body.
struct Arrived {
    head: String,
    body: Vec<u8>,
}

impl Listener {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let target = Target::new(Settings {
            url: format!("http://{}", listener.local_addr().unwrap()),
            token: TOKEN.to_owned(),
            namespace: "acme".to_owned(),
            ..Settings::default()
        });
        Self {
            listener,
            target: target.unwrap(),
        }
    }

    /// Receives one request, complete or cut off, and answers it with 200.
    async fn take(&self) -> Arrived {
        let (mut stream, _) = self.listener.accept().await.unwrap();
        let (mut bytes, mut buffer) = (Vec::new(), [0; 65536]);
        while !is_whole(&bytes) {
            match stream.read(&mut buffer).await {
                Ok(0) | Err(_) => break,
                Ok(read) => bytes.extend_from_slice(&buffer[..read]),
            }
        }
        // A client that interrupted its upload does not read the answer.
        let _ = stream
            .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            .await;
        split(&bytes).unwrap()
    }

    async fn upload(&self, bytes: &[u8], sending: Sending) -> (Arrived, bool) {
        let http = self.target.connect().unwrap();
        let path = format!("{}/bin/uuid?signed=yes", self.target.root());
        let (arrived, sent) = tokio::join!(self.take(), http.put(&path, bytes, sending));
        (arrived, sent.is_ok())
    }

    async fn create(&self, change: impl for<'a> Fn(Call<'a>) -> Call<'a>) -> Arrived {
        let (http, prefix) = (self.target.connect().unwrap(), RunPrefix::fresh());
        let context = Context::new(&http, self.target.facts(), &prefix, "on.the-wire");
        let call = change(context.create(&context.name()).unwrap());
        let (arrived, sent) = tokio::join!(self.take(), call.send());
        sent.unwrap();
        arrived
    }
}

fn split(bytes: &[u8]) -> Option<Arrived> {
    let end = bytes.windows(4).position(|it| it == b"\r\n\r\n")?;
    let head = String::from_utf8_lossy(&bytes[..end]).to_ascii_lowercase();
    Some(Arrived {
        head,
        body: bytes[end + 4..].to_vec(),
    })
}

fn is_whole(bytes: &[u8]) -> bool {
    split(bytes).is_some_and(|arrived| {
        let length = arrived
            .head
            .lines()
            .find_map(|line| line.strip_prefix("content-length: "));
        match length {
            Some(length) => arrived.body.len() >= length.parse().unwrap(),
            None => arrived.body.ends_with(b"0\r\n\r\n"),
        }
    })
}

#[tokio::test]
async fn an_upload_carries_no_token_no_type_and_no_query() {
    let listener = Listener::start().await;
    let (arrived, sent) = listener.upload(b"the bytes", Sending::Sized).await;
    assert!(sent);
    assert!(
        arrived.head.starts_with("put /bin/uuid http/1.1\r\n"),
        "{}",
        arrived.head
    );
    assert!(
        arrived.head.contains("\r\ncontent-length: 9"),
        "{}",
        arrived.head
    );
    for absent in [
        "content-type",
        "x-atlas-token",
        "authorization",
        TOKEN,
        "transfer-encoding",
    ] {
        assert!(!arrived.head.contains(absent), "{}", arrived.head);
    }
    assert_eq!(arrived.body, b"the bytes");
}

#[tokio::test]
async fn a_chunked_upload_has_no_length() {
    let listener = Listener::start().await;
    let (arrived, sent) = listener.upload(b"the bytes", Sending::Chunked).await;
    assert!(sent);
    assert!(
        arrived.head.contains("\r\ntransfer-encoding: chunked"),
        "{}",
        arrived.head
    );
    assert!(!arrived.head.contains("content-length"), "{}", arrived.head);
    assert_eq!(arrived.body, b"9\r\nthe bytes\r\n0\r\n\r\n");
}

#[tokio::test]
async fn a_broken_upload_announces_more_than_it_brings_and_brings_something() {
    let listener = Listener::start().await;
    let bytes = vec![b'x'; 1_000_000];
    let (arrived, _) = listener.upload(&bytes, Sending::Interrupted).await;
    assert!(
        arrived.head.contains("\r\ncontent-length: 2000000"),
        "{}",
        arrived.head
    );
    assert!(
        !arrived.body.is_empty() && arrived.body.len() <= bytes.len(),
        "{}",
        arrived.body.len()
    );
}

#[tokio::test]
async fn bare_json_has_no_content_type_and_a_form_has_its_own() {
    let listener = Listener::start().await;
    let bare = listener
        .create(|call| call.encoded(Encoding::BareJson))
        .await;
    assert!(!bare.head.contains("content-type"), "{}", bare.head);
    assert!(
        bare.head.contains("\r\nx-atlas-token: canary-token"),
        "{}",
        bare.head
    );
    let form = listener
        .create(|call| call.encoded(Encoding::CurlForm))
        .await;
    assert!(
        form.head
            .contains("\r\ncontent-type: application/x-www-form-urlencoded"),
        "{}",
        form.head
    );
}

#[tokio::test]
async fn a_token_is_only_where_it_was_put() {
    let listener = Listener::start().await;
    let bearer = listener.create(|call| call.auth(Auth::Bearer(TOKEN))).await;
    assert!(
        bearer
            .head
            .contains("\r\nauthorization: bearer canary-token"),
        "{}",
        bearer.head
    );
    assert_eq!(bearer.head.matches(TOKEN).count(), 1);
    let query = listener.create(|call| call.auth(Auth::Query(TOKEN))).await;
    assert!(
        query
            .head
            .starts_with("post /api/v1/artifacts?access_token=canary-token http/1.1")
    );
    assert_eq!(query.head.matches(TOKEN).count(), 1);
    let nowhere = listener.create(|call| call.auth(Auth::Anonymous)).await;
    assert!(!nowhere.head.contains(TOKEN), "{}", nowhere.head);
}

#[tokio::test]
async fn each_call_can_ask_for_the_connection_to_be_closed() {
    let listener = Listener::start().await;
    let arrived = listener.create(|call| call.closing()).await;
    assert!(
        arrived.head.contains("\r\nconnection: close"),
        "{}",
        arrived.head
    );
}
