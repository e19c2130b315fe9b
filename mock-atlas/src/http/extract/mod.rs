//! Extracts the validated parts of a request as arguments of handlers, and rejects a request before its
//! handler runs.
//!
//! - `dataset`: the dataset that is current when the request begins
//! - `caller`: checks the token of the request, by `service::accounts`, and extracts the caller
//! - `caller_and_params`: the caller of a call for boxes, whose token may be in the body, with the body
//! - `path`: the names in the path; `box_path`: those in paths of boxes
//! - `params`: the body of the request, as JSON (`json_body`) or as a form (`form_body`)
//! - `search`: the query string of a search; `box_search`: that of a search among boxes; `hcp_query`: those of HCP's
//!   registry of boxes
//! - `requests`: the query string that filters requests of the journal; `audit`: that of the audit; `deliveries`: that
//!   of deliveries to webhooks
//! - `file_request`: the request for the bytes of a file
//! - `origin`: the address at which the client reaches this Atlas

mod audit;
mod box_path;
mod box_search;
mod caller;
mod caller_and_params;
mod dataset;
mod deliveries;
mod file_request;
mod form_body;
mod hcp_query;
mod json_body;
mod origin;
mod params;
mod path;
mod requests;
mod search;

use std::borrow::Cow;

pub(crate) use audit::AuditPage;
pub(crate) use box_path::{
    BoxApi, BoxFilePath, BoxPath, BoxProviderPath, BoxUploadPath, BoxVersionPath, NamespacePath,
};
pub(crate) use box_search::BoxSearch;
pub(crate) use caller::{Authenticated, PublicReader, RequireRoot, SIGNATURE, presented_token};
pub(crate) use caller_and_params::{Asked, Told};
pub(crate) use deliveries::DeliveriesPage;
pub(crate) use file_request::FileRequest;
pub(crate) use hcp_query::{Children, HcpField, HcpOrder, HcpQuery, HcpSearch, PageTokens};
pub(crate) use origin::{Origin, Site, named_host};
pub(crate) use params::{Params, Section, Text, read_body};
pub(crate) use path::{ArtifactPath, ChannelPath, OwnerPath, TypePath, VersionPath};
pub(crate) use requests::RequestsQuery;
pub(crate) use search::{SearchQuery, whole_number};

/// Returns the value of a header as text, lossily. The check for valid UTF-8 first is faster than
/// `from_utf8_lossy` alone.
pub(crate) fn text(bytes: &[u8]) -> Cow<'_, str> {
    match str::from_utf8(bytes) {
        Ok(text) => text.into(),
        Err(_) => String::from_utf8_lossy(bytes),
    }
}
