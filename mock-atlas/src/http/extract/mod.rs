//! What a handler gets to see of a request: validated, or rejected before the handler runs.
//!
//! - `dataset`: what the Atlas knows as the request begins
//! - `caller`: who asks
//! - `path`: the names in the path
//! - `params`: the body, as JSON (`json`) or as a form (`form`)
//! - `search`: the query string of a search
//! - `requests`: the query string that asks for requests of the journal
//! - `origin`: where the client reached this Atlas

mod caller;
mod dataset;
mod form;
mod json;
mod origin;
mod params;
mod path;
mod requests;
mod search;

use std::borrow::Cow;

pub(crate) use caller::{Authenticated, Root, presented_token};
pub(crate) use origin::Origin;
pub(crate) use params::{Params, Section, Text};
pub(crate) use path::{ArtifactPath, TypePath, VersionPath};
pub(crate) use requests::RequestsQuery;
pub(crate) use search::{SearchQuery, whole_number};

/// What stands in a header. Most of it is UTF-8, and to see that first takes less than to make it so.
pub(crate) fn text(bytes: &[u8]) -> Cow<'_, str> {
    match str::from_utf8(bytes) {
        Ok(text) => text.into(),
        Err(_) => String::from_utf8_lossy(bytes),
    }
}
