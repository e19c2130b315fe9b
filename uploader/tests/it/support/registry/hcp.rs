//! Answers the reading endpoints of HCP's registry API, `/vagrant/2022-09-30`.

use serde_json::{Map, Value, json};

use super::Shared;
use super::content::{File, Place, Size};
use super::guard::Standing;
use super::options::{Expands, Options};
use super::tree::{
    Architecture, CREATED, Owner, Provider, State, Tree, UPDATED, VagrantBox, Version,
};
use super::wire::{Reply, Target};

/// The time that Go writes if it was never set.
const ZERO_TIME: &str = "0001-01-01T00:00:00.000Z";

/// A reply, or the message that something was not found.
type Found = Result<Value, &'static str>;

/// A request with the state that it may see.
struct Asked<'a> {
    shared: &'a Shared,
    tree: &'a Tree,
    options: &'a Options,
    target: &'a Target,
    good: bool,
    /// The number of levels of descendants to include.
    depth: usize,
}

pub(super) fn answer(shared: &Shared, target: &Target, standing: Standing) -> Reply {
    if standing == Standing::Bad {
        return error(401, "the access token is not valid");
    }
    let (tree, options) = (shared.tree(), shared.options());
    let depth = match (target.value("expanded"), options.expands) {
        (Some("true"), Expands::Whole) => 9,
        (Some("true"), Expands::Children) => 1,
        _ => 0,
    };
    let asked = Asked {
        shared,
        tree: &tree,
        options: &options,
        target,
        good: standing == Standing::Good,
        depth,
    };
    match asked.registry(&target.parts()[2..]) {
        Ok(body) => Reply::json(200, &body),
        Err(what) => error(404, &format!("{what} not found")),
    }
}

/// Returns an error as gRPC's gateway writes it.
pub(super) fn error(status: u16, message: &str) -> Reply {
    let code = match status {
        400 => 3,
        401 => 16,
        403 => 7,
        404 => 5,
        429 => 8,
        503 => 14,
        _ => 13,
    };
    let body = json!({"code": code, "message": message, "details": []});
    Reply::json(status, &body)
}

