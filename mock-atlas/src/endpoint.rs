//! Lists all endpoints: for each, the method, the path, the name for faults, the fields of the body,
//! and the secret.
//!
//! The router, fault injection, journal, metrics, lints and redaction ask an [`Endpoint`] or match
//! on it without a wildcard. To add an endpoint, add a variant to [`Api`] or [`Admin`], and follow the
//! compiler's errors; one of them asks for the route in `http/router`, whose handler goes into
//! `http/api_v1` or `http/admin`. Then change by hand what the compiler does not check:
//!
//! - `RequireRoot` among the arguments of an admin handler; a test asks each admin endpoint without it
//! - tests of the endpoint in `tests/it/http`
//! - the tables of calls and of routes in `docs/emulator.md`, and the routes in the help of `--fault`,
//!   in `cli/mod.rs`; `workspace-tests` compares both with this file
//! - `docs/contract.md` and the ledger of `contract-tests`, for an endpoint of Atlas

use std::collections::BTreeSet;

use uuid::Uuid;

/// The endpoint that a request is routed to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Endpoint {
    /// An endpoint of Atlas.
    Api(Api),
    /// An endpoint of the emulator itself.
    Admin(Admin),
    /// A path of the real Atlas that the emulator does not serve, with any method.
    Unserved(Unserved, &'static str),
    /// A path of an endpoint, with a method that no endpoint has there.
    WrongMethod(&'static str),
    /// A path that matches no endpoint.
    Unknown,
}

/// Declares an enum together with `ALL`, the complete list of its variants.
macro_rules! listed {
    ($(#[$attribute:meta])* $name:ident { $($(#[$doc:meta])* $variant:ident,)+ }) => {
        $(#[$attribute])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum $name {
            $($(#[$doc])* $variant,)+
        }

        impl $name {
            pub(crate) const ALL: &[Self] = &[$(Self::$variant,)+];
        }
    };
}

listed! {
    /// The endpoints of Atlas.
    Api {
        ShowCaller,
        LogIn,
        ShowTokenOwner,
        CreateArtifact,
        ShowArtifact,
        CreateVersion,
        Search,
        Download,
        Upload,
    }
}

listed! {
    /// The endpoints of the emulator itself, below `/_mock`. Faults do not apply to them, and the
    /// journal does not record them.
    Admin {
        Health,
        Metrics,
        ListRequests,
        ClearRequests,
        Verify,
        Lints,
        Reset,
        Snapshot,
        Restore,
        Seed,
        DeleteArtifact,
        DeleteVersion,
        ListOrphans,
        ListFaults,
        CreateFault,
        ClearFaults,
        RemoveFault,
        ListTokens,
        CreateToken,
        RevokeToken,
    }
}

listed! {
    /// The parts of Atlas that the emulator does not serve.
    Unserved {
        TerraformState,
        Configurations,
        VagrantApplications,
        Environments,
        Boxes,
        BoxFiles,
        SecondFactor,
        ApiV2,
    }
}

/// The methods of endpoints. A `HEAD` request uses the endpoint of `GET`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Method {
    Get,
    Post,
    Put,
    Delete,
}

/// The kind of request body that an endpoint reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Body {
    Nothing,
    /// JSON or a form.
    Fields(BodyFields),
    /// The bytes of a file.
    File,
}

/// The names of the fields that a body may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BodyFields {
    /// The name of the object that contains all fields.
    pub(crate) section: &'static str,
    pub(crate) names: &'static [&'static str],
    /// The fields that are objects with arbitrary keys.
    pub(crate) maps: &'static [&'static str],
}

/// The part of a request that logs, metrics and the journal must not show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Secret {
    /// The last segment of the path, which authorises whoever knows it.
    Path,
    /// The body, which holds a password. Even a digest of the body would let others guess the
    /// password.
    Body,
}

/// The prefix of all paths of the emulator's own endpoints.
pub(crate) const ADMIN: &str = "/_mock/";

