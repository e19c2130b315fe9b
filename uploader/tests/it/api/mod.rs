//! Tests single requests: where they go, how often they are sent, and when waiting for a reply ends.

mod bounds;
mod misdirected;
mod plain_http;
mod proxies;
mod redirects;
mod retries;
mod search;
mod tls;
