//! A running emulator in this process, for tests.

use std::fmt;
use std::io;

use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::{Builder, StartError};
use crate::faults::{Fault, FaultReport};
use crate::http::state::AppState;
use crate::observe::{Expectations, Lint, Request, Unmet};

/// A running emulator, by default on a free port of 127.0.0.1; gone when dropped.
///
/// It runs on the runtime that started it, unless it has [`Builder::threads`]: a test that blocks its
/// thread, with [`std::process::Command`] say, wants them, so that another thread can answer.
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
}

/// Without its token.
impl fmt::Debug for MockAtlas {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MockAtlas")
            .field("url", &self.url)
            .field("binstore_url", &self.binstore_url)
            .finish_non_exhaustive()
    }
}

impl MockAtlas {
    /// Starts an empty emulator with one random token that may do everything.
    ///
    /// # Errors
    /// When no port can be bound, or the system has no randomness for a token.
    pub async fn start() -> Result<Self, StartError> {
        Self::builder().start().await
    }

    /// An emulator of one's own making.
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// Its address, such as `http://127.0.0.1:34567`: without a slash at the end and without
    /// `/api/v1`, as `ATLAS_ADDRESS` wants it.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The address that uploads go to, as [`MockAtlas::url`] says it of all else; `None` without
    /// [`Builder::binstore_listen`].
    pub fn binstore_url(&self) -> Option<&str> {
        self.binstore_url.as_deref()
    }

    /// The certificate of the CA that clients have to trust, in PEM, as `ATLAS_CAFILE` wants it in a
    /// file; `None` without [`Builder::tls`].
    pub fn ca_pem(&self) -> Option<&str> {
        self.ca_pem.as_deref()
    }

    /// The token that may do everything.
    pub fn token(&self) -> &str {
        &self.token
    }

    /// Adds a fault after those that are there; its id. A reset takes it away again.
    pub fn add_fault(&self, fault: Fault) -> u64 {
        self.state.faults().add(fault).id
    }

    /// The faults, in their order, and how often each fired.
    pub fn faults(&self) -> Vec<FaultReport> {
        self.state.faults().reports()
    }

    /// Takes a fault away; whether it was there.
    pub fn remove_fault(&self, id: u64) -> bool {
        self.state.faults().remove(id)
    }

    /// Takes all faults away. Chaos stays.
    pub fn clear_faults(&self) {
        self.state.faults().clear();
    }

    /// What chaos, and faults with a probability, are drawn from; `None` where there are none.
    pub fn chaos_seed(&self) -> Option<u64> {
        self.state.faults().chaos_seed()
    }

    /// The requests that clients made of the Atlas, in the order in which they began: the last
    /// 5000, unless [`Builder::journal`] said otherwise. Those of the emulator's own API are not
    /// among them. A request is there before its client has all of the reply.
    ///
    /// ```
    /// # async fn body() -> Result<(), Box<dyn std::error::Error>> {
    /// use mock_atlas::{MockAtlas, TokenPlace};
    ///
    /// let atlas = MockAtlas::start().await?;
    /// // What you want to test, in place of this:
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

    /// Whether clients asked what was expected of them.
    ///
    /// ```
    /// # async fn body() -> Result<(), Box<dyn std::error::Error>> {
    /// use mock_atlas::{Expectations, MockAtlas};
    ///
    /// let atlas = MockAtlas::start().await?;
    /// // What you want to test, in place of this:
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
    /// What was expected and did not happen, as a text that also lists what happened instead.
    pub fn verify(&self, expectations: &Expectations) -> Result<(), Unmet> {
        let verdict = self.state.observer().verify(expectations);
        if verdict.is_good() {
            Ok(())
        } else {
            Err(Unmet(verdict))
        }
    }

    /// What clients should do in another way, although it worked here: as of the requests that
    /// [`MockAtlas::requests`] has.
    pub fn lints(&self) -> Vec<Lint> {
        self.state.observer().lints()
    }

    /// Stops the emulator gently, as [`serve`](crate::serve) does: requests under way may take up to ten seconds
    /// to end. Dropping it instead cuts them off.
    pub async fn stop(mut self) {
        self.stop.cancel();
        for server in &mut self.servers {
            // It ends in no other way than by having stopped.
            let _ = server.await;
        }
    }
}

impl Drop for MockAtlas {
    fn drop(&mut self) {
        // A server owns its connections, so they end with it.
        for server in &self.servers {
            server.abort();
        }
    }
}
