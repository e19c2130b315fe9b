//! An emulator in this process, for anybody's tests.

use std::io;

use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::atlas::Atlas;
use crate::builder::{Builder, StartError};
use crate::faults::{Fault, FaultReport};

/// A running emulator, by default on a free port of 127.0.0.1; gone when dropped.
///
/// It runs on the runtime that started it. A test that blocks its thread, with
/// [`std::process::Command`] say, wants `#[tokio::test(flavor = "multi_thread")]`, so that another
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
#[derive(Debug)]
pub struct MockAtlas {
    pub(crate) atlas: Atlas,
    pub(crate) url: String,
    pub(crate) token: String,
    pub(crate) stop: CancellationToken,
    pub(crate) server: JoinHandle<io::Result<()>>,
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

    /// The token that may do everything.
    pub fn token(&self) -> &str {
        &self.token
    }

    /// Adds a fault after those that are there; its id. A reset takes it away again.
    pub fn add_fault(&self, fault: Fault) -> u64 {
        self.atlas.faults().add(fault).id
    }

    /// The faults, in their order, and how often each fired.
    pub fn faults(&self) -> Vec<FaultReport> {
        self.atlas.faults().reports()
    }

    /// Takes a fault away; whether it was there.
    pub fn remove_fault(&self, id: u64) -> bool {
        self.atlas.faults().remove(id)
    }

    /// Takes all faults away. Chaos stays.
    pub fn clear_faults(&self) {
        self.atlas.faults().clear();
    }

    /// What chaos is drawn from; `None` without [`Builder::chaos`].
    pub fn chaos_seed(&self) -> Option<u64> {
        self.atlas.faults().chaos_seed()
    }

    /// Stops the emulator gently, as [`serve`](crate::serve) does: requests under way may take up to ten seconds
    /// to end. Dropping it instead cuts them off.
    pub async fn stop(mut self) {
        self.stop.cancel();
        // It ends in no other way than by having stopped.
        let _ = (&mut self.server).await;
    }
}

impl Drop for MockAtlas {
    fn drop(&mut self) {
        // The server owns its connections, so they end with it.
        self.server.abort();
    }
}
