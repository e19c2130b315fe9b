//! Lists the endpoints for artifacts, their versions and their files, and the path of all uploads.

use uuid::Uuid;

use super::{Body, BodyFields, FieldsOf, Method, Reply, Secret};

listed! {
    /// The calls for artifacts.
    ArtifactCall {
        CreateArtifact,
        ShowArtifact,
        CreateVersion,
        Search,
        Download,
        Upload,
    }
}

/// The beginning of the paths of uploads.
const UPLOADS: &str = "/_binstore/";

impl ArtifactCall {
    // Contract: auth.base-path
    const fn route(self) -> (Method, &'static [&'static str]) {
        use Method::{Get, Post, Put};
        match self {
            Self::CreateArtifact => (Post, &["/api/v1/artifacts"]),
            Self::ShowArtifact => (Get, &["/api/v1/artifacts/{username}/{name}"]),
            Self::CreateVersion => (Post, &["/api/v1/artifacts/{username}/{name}/{type}"]),
            Self::Search => (Get, &["/api/v1/artifacts/{username}/{name}/{type}/search"]),
            Self::Download => (
                Get,
                &["/api/v1/artifacts/{username}/{name}/{type}/{version}/file"],
            ),
            // Outside of `/api`, since Atlas had a host of its own for uploads, `binstore` (binary store).
            Self::Upload => (Put, &["/_binstore/{upload}"]),
        }
    }

    pub(super) const fn method(self) -> Method {
        self.route().0
    }

    pub(crate) const fn paths(self) -> &'static [&'static str] {
        self.route().1
    }

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::CreateArtifact => "artifact.create",
            Self::ShowArtifact => "artifact.show",
            Self::CreateVersion => "version.create",
            Self::Search => "search",
            Self::Download => "download",
            Self::Upload => "upload",
        }
    }

    pub(super) const fn body(self) -> Body {
        match self {
            Self::CreateArtifact => Body::Fields(BodyFields {
                objects: &[FieldsOf {
                    object: "artifact",
                    names: &["username", "name"],
                    maps: &[],
                }],
                outside: &[],
            }),
            Self::CreateVersion => Body::Fields(BodyFields {
                objects: &[FieldsOf {
                    object: "artifact_version",
                    names: &["id", "file", "build_id", "compile_id"],
                    maps: &["metadata"],
                }],
                outside: &[],
            }),
            Self::Upload => Body::File,
            Self::ShowArtifact | Self::Search | Self::Download => Body::Nothing,
        }
    }

    pub(super) const fn reply(self) -> Reply {
        match self {
            Self::Download => Reply::File,
            Self::CreateArtifact
            | Self::ShowArtifact
            | Self::CreateVersion
            | Self::Search
            | Self::Upload => Reply::Json,
        }
    }

    pub(super) const fn secret(self) -> Option<Secret> {
        match self {
            Self::Upload => Some(Secret::Path),
            Self::CreateArtifact
            | Self::ShowArtifact
            | Self::CreateVersion
            | Self::Search
            | Self::Download => None,
        }
    }
}

/// Returns the path of an upload. The random id in it is the authorisation of the client.
pub(crate) fn upload_path(upload: Uuid) -> String {
    let mut id = Uuid::encode_buffer();
    [UPLOADS, upload.hyphenated().encode_lower(&mut id)].concat()
}

/// Returns the upload that a path names; `None` for other paths.
pub(crate) fn upload_at(path: &str) -> Option<Uuid> {
    path.strip_prefix(UPLOADS)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_of_an_upload_names_it() {
        let upload = Uuid::from_u128(7);
        let path = upload_path(upload);
        assert_eq!(path, "/_binstore/00000000-0000-0000-0000-000000000007");
        assert_eq!(upload_at(&path), Some(upload));
        let template = ArtifactCall::Upload.paths()[0];
        assert_eq!(template, format!("{UPLOADS}{{upload}}"));
        for other in ["/_binstore/", template, "/x", &path[1..]] {
            assert_eq!(upload_at(other), None, "{other}");
        }
    }
}
