//! The builder, which collects the settings of an emulator.
//!
//! - `assemble`: creates the storage, services and faults; the only place that chooses a storage backend
//! - `start`: binds the listeners and serves; `check`: checks settings; `data`: opens what an emulator
//!   keeps its data in
//! - `garbage`: removes files that are no longer needed, `repair`: checks what is kept, and makes a lost
//!   database anew, `moves`: moves what is kept to another place, all without a server
//! - `user`: the settings of a user; `error`: the reasons for which an emulator cannot start

mod assemble;
mod check;
mod data;
mod error;
mod garbage;
mod moves;
mod repair;
mod start;
mod user;

use std::fmt;
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use axum::Router;
use tokio::task::spawn_blocking;

use super::MockAtlas;
use crate::domain::Clock;
use crate::faults::Fault;
use crate::http::router::router;
use crate::http::state::Settings;
use crate::net::Certificate;
use crate::service::seed::Seed;
use crate::service::webhooks::WebhookTiming;
use crate::storage::{CheckProgress, CheckReport};
use assemble::assemble;
pub use error::StartError;
pub use garbage::Garbage;
pub use repair::Rebuilt;
use start::start;
pub use user::User;

/// The settings of an emulator, all of which have defaults.
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
    /// The memory budget of all files, in bytes.
    max_memory: Option<u64>,
    /// The folder for files that exceed the memory budget.
    spill: Option<PathBuf>,
    /// The largest number of uploads at a time.
    max_uploads: Option<usize>,
    /// The number of requests that the journal keeps.
    journal: Option<usize>,
    clock: Clock,
    /// The folder for the data; `None` for an emulator in memory or with a database.
    data: Option<PathBuf>,
    /// The space in bytes that stays free on the disk of the folder.
    least_free: Option<u64>,
    /// The URL of the database, which may hold a password, and that of the place for files.
    database: Option<String>,
    blobs: Option<String>,
    /// The time for which deleted files are still there for downloads under way.
    grace: Option<Duration>,
    /// Whether clients may reset, restore and seed data that is kept.
    may_reset: bool,
    webhooks: WebhookTiming,
    /// The names by which the emulator is known.
    hosts: Vec<String>,
    http: Settings,
}

