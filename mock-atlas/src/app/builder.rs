//! The `Builder` collects the settings of an emulator.
//!
//! - `assemble`: puts the emulator together; it alone chooses the backend of the storage
//! - `start`: listens and serves; `check`: refuses settings that cannot be used
//! - `user`: a user, as the builder is told of one; `error`: why it cannot be started

mod assemble;
mod check;
mod error;
mod start;
mod user;

use std::fmt;
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use axum::Router;

use super::MockAtlas;
use crate::domain::Clock;
use crate::faults::Fault;
use crate::http::router::router;
use crate::http::state::Settings;
use crate::net::Certificate;
use crate::service::seed::Seed;
use assemble::assemble;
pub use error::StartError;
use start::start;
pub use user::User;

/// What an emulator is to be; everything has a default.
///
/// ```
/// # async fn body() -> Result<(), Box<dyn std::error::Error>> {
/// use mock_atlas::{MockAtlas, User};
///
/// let atlas = MockAtlas::builder()
///     .token("TOKEN")
///     .user(User::new("rival").password("secret").token("OTHER"))
///     .public_artifact("acme/web")
///     .start()
///     .await?;
/// assert_eq!(atlas.token(), "TOKEN");
/// # Ok(())
/// # }
/// # tokio::runtime::Runtime::new().unwrap().block_on(body()).unwrap();
/// ```
#[derive(Clone, Default)]
pub struct Builder {
    token: Option<String>,
    users: Vec<User>,
    public_artifacts: Vec<String>,
    seeds: Vec<Seed>,
    faults: Vec<Fault>,
    chaos: f64,
    chaos_seed: Option<u64>,
    address: Option<SocketAddr>,
    binstore: Option<SocketAddr>,
    tls: Option<Certificate>,
    threads: Option<NonZeroUsize>,
    /// The most that all files may hold, in bytes.
    max_memory: Option<u64>,
    /// The folder for the files that are more than that.
    spill: Option<PathBuf>,
    /// How many uploads there may be at a time.
    max_uploads: Option<usize>,
    /// How many requests the journal keeps.
    journal: Option<usize>,
    clock: Clock,
    http: Settings,
}

/// Without its tokens.
impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder")
            .field("users", &self.users)
            .field("faults", &self.faults)
            .field("address", &self.address)
            .field("http", &self.http)
            .finish_non_exhaustive()
    }
}

impl Builder {
    /// The token that may do everything; random by default.
    #[must_use]
    pub fn token(mut self, token: impl Into<String>) -> Self {
        self.token = Some(token.into());
        self
    }

    /// Adds a user.
    #[must_use]
    pub fn user(mut self, user: User) -> Self {
        self.users.push(user);
        self
    }

    /// Adds an artifact `username/name` without versions that everyone may read, without a token
    /// too. Those made through the API are private.
    #[must_use]
    pub fn public_artifact(mut self, name: impl Into<String>) -> Self {
        self.public_artifacts.push(name.into());
        self
    }

    /// Adds what a seed declares, after the users and artifacts that are added here; there may be
    /// several.
    #[must_use]
    pub fn seed(mut self, seed: Seed) -> Self {
        self.seeds.push(seed);
        self
    }

    /// What each `upload_path` starts with, when clients reach the emulator through a proxy. By
    /// default it is the host that the request itself names.
    #[must_use]
    pub fn public_url(mut self, url: impl Into<String>) -> Self {
        self.http.public_url = Some(url.into());
        self
    }

    /// Refuses a version whose `id` is longer, in characters (contract: Versions; unproven, so off
    /// by default). A seed or a snapshot with one is refused as a whole.
    #[must_use]
    pub fn max_id_length(mut self, characters: usize) -> Self {
        self.http.limits.id_length = Some(characters);
        self
    }

    /// Refuses larger files, with 413. Unlimited by default. A seed or a snapshot with one is refused
    /// as a whole.
    #[must_use]
    pub fn max_file_bytes(mut self, bytes: u64) -> Self {
        self.http.limits.file_bytes = Some(bytes);
        self
    }

