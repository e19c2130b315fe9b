//! What Packer and its plugins speak, the same since 2013: Go's net/rpc in MessagePack, over streams
//! that a broker names, over yamux on one connection.
//!
//! `frame` is what stands on the wire, `session` takes the frames apart into the streams of `stream`;
//! `broker` finds the stream that both sides mean by a number; `msgpack` finds where a value ends,
//! and `rpc` calls and is called. Both ends are here, though a plugin is only ever the server: the
//! other one is what the tests play Packer with.
//!
//! Written here, and not with the crate `yamux`: that one would bring fifty packages more, and wants
//! to be polled by whoever waits for a stream, where here the reader must go on by itself, or
//! Packer's pings go unanswered and it drops the plugin after ten seconds.

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
