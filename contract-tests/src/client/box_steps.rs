//! This module reads the steps by which an uploader publishes a box: by version 1 or 2 of the API for boxes, or by HCP's.

use axum::http::Method;
use serde_json::Value;

use super::{fields::Fields, observation::Observation};
use crate::self_test::proxy::{Request, Transaction};

/// The beginning of the paths of HCP's API for boxes.
pub(super) const HCP: &str = "/vagrant/2022-09-30/registry/";

/// The kind of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A box, a version or a provider is made.
    Make,
    /// An object, or one that lists it, is read.
    Read,
    /// A provider is changed.
    Change,
    /// An upload is asked for.
    Ask,
    /// A direct upload is ended.
    CallBack,
    /// A version is released.
    Release,
}

/// A step on the way of a box to a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct BoxStep {
    pub(super) kind: Kind,
    /// The object: the user, the box, the version, the provider and the architecture, as far as the step names them.
    pub(super) object: Vec<String>,
}

/// An upload that a server offered, and what the uploader made of it.
pub(super) struct Upload<'a> {
    /// The version and provider, as in [`BoxStep::object`].
    pub(super) object: Vec<String>,
    /// The path of the callback of a direct upload.
    pub(super) callback: Option<String>,
    path: String,
    later: &'a [Transaction],
}

/// The number of parts that name a version.
pub(super) const VERSION: usize = 3;

impl BoxStep {
    /// Returns the step that a request is, if it is one.
    pub(super) fn of(request: &Request) -> Option<Self> {
        let path = request.path();
        let below = path
            .strip_prefix("/api/v1/")
            .or_else(|| path.strip_prefix("/api/v2/"));
        match (below, path.strip_prefix(HCP)) {
            (Some(below), _) => of_api(request, &segments(below)),
            (None, Some(below)) => of_hcp(request, &segments(below)),
            (None, None) => None,
        }
    }

    /// Tells whether the step shows that an object exists: it reads the object or one around it, or makes it.
    pub(super) fn shows(&self, object: &[String]) -> bool {
        match self.kind {
            Kind::Read | Kind::Change => object.starts_with(&self.object),
            Kind::Make => self.object.starts_with(object),
            Kind::Ask | Kind::CallBack | Kind::Release => false,
        }
    }
}

fn segments(path: &str) -> Vec<&str> {
    path.split('/').collect()
}

fn step(kind: Kind, object: &[&str]) -> Option<BoxStep> {
    let object = object.iter().map(ToString::to_string).collect();
    Some(BoxStep { kind, object })
}

/// Returns the step of a request of version 1 or 2.
fn of_api(request: &Request, segments: &[&str]) -> Option<BoxStep> {
    let told = |section: &str, field: &str| told(request, section, field);
    match (request.method.as_str(), segments) {
        ("POST", ["boxes"]) => {
            let (user, name) = (told("box", "username")?, told("box", "name")?);
            step(Kind::Make, &[&user, &name])
        }
        ("GET", ["box", user, name]) => step(Kind::Read, &[user, name]),
        ("POST", ["box", user, name, "versions"]) => {
            step(Kind::Make, &[user, name, &told("version", "version")?])
        }
        ("GET", ["box", user, name, "version", version]) => {
            step(Kind::Read, &[user, name, version])
        }
        ("PUT", ["box", user, name, "version", version, "release"]) => {
            step(Kind::Release, &[user, name, version])
        }
        ("POST", ["box", user, name, "version", version, "providers"]) => {
            let provider = told("provider", "name")?;
            let entry = [&[*user, *name, *version, &*provider][..]].concat();
            match told("provider", "architecture") {
                Some(architecture) => step(Kind::Make, &[&entry[..], &[&*architecture]].concat()),
                None => step(Kind::Make, &entry),
            }
        }
        (_, ["box", user, name, "version", version, "provider", rest @ ..]) => {
            of_provider(&request.method, &[user, name, version], rest)
        }
        _ => None,
    }
}

/// Returns the step of a request of version 1 or 2 within a provider.
fn of_provider(method: &Method, version: &[&str], rest: &[&str]) -> Option<BoxStep> {
    let (kind, entry): (_, &[&str]) = match (method.as_str(), rest) {
        ("GET", [entry @ .., "upload"] | [entry @ .., "upload", "direct"]) => (Kind::Ask, entry),
        ("PUT", [entry @ .., "upload", "complete", _]) => (Kind::CallBack, entry),
        ("GET", entry) => (Kind::Read, entry),
        ("PUT", entry) => (Kind::Change, entry),
        _ => return None,
    };
    step(kind, &[version, entry].concat())
}

