//! The JSON that leaves this Atlas. The order of fields is the recorded one.

use serde::Serialize;

use crate::names::{ArtifactName, Name};
use crate::store::{File, Metadata, Version};

/// `{"user": {"username": U}}` (contract: Base URL and authentication).
#[derive(Serialize)]
pub(crate) struct UserReply<'a> {
    pub(crate) user: User<'a>,
}

#[derive(Serialize)]
pub(crate) struct User<'a> {
    pub(crate) username: &'a Name,
}

/// `{"token": "…"}`, the reply to a login.
#[derive(Serialize)]
pub(crate) struct TokenReply {
    pub(crate) token: String,
}

/// `{"artifact": {"username": U, "name": N, "tag": "U/N"}}` (contract: Artifacts).
#[derive(Serialize)]
pub(crate) struct ArtifactReply<'a> {
    artifact: Artifact<'a>,
}

#[derive(Serialize)]
struct Artifact<'a> {
    username: &'a Name,
    name: &'a Name,
    tag: String,
}

impl<'a> From<&'a ArtifactName> for ArtifactReply<'a> {
    fn from(artifact: &'a ArtifactName) -> Self {
        let ArtifactName { username, name } = artifact;
        Self {
            artifact: Artifact {
                username,
                name,
                tag: artifact.to_string(),
            },
        }
    }
}

/// An element of a search (recorded).
#[derive(Serialize)]
pub(crate) struct VersionElement<'a> {
    username: &'a Name,
    name: &'a Name,
    tag: String,
    slug: String,
    artifact_type: &'a Name,
    id: &'a str,
    version: u64,
    metadata: &'a Metadata,
    file: bool,
}

impl<'a> VersionElement<'a> {
    pub(crate) fn new(
        artifact: &'a ArtifactName,
        artifact_type: &'a Name,
        of: &'a Version,
    ) -> Self {
        let ArtifactName { username, name } = artifact;
        Self {
            username,
            name,
            tag: artifact.to_string(),
            slug: format!("{artifact}/{artifact_type}/{}", of.number),
            artifact_type,
            id: &of.id,
            version: of.number,
            metadata: &of.metadata,
            file: !matches!(of.file, File::None),
        }
    }
}

/// `{"versions": [ … ]}`, the reply to a search.
#[derive(Serialize)]
pub(crate) struct SearchReply<'a> {
    pub(crate) versions: Vec<VersionElement<'a>>,
}

/// The reply to making a version: not wrapped, and with its upload path whether or not a file was
/// announced (contract: Versions).
#[derive(Serialize)]
pub(crate) struct NewVersionReply<'a> {
    #[serde(flatten)]
    pub(crate) version: VersionElement<'a>,
    pub(crate) upload_path: String,
    pub(crate) upload_token: String,
}

/// `{}`, the reply to an upload.
#[derive(Serialize)]
pub(crate) struct EmptyReply {}
