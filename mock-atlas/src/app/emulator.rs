//! A running emulator in this process, for tests.

use std::fmt;
use std::io;
use std::sync::Arc;

use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::{Builder, StartError};
use crate::faults::{Fault, FaultReport};
use crate::http::state::AppState;
use crate::net::Executor;
use crate::observe::{Expectations, Lint, Request, Unmet};

/// A running emulator, by default on a free port of 127.0.0.1. It ends when it is dropped.
///
/// The emulator runs on the runtime that started it, unless it has [`Builder::threads`]: a test
/// that blocks its thread, with [`std::process::Command`] for example, needs them, so that another
/// thread can answer.
///
/// ```
/// # async fn body() -> Result<(), Box<dyn std::error::Error>> {
/// use mock_atlas::MockAtlas;
///
/// let atlas = MockAtlas::start().await?;
/// let reply = reqwest::Client::new()
///     .get(format!("{}/api/v1/authenticate", atlas.url()))
///     .header("X-Atlas-Token", atlas.token())
///     .send()
///     .await?;
/// assert_eq!(reply.text().await?, r#"{"user":{"username":"atlas"}}"#);
/// # Ok(())
/// # }
/// # tokio::runtime::Runtime::new().unwrap().block_on(body()).unwrap();
/// ```
pub struct MockAtlas {
    pub(crate) state: AppState,
    pub(crate) url: String,
    pub(crate) token: String,
    pub(crate) stop: CancellationToken,
    pub(crate) binstore_url: Option<String>,
    pub(crate) ca_pem: Option<String>,
    pub(crate) servers: Vec<JoinHandle<io::Result<()>>>,
    /// The worker that delivers to webhooks, and what stops it, once the servers have ended.
    pub(crate) worker: JoinHandle<()>,
    pub(crate) stop_worker: CancellationToken,
    /// The threads, if the emulator has some: the worker is on one of them.
    pub(crate) _executor: Option<Arc<Executor>>,
}

/// Leaves out the token.
impl fmt::Debug for MockAtlas {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MockAtlas")
            .field("url", &self.url)
            .field("binstore_url", &self.binstore_url)
            .finish_non_exhaustive()
    }
}

impl MockAtlas {
    /// Starts an empty emulator with a random root token, which may do everything.
    ///
    /// # Errors
    /// When no port can be bound, or the system has no randomness for a token.
    pub async fn start() -> Result<Self, StartError> {
        Self::builder().start().await
    }

    /// Returns a builder for an emulator with other settings.
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// Returns the address, such as `http://127.0.0.1:34567`, in the form of `ATLAS_ADDRESS`:
    /// without a trailing slash and without `/api/v1`.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Returns the address for uploads, in the form of [`MockAtlas::url`]; `None` without
    /// [`Builder::binstore_listen`].
    pub fn binstore_url(&self) -> Option<&str> {
        self.binstore_url.as_deref()
    }

    /// Returns the certificate in PEM of the CA that clients must trust, which a test can write to
    /// a file for `ATLAS_CAFILE`; `None` without [`Builder::tls`].
    pub fn ca_pem(&self) -> Option<&str> {
        self.ca_pem.as_deref()
    }

    /// Returns the root token, which may do everything.
    pub fn token(&self) -> &str {
        &self.token
    }

    /// Returns the URL of the database without its password; `None` without [`Builder::database`].
    pub fn database(&self) -> Option<String> {
        let dataset = self.state.datasets().current();
        dataset.catalog().database_url().map(str::to_owned)
    }

    /// Adds a fault after the existing faults, and returns its id. A reset removes it.
    pub fn add_fault(&self, fault: Fault) -> u64 {
        self.state.faults().add(fault).id
    }

    /// Returns the faults in their order, with their counts.
    pub fn faults(&self) -> Vec<FaultReport> {
        self.state.faults().reports()
    }

    /// Removes a fault. Returns whether it existed.
    pub fn remove_fault(&self, id: u64) -> bool {
        self.state.faults().remove(id)
    }

    /// Removes all faults. Chaos stays.
    pub fn clear_faults(&self) {
        self.state.faults().clear();
    }