impl Endpoint {
    /// Returns all endpoints, those for wrong methods and unknown paths included.
    pub(crate) fn all() -> impl Iterator<Item = Self> {
        let api = Api::ALL.iter().copied().map(Self::Api);
        let served = api.chain(Admin::ALL.iter().copied().map(Self::Admin));
        let paths: BTreeSet<&str> = served.clone().filter_map(Self::path).collect();
        let unserved = Unserved::ALL.iter().flat_map(|part| {
            let paths = part.paths().iter();
            paths.map(|path| Self::Unserved(*part, path))
        });
        served
            .chain(unserved)
            .chain(paths.into_iter().map(Self::WrongMethod))
            .chain([Self::Unknown])
    }

    /// Returns the template of the path, such as `/api/v1/artifacts/{username}/{name}`.
    pub(crate) fn path(self) -> Option<&'static str> {
        match self {
            Self::Api(endpoint) => Some(endpoint.path()),
            Self::Admin(endpoint) => Some(endpoint.path()),
            Self::Unserved(_, path) | Self::WrongMethod(path) => Some(path),
            Self::Unknown => None,
        }
    }

    /// Returns the label of logs and metrics: the template of the path, or `unknown`.
    pub(crate) fn label(self) -> &'static str {
        self.path().unwrap_or("unknown")
    }

    /// Returns the endpoint of Atlas; `None` for all others. Only endpoints of Atlas can have
    /// faults, fields of the contract, and secrets.
    pub(crate) fn api(self) -> Option<Api> {
        match self {
            Self::Api(endpoint) => Some(endpoint),
            Self::Admin(_) | Self::Unserved(..) | Self::WrongMethod(_) | Self::Unknown => None,
        }
    }
}

impl Api {
    // Contract: auth.base-path
    const fn route(self) -> (Method, &'static str) {
        use Method::{Get, Post, Put};
        match self {
            Self::ShowCaller => (Get, "/api/v1/authenticate"),
            Self::LogIn => (Post, "/api/v1/authenticate"),
            Self::ShowTokenOwner => (Get, "/api/v1/token"),
            Self::CreateArtifact => (Post, "/api/v1/artifacts"),
            Self::ShowArtifact => (Get, "/api/v1/artifacts/{username}/{name}"),
            Self::CreateVersion => (Post, "/api/v1/artifacts/{username}/{name}/{type}"),
            Self::Search => (Get, "/api/v1/artifacts/{username}/{name}/{type}/search"),
            Self::Download => (
                Get,
                "/api/v1/artifacts/{username}/{name}/{type}/{version}/file",
            ),
            // Outside of `/api`, since Atlas had a host of its own for uploads, `binstore` (binary store).
            Self::Upload => (Put, "/_binstore/{upload}"),
        }
    }

    pub(crate) const fn method(self) -> Method {
        self.route().0
    }

    pub(crate) const fn path(self) -> &'static str {
        self.route().1
    }

    /// Returns the endpoint's name in faults. Several endpoints can share a name.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::ShowCaller | Self::LogIn | Self::ShowTokenOwner => "authenticate",
            Self::CreateArtifact => "artifact.create",
            Self::ShowArtifact => "artifact.show",
            Self::CreateVersion => "version.create",
            Self::Search => "search",
            Self::Download => "download",
            Self::Upload => "upload",
        }
    }

    pub(crate) const fn body(self) -> Body {
        match self {
            Self::LogIn => Body::Fields(BodyFields {
                section: "user",
                names: &["login", "password", "description"],
                maps: &[],
            }),
            Self::CreateArtifact => Body::Fields(BodyFields {
                section: "artifact",
                names: &["username", "name"],
                maps: &[],
            }),
            Self::CreateVersion => Body::Fields(BodyFields {
                section: "artifact_version",
                names: &["id", "file", "build_id", "compile_id"],
                maps: &["metadata"],
            }),
            Self::Upload => Body::File,
            Self::ShowCaller
            | Self::ShowTokenOwner
            | Self::ShowArtifact
            | Self::Search
            | Self::Download => Body::Nothing,
        }
    }

    pub(crate) const fn secret(self) -> Option<Secret> {
        match self {
            Self::LogIn => Some(Secret::Body),
            Self::Upload => Some(Secret::Path),
            Self::ShowCaller
            | Self::ShowTokenOwner
            | Self::CreateArtifact
            | Self::ShowArtifact
            | Self::CreateVersion
            | Self::Search
            | Self::Download => None,
        }
    }
}

