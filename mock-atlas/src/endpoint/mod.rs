//! Lists all endpoints: for each, the method, the paths, the name for faults, the fields of the
//! body, the kind of reply, and the secret.
//!
//! - `account`: the endpoints for tokens; `artifact`: those for artifacts and all uploads; `boxes`:
//!   those for Vagrant boxes; `hcp`: those of HCP's registry of boxes
//! - `admin`: the endpoints of the emulator itself
//! - `page`: the pages for people
//! - `unserved`: the paths of Atlas that the emulator does not serve
//!
//! The router, fault injection, journal, metrics, lints and redaction ask an [`Endpoint`] or match
//! on it without a wildcard. To add an endpoint, add a variant to one of these files, and follow the
//! compiler's errors; one of them asks for the route in `http/router`, whose handler goes into
//! `http/api_v1`, `http/boxes`, `http/hcp` or `http/admin`, and another one for the description in `http/openapi`. Then
//! change by hand what the compiler does not check:
//!
//! - `RequireRoot` among the arguments of an admin handler; a test asks each admin endpoint without it
//! - tests of the endpoint in `tests/it/http`
//! - the tables of calls and of routes in `docs/emulator.md`, and the routes in the help of `--fault`,
//!   in `cli/mod.rs`; `workspace-tests` compares both with this folder
//! - `docs/contract.md` and the ledger of `contract-tests`, for an endpoint of Atlas

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

mod account;
mod admin;
mod artifact;
mod boxes;
mod hcp;
mod page;
mod unserved;

use std::collections::BTreeSet;

pub(crate) use account::AccountCall;
pub(crate) use admin::Admin;
pub(crate) use artifact::{ArtifactCall, upload_at, upload_path};
pub(crate) use boxes::BoxCall;
pub(crate) use hcp::{HCP_OPERATIONS, HCP_REGISTRY, HCP_TOKEN, HcpCall};
pub(crate) use page::Page;
pub(crate) use unserved::Unserved;

/// The endpoint that a request is routed to. Those with several paths name the path, too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Endpoint {
    /// An endpoint of Atlas.
    Api(Api, &'static str),
    /// An endpoint of the emulator itself.
    Admin(Admin),
    /// A page for people, or what a form of it sends.
    Page(Page),
    /// A path of the real Atlas that the emulator does not serve, with any method.
    Unserved(Unserved, &'static str),
    /// A path of an endpoint, with a method that no endpoint has there.
    WrongMethod(&'static str),
    /// A path that matches no endpoint.
    Unknown,
}

/// A call of Atlas, at one or several paths.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Api {
    Account(AccountCall),
    Artifact(ArtifactCall),
    Box(BoxCall),
    Hcp(HcpCall),
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
    /// The objects that contain the fields.
    pub(crate) objects: &'static [FieldsOf],
    /// The names of fields that may be outside of the objects.
    pub(crate) outside: &'static [&'static str],
}

/// The names of the fields of one object of a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FieldsOf {
    /// The name of the object.
    pub(crate) object: &'static str,
    pub(crate) names: &'static [&'static str],
    /// The fields that are objects with arbitrary keys.
    pub(crate) maps: &'static [&'static str],
}

