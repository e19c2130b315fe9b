//! Answers the reading endpoints of Vagrant Cloud's `/api/v1` and `/api/v2`, the downloads, and the catalogs.

use serde_json::{Value, json};

use super::super::server::Request;
use super::content::{Checksum, File, Place};
use super::faults::Fault;
use super::guard::Standing;
use super::options::{Api, Options};
use super::tree::{
    Architecture, CREATED, Owner, Provider, State, Tree, UPDATED, VagrantBox, Version,
};
use super::wire::{Reply, Target, encoded};
use super::{Origin, Shared, store};

/// A request with the state that it may see.
struct Asked<'a> {
    shared: &'a Shared,
    tree: &'a Tree,
    options: &'a Options,
    good: bool,
    /// Whether this is version 1 of the API, which has no architectures.
    first: bool,
}

pub(super) fn answer(shared: &Shared, target: &Target, standing: Standing, api: Api) -> Reply {
    if standing == Standing::Bad {
        return error(401, "You are not authorized to access this resource");
    }
    let (tree, options) = (shared.tree(), shared.options());
    let asked = Asked {
        shared,
        tree: &tree,
        options: &options,
        good: standing == Standing::Good,
        first: api == Api::V1,
    };
    let parts = target.parts();
    let found = match (api, parts.as_slice()) {
        (Api::Catalogs, ["api", "v2", "vagrant", owner, name]) => asked.catalog(owner, name, false),
        (Api::Catalogs, [owner, name]) => asked.catalog(owner, name, true),
        (Api::V1 | Api::V2, ["api", _, rest @ ..]) => asked.api(rest),
        _ => asked.redirect(&parts),
    };
    found.unwrap_or_else(|| error(404, "Resource not found!"))
}

/// Answers for a catalog that is a static file, and for the boxes beside it.
pub(super) fn plain(
    shared: &Shared,
    target: &Target,
    request: &Request,
    fault: Option<&Fault>,
) -> Reply {
    let (tree, options) = (shared.tree(), shared.options());
    let file = target.path.get(1).map_or("", String::as_str);
    if let Some(key) = file.strip_suffix(".box") {
        return match store::named(&tree, key) {
            Some(file) => store::send(shared, &options, file, request, fault),
            None => store::refusal(404, "NotFound"),
        };
    }
    let name = file.strip_suffix(".json").unwrap_or_default();
    let mut owners = tree.owners.iter();
    let found = owners.find_map(|owner| {
        let mut boxes = owner.boxes.iter();
        Some((owner, boxes.find(|one| one.name == name && !one.private)?))
    });
    let Some((owner, one)) = found else {
        return store::refusal(404, "NotFound");
    };
    let address = |_: &Version, _: &Provider, a: &Architecture| match a.file.place {
        Place::Store => format!("{}/plain/{}.box", shared.url(Origin::Registry), a.file.key),
        _ => shared.address(&a.file),
    };
    Reply::json(200, &catalog(owner, one, false, address))
}

pub(super) fn error(status: u16, message: &str) -> Reply {
    let body = json!({"errors": [message], "success": false});
    Reply::json(status, &body)
}

