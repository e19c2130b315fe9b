//! Lists every endpoint once: its method, its path, the name that faults know it by, the fields of its body and
//! the secret in it.
//!
//! The router, fault injection, journal, metrics, lints and redaction ask an [`Endpoint`] or match on it, without a
//! wildcard. To add an endpoint, add a variant to [`Api`] or [`Admin`] and go where the compiler points.

use std::collections::BTreeSet;

use uuid::Uuid;

/// An `Endpoint` is the route that took a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Endpoint {
    /// An endpoint of Atlas.
    Api(Api),
    /// An endpoint of the emulator's own.
    Admin(Admin),
    /// A path of an endpoint of Atlas that the emulator does not have, with any method.
    Unserved(Unserved, &'static str),
    /// A path whose endpoints all have other methods than the request.
    WrongMethod(&'static str),
    /// A path that no endpoint has.
    Unknown,
}

/// Declares an enum and `ALL`, the list of its variants, so that the list misses none.
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
    /// The endpoints of the emulator's own, below `/_mock`. They meet no faults, and the journal leaves them out.
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
    /// The parts of Atlas that the emulator does not have.
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

/// The methods that endpoints have. A `HEAD` goes where `GET` goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Method {
    Get,
    Post,
    Put,
    Delete,
}

/// A `Body` is what an endpoint reads of the body of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Body {
    Nothing,
    /// JSON or a form.
    Fields(BodyFields),
    /// The bytes of a file.
    File,
}

/// A `BodyFields` names the fields that a body may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BodyFields {
    /// The object that all fields are in.
    pub(crate) section: &'static str,
    pub(crate) names: &'static [&'static str],
    /// The fields that are objects, with keys of the client's own.
    pub(crate) maps: &'static [&'static str],
}

/// A `Secret` is the part of a request that nothing may show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Secret {
    /// The last segment of the path authorises whoever knows it.
    Path,
    /// The body holds a password, which could be guessed from a digest of the body.
    Body,
}

/// All paths of the emulator's own begin with this.
pub(crate) const ADMIN: &str = "/_mock/";

impl Endpoint {
    /// Returns all endpoints, those of no method and of no path included.
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

    /// Returns the template of the path as logs and metrics show it: there is one for each request.
    pub(crate) fn label(self) -> &'static str {
        self.path().unwrap_or("unknown")
    }

    /// Returns the endpoint of Atlas, which alone meets faults, reads what clients of Atlas send, and is told
    /// secrets by them.
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
            // Outside of the API, as Atlas had a host of its own for uploads.
            Self::Upload => (Put, "/_binstore/{upload}"),
        }
    }

    pub(crate) const fn method(self) -> Method {
        self.route().0
    }

    pub(crate) const fn path(self) -> &'static str {
        self.route().1
    }

    /// Returns the name that faults know the endpoint by. Some endpoints share one.
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
}

/// Makes a list of paths, and of all that is below them.
macro_rules! with_below {
    ($($path:literal),+ $(,)?) => { &[$($path, concat!($path, "/{*path}")),+] };
}

impl Unserved {
    /// Returns the templates of all paths.
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

    /// Returns the part of Atlas that was at a path, if the path has nothing to be filled in before its end.
    pub(crate) fn at(path: &str) -> Option<Self> {
        let is_at = |template: &&str| match template.strip_suffix("{*path}") {
            Some(start) => path.starts_with(start),
            None => path == *template,
        };
        let mut all = Self::ALL.iter().copied();
        all.find(|part| part.paths().iter().any(is_at))
    }

    /// Returns what the emulator says that it does not serve.
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

/// Returns the path of an upload. It authorises whoever knows it, so it holds what cannot be guessed.
pub(crate) fn upload_path(upload: Uuid) -> String {
    let mut id = Uuid::encode_buffer();
    [uploads(), upload.hyphenated().encode_lower(&mut id)].concat()
}

/// Returns the upload that a path names.
pub(crate) fn upload_at(path: &str) -> Option<Uuid> {
    path.strip_prefix(uploads())?.parse().ok()
}

/// Returns what the paths of uploads begin with.
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
