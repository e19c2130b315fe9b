//! Formats requests and addresses as they may be shown.

use url::{Origin, Url};

use crate::base::error::RequestLine;

/// Returns a request as it may be shown.
pub(crate) fn request_line(method: &'static str, url: &Url) -> RequestLine {
    let url = shown(url);
    RequestLine { method, url }
}

/// Returns a request as it may be shown, for a URL that authorises by itself, such as an upload's.
pub(crate) fn secret_line(method: &'static str, url: &Url) -> RequestLine {
    RequestLine {
        method,
        url: format!("{}/…", origin(url)),
    }
}

pub(super) fn shown(url: &Url) -> String {
    format!("{}{}", origin(url), url.path())
}

/// Returns the origin of an address, without user and password, also if its scheme is not that of the web.
pub(crate) fn origin(url: &Url) -> String {
    match (url.origin(), url.host_str()) {
        (origin @ Origin::Tuple(..), _) => origin.ascii_serialization(),
        (Origin::Opaque(_), host) => format!("{}://{}", url.scheme(), host.unwrap_or_default()),
    }
}
