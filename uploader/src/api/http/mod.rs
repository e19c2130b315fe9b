//! Sends single HTTP requests: `transport` makes one attempt, through the connections of `pool` and the
//! proxies of `proxy`, and follows each `redirect`; `body` is what is sent and `reply` what is read.

pub(super) mod body;
pub(crate) mod pool;
pub(super) mod proxy;
pub(crate) mod redirect;
pub(crate) mod reply;
pub(super) mod tls;
pub(crate) mod transport;
