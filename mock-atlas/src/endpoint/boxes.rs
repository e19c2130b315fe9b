//! Lists the endpoints for Vagrant boxes: the calls under both versions of the API, the documents
//! that `vagrant box add` reads, and the files.

use super::{Body, BodyFields, FieldsOf, Method, Reply, Secret};

listed! {
    /// The calls for boxes.
    BoxCall {
        Search,
        ShowUser,
        CreateBox,
        ShowBox,
        UpdateBox,
        DeleteBox,
        CreateVersion,
        ShowVersion,
        UpdateVersion,
        DeleteVersion,
        Release,
        Revoke,
        CreateProvider,
        ShowProvider,
        UpdateProvider,
        DeleteProvider,
        BeginUpload,
        BeginDirectUpload,
        CompleteUpload,
        /// The document that Vagrant from 2.4 on reads.
        ShowDocument,
        /// The document that older versions of Vagrant read.
        ShowOldDocument,
        /// The lasting address of a file.
        FindFile,
        Download,
    }
}

/// Returns the paths below both versions of the API.
// Contract: boxes.both-apis
macro_rules! both {
    ($($tail:expr),+) => {
        &[$(concat!("/api/v1/", $tail), concat!("/api/v2/", $tail)),+]
    };
}

/// Returns the paths of a provider, with and without its architecture.
macro_rules! of_provider {
    ($tail:literal) => {
        both![
            concat!(
                "box/{username}/{name}/version/{version}/provider/{provider}",
                $tail
            ),
            concat!(
                "box/{username}/{name}/version/{version}/provider/{provider}/{architecture}",
                $tail
            )
        ]
    };
}

/// Returns the paths of what is at the root, also with a slash too many: the address of a server
/// may end with one, to which Vagrant adds a path.
// Contract: boxes-add.double-slash
macro_rules! at_root {
    ($($path:literal),+) => {
        &[$($path, concat!("/", $path)),+]
    };
}