impl Asked<'_> {
    fn registry(&self, path: &[&str]) -> Found {
        let ["registry", name, rest @ ..] = path else {
            return Err("path");
        };
        let mut owners = self.tree.owners.iter();
        let owner = owners.find(|one| one.name == *name).ok_or("registry")?;
        let boxes = owner.boxes.iter().filter(|one| self.good || !one.private);
        match rest {
            [] => Ok(json!({"registry": self.owner(owner)})),
            ["boxes"] => self.page("boxes", boxes, |one| self.vagrant_box(one, self.depth)),
            ["box", name, rest @ ..] => {
                let found = boxes.into_iter().find(|one| one.name == *name);
                self.below_box(found.ok_or("box")?, rest)
            }
            _ => Err("path"),
        }
    }

    fn below_box(&self, one: &VagrantBox, path: &[&str]) -> Found {
        let versions = one.versions.iter().filter(|one| one.is_for(self.good));
        match path {
            [] => Ok(json!({"box": self.vagrant_box(one, self.depth)})),
            ["versions"] => self.page("versions", versions, |one| self.version(one, self.depth)),
            ["version", number, rest @ ..] => {
                let found = versions.into_iter().find(|one| one.number == *number);
                self.below_version(found.ok_or("version")?, rest)
            }
            _ => Err("path"),
        }
    }

    fn below_version(&self, one: &Version, path: &[&str]) -> Found {
        let mut all = one.providers.iter();
        match path {
            [] => Ok(json!({"version": self.version(one, self.depth)})),
            ["providers"] => self.page("providers", all, |one| self.provider(one, self.depth)),
            ["provider", name, rest @ ..] => {
                let found = all.find(|one| one.name == *name).ok_or("provider")?;
                self.below_provider(found, rest)
            }
            _ => Err("path"),
        }
    }

    fn below_provider(&self, one: &Provider, path: &[&str]) -> Found {
        let mut all = one.architectures.iter();
        let (name, rest) = match path {
            [] => return Ok(json!({"provider": self.provider(one, self.depth)})),
            ["architectures"] => return self.page("architectures", all, |a| self.architecture(a)),
            ["architecture", name, rest @ ..] => (*name, rest),
            _ => return Err("path"),
        };
        let found = all.find(|a| a.name == name).ok_or("architecture")?;
        match rest {
            [] => Ok(json!({"architecture": self.architecture(found)})),
            ["download"] => Ok(self.download(&found.file)),
            _ => Err("path"),
        }
    }

    fn download(&self, file: &File) -> Value {
        let mut body = Map::new();
        body.insert("url".into(), self.shared.address(file).into());
        checksum(file, &mut body);
        body.into()
    }

    /// Returns a page of a list. Its tokens must be encoded to be used in a query.
    fn page<T>(
        &self,
        name: &str,
        all: impl Iterator<Item = T>,
        object: impl Fn(T) -> Value,
    ) -> Found {
        let size = self.target.value("pagination.page_size");
        let size = size.and_then(|size| size.parse().ok()).unwrap_or(10);
        let size = self.options.page_size.min(size).max(1);
        let token = self.target.value("pagination.next_page_token");
        let from = match token {
            None | Some("") => 0,
            Some(token) => from_token(token).ok_or("page")?,
        };
        let all: Vec<T> = all.collect();
        let (count, mut next) = (all.len(), String::new());
        if from + size < count {
            next = to_token(from + size);
        } else if self.options.endless_pages {
            next = to_token(0);
        }
        let previous = match from {
            0 => String::new(),
            from => to_token(from.saturating_sub(size)),
        };
        let items: Vec<Value> = all.into_iter().skip(from).take(size).map(object).collect();
        let pagination = json!({"next_page_token": next, "previous_page_token": previous});
        Ok(json!({name: items, "pagination": pagination}))
    }

    fn owner(&self, owner: &Owner) -> Value {
        let boxes = owner.boxes.iter().filter(|one| self.good || !one.private);
        let boxes = boxes.filter(|_| self.depth > 0);
        let boxes = boxes.map(|one| self.vagrant_box(one, self.depth - 1));
        json!({
            "name": owner.name,
            "description": owner.description,
            "description_html": html(&owner.description),
            "gravatar_url": "",
            "activated": true,
            "location": {"organization_id": "11eb-org", "project_id": "11eb-project"},
            "boxes": boxes.collect::<Vec<_>>(),
            "created_at": CREATED,
            "updated_at": UPDATED,
        })
    }

    fn vagrant_box(&self, one: &VagrantBox, depth: usize) -> Value {
        let seen = || one.versions.iter().filter(|one| one.is_for(self.good));
        let active = || seen().filter(|one| one.state == State::Active);
        let mut names: Vec<&str> = Vec::new();
        for provider in seen().flat_map(|one| &one.providers) {
            if !names.contains(&provider.name.as_str()) {
                names.push(&provider.name);
            }
        }
        let state = match () {
            () if seen().next().is_none() => "NO_VERSIONS",
            () if active().next().is_none() => "NO_RELEASED_VERSIONS",
            () if names.is_empty() => "NO_PROVIDERS",
            () => "AVAILABLE",
        };
        let versions = seen().filter(|_| depth > 0);
        let versions = versions.map(|one| self.version(one, depth - 1));
        json!({
            "name": one.name,
            "description": one.description,
            "description_html": html(&one.description),
            "short_description": one.short_description,
            "is_private": one.private,
            "downloads": "7",
            "state": state,
            "summary": {
                "versions_count": seen().count().to_string(),
                "provider_names": names,
                "latest_released_at": active().next_back().map_or(ZERO_TIME, |one| &one.updated),
            },
            "versions": versions.collect::<Vec<_>>(),
            "created_at": CREATED,
            "updated_at": UPDATED,
        })
    }

    fn version(&self, one: &Version, depth: usize) -> Value {
        let names: Vec<&str> = one.providers.iter().map(|one| &*one.name).collect();
        let providers = one.providers.iter().filter(|_| depth > 0);
        let providers = providers.map(|one| self.provider(one, depth - 1));
        json!({
            "name": one.number,
            "description": one.description,
            "description_html": html(&one.description),
            "state": match one.state {
                State::Unreleased => "UNRELEASED",
                State::Active => "ACTIVE",
                State::Revoked => "REVOKED",
            },
            "summary": {"providers_count": names.len().to_string(), "provider_names": names},
            "providers": providers.collect::<Vec<_>>(),
            "created_at": one.created,
            "updated_at": one.updated,
        })
    }

    fn provider(&self, one: &Provider, depth: usize) -> Value {
        let names: Vec<&str> = one.architectures.iter().map(|one| &*one.name).collect();
        let all = one.architectures.iter().filter(|_| depth > 0);
        json!({
            "name": one.name,
            "summary": {"architectures_count": names.len().to_string(), "architecture_types": names},
            "architectures": all.map(|one| self.architecture(one)).collect::<Vec<_>>(),
            "created_at": CREATED,
            "updated_at": ZERO_TIME,
        })
    }

    fn architecture(&self, one: &Architecture) -> Value {
        let mut data = Map::new();
        let address = match &one.file.place {
            Place::Store => String::new(),
            Place::OwnersHost | Place::Link(_) => self.shared.address(&one.file),
        };
        data.insert("download_url".into(), address.into());
        checksum(&one.file, &mut data);
        match one.file.size {
            Size::Right => {
                data.insert("size".into(), one.file.length().to_string().into());
            }
            Size::Wrong(size) => {
                data.insert("size".into(), size.to_string().into());
            }
            Size::Missing => {}
        }
        data.insert("created_at".into(), ZERO_TIME.into());
        data.insert("updated_at".into(), ZERO_TIME.into());
        json!({
            "architecture_type": one.name,
            "default": one.default,
            "box_data": data,
            "created_at": CREATED,
            "updated_at": UPDATED,
        })
    }
}

fn checksum(file: &File, object: &mut Map<String, Value>) {
    if let (Some(kind), Some(value)) = file.said() {
        object.insert("checksum".into(), value.into());
        object.insert("checksum_type".into(), kind.to_uppercase().into());
    }
}

fn html(text: &str) -> String {
    if text.is_empty() {
        String::new()
    } else {
        format!("<p>{text}</p>")
    }
}

fn to_token(from: usize) -> String {
    format!("p+{from}/&==")
}

fn from_token(token: &str) -> Option<usize> {
    token.strip_prefix("p+")?.strip_suffix("/&==")?.parse().ok()
}
