//! The tests read what the suite sends, and send it what servers may answer.

mod curl;
mod proxies;
mod timeouts;
mod wire;
