//! A receiver of webhooks, which answers as a test tells it.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use sha2::{Digest, Sha256};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// The longest wait of a test.
pub(crate) const LONGEST: Duration = Duration::from_secs(60);

/// A request that came.
#[derive(Clone, Debug)]
pub(crate) struct Received {
    pub(crate) path: String,
    pub(crate) headers: HashMap<String, String>,
    pub(crate) body: Vec<u8>,
}

impl Received {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    pub(crate) fn id(&self) -> &str {
        &self.headers["webhook-id"]
    }

    /// Checks the signature, with an HMAC that is written here for this.
    pub(crate) fn is_signed_with(&self, secret: &str) -> bool {
        let key = STANDARD
            .decode(secret.strip_prefix("whsec_").unwrap())
            .unwrap();
        let mut signed =
            format!("{}.{}.", self.id(), self.headers["webhook-timestamp"]).into_bytes();
        signed.extend_from_slice(&self.body);
        let expected = format!("v1,{}", STANDARD.encode(hmac(&key, &signed)));
        self.headers["webhook-signature"] == expected
    }
}

/// The HMAC-SHA-256 of RFC 2104, for keys of at most 64 bytes.
fn hmac(key: &[u8], text: &[u8]) -> Vec<u8> {
    let padded = |with: u8| {
        let mut block = [with; 64];
        block
            .iter_mut()
            .zip(key)
            .for_each(|(byte, key)| *byte ^= key);
        block
    };
    let inner = Sha256::new().chain_update(padded(0x36)).chain_update(text);
    let outer = Sha256::new().chain_update(padded(0x5c));
    outer.chain_update(inner.finalize()).finalize().to_vec()
}

/// A receiver on a port of this machine. The answer is a whole reply, or `None` to answer nothing.
pub(crate) struct Receiver {
    address: SocketAddr,
    count: watch::Receiver<usize>,
    received: Arc<Mutex<Vec<Received>>>,
    task: JoinHandle<()>,
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.task.abort();
    }
}

pub(crate) const OK: &str = "HTTP/1.1 204 No Content\r\n\r\n";
pub(crate) const ILL: &str = "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 3\r\n\r\nill";

impl Receiver {
    /// Starts a receiver, which answers a request with what `answer` returns for its number.
    pub(crate) async fn start(
        answer: impl Fn(usize) -> Option<String> + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (sender, count) = watch::channel(0);
        let received = Arc::<Mutex<Vec<_>>>::default();
        let (kept, answer, sender) = (Arc::clone(&received), Arc::new(answer), Arc::new(sender));
        let task = tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let (kept, answer, sender) =
                    (Arc::clone(&kept), Arc::clone(&answer), Arc::clone(&sender));
                tokio::spawn(async move {
                    serve(stream, |request| {
                        let mut all = kept.lock().unwrap();
                        all.push(request);
                        sender.send_replace(all.len());
                        answer(all.len())
                    })
                    .await;
                });
            }
        });
        Self {
            address,
            count,
            received,
            task,
        }
    }

    pub(crate) async fn fine() -> Self {
        Self::start(|_| Some(OK.to_owned())).await
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/hook?key=canary", self.address)
    }

    /// Waits until so many requests have come, and returns all.
    pub(crate) async fn wait(&self, count: usize) -> Vec<Received> {
        let mut counted = self.count.clone();
        let waited = timeout(LONGEST, counted.wait_for(|now| *now >= count)).await;
        waited.expect("not enough deliveries").unwrap();
        self.received()
    }

    pub(crate) fn received(&self) -> Vec<Received> {
        self.received.lock().unwrap().clone()
    }
}

/// Serves requests of one connection, until it ends.
async fn serve(mut stream: TcpStream, answer: impl Fn(Received) -> Option<String>) {
    let mut bytes = Vec::new();
    loop {
        let Some(request) = take(&mut bytes) else {
            let mut part = [0; 4096];
            match stream.read(&mut part).await {
                Ok(0) | Err(_) => return,
                Ok(count) => bytes.extend_from_slice(&part[..count]),
            }
            continue;
        };
        match answer(request) {
            Some(reply) => {
                if stream.write_all(reply.as_bytes()).await.is_err() {
                    return;
                }
            }
            None => return std::future::pending().await,
        }
    }
}

/// Takes a request from the bytes that have come, if it is whole.
fn take(bytes: &mut Vec<u8>) -> Option<Received> {
    let end = bytes.windows(4).position(|part| part == b"\r\n\r\n")?;
    let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
    let mut lines = head.lines();
    let path = lines.next()?.split(' ').nth(1)?.to_owned();
    let headers: HashMap<String, String> = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
        .collect();
    let len: usize = headers["content-length"].parse().unwrap();
    let body = bytes.get(end + 4..end + 4 + len)?.to_vec();
    bytes.drain(..end + 4 + len);
    Some(Received {
        path,
        headers,
        body,
    })
}
