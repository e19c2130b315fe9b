//! Tests listeners, connections and TLS.

mod executor;
mod half_closed;
mod idle_connections;
mod limits;
mod tls;
