//! The handle of a request on its connection: a fault aborts the connection with it, and it tells whether the
//! client is there.

use std::convert::Infallible;
use std::sync::Arc;

use tokio::sync::SetOnce;

use super::ClientPresence;

/// How a connection ends before its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Abort {
    /// With a reset: the client loses what it has not read yet, too.
    Reset,
    /// As if all had been said.
    Close,
}

/// A connection. Each request comes with it as an extension, where [`serve`](crate::serve) serves it,
/// up to what is around the handlers.
#[derive(Clone, Debug, Default)]
pub(crate) struct Connection(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    end: SetOnce<Abort>,
    presence: ClientPresence,
}

impl Connection {
    /// Returns what is known of whether the client is there.
    pub(crate) fn presence(&self) -> &ClientPresence {
        &self.0.presence
    }

    /// Ends the connection, and with it the request that asks for it: this never returns.
    pub(crate) async fn abort(&self, end: Abort) -> Infallible {
        // Another request of this connection may have been first.
        let _ = self.0.end.set(end);
        std::future::pending().await
    }

    /// Waits until somebody aborts the connection.
    pub(crate) async fn ended(&self) -> Abort {
        *self.0.end.wait().await
    }
}