impl Admin {
    const fn route(self) -> (Method, &'static str) {
        use Method::{Delete, Get, Post};
        match self {
            Self::Health => (Get, "/_mock/health"),
            Self::Metrics => (Get, "/_mock/metrics"),
            Self::ListRequests => (Get, "/_mock/requests"),
            Self::ClearRequests => (Delete, "/_mock/requests"),
            Self::Verify => (Post, "/_mock/verify"),
            Self::Lints => (Get, "/_mock/lints"),
            Self::Reset => (Post, "/_mock/reset"),
            Self::Snapshot => (Post, "/_mock/snapshot"),
            Self::Restore => (Post, "/_mock/restore"),
            Self::Seed => (Post, "/_mock/seed"),
            Self::DeleteArtifact => (Delete, "/_mock/artifacts/{username}/{name}"),
            Self::DeleteVersion => (
                Delete,
                "/_mock/artifacts/{username}/{name}/{type}/{version}",
            ),
            Self::ListOrphans => (Get, "/_mock/orphans"),
            Self::ListFaults => (Get, "/_mock/faults"),
            Self::CreateFault => (Post, "/_mock/faults"),
            Self::ClearFaults => (Delete, "/_mock/faults"),
            Self::RemoveFault => (Delete, "/_mock/faults/{id}"),
            Self::ListTokens => (Get, "/_mock/tokens"),
            Self::CreateToken => (Post, "/_mock/tokens"),
            Self::RevokeToken => (Delete, "/_mock/tokens/{id}"),
        }
    }

    pub(crate) const fn method(self) -> Method {
        self.route().0
    }

    pub(crate) const fn path(self) -> &'static str {
        self.route().1
    }

    /// Returns whether the endpoint answers only to the root token. Its handler must then have the
    /// argument `RequireRoot` before all arguments that read the request's body; a test sends a
    /// request to each endpoint.
    #[cfg(test)]
    pub(crate) const fn requires_root(self) -> bool {
        match self {
            Self::Health | Self::Metrics => false,
            Self::ListRequests
            | Self::ClearRequests
            | Self::Verify
            | Self::Lints
            | Self::Reset
            | Self::Snapshot
            | Self::Restore
            | Self::Seed
            | Self::DeleteArtifact
            | Self::DeleteVersion
            | Self::ListOrphans
            | Self::ListFaults
            | Self::CreateFault
            | Self::ClearFaults
            | Self::RemoveFault
            | Self::ListTokens
            | Self::CreateToken
            | Self::RevokeToken => true,
        }
    }
}

/// Returns a list of the paths, each followed by a pattern for all paths below it.
macro_rules! with_below {
    ($($path:literal),+ $(,)?) => { &[$($path, concat!($path, "/{*path}")),+] };
}

