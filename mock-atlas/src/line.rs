//! The connection that a request came on, for a fault that ends it, and for whoever must know whether its
//! client is there.

use std::convert::Infallible;
use std::sync::Arc;

use tokio::sync::SetOnce;

use crate::half::Client;

/// How a connection ends before its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// With a reset: the client loses what it has not read yet, too.
    Reset,
    /// As if all had been said.
    Close,
}

/// A connection. Each request comes with it as an extension, where [`serve`](crate::serve) serves it,
/// up to what is around the handlers.
#[derive(Clone, Debug, Default)]
pub(crate) struct Line(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    end: SetOnce<End>,
    client: Client,
}

impl Line {
    /// Returns what is known of whether the client is there.
    pub(crate) fn client(&self) -> &Client {
        &self.0.client
    }

    /// Ends the connection, and with it the request that asks for it: this never returns.
    pub(crate) async fn hang_up(&self, end: End) -> Infallible {
        // Another request of this connection may have been first.
        let _ = self.0.end.set(end);
        std::future::pending().await
    }

    /// Waits until somebody hangs up.
    pub(crate) async fn ended(&self) -> End {
        *self.0.end.wait().await
    }
}