    /// Holds at most so many bytes of files, those under way included, and refuses an upload that
    /// would be more, with 507. Unlimited by default. What a seed or a snapshot brings is taken
    /// even beyond that, and counts.
    #[must_use]
    pub fn max_memory(mut self, bytes: u64) -> Self {
        self.max_memory = Some(bytes);
        self
    }

    /// Puts uploads for which there is no room within [`Builder::max_memory`] into files in this
    /// folder instead. They have no names there, and are gone with the emulator.
    #[must_use]
    pub fn spill(mut self, folder: impl Into<PathBuf>) -> Self {
        self.spill = Some(folder.into());
        self
    }

    /// Takes so many uploads at a time, and answers one more with 503 and `Retry-After: 1`.
    /// Unlimited by default.
    #[must_use]
    pub fn max_uploads(mut self, uploads: usize) -> Self {
        self.max_uploads = Some(uploads);
        self
    }

    /// Answers a request with 408 when nothing of its body came for so long, and ends a connection
    /// whose client read nothing of a reply for so long; a minute by default.
    #[must_use]
    pub fn body_timeout(mut self, timeout: Duration) -> Self {
        self.http.body_timeout = Some(timeout);
        self
    }

    /// Adds a fault, before those that a seed declares; there may be several. A test of what a
    /// client does about it:
    ///
    /// ```
    /// # async fn body() -> Result<(), Box<dyn std::error::Error>> {
    /// use mock_atlas::MockAtlas;
    ///
    /// // The client under test: it tries again when the server is busy.
    /// async fn get(url: &str) -> reqwest::Result<reqwest::Response> {
    ///     loop {
    ///         let reply = reqwest::get(url).await?;
    ///         if reply.status() != 503 {
    ///             return Ok(reply);
    ///         }
    ///     }
    /// }
    ///
    /// let atlas = MockAtlas::builder()
    ///     .public_artifact("acme/web")
    ///     .fault("artifact.show:status=503,retry-after=0,times=2".parse()?)
    ///     .start()
    ///     .await?;
    /// let reply = get(&format!("{}/api/v1/artifacts/acme/web", atlas.url())).await?;
    /// assert_eq!(reply.status(), 200);
    /// // Two of the three requests met the fault.
    /// let report = &atlas.faults()[0];
    /// assert_eq!((report.fired, report.seen), (2, 3));
    /// # Ok(())
    /// # }
    /// # tokio::runtime::Runtime::new().unwrap().block_on(body()).unwrap();
    /// ```
    ///
    /// Only [`serve`](crate::serve) can end a connection for a fault, as [`Builder::start`] does:
    /// under another server, a reply or a body breaks off instead.
    #[must_use]
    pub fn fault(mut self, fault: Fault) -> Self {
        self.faults.push(fault);
        self
    }

    /// Lets each request meet a fault with this probability, from 0 to 1, one that harms nothing
    /// that is stored: the same requests, sent again until they succeed, come to the same end.
    /// Requests to the emulator's own API meet none.
    #[must_use]
    pub fn chaos(mut self, probability: f64) -> Self {
        self.chaos = probability;
        self
    }

    /// What [`Builder::chaos`], and faults with a probability, are drawn from: the same seed makes
    /// the same faults for the same requests in the same order. Random by default.
    #[must_use]
    pub fn chaos_seed(mut self, seed: u64) -> Self {
        self.chaos_seed = Some(seed);
        self
    }

    /// How many requests the journal keeps, 5000 by default; 0 switches it off.
    #[must_use]
    pub fn journal(mut self, requests: usize) -> Self {
        self.journal = Some(requests);
        self
    }