impl<'a> Asked<'a> {
    fn owner(&self, name: &str) -> Option<&'a Owner> {
        self.tree.owners.iter().find(|one| one.name == name)
    }

    /// Returns a box with its owner, if the caller may see it.
    fn find(&self, owner: &str, name: &str) -> Option<(&'a Owner, &'a VagrantBox)> {
        let owner = self.owner(owner)?;
        let found = owner.boxes.iter().find(|one| one.name == name)?;
        (self.good || !found.private).then_some((owner, found))
    }

    fn api(&self, path: &[&str]) -> Option<Reply> {
        let body = match path {
            ["user", name] => self.user(self.owner(name)?),
            ["box", owner, name, rest @ ..] => {
                let (owner, one) = self.find(owner, name)?;
                self.below_box(owner, one, rest)?
            }
            _ => return None,
        };
        Some(Reply::json(200, &body))
    }

    fn below_box(&self, owner: &Owner, one: &VagrantBox, path: &[&str]) -> Option<Value> {
        let mut versions = one.versions.iter().filter(|one| one.is_for(self.good));
        let ["version", number, rest @ ..] = path else {
            let whole = path.is_empty().then(|| self.vagrant_box(owner, one));
            return whole.map(|mut body| {
                let versions = versions.map(|version| self.version(owner, one, version));
                body["versions"] = versions.collect();
                body
            });
        };
        let version = versions.find(|one| one.number == *number)?;
        let (name, architecture) = match (rest, self.first) {
            ([], _) => return Some(self.version(owner, one, version)),
            (["provider", name], true) => (name, None),
            (["provider", name, architecture], false) => (name, Some(*architecture)),
            _ => return None,
        };
        let provider = version.providers.iter().find(|one| one.name == *name)?;
        let mut all = provider.architectures.iter();
        let found = match architecture {
            Some(name) => all.find(|one| one.name == name),
            None => provider.default(),
        };
        Some(self.provider((owner, one, version, provider), found?, true))
    }

    fn user(&self, owner: &Owner) -> Value {
        let boxes = owner.boxes.iter().filter(|one| self.good || !one.private);
        let boxes: Value = boxes.map(|one| self.vagrant_box(owner, one)).collect();
        json!({
            "username": owner.name,
            "avatar_url": null,
            "profile_html": null,
            "profile_markdown": owner.description,
            "boxes": boxes,
        })
    }

    /// Returns the JSON of a box with only its current version.
    fn vagrant_box(&self, owner: &Owner, one: &VagrantBox) -> Value {
        let mut versions = one.versions.iter();
        let current = versions.rfind(|one| one.state == State::Active);
        json!({
            "created_at": CREATED,
            "updated_at": UPDATED,
            "tag": format!("{}/{}", owner.name, one.name),
            "name": one.name,
            "short_description": one.short_description,
            "description_html": "",
            "username": owner.name,
            "description_markdown": one.description,
            "private": one.private,
            "downloads": 7,
            "current_version": current.map(|version| self.version(owner, one, version)),
        })
    }

    fn version(&self, owner: &Owner, one: &VagrantBox, version: &Version) -> Value {
        let url = self.shared.url(Origin::Registry);
        let address = format!(
            "{url}/api/v1/box/{}/{}/version/{}",
            encoded(&owner.name),
            encoded(&one.name),
            encoded(&version.number),
        );
        let files = version.files(self.first).into_iter();
        let providers: Vec<Value> = files
            .map(|(provider, a)| self.provider((owner, one, version, provider), a, false))
            .collect();
        json!({
            "version": version.number,
            "status": status(version.state),
            "description_html": "",
            "description_markdown": version.description,
            "created_at": version.created,
            "updated_at": version.updated,
            "number": version.number,
            "release_url": format!("{address}/release"),
            "revoke_url": format!("{address}/revoke"),
            "providers": providers,
        })
    }

    fn provider(&self, above: Above<'_>, one: &Architecture, asked_for: bool) -> Value {
        let (.., provider) = above;
        let hosted = one.file.place == Place::Store;
        let original = (!hosted).then(|| self.shared.address(&one.file));
        let address = match &original {
            Some(original) if !one.file.through => original.clone(),
            _ => self.own_address(above, one),
        };
        let mut body = json!({
            "name": provider.name,
            "hosted": hosted,
            "hosted_token": null,
            "original_url": original,
            "created_at": CREATED,
            "updated_at": UPDATED,
            "download_url": address,
        });
        if !self.first || self.options.v1_checksums || asked_for {
            let (kind, value) = checksum(&one.file);
            body["checksum"] = value;
            body["checksum_type"] = kind;
        }
        if !self.first {
            body["architecture"] = one.name.clone().into();
            body["default_architecture"] = one.default.into();
        }
        body
    }

    /// Returns the registry's own address for a file.
    fn own_address(&self, above: Above<'_>, one: &Architecture) -> String {
        let architecture = (!self.first).then_some(one.name.as_str());
        own_address(self.shared.url(Origin::Registry), above, architecture)
    }

    fn catalog(&self, owner: &str, name: &str, first: bool) -> Option<Reply> {
        let (owner, one) = self.find(owner, name)?;
        let url = self.shared.url(Origin::Registry);
        let address = |version: &Version, provider: &Provider, a: &Architecture| match a.file.place
        {
            Place::Link(_) | Place::OwnersHost if !a.file.through => self.shared.address(&a.file),
            _ => {
                let architecture = (!first).then_some(a.name.as_str());
                own_address(url, (owner, one, version, provider), architecture)
            }
        };
        Some(Reply::json(200, &catalog(owner, one, first, address)))
    }

    /// Answers a download with a redirect.
    fn redirect(&self, path: &[&str]) -> Option<Reply> {
        let [
            owner,
            "boxes",
            name,
            "versions",
            number,
            "providers",
            rest @ ..,
        ] = path
        else {
            return None;
        };
        let (_, one) = self.find(owner, name)?;
        let mut versions = one.versions.iter().filter(|one| one.is_for(self.good));
        let version = versions.find(|one| one.number == *number)?;
        let of = |name: &str| version.providers.iter().find(|one| one.name == name);
        let found = match rest {
            [name] => of(name.strip_suffix(".box")?)?.default()?,
            [name, "vagrant.box"] => of(name)?.default()?,
            [name, architecture, .., "vagrant.box"] => {
                let mut all = of(name)?.architectures.iter();
                all.find(|one| one.name == *architecture)?
            }
            _ => return None,
        };
        if let ([_, _, "vagrant.box"], true) = (rest, self.options.two_redirects) {
            let way = match found.file.place {
                Place::Store => "download",
                _ => "fetch",
            };
            let folder: Vec<String> = path[..path.len() - 1].iter().map(|p| encoded(p)).collect();
            let url = self.shared.url(Origin::Registry);
            let next = format!("{url}/{}/{way}/vagrant.box", folder.join("/"));
            return Some(Reply::redirect(&next));
        }
        Some(Reply::redirect(&self.shared.address(&found.file)))
    }
}

