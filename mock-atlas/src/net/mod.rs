//! Serves connections: listeners, TLS and threads, everything below HTTP requests.
//!
//! - `server`: accepts connections and serves a router on them until it is told to stop
//! - `connection`: the handle of a request on its connection, with which it can be aborted
//! - `client_presence`: detects clients that are gone although their connection looks half-closed
//! - `write_timeout`: ends a connection whose client reads nothing
//! - `executor`: threads on which connections are served
//! - `tls`: makes or reads the server's certificate

mod client_presence;
mod connection;
mod executor;
mod server;
mod tls;
mod write_timeout;

pub(crate) use client_presence::ClientPresence;
pub(crate) use connection::{Abort, Connection};
pub(crate) use executor::Executor;
pub(crate) use server::{BODY_TIMEOUT, ConnectionSettings, listen, serve_on, url};
pub use server::{local_url, serve};
pub use tls::TlsError;
pub(crate) use tls::{Certificate, Tls};