    /// What it takes for the time of day, the clock of this machine by default.
    #[must_use]
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// Answers on so many threads of the emulator's own, instead of on the runtime that starts it. A
    /// test may then block its thread, with [`std::process::Command`] say:
    ///
    /// ```
    /// # async fn body() -> Result<(), Box<dyn std::error::Error>> {
    /// use std::io::{Read, Write};
    /// use std::net::TcpStream;
    /// use std::num::NonZeroUsize;
    ///
    /// use mock_atlas::MockAtlas;
    ///
    /// let atlas = MockAtlas::builder().threads(NonZeroUsize::MIN).start().await?;
    /// let mut stream = TcpStream::connect(atlas.url().trim_start_matches("http://"))?;
    /// stream.write_all(b"GET /_mock/health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")?;
    /// let mut reply = String::new();
    /// stream.read_to_string(&mut reply)?;
    /// assert!(reply.starts_with("HTTP/1.1 200 OK"));
    /// # Ok(())
    /// # }
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(body()).unwrap();
    /// ```
    #[must_use]
    pub fn threads(mut self, threads: NonZeroUsize) -> Self {
        self.threads = Some(threads);
        self
    }

    /// The address to listen on, a free port of 127.0.0.1 by default.
    #[must_use]
    pub fn listen(mut self, address: SocketAddr) -> Self {
        self.address = Some(address);
        self
    }

    /// Takes uploads on a second address, and there only: each `upload_path` is on another origin
    /// than the API, as Atlas had another host for them. The one answers 404 for what is the
    /// other's. A [`Builder::public_url`] still begins each `upload_path`: who names one leads
    /// uploads to the second address.
    #[must_use]
    pub fn binstore_listen(mut self, address: SocketAddr) -> Self {
        self.binstore = Some(address);
        self
    }

    /// Serves HTTPS, with a certificate for `localhost`, `127.0.0.1`, `::1`, the addresses that are
    /// listened on and the host of [`Builder::public_url`]. [`MockAtlas::ca_pem`] is the CA to
    /// trust, which is made for this emulator alone and cannot sign any more once it is started.
    ///
    /// ```
    /// # async fn body() -> Result<(), Box<dyn std::error::Error>> {
    /// use mock_atlas::MockAtlas;
    ///
    /// let atlas = MockAtlas::builder().tls().start().await?;
    /// let ca = reqwest::Certificate::from_pem(atlas.ca_pem().unwrap().as_bytes())?;
    /// let client = reqwest::Client::builder().tls_certs_only([ca]).build()?;
    /// let url = format!("{}/_mock/health", atlas.url());
    /// assert!(url.starts_with("https://"));
    /// assert_eq!(client.get(url).send().await?.status(), 200);
    /// # Ok(())
    /// # }
    /// # tokio::runtime::Runtime::new().unwrap().block_on(body()).unwrap();
    /// ```
    #[must_use]
    pub fn tls(mut self) -> Self {
        self.tls = Some(Certificate::Made);
        self
    }

    /// Serves HTTPS with a certificate of one's own, and those between it and its CA after it, and
    /// its key, both in PEM.
    #[must_use]
    pub fn tls_with(
        mut self,
        certificate_pem: impl Into<String>,
        key_pem: impl Into<String>,
    ) -> Self {
        self.tls = Some(Certificate::Own {
            certificate: certificate_pem.into(),
            key: key_pem.into(),
        });
        self
    }

    /// Starts the emulator.
    ///
    /// # Errors
    /// Those of [`Builder::router`], when an address cannot be listened on, and when a certificate
    /// or its key cannot be used; and when the system gives no threads.
    pub async fn start(self) -> Result<MockAtlas, StartError> {
        start(self)
    }

    /// The emulator as a router, to be served by [`serve`](crate::serve) on a listener of one's own,
    /// or to be called without any network. Addresses and TLS are not for it.
    ///
    /// # Errors
    /// When a name, a token, the public URL or a folder cannot be one; the error says which, and why.
    pub fn router(self) -> Result<Router, StartError> {
        Ok(router(assemble(self)?.0))
    }
}
