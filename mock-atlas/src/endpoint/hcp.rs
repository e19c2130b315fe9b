//! Lists the endpoints of HCP: its registry API for Vagrant boxes, the operations that it names, and
//! the tokens of its clients. A registry is a user or an organisation.

use super::{Body, BodyFields, Method, Reply, Secret};

listed! {
    /// The calls of HCP.
    HcpCall {
        IssueToken,
        ListRegistries,
        CreateRegistry,
        ShowRegistry,
        UpdateRegistry,
        DeleteRegistry,
        Activate,
        Deactivate,
        ListBoxes,
        CreateBox,
        ShowBox,
        UpdateBox,
        DeleteBox,
        Search,
        ListVersions,
        CreateVersion,
        ShowVersion,
        UpdateVersion,
        DeleteVersion,
        Release,
        Revoke,
        ListProviders,
        CreateProvider,
        ShowProvider,
        UpdateProvider,
        DeleteProvider,
        ListArchitectures,
        CreateArchitecture,
        ShowArchitecture,
        UpdateArchitecture,
        DeleteArchitecture,
        BeginUpload,
        BeginDirectUpload,
        CompleteUpload,
        ShowDownload,
        /// The state of an operation, at once or when it has ended.
        ShowOperation,
    }
}

/// The path below which the calls for boxes are.
pub(crate) const HCP_REGISTRY: &str = "/vagrant/2022-09-30";

/// The path below which operations are.
pub(crate) const HCP_OPERATIONS: &str = "/operation/2020-05-05";

/// The path that issues tokens.
pub(crate) const HCP_TOKEN: &str = "/oauth2/token";

/// Returns a path of the registry API.
macro_rules! registry {
    ($($tail:literal),*) => { concat!("/vagrant/2022-09-30" $(, $tail)*) };
}

/// Returns a path of one registry.
macro_rules! of_registry {
    ($($tail:literal),*) => { registry!("/registry/{username}" $(, $tail)*) };
}

/// Returns a path of a box.
macro_rules! of_box {
    ($($tail:literal),*) => { of_registry!("/box/{name}" $(, $tail)*) };
}

/// Returns a path of a version.
macro_rules! of_version {
    ($($tail:literal),*) => { of_box!("/version/{version}" $(, $tail)*) };
}

/// Returns a path of a provider.
macro_rules! of_provider {
    ($($tail:literal),*) => { of_version!("/provider/{provider}" $(, $tail)*) };
}

/// Returns a path of an architecture.
macro_rules! of_architecture {
    ($($tail:literal),*) => { of_provider!("/architecture/{architecture}" $(, $tail)*) };
}

/// Returns the path of an operation.
macro_rules! of_operation {
    ($($tail:literal),*) => {
        concat!(
            "/operation/2020-05-05/organizations/{organization}/projects/{project}",
            "/operations/{operation}",
            $($tail),*
        )
    };
}

