//! The replies that contain HCP's objects, and those to uploads, downloads and clients that ask for a token.

use serde::Serialize;

use super::{
    ArchitectureElement, BoxElement, ChecksumFields, IndexElement, Location, ProviderElement,
    RegistryElement, VersionElement,
};
use crate::domain::BoxProvider;
use crate::http::extract::PageTokens;
use crate::service::operations::Operation;

/// A reply with one object.
#[derive(Debug, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum HcpReply<'a> {
    Registry(RegistryElement<'a>),
    Box(BoxElement<'a>),
    Version(VersionElement<'a>),
    Provider(ProviderElement<'a>),
    Architecture(ArchitectureElement<'a>),
    Operation(OperationElement<'a>),
}

/// A reply with an object, and the operation that changed it.
// Contract: boxes-hcp.box-create
#[derive(Debug, Serialize)]
pub(crate) struct ChangedReply<'a> {
    #[serde(flatten)]
    pub(crate) object: HcpReply<'a>,
    pub(crate) operation: OperationElement<'a>,
}

/// An operation, which has ended.
// Contract: boxes-hcp.operation
#[derive(Debug, Serialize)]
pub(crate) struct OperationElement<'a> {
    id: String,
    location: Location<'a>,
    state: &'static str,
}

impl<'a> From<&'a Operation> for OperationElement<'a> {
    fn from(operation: &'a Operation) -> Self {
        Self {
            id: operation.id.to_string(),
            location: Location::of(&operation.registry),
            state: "DONE",
        }
    }
}

/// The elements of a list.
#[derive(Debug, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum HcpList<'a> {
    Registries(Vec<RegistryElement<'a>>),
    Boxes(Vec<BoxElement<'a>>),
    #[serde(rename = "boxes")]
    Index(Vec<IndexElement<'a>>),
    Versions(Vec<VersionElement<'a>>),
    Providers(Vec<ProviderElement<'a>>),
    Architectures(Vec<ArchitectureElement<'a>>),
}

/// A page of a list.
// Contract: boxes-hcp.lists
#[derive(Debug, Serialize)]
pub(crate) struct HcpListReply<'a> {
    #[serde(flatten)]
    pub(crate) elements: HcpList<'a>,
    pub(crate) pagination: PageTokens,
}

/// The reply to a request for an upload.
// Contract: boxes-hcp.upload
#[derive(Debug, Serialize)]
pub(crate) struct HcpUploadReply {
    pub(crate) url: String,
    #[serde(flatten)]
    pub(crate) direct: Option<DirectUploadFields>,
}

/// The fields of a reply that tell how a direct upload is completed.
// Contract: boxes-hcp.upload-direct
#[derive(Debug, Serialize)]
pub(crate) struct DirectUploadFields {
    /// The last segment of the path that makes the file visible.
    pub(crate) object: String,
    /// The URL that makes the file visible.
    pub(crate) callback: String,
}

/// The reply with the URL of a file.
// Contract: boxes-hcp.download
#[derive(Debug, Serialize)]
pub(crate) struct HcpDownloadReply<'a> {
    url: String,
    #[serde(flatten)]
    checksum: ChecksumFields<'a>,
}

impl<'a> HcpDownloadReply<'a> {
    pub(crate) fn new(url: String, provider: &'a BoxProvider) -> Self {
        Self {
            url,
            checksum: ChecksumFields::of(provider),
        }
    }
}

/// The reply with a new access token (RFC 6749, 5.1).
// Contract: boxes-hcp.token
#[derive(Debug, Serialize)]
pub(crate) struct AccessTokenReply {
    pub(crate) access_token: String,
    pub(crate) token_type: &'static str,
    /// The lifetime, in seconds.
    pub(crate) expires_in: u64,
}

/// An error of the endpoint that issues access tokens (RFC 6749, 5.2).
#[derive(Debug, Serialize)]
pub(crate) struct OAuthError {
    pub(crate) error: &'static str,
    pub(crate) error_description: String,
}
