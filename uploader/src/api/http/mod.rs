//! Sends single HTTP requests. `transport` makes one attempt, over the connections of `pool` and the proxies
//! of `proxy`, and follows redirects with `redirect`; `body` is the body of an upload, and `write` sends it;
//! `reply` and `headers` read replies, `failure` classifies errors of the connection, and `request_line` says
//! what may be shown of a request.

pub(super) mod body;
pub(crate) mod failure;
pub(crate) mod headers;
pub(crate) mod pool;
pub(super) mod proxy;
pub(crate) mod redirect;
pub(crate) mod reply;
pub(crate) mod request_line;
pub(super) mod tls;
pub(super) mod transport;
pub(crate) mod write;