    /// Returns the seed of chaos and of faults with a probability; `None` if there are none.
    pub fn chaos_seed(&self) -> Option<u64> {
        self.state.faults().chaos_seed()
    }

    /// Returns the last requests of clients to the Atlas, in the order in which they began: 5000 of
    /// them, unless [`Builder::journal`] has set another number. Requests to the emulator's own API
    /// are left out. A request is recorded before its client has the whole reply.
    ///
    /// ```
    /// # async fn body() -> Result<(), Box<dyn std::error::Error>> {
    /// use mock_atlas::{MockAtlas, TokenPlace};
    ///
    /// let atlas = MockAtlas::start().await?;
    /// // Replace this request by the code under test:
    /// let url = format!("{}/api/v1/token", atlas.url());
    /// reqwest::Client::new().get(url).bearer_auth(atlas.token()).send().await?;
    ///
    /// let [request] = &atlas.requests()[..] else {
    ///     panic!("it should ask once");
    /// };
    /// assert_eq!(request.path, "/api/v1/token");
    /// assert_eq!(request.token, Some(TokenPlace::Bearer));
    /// assert_eq!(request.status, Some(200));
    /// # Ok(())
    /// # }
    /// # tokio::runtime::Runtime::new().unwrap().block_on(body()).unwrap();
    /// ```
    pub fn requests(&self) -> Vec<Request> {
        self.state.observer().journal().page().requests
    }

    /// Checks that clients made the expected requests.
    ///
    /// ```
    /// # async fn body() -> Result<(), Box<dyn std::error::Error>> {
    /// use mock_atlas::{Expectations, MockAtlas};
    ///
    /// let atlas = MockAtlas::start().await?;
    /// // Replace this request by the code under test:
    /// let url = format!("{}/api/v1/authenticate", atlas.url());
    /// reqwest::Client::new().get(url).bearer_auth(atlas.token()).send().await?;
    ///
    /// let asks = Expectations::new().expect("GET /api/v1/authenticate 200 exactly 1")?;
    /// atlas.verify(&asks)?;
    /// let pushes = Expectations::new().expect("POST /api/v1/artifacts")?;
    /// assert!(atlas.verify(&pushes).is_err());
    /// # Ok(())
    /// # }
    /// # tokio::runtime::Runtime::new().unwrap().block_on(body()).unwrap();
    /// ```
    ///
    /// # Errors
    /// A text that lists each unmet expectation, and the requests that came instead.
    pub fn verify(&self, expectations: &Expectations) -> Result<(), Unmet> {
        let verdict = self.state.observer().verify(expectations);
        if verdict.is_good() {
            Ok(())
        } else {
            Err(Unmet(verdict))
        }
    }

    /// Returns practices of clients that should be avoided, although they worked here. The lints
    /// cover the requests of [`MockAtlas::requests`].
    pub fn lints(&self) -> Vec<Lint> {
        self.state.observer().lints()
    }

    /// Waits until the emulator cannot keep data any more, and returns the reason: something could not
    /// be brought to the disk of [`Builder::data`]. From then on it changes nothing and answers such
    /// requests with 500; the caller is to end the process, and to start again when the disk is in
    /// order. An emulator in memory waits forever.
    pub async fn failed(&self) -> String {
        self.state.datasets().current().catalog().failed().await
    }

    /// Stops the emulator gracefully, as [`serve`](crate::serve) does: requests under way have up
    /// to ten seconds to end. Then the folder of [`Builder::data`] can be used again. Dropping the
    /// emulator instead aborts them.
    pub async fn stop(mut self) {
        self.stop.cancel();
        for server in &mut self.servers {
            // The server ends only by stopping, so its result carries no information.
            let _ = server.await;
        }
        self.stop_worker.cancel();
        let _ = (&mut self.worker).await;
        self.state.datasets().current().catalog().close().await;
    }
}

impl Drop for MockAtlas {
    fn drop(&mut self) {
        // A server owns its connections, so aborting it ends them as well.
        for server in &self.servers {
            server.abort();
        }
        self.worker.abort();
    }
}
