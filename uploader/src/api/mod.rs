//! Speaks the API of Atlas.
//!
//! [`client`] has one method an endpoint, repeats what may be repeated ([`retry`]), and sends and reads the
//! JSON of [`wire`] over `http`. [`atlas_url`] brings any spelling of an address to one.

pub mod atlas_url;
pub mod client;
pub(crate) mod content_digest;
mod download;
pub(crate) mod http;
mod options;
pub mod retry;
pub mod wire;

pub use client::{Client, SearchQuery};
pub(crate) use download::ContentRange;
pub use download::{Download, Rest};
pub use http::body::UploadSource;
pub use http::proxy::{PROXY_VARIABLES, shown_proxy};
pub use http::tls::Trust;
pub use options::ClientOptions;