/// The ancestors of a file.
type Above<'a> = (&'a Owner, &'a VagrantBox, &'a Version, &'a Provider);

fn own_address(url: &str, above: Above<'_>, architecture: Option<&str>) -> String {
    let (owner, one, version, provider) = above;
    let folder = format!(
        "{url}/{}/boxes/{}/versions/{}/providers/{}",
        encoded(&owner.name),
        encoded(&one.name),
        encoded(&version.number),
        encoded(&provider.name),
    );
    match architecture {
        Some(name) => format!("{folder}/{}/vagrant.box", encoded(name)),
        None => format!("{folder}.box"),
    }
}

/// Returns the catalog that Vagrant reads. In version 1 it has one entry per provider and no architectures.
fn catalog(
    owner: &Owner,
    one: &VagrantBox,
    first: bool,
    address: impl Fn(&Version, &Provider, &Architecture) -> String,
) -> Value {
    let entry = |version: &Version, provider: &Provider, a: &Architecture| {
        let (kind, value) = checksum(&a.file);
        let mut body = json!({
            "name": provider.name,
            "url": address(version, provider, a),
            "checksum": value,
            "checksum_type": kind,
        });
        if !first {
            body["architecture"] = a.name.clone().into();
            body["default_architecture"] = a.default.into();
        }
        body
    };
    let active = one.versions.iter().filter(|v| v.state == State::Active);
    let versions = active.map(|version| {
        let files = version.files(first).into_iter();
        let providers: Vec<Value> = files
            .map(|(provider, a)| entry(version, provider, a))
            .collect();
        json!({
            "version": version.number,
            "status": status(version.state),
            "description_html": "",
            "description_markdown": version.description,
            "providers": providers,
        })
    });
    json!({
        "name": format!("{}/{}", owner.name, one.name),
        "description": one.description,
        "short_description": one.short_description,
        "versions": versions.collect::<Vec<_>>(),
    })
}

/// Returns the type and the value of a checksum; both are null if it was never set.
fn checksum(file: &File) -> (Value, Value) {
    let (kind, value) = file.said();
    match file.checksum {
        Checksum::Unset | Checksum::Missing => (Value::Null, Value::Null),
        Checksum::None => (kind.into(), Value::Null),
        _ => (kind.into(), value.into()),
    }
}

fn status(state: State) -> &'static str {
    match state {
        State::Unreleased => "unreleased",
        State::Active => "active",
        State::Revoked => "revoked",
    }
}
