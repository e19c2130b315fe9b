//! Tests the bytes that the suite sends, and its handling of slow, endless and failing replies.

mod curl;
mod proxies;
mod timeouts;
mod wire;