/// Returns the step of a request of HCP's API, below the registry.
fn of_hcp(request: &Request, segments: &[&str]) -> Option<BoxStep> {
    let told = |field: &str| told(request, "", field);
    match (request.method.as_str(), segments) {
        ("POST", [user, "boxes"]) => step(Kind::Make, &[user, &told("name")?]),
        ("POST", [user, "box", name, "versions"]) => {
            step(Kind::Make, &[user, name, &told("name")?])
        }
        ("POST", [user, "box", name, "version", version, "providers"]) => {
            step(Kind::Make, &[user, name, version, &told("name")?])
        }
        (
            "POST",
            [
                user,
                "box",
                name,
                "version",
                version,
                "provider",
                provider,
                "architectures",
            ],
        ) => {
            let architecture = told("architecture_type")?;
            step(Kind::Make, &[user, name, version, provider, &architecture])
        }
        ("PUT", [user, "box", name, "version", version, "release"]) => {
            step(Kind::Release, &[user, name, version])
        }
        (method, [user, "box", name, rest @ ..]) => {
            let (kind, rest): (_, &[&str]) = match (method, rest) {
                ("GET", [entry @ .., "direct", "upload"] | [entry @ .., "upload"]) => {
                    (Kind::Ask, entry)
                }
                ("PUT", [entry @ .., "direct", "complete", _]) => (Kind::CallBack, entry),
                ("GET", entry) => (Kind::Read, entry),
                ("PUT", entry) => (Kind::Change, entry),
                _ => return None,
            };
            // The names of the objects stand between the words for their kinds.
            let names = rest.iter().skip(1).step_by(2).copied();
            let object: Vec<_> = [*user, *name].into_iter().chain(names).collect();
            step(kind, &object)
        }
        _ => None,
    }
}

/// Returns a text that a body tells, within a section or, for the empty section, by itself.
fn told(request: &Request, section: &str, field: &str) -> Option<String> {
    let body = Fields::of(request)?.value;
    let within = body.get(section).unwrap_or(&body);
    let text = within.get(field)?.as_str()?;
    (!text.is_empty()).then(|| text.to_owned())
}

/// Returns the fields that a request tells of a provider: those of `provider`, or HCP's `box_data`.
pub(super) fn provider_fields(request: &Request) -> Option<Value> {
    let body = Fields::of(request)?.value;
    let fields = body.get("provider").or_else(|| body.get("box_data"));
    fields.cloned()
}

impl Observation {
    /// Returns each step with its transaction, the transactions before it, and those after it.
    pub(super) fn box_steps(
        &self,
    ) -> impl Iterator<Item = (&[Transaction], BoxStep, &Transaction, &[Transaction])> {
        self.in_order().filter_map(|(before, transaction, later)| {
            let step = BoxStep::of(&transaction.request)?;
            Some((before, step, transaction, later))
        })
    }

    /// Returns the uploads of boxes that the server offered.
    pub(super) fn box_uploads(&self) -> impl Iterator<Item = Upload<'_>> {
        self.box_steps()
            .filter(|(_, step, ..)| step.kind == Kind::Ask)
            .filter_map(|(_, step, asked, later)| Upload::of(step, asked, later))
    }
}

impl<'a> Upload<'a> {
    fn of(step: BoxStep, asked: &Transaction, later: &'a [Transaction]) -> Option<Self> {
        let reply = asked.delivered().filter(|reply| reply.succeeded())?;
        let body: Value = serde_json::from_slice(&reply.body).ok()?;
        let of_api = body["callback"]
            .as_str()
            .and_then(|it| reqwest::Url::parse(it).ok());
        let of_hcp = || {
            let (entry, _) = asked.request.path().split_once("/direct/upload")?;
            Some(format!(
                "{entry}/direct/complete/{}",
                body["object"].as_str()?
            ))
        };
        Some(Self {
            object: step.object,
            callback: of_hcp().or_else(|| of_api.map(|url| url.path().to_owned())),
            path: reply.upload_path()?,
            later,
        })
    }

    /// Returns the requests that send the bytes, whole or not.
    pub(super) fn puts(&self) -> impl Iterator<Item = &'a Transaction> {
        let later = self.later.iter();
        later.filter(|it| it.request.path() == self.path && it.request.method == Method::PUT)
    }

    /// Tells whether these bytes have arrived: the server took them whole.
    pub(super) fn has_arrived(put: &Transaction) -> bool {
        let taken = put.reply.as_ref().is_some_and(|reply| reply.succeeded());
        put.request.is_complete && taken
    }

    /// Returns the place, among the transactions after the offer, of the callback.
    pub(super) fn called_back(&self) -> Option<usize> {
        let callback = self.callback.as_deref()?;
        self.later
            .iter()
            .position(|it| it.request.path() == callback)
    }

    /// Returns the place, among the transactions after the offer, of the first bytes that arrived.
    pub(super) fn arrived(&self) -> Option<usize> {
        let later = self.later.iter();
        let mut places = later
            .enumerate()
            .filter(|(_, it)| it.request.path() == self.path);
        places
            .find(|(_, it)| Self::has_arrived(it))
            .map(|(at, _)| at)
    }
}