impl HcpCall {
    const fn route(self) -> (Method, &'static [&'static str]) {
        use Method::{Delete, Get, Post, Put};
        match self {
            Self::IssueToken => (Post, &[HCP_TOKEN]),
            Self::ListRegistries => (Get, &[registry!("/registries")]),
            Self::CreateRegistry => (Post, &[registry!("/registries")]),
            Self::ShowRegistry => (Get, &[of_registry!()]),
            Self::UpdateRegistry => (Put, &[of_registry!()]),
            Self::DeleteRegistry => (Delete, &[of_registry!()]),
            Self::Activate => (Put, &[of_registry!("/activate")]),
            Self::Deactivate => (Put, &[of_registry!("/deactivate")]),
            Self::ListBoxes => (Get, &[of_registry!("/boxes")]),
            Self::CreateBox => (Post, &[of_registry!("/boxes")]),
            Self::ShowBox => (Get, &[of_box!()]),
            Self::UpdateBox => (Put, &[of_box!()]),
            Self::DeleteBox => (Delete, &[of_box!()]),
            Self::Search => (Get, &[registry!("/search")]),
            Self::ListVersions => (Get, &[of_box!("/versions")]),
            Self::CreateVersion => (Post, &[of_box!("/versions")]),
            Self::ShowVersion => (Get, &[of_version!()]),
            Self::UpdateVersion => (Put, &[of_version!()]),
            Self::DeleteVersion => (Delete, &[of_version!()]),
            Self::Release => (Put, &[of_version!("/release")]),
            Self::Revoke => (Put, &[of_version!("/revoke")]),
            Self::ListProviders => (Get, &[of_version!("/providers")]),
            Self::CreateProvider => (Post, &[of_version!("/providers")]),
            Self::ShowProvider => (Get, &[of_provider!()]),
            Self::UpdateProvider => (Put, &[of_provider!()]),
            Self::DeleteProvider => (Delete, &[of_provider!()]),
            Self::ListArchitectures => (Get, &[of_provider!("/architectures")]),
            Self::CreateArchitecture => (Post, &[of_provider!("/architectures")]),
            Self::ShowArchitecture => (Get, &[of_architecture!()]),
            Self::UpdateArchitecture => (Put, &[of_architecture!()]),
            Self::DeleteArchitecture => (Delete, &[of_architecture!()]),
            Self::BeginUpload => (Get, &[of_architecture!("/upload")]),
            Self::BeginDirectUpload => (Get, &[of_architecture!("/direct/upload")]),
            Self::CompleteUpload => (Put, &[of_architecture!("/direct/complete/{upload}")]),
            Self::ShowDownload => (Get, &[of_architecture!("/download")]),
            Self::ShowOperation => (Get, &[of_operation!(), of_operation!("/wait")]),
        }
    }

    pub(super) const fn method(self) -> Method {
        self.route().0
    }

    pub(super) const fn paths(self) -> &'static [&'static str] {
        self.route().1
    }

    /// Returns the name in faults. What the other APIs for boxes do, too, has their name: an
    /// architecture here is a provider there.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::IssueToken => "hcp.token",
            Self::CreateRegistry
            | Self::ShowRegistry
            | Self::UpdateRegistry
            | Self::DeleteRegistry
            | Self::Activate
            | Self::Deactivate => "hcp.registry",
            Self::ListRegistries
            | Self::ListBoxes
            | Self::ListVersions
            | Self::ListProviders
            | Self::ListArchitectures => "hcp.list",
            Self::CreateProvider
            | Self::ShowProvider
            | Self::UpdateProvider
            | Self::DeleteProvider => "hcp.provider",
            Self::ShowDownload => "hcp.download",
            Self::ShowOperation => "hcp.operation",
            Self::CreateBox => "box.create",
            Self::ShowBox => "box.show",
            Self::UpdateBox => "box.update",
            Self::DeleteBox => "box.delete",
            Self::Search => "box.search",
            Self::CreateVersion => "box.version.create",
            Self::ShowVersion => "box.version.show",
            Self::UpdateVersion => "box.version.update",
            Self::DeleteVersion => "box.version.delete",
            Self::Release => "box.release",
            Self::Revoke => "box.revoke",
            Self::CreateArchitecture => "box.provider.create",
            Self::ShowArchitecture => "box.provider.show",
            Self::UpdateArchitecture => "box.provider.update",
            Self::DeleteArchitecture => "box.provider.delete",
            Self::BeginUpload | Self::BeginDirectUpload => "box.upload",
            Self::CompleteUpload => "box.callback",
        }
    }

    /// Returns the fields of the body. Those that a server alone may set are known, since HashiCorp's
    /// SDK sends them, too.
    // Contract: boxes-hcp.zero-times
    pub(super) const fn body(self) -> Body {
        match self {
            Self::IssueToken => fields(&[
                "grant_type",
                "client_id",
                "client_secret",
                "audience",
                "scope",
            ]),
            Self::CreateRegistry | Self::UpdateRegistry => fields(&[
                "name",
                "description",
                "description_html",
                "gravatar_url",
                "activated",
                "location",
                "location.organization_id",
                "location.project_id",
                "location.region",
                "location.region.provider",
                "location.region.region",
                "boxes",
                "created_at",
                "updated_at",
            ]),
            Self::CreateBox | Self::UpdateBox => fields(&[
                "name",
                "description",
                "description_html",
                "short_description",
                "is_private",
                "downloads",
                "state",
                "summary",
                "summary.versions_count",
                "summary.provider_names",
                "summary.latest_released_at",
                "versions",
                "created_at",
                "updated_at",
            ]),
            Self::CreateVersion | Self::UpdateVersion => fields(&[
                "name",
                "description",
                "description_html",
                "state",
                "summary",
                "summary.provider_names",
                "summary.providers_count",
                "providers",
                "created_at",
                "updated_at",
            ]),
            Self::CreateProvider | Self::UpdateProvider => fields(&[
                "name",
                "summary",
                "summary.architecture_types",
                "summary.architectures_count",
                "architectures",
                "created_at",
                "updated_at",
            ]),
            Self::CreateArchitecture | Self::UpdateArchitecture => fields(&[
                "architecture_type",
                "default",
                "box_data",
                "box_data.download_url",
                "box_data.checksum",
                "box_data.checksum_type",
                "box_data.size",
                "box_data.created_at",
                "box_data.updated_at",
                "created_at",
                "updated_at",
            ]),
            Self::ListRegistries
            | Self::ShowRegistry
            | Self::DeleteRegistry
            | Self::Activate
            | Self::Deactivate
            | Self::ListBoxes
            | Self::ShowBox
            | Self::DeleteBox
            | Self::Search
            | Self::ListVersions
            | Self::ShowVersion
            | Self::DeleteVersion
            | Self::Release
            | Self::Revoke
            | Self::ListProviders
            | Self::ShowProvider
            | Self::DeleteProvider
            | Self::ListArchitectures
            | Self::ShowArchitecture
            | Self::DeleteArchitecture
            | Self::BeginUpload
            | Self::BeginDirectUpload
            | Self::CompleteUpload
            | Self::ShowDownload
            | Self::ShowOperation => Body::Nothing,
        }
    }

    pub(super) const fn reply(self) -> Reply {
        Reply::Json
    }

    pub(super) const fn secret(self) -> Option<Secret> {
        match self {
            Self::IssueToken => Some(Secret::Body),
            Self::CompleteUpload => Some(Secret::Path),
            Self::ListRegistries
            | Self::CreateRegistry
            | Self::ShowRegistry
            | Self::UpdateRegistry
            | Self::DeleteRegistry
            | Self::Activate
            | Self::Deactivate
            | Self::ListBoxes
            | Self::CreateBox
            | Self::ShowBox
            | Self::UpdateBox
            | Self::DeleteBox
            | Self::Search
            | Self::ListVersions
            | Self::CreateVersion
            | Self::ShowVersion
            | Self::UpdateVersion
            | Self::DeleteVersion
            | Self::Release
            | Self::Revoke
            | Self::ListProviders
            | Self::CreateProvider
            | Self::ShowProvider
            | Self::UpdateProvider
            | Self::DeleteProvider
            | Self::ListArchitectures
            | Self::CreateArchitecture
            | Self::ShowArchitecture
            | Self::UpdateArchitecture
            | Self::DeleteArchitecture
            | Self::BeginUpload
            | Self::BeginDirectUpload
            | Self::ShowDownload
            | Self::ShowOperation => None,
        }
    }
}

/// Returns a body of fields that are in no object.
const fn fields(names: &'static [&'static str]) -> Body {
    Body::Fields(BodyFields {
        objects: &[],
        outside: names,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_path_is_below_one_of_three() {
        for call in HcpCall::ALL {
            for path in call.paths() {
                let prefixes = [HCP_REGISTRY, HCP_OPERATIONS, HCP_TOKEN];
                let is_below = prefixes.iter().any(|prefix| path.starts_with(prefix));
                assert!(is_below, "{path}");
            }
        }
        let below = |prefix: &str| {
            let mut paths = HcpCall::ALL.iter().flat_map(|call| call.paths());
            paths.any(|path| path.starts_with(prefix))
        };
        assert!(below(HCP_REGISTRY) && below(HCP_OPERATIONS));
    }
}
