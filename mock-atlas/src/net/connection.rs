//! Defines `Connection`, the handle through which a request aborts its connection and learns whether the
//! client is present.

use std::convert::Infallible;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::SetOnce;

use super::ClientPresence;

/// An early end of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Abort {
    /// A reset: the client also loses the bytes that it has not read yet.
    Reset,
    /// An ordinary close, as after a complete reply.
    Close,
}

/// A handle on a connection. [`serve`](crate::serve) adds it to each request as an extension, which the
/// middleware removes.
#[derive(Clone, Debug, Default)]
pub(crate) struct Connection(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    end: SetOnce<Abort>,
    /// Whether the connection is to be closed when all that was written has been sent.
    closes_when_flushed: AtomicBool,
    presence: ClientPresence,
    /// The address of the client, or of the proxy before the server.
    peer: Option<IpAddr>,
}

impl Connection {
    /// Creates the handle on a connection with this client.
    pub(super) fn new(peer: Option<IpAddr>) -> Self {
        Self(Arc::new(Inner {
            peer,
            ..Inner::default()
        }))
    }

    /// Returns the address of the client; `None` if the system does not tell.
    pub(crate) fn peer(&self) -> Option<IpAddr> {
        self.0.peer
    }

    /// Returns the record of whether the client is present.
    pub(crate) fn presence(&self) -> &ClientPresence {
        &self.0.presence
    }

    /// Ends the connection, and with it the request that calls this: the future never completes.
    pub(crate) async fn abort(&self, end: Abort) -> Infallible {
        // `set` fails when another request of this connection has aborted it already.
        let _ = self.0.end.set(end);
        std::future::pending().await
    }

    /// Closes the connection once everything that the request has yielded of its reply is sent: the
    /// future never completes.
    pub(crate) async fn close_when_flushed(&self) -> Infallible {
        self.0.closes_when_flushed.store(true, Ordering::Relaxed);
        std::future::pending().await
    }

    /// Records that all that was written has been sent.
    pub(super) fn set_flushed(&self) {
        if self.0.closes_when_flushed.load(Ordering::Relaxed) {
            let _ = self.0.end.set(Abort::Close);
        }
    }

    /// Waits until a request aborts the connection.
    pub(crate) async fn ended(&self) -> Abort {
        *self.0.end.wait().await
    }
}
