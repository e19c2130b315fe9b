//! Runs a proxy between one push and the Atlas that applies the faults of the plan. It works on bytes,
//! because no library for HTTP would allow such errors.

use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use super::http::{Head, Reply, made_up};
use super::plan::{Answer, Fault, Moment, Plan, Route};

/// The time between an answer and the late execution of its request, short enough that a client still checks
/// for the result.
const LATE: Duration = Duration::from_millis(30);

/// The time for which a connection stays open if its request was not read: closing it would destroy the
/// reply.
const LINGER: Duration = Duration::from_millis(250);

/// The time limit for a client.
const LIMIT: Duration = Duration::from_secs(60);

/// The text that is inserted into a tag that must not be taken for a digest.
const OPAQUE: &str = "opaque-";

/// A page that a network shows to users who have not signed in.
const PAGE: &str = "<!DOCTYPE html><title>Welcome</title><p>Please sign in.";

/// A proxy of one push; it stops on drop.
pub(crate) struct Proxy {
    url: String,
    shared: Arc<Shared>,
    accepting: JoinHandle<()>,
}

struct Shared {
    /// The host and port of the Atlas.
    upstream: String,
    /// Whether downloads keep the digest that is the Atlas' `ETag`.
    has_digest: bool,
    plan: Mutex<Plan>,
    journal: Mutex<Vec<String>>,
    /// The number of open connections.
    open: watch::Sender<usize>,
}

impl Proxy {
    pub(crate) async fn start(atlas: &str, plan: Plan, has_digest: bool) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let shared = Arc::new(Shared {
            upstream: atlas.strip_prefix("http://").unwrap().to_owned(),
            has_digest,
            plan: Mutex::new(plan),
            journal: Mutex::default(),
            open: watch::Sender::new(0),
        });
        let accepting = tokio::spawn(accept(listener, Arc::clone(&shared)));
        Self {
            url,
            shared,
            accepting,
        }
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Gives access to the plan.
    pub(crate) fn plan<T>(&self, with: impl FnOnce(&mut Plan) -> T) -> T {
        with(&mut self.shared.plan.lock().unwrap())
    }

    /// Adds a line to the journal of this push.
    pub(crate) fn note(&self, line: impl Into<String>) {
        self.shared.note(line.into());
    }

    pub(crate) fn journal(&self) -> Vec<String> {
        self.shared.journal.lock().unwrap().clone()
    }

    /// Waits until all requests have ended. The clients must be gone.
    pub(crate) async fn quiet(&self) {
        let mut open = self.shared.open.subscribe();
        let none = timeout(LIMIT, open.wait_for(|open| *open == 0)).await;
        none.expect("a connection did not end").unwrap();
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    while let Ok((stream, _)) = listener.accept().await {
        let shared = Arc::clone(&shared);
        shared.open.send_modify(|open| *open += 1);
        tokio::spawn(async move {
            // A client may disconnect at any time.
            let _ = timeout(LIMIT, shared.serve(stream)).await;
            shared.open.send_modify(|open| *open -= 1);
        });
    }
}

/// A request, with the part of its body that was read.
struct Request {
    head: Head,
    body: Vec<u8>,
}

impl Request {
    /// Reads the body up to `length` bytes. Returns the bytes after those.
    async fn read_to(&mut self, length: usize, stream: &mut TcpStream) -> io::Result<Vec<u8>> {
        let missing = length.saturating_sub(self.body.len());
        let mut rest = stream.take(missing as u64);
        if rest.read_to_end(&mut self.body).await? < missing {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(self.body.split_off(length))
    }
}

impl Shared {
    fn note(&self, line: String) {
        self.journal.lock().unwrap().push(line);
    }

    /// Serves the requests of a connection until one has a fault or no more come.
    async fn serve(&self, mut stream: TcpStream) -> io::Result<()> {
        let mut body = Vec::new();
        while let Some(head) = Head::read(&mut stream, &mut body).await? {
            let (method, target) = head.request();
            let line = format!("{method} {target}");
            let route = Route::of(method, target, head.header("range").is_some());
            let fault = self.plan.lock().unwrap().draw(route);
            let mut request = Request { head, body };
            if let Some(fault) = fault {
                self.note(format!("{line} -> {fault}"));
                return self.apply_fault(stream, request, fault).await;
            }
            let length = request.head.content_length();
            body = request.read_to(length, &mut stream).await?;
            let reply = self.forward(&request).await?;
            self.note(format!("{line} -> {}", reply.head.start()));
            stream.write_all(&reply.to_bytes()).await?;
        }
        Ok(())
    }

