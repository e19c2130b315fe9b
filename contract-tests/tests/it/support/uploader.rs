//! A small correct uploader over raw sockets, of which a test can make a single step wrong.

use atlas_contract_tests::client::{
    observation::Observation, recording_server::RecordingServer, scenario::Scenario,
};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// A gzip file without content.
pub(crate) const GZIP: [u8; 20] = [
    0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0,
];
const TYPE_PATH: &str = "/api/v1/artifacts/acme/web/custom.image";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    Authenticate,
    Show,
    Create,
    Version,
    Upload,
    Search,
}

/// The steps of Packer's post-processor, in order.
pub(crate) const PUSH: [Step; 5] = [
    Step::Authenticate,
    Step::Show,
    Step::Create,
    Step::Version,
    Step::Upload,
];

/// A request with everything that is sent over the wire.
pub(crate) struct RawRequest {
    pub(crate) method: String,
    pub(crate) target: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    /// The value of the Content-Length header, if there is one.
    pub(crate) length: Option<usize>,
}

impl RawRequest {
    pub(crate) fn header(&mut self, name: &str, value: &str) {
        self.headers.push((name.to_owned(), value.to_owned()));
    }

    pub(crate) fn carry(&mut self, body: &[u8]) {
        self.body = body.to_vec();
        self.length = Some(body.len());
    }

    /// Replaces a text that the body must contain.
    pub(crate) fn replace(&mut self, from: &str, to: &str) {
        let text = String::from_utf8(self.body.clone()).unwrap();
        assert!(text.contains(from), "{text}");
        self.carry(text.replace(from, to).as_bytes());
    }
}

#[derive(Clone, Copy)]
pub(crate) struct Uploader {
    pub(crate) steps: &'static [Step],
    /// Whether the version has a file.
    pub(crate) has_file: bool,
    /// The change that is made to the request of a step.
    pub(crate) change: fn(Step, &mut RawRequest),
    /// Whether it creates the artifact even if it exists.
    pub(crate) creates_always: bool,
    /// Whether it uploads a file even if the version has none.
    pub(crate) uploads_always: bool,
    /// Whether it continues after a failure, and reports a success.
    pub(crate) is_careless: bool,
    /// The success that it reports, if not the real one.
    pub(crate) says: Option<bool>,
    /// The text that it prints, given its token and its upload path.
    pub(crate) prints: fn(token: &str, upload_path: &str) -> String,
}

/// An uploader without a mistake.
pub(crate) const GOOD: Uploader = Uploader {
    steps: &PUSH,
    has_file: true,
    change: |_, _| {},
    creates_always: false,
    uploads_always: false,
    is_careless: false,
    says: None,
    prints: |_, _| String::new(),
};

impl Uploader {
    /// Pushes once to a recording server of its own, and returns the observation.
    pub(crate) async fn observed(self, scenario: Scenario) -> Observation {
        let server = RecordingServer::start(scenario, "acme/web").await.unwrap();
        let (success, output) = self.push(&server).await;
        server.observed(self.says.unwrap_or(success), output)
    }

    async fn push(&self, server: &RecordingServer) -> (bool, String) {
        let mut upload_path = String::new();
        let mut artifact_is_missing = false;
        for step in self.steps {
            let is_left_out = match step {
                Step::Create => !artifact_is_missing && !self.creates_always,
                Step::Upload => !self.has_file && !self.uploads_always,
                _ => false,
            };
            if is_left_out {
                continue;
            }
            let mut request = self.request(*step, server.token(), &upload_path);
            (self.change)(*step, &mut request);
            match (step, send(server.url(), &request).await) {
                (Step::Show, Some((404, _))) => artifact_is_missing = true,
                (Step::Version, Some((200, version))) => {
                    upload_path = version["upload_path"].as_str().unwrap().to_owned();
                }
                (_, Some((200, _))) => {}
                _ if self.is_careless => {}
                _ => return (false, (self.prints)(server.token(), &upload_path)),
            }
        }
        (true, (self.prints)(server.token(), &upload_path))
    }

    fn request(&self, step: Step, token: &str, upload_path: &str) -> RawRequest {
        let version = json!({"artifact_version": {
            "build_id": 0, "compile_id": 0, "file": self.has_file, "id": "File", "metadata": {"k": "v"},
        }});
        let (method, target, body) = match step {
            Step::Authenticate => ("GET", "/api/v1/authenticate", Value::Null),
            Step::Show => ("GET", "/api/v1/artifacts/acme/web", Value::Null),
            Step::Create => {
                let artifact = json!({"artifact": {"username": "acme", "name": "web"}});
                ("POST", "/api/v1/artifacts", artifact)
            }
            Step::Version => ("POST", TYPE_PATH, version),
            Step::Search => (
                "GET",
                "/api/v1/artifacts/acme/web/custom.image/search",
                Value::Null,
            ),
            Step::Upload => ("PUT", path_of(upload_path), Value::Null),
        };
        let mut request = RawRequest {
            method: method.to_owned(),
            target: target.to_owned(),
            headers: Vec::new(),
            body: Vec::new(),
            length: None,
        };
        match step {
            Step::Upload => request.carry(&GZIP),
            _ => request.header("X-Atlas-Token", token),
        }
        if !body.is_null() {
            request.header("Content-Type", "application/json");
            request.carry(body.to_string().as_bytes());
        }
        request
    }
}

/// Returns the path in an absolute address.
fn path_of(address: &str) -> &str {
    let rest = address.strip_prefix("http://").unwrap_or_default();
    rest.find('/').map_or("/", |at| &rest[at..])
}

/// Returns the reply's status, and its body if it is JSON, or `None` if the connection ends without a reply. After half
/// a body, no reply is awaited.
pub(crate) async fn send(url: &str, request: &RawRequest) -> Option<(u16, Value)> {
    let address = url.strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(address).await.unwrap();
    let mut head = format!("{} {} HTTP/1.1\r\n", request.method, request.target);
    let own = [("Host", address), ("Connection", "close")].map(|(name, value)| (name, value));
    let length = request.length.map(|length| length.to_string());
    let length = length.iter().map(|it| ("Content-Length", it.as_str()));
    let given = request
        .headers
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()));
    for (name, value) in own.into_iter().chain(length).chain(given) {
        head += &format!("{name}: {value}\r\n");
    }
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(b"\r\n").await.unwrap();
    stream.write_all(&request.body).await.unwrap();
    if request.length.unwrap_or_default() > request.body.len() {
        return None;
    }
    let mut reply = Vec::new();
    // Every request asks for the connection to be closed, so the reply ends with the stream.
    stream.read_to_end(&mut reply).await.ok()?;
    let reply = String::from_utf8(reply).unwrap();
    let (head, body) = reply.split_once("\r\n\r\n")?;
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Some((status, serde_json::from_str(body).unwrap_or_default()))
}
