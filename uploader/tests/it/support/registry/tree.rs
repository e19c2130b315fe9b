//! Declares the content of a registry in a few lines.

use super::content::File;
use super::store;

/// The times of everything for which a test gives none.
pub(crate) const CREATED: &str = "2021-03-04T05:06:07.000Z";
pub(crate) const UPDATED: &str = "2022-04-05T06:07:08.000Z";

/// Owners (HCP: registries) with their boxes.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tree {
    pub(super) owners: Vec<Owner>,
}

#[derive(Debug, Clone, Default)]
pub(crate) struct Owner {
    pub(super) name: String,
    pub(super) description: String,
    pub(super) boxes: Vec<VagrantBox>,
}

#[derive(Debug, Clone, Default)]
pub(crate) struct VagrantBox {
    pub(super) name: String,
    pub(super) private: bool,
    pub(super) short_description: String,
    pub(super) description: String,
    pub(super) versions: Vec<Version>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    Unreleased,
    Active,
    Revoked,
}

#[derive(Debug, Clone)]
pub(crate) struct Version {
    pub(super) number: String,
    pub(super) state: State,
    pub(super) description: String,
    pub(super) created: String,
    pub(super) updated: String,
    pub(super) providers: Vec<Provider>,
}

#[derive(Debug, Clone)]
pub(crate) struct Provider {
    pub(super) name: String,
    pub(super) architectures: Vec<Architecture>,
}

#[derive(Debug, Clone)]
pub(crate) struct Architecture {
    pub(super) name: String,
    pub(super) default: bool,
    pub(super) file: File,
}

impl Tree {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Adds an owner, without boxes and description at first.
    pub(crate) fn owner(mut self, name: &str, with: impl FnOnce(Owner) -> Owner) -> Self {
        let name = name.to_owned();
        let owner = Owner {
            name,
            ..Owner::default()
        };
        let mut owner = with(owner);
        owner.name_files();
        self.owners.push(owner);
        self
    }

    /// Returns a file by the names that lead to it.
    pub(super) fn file(&self, names: [&str; 5]) -> Option<&File> {
        let [owner, name, version, provider, architecture] = names;
        let owner = self.owners.iter().find(|one| one.name == owner)?;
        let found = owner.boxes.iter().find(|one| one.name == name)?;
        let version = found.versions.iter().find(|one| one.number == version)?;
        let provider = version.providers.iter().find(|one| one.name == provider)?;
        let mut all = provider.architectures.iter();
        Some(&all.find(|one| one.name == architecture)?.file)
    }
}

impl Owner {
    /// Adds a box: public, without versions and descriptions, unless `with` changes that.
    pub(crate) fn box_(mut self, name: &str, with: impl FnOnce(VagrantBox) -> VagrantBox) -> Self {
        let name = name.to_owned();
        let begun = VagrantBox {
            name,
            ..VagrantBox::default()
        };
        self.boxes.push(with(begun));
        self
    }

    fn name_files(&mut self) {
        for one in &mut self.boxes {
            for version in &mut one.versions {
                for provider in &mut version.providers {
                    for architecture in &mut provider.architectures {
                        architecture.file.key = store::key([
                            &self.name,
                            &one.name,
                            &version.number,
                            &provider.name,
                            &architecture.name,
                        ]);
                    }
                }
            }
        }
    }

    /// Sets the description of the registry.
    pub(crate) fn described(mut self, description: &str) -> Self {
        description.clone_into(&mut self.description);
        self
    }
}

impl VagrantBox {
    /// Makes the box private: only a valid token finds it.
    pub(crate) fn private(mut self) -> Self {
        self.private = true;
        self
    }

    /// Sets the short and the long description.
    pub(crate) fn described(mut self, short: &str, long: &str) -> Self {
        short.clone_into(&mut self.short_description);
        long.clone_into(&mut self.description);
        self
    }

    /// Adds a version: active and without providers, unless `with` changes that.
    pub(crate) fn version(mut self, number: &str, with: impl FnOnce(Version) -> Version) -> Self {
        let begun = Version {
            number: number.to_owned(),
            state: State::Active,
            description: String::new(),
            created: CREATED.to_owned(),
            updated: UPDATED.to_owned(),
            providers: Vec::new(),
        };
        self.versions.push(with(begun));
        self
    }

    /// Adds `count` versions, `1.0.0`, `1.0.1` and so on; `with` gets their indices from 0.
    pub(crate) fn versions(self, count: u64, with: impl Fn(Version, u64) -> Version) -> Self {
        (0..count).fold(self, |all, n| {
            all.version(&format!("1.0.{n}"), |version| with(version, n))
        })
    }
}

impl Version {
    /// Sets the state. Only a valid token finds a version that is not active.
    pub(crate) fn state(mut self, state: State) -> Self {
        self.state = state;
        self
    }

    pub(crate) fn described(mut self, description: &str) -> Self {
        description.clone_into(&mut self.description);
        self
    }

    /// Adds a file for a provider and architecture. The first of a provider is its default.
    pub(crate) fn provider(mut self, name: &str, architecture: &str, file: File) -> Self {
        let at = self.providers.iter().position(|one| one.name == name);
        let at = at.unwrap_or_else(|| {
            self.providers.push(Provider {
                name: name.to_owned(),
                architectures: Vec::new(),
            });
            self.providers.len() - 1
        });
        let all = &mut self.providers[at].architectures;
        all.push(Architecture {
            name: architecture.to_owned(),
            default: all.is_empty(),
            file,
        });
        self
    }

    /// Makes one architecture of a provider the only default. An unknown architecture leaves the provider
    /// without one.
    pub(crate) fn default_is(mut self, provider: &str, architecture: &str) -> Self {
        let all = self.providers.iter_mut();
        for provider in all.filter(|one| one.name == provider) {
            for one in &mut provider.architectures {
                one.default = one.name == architecture;
            }
        }
        self
    }

    /// Returns each file with its provider; for a client without architectures, only the default of each.
    pub(super) fn files(&self, defaults: bool) -> Vec<(&Provider, &Architecture)> {
        let mut files = Vec::new();
        for provider in &self.providers {
            if defaults {
                files.extend(provider.default().map(|one| (provider, one)));
            } else {
                files.extend(provider.architectures.iter().map(|one| (provider, one)));
            }
        }
        files
    }

    /// Returns whether a caller with a valid token, or without one, finds the version.
    pub(super) fn is_for(&self, good_token: bool) -> bool {
        good_token || self.state == State::Active
    }
}

impl Provider {
    /// Returns the file for a client without architectures.
    pub(super) fn default(&self) -> Option<&Architecture> {
        let mut all = self.architectures.iter();
        all.find(|one| one.default)
            .or_else(|| self.architectures.first())
    }
}
