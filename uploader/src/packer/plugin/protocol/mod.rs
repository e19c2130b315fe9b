//! Implements the protocol between Packer and its plugins, unchanged since 2013: Go's net/rpc in
//! MessagePack, over streams numbered by a broker, over yamux on one connection.
//!
//! `frame` encodes yamux frames, `session` sorts them into the streams of `stream`, `broker` matches
//! streams to numbers, `msgpack` finds the end of a value, and `rpc` makes and answers calls. The module
//! has both ends, though a plugin is only ever the server: tests play Packer with the client.
//!
//! The crate `yamux` is not used: it brings fifty more packages, and its connection makes progress only
//! while the caller polls it. Here the reader must run on its own task: Packer drops a plugin that does
//! not answer its pings within ten seconds.

mod broker;
mod frame;
mod msgpack;
mod rpc;
mod session;
mod stream;

pub use broker::Broker;
pub use rpc::{CallError, Client, Service, serve};
pub use session::{Incoming, Session, Side};
pub use stream::Stream;
