//! Provides a server that answers each request as a closure says, over bare TCP: its replies may be wrong in
//! ways that no HTTP library would allow.

use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// A request as it was received.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) target: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Request {
    /// Returns the value of a header, given its name in lower case.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(key, _)| key == name);
        found.map(|(_, value)| value.as_str())
    }

    pub(crate) fn is_search(&self) -> bool {
        self.target.contains("/search")
    }

    pub(crate) fn line(&self) -> String {
        format!("{} {}", self.method, self.target)
    }
}

/// A reply.
#[derive(Debug, Clone)]
pub(crate) enum Reply {
    /// A status, additional headers and a body.
    Status(u16, Vec<(String, String)>, Vec<u8>),
    /// A Content-Length for the whole body, and half of the body.
    Half(Vec<u8>),
    /// `Half` with additional headers.
    HalfOf(Vec<(String, String)>, Vec<u8>),
    /// No reply: the connection is closed.
    Hangup,
    /// No reply: the connection is closed before the body of the request was read.
    HangupEarly,
    /// No reply: the connection is reset after this number of bytes of the request's body.
    ResetAfter(u64),
    /// No reply, while the connection stays open.
    Silence,
    /// These bytes.
    Raw(Vec<u8>),
    /// These bytes, and nothing more, while the connection stays open.
    Stall(Vec<u8>),
    /// This status, and a chunked body of this number of bytes: far more than a client should read.
    Long(u16, usize),
    /// This reply, sent before the body of the request is read and discarded.
    Early(Box<Reply>),
    /// The reply of the server with this URL, to which the request is forwarded, or another reply in its
    /// place.
    Forward(String, Option<Box<Reply>>),
}

impl Reply {
    pub(crate) fn json(status: u16, body: serde_json::Value) -> Self {
        Self::Status(status, Vec::new(), body.to_string().into_bytes())
    }

    pub(crate) fn redirect(status: u16, location: &str) -> Self {
        let location = ("Location".to_owned(), location.to_owned());
        Self::Status(status, vec![location], Vec::new())
    }

    pub(crate) fn with(self, name: &str, value: &str) -> Self {
        match self {
            Self::Status(status, mut headers, body) => {
                headers.push((name.to_owned(), value.to_owned()));
                Self::Status(status, headers, body)
            }
            Self::Half(body) => Self::HalfOf(vec![(name.to_owned(), value.to_owned())], body),
            Self::HalfOf(mut headers, body) => {
                headers.push((name.to_owned(), value.to_owned()));
                Self::HalfOf(headers, body)
            }
            other => other,
        }
    }
}

/// A running server. It stops on drop.
pub(crate) struct Server {
    url: String,
    requests: Arc<Mutex<Vec<Request>>>,
    accepting: JoinHandle<()>,
}