/// Leaves out the tokens.
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
    /// Sets the root token, which may do everything; random by default.
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

    /// Adds an artifact `username/name` without versions that everyone may read, even without a
    /// token. Artifacts that are created through the API are private.
    #[must_use]
    pub fn public_artifact(mut self, name: impl Into<String>) -> Self {
        self.public_artifacts.push(name.into());
        self
    }

    /// Adds the content of a seed, after the users and artifacts that are added by other methods.
    /// May be called several times.
    #[must_use]
    pub fn seed(mut self, seed: Seed) -> Self {
        self.seeds.push(seed);
        self
    }

    /// Sets the beginning of each `upload_path`, for clients that reach the emulator through a
    /// proxy. The default is the host that the request names.
    #[must_use]
    pub fn public_url(mut self, url: impl Into<String>) -> Self {
        self.http.public_url = Some(url.into());
        self
    }

    /// Adds a name by which the emulator is known, such as `atlas.example.com`. The pages and `/_mock` answer requests
    /// that name an address, `localhost`, the host of [`Builder::public_url`] or one of these; others get 421, so that
    /// no web page can reach them under a name of its own. Atlas's API answers any host.
    #[must_use]
    pub fn allow_host(mut self, name: impl Into<String>) -> Self {
        self.hosts.push(name.into());
        self
    }

    /// Leaves the pages for people out: `/`, `/U`, `/U/N` for browsers, and the control room.
    #[must_use]
    pub fn no_pages(mut self) -> Self {
        self.http.no_pages = true;
        self
    }

    /// Refuses a version whose `id` is longer, in characters (contract: Versions; unproven, so off
    /// by default). A seed or a snapshot with such a version is refused as a whole.
    #[must_use]
    pub fn max_id_length(mut self, characters: usize) -> Self {
        self.http.limits.id_length = Some(characters);
        self
    }

    /// Refuses larger files with 413. Unlimited by default. A seed or a snapshot with a larger file
    /// is refused as a whole.
    #[must_use]
    pub fn max_file_bytes(mut self, bytes: u64) -> Self {
        self.http.limits.file_bytes = Some(bytes);
        self
    }

    /// Limits the memory for the bytes of all files, those of uploads under way included, and
    /// refuses an upload beyond the limit with 507. Unlimited by default. Files of seeds and
    /// snapshots count, but are accepted beyond the limit.
    #[must_use]
    pub fn max_memory(mut self, bytes: u64) -> Self {
        self.max_memory = Some(bytes);
        self
    }

    /// Stores uploads that exceed [`Builder::max_memory`] in files in this folder. The files have
    /// no names, and the system deletes them when the emulator ends.
    #[must_use]
    pub fn spill(mut self, folder: impl Into<PathBuf>) -> Self {
        self.spill = Some(folder.into());
        self
    }

    /// Keeps everything in this folder, which is created if it is not there: users and tokens,
    /// artifacts, boxes and all files. A new folder gets the users, artifacts and seeds of this
    /// builder; one that has data keeps what it has. One process can use a folder at a time.
    ///
    /// Without [`Builder::token`], the root token of the folder stays; a new folder gets a random one.
    /// Uploads go to the folder, unless [`Builder::spill`] names another on the same file system.
    #[must_use]
    pub fn data(mut self, folder: impl Into<PathBuf>) -> Self {
        self.data = Some(folder.into());
        self
    }

    /// Keeps so many bytes of the disk of [`Builder::data`] or [`Builder::blobs`] free: uploads, and what
    /// else takes space, are refused with 507 before less is left. 256 MiB by default.
    #[must_use]
    pub fn min_free(mut self, bytes: u64) -> Self {
        self.least_free = Some(bytes);
        self
    }

    /// Keeps everything but files in a database of PostgreSQL, named by a URL such as
    /// `postgres://user:password@host/name`. Several emulators can share it, and [`Builder::blobs`] with it.
    /// A new database gets the users, artifacts and seeds of this builder; one that has data keeps what it
    /// has.
    ///
    /// Without [`Builder::token`], the root token of the database stays; a new one gets a random one.
    /// Connections that leave this machine use TLS and verify the server, unless the URL has
    /// `sslmode=disable`; `sslrootcert` names a file of CAs to trust in place of those of the system.
    #[must_use]
    pub fn database(mut self, url: impl Into<String>) -> Self {
        self.database = Some(url.into());
        self
    }

    /// Sets the place for the bytes of the files of [`Builder::data`] or [`Builder::database`]: a folder, which
    /// may be on a network file system (`file:///folder`), or a bucket of S3 or of a store that speaks its API
    /// (`s3://bucket/prefix`). All emulators of a database share it; a folder for data needs none. The settings
    /// of S3 are in the usual variables of the environment: `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`,
    /// `AWS_REGION` and `AWS_ENDPOINT_URL_S3`.
    #[must_use]
    pub fn blobs(mut self, url: impl Into<String>) -> Self {
        self.blobs = Some(url.into());
        self
    }

    /// Answers downloads with a redirect to the bucket of [`Builder::blobs`], at a signed URL that is valid for a
    /// quarter of an hour, instead of passing the bytes through. Clients must reach the bucket at the address
    /// that this emulator uses.
    #[must_use]
    pub fn redirect_downloads(mut self) -> Self {
        self.http.redirects_downloads = true;
        self
    }

    /// Sets how long the bytes of deleted files are still there for downloads under way; an hour by default.
    /// [`Builder::start`] and [`Builder::collect_garbage`] remove them afterwards.
    #[must_use]
    pub fn grace(mut self, grace: Duration) -> Self {
        self.grace = Some(grace);
        self
    }

    /// Lets holders of the root token reset, restore and seed data that is kept, which is refused by
    /// default.
    #[must_use]
    pub fn allow_reset(mut self) -> Self {
        self.may_reset = true;
        self
    }

    /// Sets the delay before the second try to deliver to a webhook, 5 seconds by default. The further delays grow from
    /// it: about twelve hours pass by default until a delivery is given up, after ten tries.
    #[must_use]
    pub fn webhook_delay(mut self, delay: Duration) -> Self {
        self.webhooks.delay = delay;
        self
    }

    /// Sets the longest time that a webhook has for its reply, 20 seconds by default.
    #[must_use]
    pub fn webhook_timeout(mut self, timeout: Duration) -> Self {
        self.webhooks.timeout = timeout;
        self
    }

    /// Limits the number of uploads at a time, and answers further uploads with 503 and
    /// `Retry-After: 1`. Unlimited by default.
    #[must_use]
    pub fn max_uploads(mut self, uploads: usize) -> Self {
        self.max_uploads = Some(uploads);
        self
    }

    /// Sets a timeout for bodies: answers a request with 408 when nothing of its body has come for
    /// this long, and ends a connection whose client has read nothing of a reply for this long. A
    /// minute by default.
    #[must_use]
    pub fn body_timeout(mut self, timeout: Duration) -> Self {
        self.http.body_timeout = Some(timeout);
        self
    }

    /// Adds a fault, before the faults of seeds. May be called several times. This example tests
    /// how a client reacts to a fault:
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
    /// Faults that end a connection need [`serve`](crate::serve), which [`Builder::start`] uses.
    /// Under another server, the reply or the body breaks off instead.
    #[must_use]
    pub fn fault(mut self, fault: Fault) -> Self {
        self.faults.push(fault);
        self
    }

    /// Injects a random fault into each request with this probability, from 0 to 1. These faults do
    /// not harm stored data: requests that are sent again until they succeed reach the same result
    /// as without chaos. Requests to the emulator's own API meet no faults.
    #[must_use]
    pub fn chaos(mut self, probability: f64) -> Self {
        self.chaos = probability;
        self
    }

    /// Sets the seed of [`Builder::chaos`] and of faults with a probability: the same seed gives
    /// the same faults for the same requests in the same order. Random by default.
    #[must_use]
    pub fn chaos_seed(mut self, seed: u64) -> Self {
        self.chaos_seed = Some(seed);
        self
    }

    /// Sets the number of requests that the journal keeps, 5000 by default; 0 switches the journal
    /// off.
    #[must_use]
    pub fn journal(mut self, requests: usize) -> Self {
        self.journal = Some(requests);
        self
    }

    /// Sets the clock for the time of day; the system's clock by default.
    #[must_use]
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// Serves on this number of threads of the emulator's own, instead of the runtime that starts
    /// it. A test can then block its thread, with [`std::process::Command`] for example:
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
    /// stream.write_all(b"GET /_mock/health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
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

    /// Sets the address to listen on; a free port of 127.0.0.1 by default.
    #[must_use]
    pub fn listen(mut self, address: SocketAddr) -> Self {
        self.address = Some(address);
        self
    }

    /// Takes uploads on a second address, and only there: each `upload_path` has another origin
    /// than the API, as Atlas had another host for uploads. Each address answers 404 for the paths
    /// of the other. If [`Builder::public_url`] is set, each `upload_path` still begins with it,
    /// and the proxy must lead uploads to the second address.
    #[must_use]
    pub fn binstore_listen(mut self, address: SocketAddr) -> Self {
        self.binstore = Some(address);
        self
    }

    /// Serves HTTPS, with a certificate for `localhost`, `127.0.0.1`, `::1`, the addresses to
    /// listen on, and the host of [`Builder::public_url`]. Clients must trust the CA of
    /// [`MockAtlas::ca_pem`], which is created for this emulator alone and cannot sign any more
    /// once the emulator has started.
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

    /// Serves HTTPS with a given certificate, followed by its intermediate certificates, and a
    /// given key, both in PEM.
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
    /// The errors of [`Builder::router`], when an address cannot be bound, when a certificate or its key
    /// cannot be used, and when the system refuses a thread.
    pub async fn start(self) -> Result<MockAtlas, StartError> {
        if self.data.is_none() && self.database.is_none() {
            return start(self);
        }
        // Opening what is kept blocks, and a database may be slow to answer.
        let started = spawn_blocking(move || start(self)).await;
        started.unwrap_or_else(|error| Err(StartError::Data(error.to_string())))
    }

    /// Returns the emulator as a router, which [`serve`](crate::serve) can serve on a listener of
    /// the caller, or which a test can call without a network. Addresses and TLS have no effect on
    /// it, and nothing is sent to webhooks.
    ///
    /// # Errors
    /// When a name, a token, the public URL or a folder is invalid; the error says which, and why.
    pub fn router(self) -> Result<Router, StartError> {
        let grace = self.grace.unwrap_or(data::GRACE);
        let (state, _) = assemble(self)?;
        state.datasets().current().catalog().start_sweeping(grace);
        Ok(router(state))
    }

    /// Removes the files that are no longer needed, as a server does in the background:
    /// those that were deleted [a while](Builder::grace) ago, those that a process has left that died while
    /// it wrote them, and what nothing knows in the place for files.
    ///
    /// # Errors
    /// When the builder has no place for data, the place cannot be used, or some files could not be removed.
    pub async fn collect_garbage(self) -> Result<Garbage, StartError> {
        garbage::collect(self).await
    }

    /// Checks that everything in [`Builder::data`] is as it was stored: the database, the boxes with what they
    /// name, and the bytes of each file with both of its digests. A server may have the folder meanwhile.
    /// `on_progress` is told after each file how far the check is.
    ///
    /// A file that is damaged is marked, and not served until a later check finds it whole.
    ///
    /// # Errors
    /// When the builder has no place for data, or what is there cannot be checked: there is no database, or a
    /// store of files cannot be reached. What is damaged is in the report.
    pub async fn check(
        self,
        on_progress: impl Fn(CheckProgress),
    ) -> Result<CheckReport, StartError> {
        repair::check(self, on_progress).await
    }

    /// Makes the lost database of [`Builder::data`] anew, of the descriptions beside the files: all versions
    /// that have a file, and the boxes that have one. Users, organisations and tokens are not there, but for the
    /// root token: that of [`Builder::token`], or a new one. What could not be brought back is in the report as
    /// damaged.
    ///
    /// # Errors
    /// When the builder has no place for data, the folder has a database or another process has it, and when
    /// the files cannot be read.
    pub async fn rebuild(self) -> Result<Rebuilt, StartError> {
        repair::rebuild(self).await
    }
}