/// The kind of a successful reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reply {
    Json,
    /// The bytes of a file.
    File,
    /// A status and headers alone.
    Nothing,
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
    /// Returns whether the audit has the requests, which change something. The GET that begins the upload of a
    /// box's file is one of them: the upload itself has no token.
    pub(crate) const fn is_audited(self) -> bool {
        use {BoxCall as Box, HcpCall as Hcp};
        match self {
            Self::Api(Api::Box(Box::BeginUpload | Box::BeginDirectUpload), _)
            | Self::Api(Api::Hcp(Hcp::BeginUpload | Hcp::BeginDirectUpload), _) => true,
            Self::Api(call, _) => !matches!(call.method(), Method::Get),
            Self::Admin(endpoint) => endpoint.is_audited(),
            Self::Page(page) => matches!(page.method(), Method::Post),
            Self::Unserved(..) | Self::WrongMethod(_) | Self::Unknown => false,
        }
    }

    /// Returns all endpoints, those for wrong methods and unknown paths included.
    pub(crate) fn all() -> impl Iterator<Item = Self> {
        let api = Api::all().flat_map(|call| {
            let paths = call.paths().iter();
            paths.map(move |path| Self::Api(call, path))
        });
        let served: Vec<Self> = api
            .chain(Admin::ALL.iter().copied().map(Self::Admin))
            .chain(Page::ALL.iter().copied().map(Self::Page))
            .collect();
        let has_own_path = |of: &&Self| !matches!(of, Self::Page(page) if page.is_negotiated());
        let paths = served.iter().filter(has_own_path);
        let paths: BTreeSet<&str> = paths.filter_map(|of| of.path()).collect();
        let unserved = Unserved::ALL.iter().flat_map(|part| {
            let paths = part.paths().iter();
            paths.map(|path| Self::Unserved(*part, path))
        });
        served
            .into_iter()
            .chain(unserved)
            .chain(paths.into_iter().map(Self::WrongMethod))
            .chain([Self::Unknown])
    }

    /// Returns the template of the path, such as `/api/v1/artifacts/{username}/{name}`.
    pub(crate) fn path(self) -> Option<&'static str> {
        match self {
            Self::Admin(endpoint) => Some(endpoint.path()),
            Self::Page(page) => Some(page.path()),
            Self::Api(_, path) | Self::Unserved(_, path) | Self::WrongMethod(path) => Some(path),
            Self::Unknown => None,
        }
    }

    /// Returns the label of logs and metrics: the template of the path, or `unknown`.
    pub(crate) fn label(self) -> &'static str {
        self.path().unwrap_or("unknown")
    }

    /// Returns whether requests must name a host that this emulator is known by: a web page could otherwise reach it
    /// under a name of its own, and act as whoever looks at it.
    pub(crate) fn checks_host(self) -> bool {
        matches!(self, Self::Admin(_) | Self::Page(_))
    }

    /// Returns whether the endpoint is there for pages alone.
    pub(crate) fn is_of_pages(self) -> bool {
        let is_own = |page: &Page, path| !page.is_negotiated() && page.path() == path;
        match self {
            Self::Page(_) => true,
            Self::WrongMethod(path) => Page::ALL.iter().any(|page| is_own(page, path)),
            Self::Api(..) | Self::Admin(_) | Self::Unserved(..) | Self::Unknown => false,
        }
    }

    /// Returns the call of Atlas; `None` for all others. Only calls of Atlas can have faults, fields
    /// of the contract, and secrets.
    pub(crate) fn api(self) -> Option<Api> {
        match self {
            Self::Api(call, _) => Some(call),
            Self::Admin(_)
            | Self::Page(_)
            | Self::Unserved(..)
            | Self::WrongMethod(_)
            | Self::Unknown => None,
        }
    }
}

impl Api {
    /// Returns all calls.
    pub(crate) fn all() -> impl Iterator<Item = Self> {
        let account = AccountCall::ALL.iter().copied().map(Self::Account);
        account
            .chain(ArtifactCall::ALL.iter().copied().map(Self::Artifact))
            .chain(BoxCall::ALL.iter().copied().map(Self::Box))
            .chain(HcpCall::ALL.iter().copied().map(Self::Hcp))
    }

    pub(crate) const fn method(self) -> Method {
        match self {
            Self::Account(call) => call.method(),
            Self::Artifact(call) => call.method(),
            Self::Box(call) => call.method(),
            Self::Hcp(call) => call.method(),
        }
    }

