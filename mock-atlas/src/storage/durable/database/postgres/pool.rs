//! Connections, each used by one operation at a time.

use std::ops::Deref;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::timeout;
use tokio_postgres::Client;

use super::error;
use super::location::Location;
use crate::storage::BackendError;

/// The longest wait for a connection that another operation uses.
const PATIENCE: Duration = Duration::from_secs(10);

/// The longest wait for a new connection, with its TLS handshake and authentication.
const CONNECTING: Duration = Duration::from_secs(10);

/// A pool of connections. It grows with the number of operations at a time, up to a limit.
#[derive(Debug)]
pub(super) struct Pool {
    location: Location,
    idle: Mutex<Vec<Client>>,
    permits: Semaphore,
}

impl Pool {
    pub(super) fn new(location: Location, most: usize) -> Self {
        Self {
            location,
            idle: Mutex::default(),
            permits: Semaphore::new(most),
        }
    }

    /// Takes a connection that is idle, or makes one.
    ///
    /// # Errors
    /// When the database cannot be reached, or all connections stay in use.
    pub(super) async fn take(&self) -> Result<Connection<'_>, BackendError> {
        let waited = timeout(PATIENCE, self.permits.acquire()).await;
        // The semaphore is never closed, so only the time can run out.
        let Ok(Ok(permit)) = waited else {
            return Err(BackendError::unavailable(format!(
                "all connections to the database were in use for {PATIENCE:?}"
            )));
        };
        let client = match self.idle_client() {
            Some(client) => client,
            None => self.connect().await?,
        };
        Ok(Connection {
            pool: self,
            client,
            _permit: permit,
        })
    }

    /// Returns an idle connection that the server has not closed.
    fn idle_client(&self) -> Option<Client> {
        let mut idle = self.idle();
        while let Some(client) = idle.pop() {
            if !client.is_closed() {
                return Some(client);
            }
        }
        None
    }

    async fn connect(&self) -> Result<Client, BackendError> {
        let connecting = self.location.connect();
        let Ok(connected) = timeout(CONNECTING, connecting).await else {
            return Err(BackendError::unavailable(format!(
                "the database could not be reached within {CONNECTING:?}"
            )));
        };
        connected.map_err(|error| error::of_connection(&error))
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Client>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A connection in use. It is closed when this is dropped, unless it is given back.
#[derive(Debug)]
pub(super) struct Connection<'a> {
    pool: &'a Pool,
    client: Client,
    _permit: SemaphorePermit<'a>,
}

impl Connection<'_> {
    /// Gives back a connection on which no transaction is under way.
    pub(super) fn give_back(self) {
        self.pool.idle().push(self.client);
    }

    /// Asks the server to end what this connection is doing, which may be in vain.
    pub(super) fn cancel(&self) {
        let (token, tls) = (self.client.cancel_token(), self.pool.location.tls());
        tokio::spawn(timeout(
            CONNECTING,
            async move { token.cancel_query(tls).await },
        ));
    }
}

impl Deref for Connection<'_> {
    type Target = Client;

    fn deref(&self) -> &Client {
        &self.client
    }
}