impl Unserved {
    /// Returns the templates of all paths of this part.
    // Contract: silent.not-served
    pub(crate) const fn paths(self) -> &'static [&'static str] {
        match self {
            Self::TerraformState => with_below!["/api/v1/terraform/state"],
            Self::Configurations => with_below![
                "/api/v1/terraform/configurations",
                "/api/v1/packer/build-configurations",
            ],
            Self::VagrantApplications => with_below!["/api/v1/vagrant/applications"],
            Self::Environments => with_below!["/api/v1/environments"],
            Self::Boxes => with_below![
                "/api/v1/box",
                "/api/v1/boxes",
                "/api/v1/user",
                "/api/v1/search",
            ],
            Self::BoxFiles => &["/{username}/boxes/{*path}"],
            Self::SecondFactor => with_below!["/api/v1/two-factor"],
            Self::ApiV2 => with_below![
                "/api/v2/authenticate",
                "/api/v2/box",
                "/api/v2/boxes",
                "/api/v2/user",
                "/api/v2/search",
                "/api/v2/vagrant",
            ],
        }
    }

    /// Returns the part of Atlas that a path belongs to. It ignores templates with a parameter
    /// before their end.
    pub(crate) fn at(path: &str) -> Option<Self> {
        let is_at = |template: &&str| match template.strip_suffix("{*path}") {
            Some(start) => path.starts_with(start),
            None => path == *template,
        };
        let mut all = Self::ALL.iter().copied();
        all.find(|part| part.paths().iter().any(is_at))
    }

    /// Returns the description of this part for the error message.
    pub(crate) const fn description(self) -> &'static str {
        match self {
            Self::TerraformState => "the state of Terraform",
            Self::Configurations => "configurations that are pushed to be built or run",
            Self::VagrantApplications => "applications of Vagrant",
            Self::Environments => "environments and their variables",
            Self::Boxes | Self::BoxFiles => "boxes of Vagrant",
            Self::SecondFactor => "a second factor of a login",
            Self::ApiV2 => "the second version of the API, for boxes of Vagrant",
        }
    }
}

/// Returns the path of an upload. The random id in it is the authorisation of the client.
pub(crate) fn upload_path(upload: Uuid) -> String {
    let mut id = Uuid::encode_buffer();
    [uploads(), upload.hyphenated().encode_lower(&mut id)].concat()
}

/// Returns the upload that a path names; `None` for other paths.
pub(crate) fn upload_at(path: &str) -> Option<Uuid> {
    path.strip_prefix(uploads())?.parse().ok()
}

/// Returns the common prefix of the paths of uploads.
fn uploads() -> &'static str {
    let path = Api::Upload.path();
    path.strip_suffix("{upload}").unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_endpoints_have_the_same_method_and_path() {
        let api = Api::ALL.iter().map(|endpoint| endpoint.route());
        let all: Vec<_> = api
            .chain(Admin::ALL.iter().map(|endpoint| endpoint.route()))
            .collect();
        for (at, route) in all.iter().enumerate() {
            assert!(!all[..at].contains(route), "{route:?}");
        }
    }

    #[test]
    fn the_emulators_own_endpoints_and_no_others_are_below_one_path() {
        for endpoint in Endpoint::all() {
            let is_below = endpoint.label().starts_with(ADMIN);
            match endpoint {
                Endpoint::Admin(_) => assert!(is_below, "{endpoint:?}"),
                Endpoint::WrongMethod(_) => {}
                Endpoint::Api(_) | Endpoint::Unserved(..) | Endpoint::Unknown => {
                    assert!(!is_below, "{endpoint:?}");
                }
            }
        }
    }

    #[test]
    fn the_path_of_an_upload_names_it() {
        let upload = Uuid::from_u128(7);
        let path = upload_path(upload);
        assert_eq!(path, "/_binstore/00000000-0000-0000-0000-000000000007");
        assert_eq!(upload_at(&path), Some(upload));
        for other in ["/_binstore/", "/_binstore/{upload}", "/x", &path[1..]] {
            assert_eq!(upload_at(other), None, "{other}");
        }
    }

    #[test]
    fn what_is_below_an_unserved_path_is_unserved() {
        for (path, part) in [
            ("/api/v1/box", Some(Unserved::Boxes)),
            ("/api/v1/box/acme/web", Some(Unserved::Boxes)),
            ("/api/v1/boxer", None),
            ("/api/v2/search", Some(Unserved::ApiV2)),
            ("/acme/boxes/web", None),
        ] {
            assert_eq!(Unserved::at(path), part, "{path}");
        }
    }
}