    /// Returns the templates of the paths.
    pub(crate) const fn paths(self) -> &'static [&'static str] {
        match self {
            Self::Account(call) => call.paths(),
            Self::Artifact(call) => call.paths(),
            Self::Box(call) => call.paths(),
            Self::Hcp(call) => call.paths(),
        }
    }

    /// Returns the call's name in faults. Several calls can share a name.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Account(call) => call.name(),
            Self::Artifact(call) => call.name(),
            Self::Box(call) => call.name(),
            Self::Hcp(call) => call.name(),
        }
    }

    pub(crate) const fn body(self) -> Body {
        match self {
            Self::Account(call) => call.body(),
            Self::Artifact(call) => call.body(),
            Self::Box(call) => call.body(),
            Self::Hcp(call) => call.body(),
        }
    }

    pub(crate) const fn reply(self) -> Reply {
        match self {
            Self::Account(call) => call.reply(),
            Self::Artifact(call) => call.reply(),
            Self::Box(call) => call.reply(),
            Self::Hcp(call) => call.reply(),
        }
    }

    pub(crate) const fn secret(self) -> Option<Secret> {
        match self {
            Self::Account(call) => call.secret(),
            Self::Artifact(call) => call.secret(),
            Self::Box(call) => call.secret(),
            Self::Hcp(call) => call.secret(),
        }
    }
}

impl BodyFields {
    /// Returns whether a body may have this field; `artifact.name` is the field `name` of the object
    /// `artifact`.
    pub(crate) fn has(&self, field: &str) -> bool {
        self.outside.contains(&field) || self.objects.iter().any(|object| object.has(field))
    }
}

impl FieldsOf {
    fn has(&self, field: &str) -> bool {
        let Some(inner) = field.strip_prefix(self.object) else {
            return false;
        };
        let Some(inner) = inner.strip_prefix('.') else {
            return inner.is_empty();
        };
        let (name, is_within) = match inner.split_once('.') {
            Some((name, _)) => (name, true),
            None => (inner, false),
        };
        self.maps.contains(&name) || !is_within && self.names.contains(&name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::RESERVED;

    #[test]
    fn no_two_endpoints_have_the_same_method_and_path() {
        let api = Api::all().flat_map(|call| {
            let paths = call.paths().iter();
            paths.map(move |path| (call.method(), *path))
        });
        let admin = Admin::ALL.iter().map(|of| (of.method(), of.path()));
        let pages = Page::ALL.iter().filter(|page| !page.is_negotiated());
        let pages = pages.map(|page| (page.method(), page.path()));
        let all: Vec<_> = api.chain(admin).chain(pages).collect();
        for (at, route) in all.iter().enumerate() {
            assert!(!all[..at].contains(route), "{route:?}");
        }
    }

    #[test]
    fn no_user_can_have_a_name_with_which_a_path_begins() {
        for path in Endpoint::all().filter_map(Endpoint::path) {
            let first = path.trim_start_matches('/').split('/').next();
            let first = first.unwrap_or_default();
            let is_reserved =
                first.is_empty() || first.starts_with('{') || RESERVED.contains(&first);
            assert!(is_reserved, "{path}");
        }
    }

    #[test]
    fn the_emulators_own_endpoints_and_no_others_are_below_one_path() {
        for endpoint in Endpoint::all() {
            let is_below = endpoint.label().starts_with(ADMIN);
            match endpoint {
                Endpoint::Admin(_) => assert!(is_below, "{endpoint:?}"),
                Endpoint::Page(page) => assert_eq!(is_below, !page.is_negotiated(), "{page:?}"),
                Endpoint::WrongMethod(_) => {}
                Endpoint::Api(..) | Endpoint::Unserved(..) | Endpoint::Unknown => {
                    assert!(!is_below, "{endpoint:?}");
                }
            }
        }
    }

    #[test]
    fn a_field_is_known_in_its_object_or_where_it_may_be_outside() {
        let fields = BodyFields {
            objects: &[FieldsOf {
                object: "box",
                names: &["name"],
                maps: &["metadata"],
            }],
            outside: &["access_token"],
        };
        for known in ["box", "box.name", "box.metadata.a.b", "access_token"] {
            assert!(fields.has(known), "{known}");
        }
        for unknown in ["name", "metadata.a", "box.other", "box.name.x", "boxes"] {
            assert!(!fields.has(unknown), "{unknown}");
        }
    }
}
