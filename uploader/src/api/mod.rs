//! Contains the client of the API of Atlas.
//!
//! [`client`] has one method per endpoint. It repeats requests that may be repeated ([`retry`]), and sends
//! and receives the JSON of [`wire`] over `http`. [`atlas_url`] normalises the address of an Atlas.

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
pub use download::{Download, ResumedDownload};
pub use http::body::UploadSource;
pub use http::proxy::{PROXY_VARIABLES, shown_proxy};
pub use http::tls::Trust;
pub use options::ClientOptions;