impl BoxCall {
    const fn route(self) -> (Method, &'static [&'static str]) {
        use Method::{Delete, Get, Post, Put};
        match self {
            Self::Search => (Get, both!["search"]),
            Self::ShowUser => (Get, both!["user/{username}"]),
            Self::CreateBox => (Post, both!["boxes"]),
            Self::ShowBox => (Get, both!["box/{username}/{name}"]),
            Self::UpdateBox => (Put, both!["box/{username}/{name}"]),
            Self::DeleteBox => (Delete, both!["box/{username}/{name}"]),
            Self::CreateVersion => (Post, both!["box/{username}/{name}/versions"]),
            Self::ShowVersion => (Get, both!["box/{username}/{name}/version/{version}"]),
            Self::UpdateVersion => (Put, both!["box/{username}/{name}/version/{version}"]),
            Self::DeleteVersion => (Delete, both!["box/{username}/{name}/version/{version}"]),
            Self::Release => (
                Put,
                both!["box/{username}/{name}/version/{version}/release"],
            ),
            Self::Revoke => (Put, both!["box/{username}/{name}/version/{version}/revoke"]),
            Self::CreateProvider => (
                Post,
                both!["box/{username}/{name}/version/{version}/providers"],
            ),
            Self::ShowProvider => (Get, of_provider![""]),
            Self::UpdateProvider => (Put, of_provider![""]),
            Self::DeleteProvider => (Delete, of_provider![""]),
            Self::BeginUpload => (Get, of_provider!["/upload"]),
            Self::BeginDirectUpload => (Get, of_provider!["/upload/direct"]),
            Self::CompleteUpload => (Put, of_provider!["/upload/complete/{upload}"]),
            Self::ShowDocument => (Get, at_root!["/api/v2/vagrant/{username}/{name}"]),
            Self::ShowOldDocument => (Get, at_root!["/{username}/{name}"]),
            Self::FindFile => (
                Get,
                at_root![
                    "/{username}/boxes/{name}/versions/{version}/providers/{provider}",
                    "/{username}/boxes/{name}/versions/{version}/providers/{provider}/{architecture}/vagrant.box"
                ],
            ),
            Self::Download => (
                Get,
                at_root![
                    "/{username}/boxes/{name}/versions/{version}/providers/{provider}/{architecture}/{digest}/vagrant.box"
                ],
            ),
        }
    }

    pub(super) const fn method(self) -> Method {
        self.route().0
    }

    pub(super) const fn paths(self) -> &'static [&'static str] {
        self.route().1
    }

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Search => "box.search",
            Self::ShowUser => "box.user",
            Self::CreateBox => "box.create",
            Self::ShowBox => "box.show",
            Self::UpdateBox => "box.update",
            Self::DeleteBox => "box.delete",
            Self::CreateVersion => "box.version.create",
            Self::ShowVersion => "box.version.show",
            Self::UpdateVersion => "box.version.update",
            Self::DeleteVersion => "box.version.delete",
            Self::Release => "box.release",
            Self::Revoke => "box.revoke",
            Self::CreateProvider => "box.provider.create",
            Self::ShowProvider => "box.provider.show",
            Self::UpdateProvider => "box.provider.update",
            Self::DeleteProvider => "box.provider.delete",
            Self::BeginUpload | Self::BeginDirectUpload => "box.upload",
            Self::CompleteUpload => "box.callback",
            Self::ShowDocument | Self::ShowOldDocument => "box.document",
            Self::FindFile | Self::Download => "box.download",
        }
    }

    // Contract: boxes.flat-fields
    pub(super) const fn body(self) -> Body {
        match self {
            Self::CreateBox | Self::UpdateBox => Body::Fields(BodyFields {
                objects: &[FieldsOf {
                    object: "box",
                    names: &[
                        "username",
                        "name",
                        "short_description",
                        "description",
                        "is_private",
                    ],
                    maps: &[],
                }],
                outside: &[
                    "access_token",
                    "username",
                    "name",
                    "short_description",
                    "description",
                    "is_private",
                ],
            }),
            Self::CreateVersion | Self::UpdateVersion => Body::Fields(BodyFields {
                objects: &[FieldsOf {
                    object: "version",
                    names: &["version", "description"],
                    maps: &[],
                }],
                outside: &["access_token"],
            }),
            Self::CreateProvider | Self::UpdateProvider => Body::Fields(BodyFields {
                objects: &[FieldsOf {
                    object: "provider",
                    names: &[
                        "name",
                        "url",
                        "checksum",
                        "checksum_type",
                        "architecture",
                        "default_architecture",
                    ],
                    maps: &[],
                }],
                outside: &["access_token"],
            }),
            Self::Search
            | Self::ShowUser
            | Self::ShowBox
            | Self::DeleteBox
            | Self::ShowVersion
            | Self::DeleteVersion
            | Self::Release
            | Self::Revoke
            | Self::ShowProvider
            | Self::DeleteProvider
            | Self::BeginUpload
            | Self::BeginDirectUpload
            | Self::CompleteUpload
            | Self::ShowDocument
            | Self::ShowOldDocument
            | Self::FindFile
            | Self::Download => Body::Nothing,
        }
    }

    pub(super) const fn reply(self) -> Reply {
        match self {
            Self::FindFile => Reply::Nothing,
            Self::Download => Reply::File,
            Self::Search
            | Self::ShowUser
            | Self::CreateBox
            | Self::ShowBox
            | Self::UpdateBox
            | Self::DeleteBox
            | Self::CreateVersion
            | Self::ShowVersion
            | Self::UpdateVersion
            | Self::DeleteVersion
            | Self::Release
            | Self::Revoke
            | Self::CreateProvider
            | Self::ShowProvider
            | Self::UpdateProvider
            | Self::DeleteProvider
            | Self::BeginUpload
            | Self::BeginDirectUpload
            | Self::CompleteUpload
            | Self::ShowDocument
            | Self::ShowOldDocument => Reply::Json,
        }
    }

    pub(super) const fn secret(self) -> Option<Secret> {
        match self {
            Self::CompleteUpload => Some(Secret::Path),
            Self::Search
            | Self::ShowUser
            | Self::CreateBox
            | Self::ShowBox
            | Self::UpdateBox
            | Self::DeleteBox
            | Self::CreateVersion
            | Self::ShowVersion
            | Self::UpdateVersion
            | Self::DeleteVersion
            | Self::Release
            | Self::Revoke
            | Self::CreateProvider
            | Self::ShowProvider
            | Self::UpdateProvider
            | Self::DeleteProvider
            | Self::BeginUpload
            | Self::BeginDirectUpload
            | Self::ShowDocument
            | Self::ShowOldDocument
            | Self::FindFile
            | Self::Download => None,
        }
    }
}
