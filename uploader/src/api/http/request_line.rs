//! Says of a request what may be shown of it.

use url::{Origin, Url};

use crate::base::error::RequestLine;

/// What was asked, as it may be shown.
pub(crate) fn request_line(method: &'static str, url: &Url) -> RequestLine {
    let url = shown(url);
    RequestLine { method, url }
}

/// The same for a URL that authorises by itself, such as an upload's.
pub(crate) fn secret_line(method: &'static str, url: &Url) -> RequestLine {
    RequestLine {
        method,
        url: format!("{}/…", origin(url)),
    }
}

pub(super) fn shown(url: &Url) -> String {
    format!("{}{}", origin(url), url.path())
}

/// Returns the beginning of an address, without user and password; also of one that is no web address.
pub(crate) fn origin(url: &Url) -> String {
    match (url.origin(), url.host_str()) {
        (origin @ Origin::Tuple(..), _) => origin.ascii_serialization(),
        (Origin::Opaque(_), host) => format!("{}://{}", url.scheme(), host.unwrap_or_default()),
    }
}