impl Server {
    /// Starts a server. `answer` is called once per request, with the server's own URL and the request's
    /// head.
    pub(crate) async fn start(
        answer: impl Fn(&str, &Request) -> Reply + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let requests = Arc::new(Mutex::new(Vec::new()));
        let (own_url, log, answer) = (url.clone(), Arc::clone(&requests), Arc::new(answer));
        let accepting = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (url, log, answer) = (own_url.clone(), Arc::clone(&log), Arc::clone(&answer));
                // Many tests have a client that disconnects.
                tokio::spawn(async move {
                    serve(stream, &log, |request| answer(&url, request))
                        .await
                        .ok()
                });
            }
        });
        Self {
            url,
            requests,
            accepting,
        }
    }

    /// Starts a server for downloads only: its searches find nothing.
    pub(crate) async fn of_files(
        answer: impl Fn(&str, &Request) -> Reply + Send + Sync + 'static,
    ) -> Self {
        Self::start(move |url, request| {
            if request.is_search() {
                Reply::json(200, serde_json::json!({"versions": []}))
            } else {
                answer(url, request)
            }
        })
        .await
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    pub(crate) fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap().clone()
    }

    /// Returns all requests that are not searches.
    pub(crate) fn downloads(&self) -> Vec<Request> {
        let requests = self.requests().into_iter();
        requests.filter(|request| !request.is_search()).collect()
    }

    /// Returns method and target of each request, in order.
    pub(crate) fn lines(&self) -> Vec<String> {
        self.requests().iter().map(Request::line).collect()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn serve(
    mut stream: TcpStream,
    log: &Mutex<Vec<Request>>,
    answer: impl Fn(&Request) -> Reply,
) -> std::io::Result<()> {
    let (mut request, rest) = head(&mut stream).await?;
    let mut reply = answer(&request);
    if let Reply::Early(early) = reply {
        log.lock().unwrap().push(request);
        stream.write_all(&written(*early)).await?;
        tokio::io::copy(&mut stream, &mut tokio::io::sink()).await?;
        return Ok(());
    }
    if !matches!(reply, Reply::HangupEarly) {
        let length = request
            .header("content-length")
            .map_or(0, |length| length.parse().unwrap());
        let wanted = match reply {
            Reply::ResetAfter(bytes) => length.min(bytes),
            _ => length,
        };
        let mut body = rest;
        let missing = wanted.saturating_sub(body.len() as u64);
        (&mut stream).take(missing).read_to_end(&mut body).await?;
        request.body = body;
    }
    log.lock().unwrap().push(request.clone());
    if let Reply::Forward(upstream, instead) = reply {
        let theirs = forward(&upstream, &request).await?;
        reply = instead.map_or(Reply::Raw(theirs), |reply| *reply);
    }
    match reply {
        Reply::Silence => std::future::pending().await,
        Reply::Stall(bytes) => {
            stream.write_all(&bytes).await?;
            std::future::pending().await
        }
        Reply::Long(status, length) => long(&mut stream, status, length).await?,
        reply => stream.write_all(&written(reply)).await?,
    }
    stream.shutdown().await
}

async fn long(stream: &mut TcpStream, status: u16, length: usize) -> std::io::Result<()> {
    const CHUNK: usize = 64 * 1024;
    let head = format!("HTTP/1.1 {status} Scripted\r\nTransfer-Encoding: chunked\r\n\r\n");
    stream.write_all(head.as_bytes()).await?;
    let chunk = format!("{CHUNK:x}\r\n{}\r\n", "x".repeat(CHUNK));
    for _ in 0..length / CHUNK {
        stream.write_all(chunk.as_bytes()).await?;
    }
    stream.write_all(b"0\r\n\r\n").await
}

/// Forwards a request and returns the reply unchanged. The request keeps its `Host`, so that addresses in the
/// reply lead to this server.
async fn forward(upstream: &str, request: &Request) -> std::io::Result<Vec<u8>> {
    let address = upstream.strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(address).await?;
    let mut head = format!("{} HTTP/1.1\r\nconnection: close\r\n", request.line());
    for (name, value) in &request.headers {
        head += &format!("{name}: {value}\r\n");
    }
    stream.write_all(format!("{head}\r\n").as_bytes()).await?;
    stream.write_all(&request.body).await?;
    let mut reply = Vec::new();
    stream.read_to_end(&mut reply).await?;
    Ok(reply)
}

/// Reads the head of a request, and the part of its body that came with it.
pub(crate) async fn head(stream: &mut TcpStream) -> std::io::Result<(Request, Vec<u8>)> {
    let mut read = Vec::new();
    let end = loop {
        if let Some(at) = read.windows(4).position(|four| four == b"\r\n\r\n") {
            break at;
        }
        if stream.read_buf(&mut read).await? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
    };
    let body = read.split_off(end + 4);
    let text = String::from_utf8(read).unwrap();
    let mut lines = text.lines();
    let mut first = lines.next().unwrap().split(' ').map(str::to_owned);
    let headers = lines.filter_map(|line| line.split_once(": "));
    let request = Request {
        method: first.next().unwrap(),
        target: first.next().unwrap(),
        headers: headers
            .map(|(key, value)| (key.to_lowercase(), value.to_owned()))
            .collect(),
        body: Vec::new(),
    };
    Ok((request, body))
}

fn written(reply: Reply) -> Vec<u8> {
    let (status, headers, length, body) = match reply {
        Reply::Status(status, headers, body) => (status, headers, body.len(), body),
        Reply::Half(body) => (200, Vec::new(), body.len(), body[..body.len() / 2].to_vec()),
        Reply::HalfOf(headers, body) => (200, headers, body.len(), body[..body.len() / 2].to_vec()),
        Reply::Raw(bytes) => return bytes,
        _ => return Vec::new(),
    };
    let headers: String = headers
        .iter()
        .map(|(key, value)| format!("{key}: {value}\r\n"))
        .collect();
    let mut bytes = format!(
        "HTTP/1.1 {status} Scripted\r\n{headers}Content-Length: {length}\r\nConnection: close\r\n\r\n"
    )
    .into_bytes();
    bytes.extend(body);
    bytes
}
