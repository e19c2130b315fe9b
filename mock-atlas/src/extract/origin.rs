//! Where a client reached this Atlas: the beginning of every `upload_path`.

use std::convert::Infallible;
use std::fmt;

use axum::extract::FromRequestParts;
use axum::http::header::HOST;
use axum::http::request::Parts;
use axum::http::uri::Authority;

use crate::atlas::Atlas;

/// The address under which the client of a request reaches this Atlas, without a slash at its end:
/// the configured public URL or, where there is none, the host that the request itself names, so
/// that an emulator in a container answers each client with an address that works for it.
#[derive(Debug)]
pub(crate) struct Origin(String);

impl FromRequestParts<Atlas> for Origin {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, atlas: &Atlas) -> Result<Self, Infallible> {
        if let Some(url) = atlas.public_url() {
            return Ok(Self(url.to_owned()));
        }
        let named = parts.uri.authority().cloned().or_else(|| {
            let host = parts.headers.get(HOST)?;
            Authority::try_from(host.as_bytes()).ok()
        });
        // Only HTTP/1.0 may leave out its host, and then this machine is the best guess.
        let host = named.as_ref().map_or("localhost", Authority::as_str);
        Ok(Self(format!("http://{host}")))
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
