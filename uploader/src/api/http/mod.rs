//! Sends single HTTP requests: `transport` makes one attempt, through the connections of `pool` and the
//! proxies of `proxy`, and follows each `redirect`; `body` is what is sent, `reply` and `headers`
//! what is read, `failure` what went wrong, and `request_line` what may be shown of a request.

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