    async fn apply_fault(
        &self,
        mut stream: TcpStream,
        mut request: Request,
        fault: Fault,
    ) -> io::Result<()> {
        let Fault { moment, answer } = fault;
        let length = request.head.content_length();
        let wanted = match moment {
            Moment::Early => 0,
            Moment::Half => length / 2,
            Moment::Instead | Moment::After | Moment::Late => length,
        };
        if wanted > 0 {
            request.read_to(wanted, &mut stream).await?;
        }
        let reply = match moment {
            Moment::Half => {
                self.forward(&request).await.ok();
                None
            }
            Moment::After => {
                sleep(answer.delay()).await;
                Some(self.forward(&request).await?)
            }
            Moment::Early | Moment::Instead | Moment::Late => None,
        };
        // The client may be gone; its request is carried out all the same.
        let _ = send_answer(stream, answer, reply, wanted < length).await;
        if moment == Moment::Late {
            sleep(LATE).await;
            self.forward(&request).await?;
        }
        Ok(())
    }

    /// Forwards a request as far as it was read, and returns the complete reply. The request keeps its
    /// `Host`, so that addresses in the reply lead to this proxy.
    async fn forward(&self, request: &Request) -> io::Result<Reply> {
        let mut head = request.head.clone();
        head.set("Connection", Some("close"));
        if !self.has_digest {
            head.change("If-Range", |tag| tag.replace(OPAQUE, ""));
        }
        let mut stream = TcpStream::connect(&self.upstream).await?;
        stream.write_all(&head.to_bytes()).await?;
        stream.write_all(&request.body).await?;
        if request.body.len() < head.content_length() {
            stream.shutdown().await?;
        }
        let mut body = Vec::new();
        stream.read_to_end(&mut body).await?;
        let mut head = Head::split(&mut body).ok_or(io::ErrorKind::UnexpectedEof)?;
        head.set("Connection", None);
        if !self.has_digest {
            head.change("ETag", |tag| tag.replacen('"', &format!("\"{OPAQUE}"), 1));
        }
        Ok(Reply { head, body })
    }
}

/// Sends the client its answer, and closes the connection.
async fn send_answer(
    mut stream: TcpStream,
    answer: Answer,
    reply: Option<Reply>,
    is_unread: bool,
) -> io::Result<()> {
    if answer == Answer::Reset {
        return stream.set_zero_linger();
    }
    sleep(answer.delay()).await;
    stream.write_all(&bytes_of(answer, reply)).await?;
    if answer.leaves_open() {
        let mut rest = Vec::new();
        return stream.read_to_end(&mut rest).await.map(|_| ());
    }
    stream.shutdown().await?;
    if is_unread {
        sleep(LINGER).await;
    }
    Ok(())
}

/// Returns the bytes of an answer.
fn bytes_of(answer: Answer, reply: Option<Reply>) -> Vec<u8> {
    match answer {
        Answer::Reset | Answer::Close | Answer::Silence => Vec::new(),
        Answer::Status(status, wait) => {
            let wait = wait.map(|seconds| format!("Retry-After: {seconds}\r\n"));
            let errors = r#"{"errors":["spoilt"],"success":false}"#;
            made_up(
                &format!("{status} Spoilt"),
                &wait.unwrap_or_default(),
                errors,
            )
        }
        Answer::Portal => made_up("200 OK", "Content-Type: text/html\r\n", PAGE),
        Answer::Success => made_up("200 OK", "Content-Type: application/json\r\n", "{}"),
        Answer::Redirect => made_up("302 Found", "", ""),
        Answer::Stub => b"HTTP/1.1 500 Spoilt\r\nContent-Length: 100\r\n\r\n{\"e".to_vec(),
        Answer::CutHead
        | Answer::CutBody
        | Answer::StalledBody
        | Answer::Delayed(_)
        | Answer::Shortened(_) => reply
            .map(|reply| altered(answer, reply))
            .unwrap_or_default(),
    }
}

/// Returns the bytes of a genuine reply that an answer changes or cuts.
fn altered(answer: Answer, mut reply: Reply) -> Vec<u8> {
    let length = reply.body.len();
    match answer {
        Answer::CutHead => {
            let head = reply.head.to_bytes();
            return head[..head.len() / 2].to_vec();
        }
        Answer::CutBody | Answer::StalledBody => reply.body.truncate(length / 2),
        Answer::Shortened(quarters) => {
            reply.body.truncate(length * usize::from(quarters) / 4);
            let length = reply.body.len().to_string();
            reply.head.set("Content-Length", Some(&length));
        }
        _ => reply.head.set("Connection", Some("close")),
    }
    reply.to_bytes()
}
