//! A bounded journal of requests.

use serde::Serialize;

/// Where the token of a request stood.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum TokenPlace {
    /// In the header `X-Atlas-Token`.
    Header,
    /// In the header `Authorization`, as `Bearer`.
    Bearer,
    /// In the query parameter `access_token`.
    Query,
}
