//! Versions of a box: their status, and their providers.

use std::collections::BTreeMap;
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use super::provider::unknown_architecture;
use super::{BoxError, BoxProvider, ProviderChange, ProviderKey};
use crate::domain::Name;

/// A version of a box.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct BoxVersion {
    pub(crate) status: BoxStatus,
    /// The description, in Markdown.
    pub(crate) description: String,
    /// The providers, by name and architecture.
    pub(super) providers: Vec<BoxProvider>,
    /// The names of providers without architectures, which only HCP's API knows, with their creation
    /// times.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) empty_providers: BTreeMap<Name, SystemTime>,
    pub(crate) created: SystemTime,
    pub(crate) updated: SystemTime,
    /// The time of the last release, if there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) released: Option<SystemTime>,
}

/// The status of a version. Vagrant sees active versions alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub(crate) enum BoxStatus {
    Unreleased,
    Active,
    Revoked,
}

impl BoxStatus {
    /// Returns the status as the API writes it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Unreleased => "unreleased",
            Self::Active => "active",
            Self::Revoked => "revoked",
        }
    }
}

impl BoxVersion {
    pub(super) fn new(description: String, now: SystemTime) -> Self {
        Self {
            status: BoxStatus::Unreleased,
            description,
            providers: Vec::new(),
            empty_providers: BTreeMap::new(),
            created: now,
            updated: now,
            released: None,
        }
    }

    /// Returns the providers, ordered by name and architecture.
    pub(crate) fn providers(&self) -> &[BoxProvider] {
        &self.providers
    }

    pub(super) fn providers_mut(&mut self) -> &mut [BoxProvider] {
        &mut self.providers
    }

    pub(crate) fn is_active(&self) -> bool {
        self.status == BoxStatus::Active
    }

    /// Makes the version visible to Vagrant.
    ///
    /// # Errors
    /// [`BoxError::NoProvider`] and [`BoxError::AlreadyReleased`].
    // Contract: boxes.release, boxes.release-revoked
    pub(crate) fn release(&mut self, now: SystemTime) -> Result<(), BoxError> {
        if self.is_active() {
            return Err(BoxError::AlreadyReleased);
        }
        if self.providers.is_empty() {
            return Err(BoxError::NoProvider);
        }
        self.status = BoxStatus::Active;
        self.released = Some(now);
        self.updated = now;
        Ok(())
    }

    /// Hides an active version from Vagrant.
    ///
    /// # Errors
    /// [`BoxError::NotActive`].
    // Contract: boxes.revoke
    pub(crate) fn revoke(&mut self, now: SystemTime) -> Result<(), BoxError> {
        if !self.is_active() {
            return Err(BoxError::NotActive);
        }
        self.status = BoxStatus::Revoked;
        self.updated = now;
        Ok(())
    }

    /// Returns a provider.
    ///
    /// # Errors
    /// [`BoxError::NotFound`].
    pub(crate) fn provider(&self, key: &ProviderKey) -> Result<&BoxProvider, BoxError> {
        Ok(&self.providers[self.position(key)?])
    }

    /// Returns a provider for a change that touches neither name nor architecture.
    ///
    /// # Errors
    /// [`BoxError::NotFound`].
    pub(super) fn provider_mut(&mut self, key: &ProviderKey) -> Result<&mut BoxProvider, BoxError> {
        let at = self.position(key)?;
        Ok(&mut self.providers[at])
    }

    /// Creates a provider, or updates the one that exists already. Returns its key. Without an
    /// architecture, the change is for the default architecture of the providers of this name, else
    /// for `unknown`.
    // Contract: boxes.provider-again
    pub(crate) fn put_provider(
        &mut self,
        name: Name,
        change: ProviderChange,
        now: SystemTime,
    ) -> ProviderKey {
        let mut key = ProviderKey {
            name,
            architecture: change.architecture.clone(),
        };
        if self.position(&key).is_err() {
            let architecture = key.architecture.take().unwrap_or_else(unknown_architecture);
            key.architecture = Some(architecture.clone());
            let new = BoxProvider::new(key.name.clone(), architecture, now);
            self.providers.push(new);
        }
        // There is such a provider now, and its architecture stays.
        if let Ok(at) = self.position(&key) {
            key.architecture = Some(self.providers[at].architecture.clone());
            self.apply(at, change, now);
        }
        key
    }

    /// Updates a provider; a change of its name or architecture renames it. Returns its new key.
    ///
    /// # Errors
    /// [`BoxError::NotFound`], and [`BoxError::ProviderTaken`].
    // Contract: boxes.architecture-renamed
    pub(crate) fn update_provider(
        &mut self,
        key: &ProviderKey,
        change: ProviderChange,
        now: SystemTime,
    ) -> Result<ProviderKey, BoxError> {
        let at = self.position(key)?;
        let old = &self.providers[at];
        let new = ProviderKey {
            name: change.name.as_ref().unwrap_or(&old.name).clone(),
            architecture: change
                .architecture
                .clone()
                .or(Some(old.architecture.clone())),
        };
        if self.position(&new).is_ok_and(|taken| taken != at) {
            return Err(BoxError::ProviderTaken);
        }
        self.providers[at].rename(&change);
        self.apply(at, change, now);
        Ok(new)
    }

    /// Removes a provider and returns it.
    ///
    /// # Errors
    /// [`BoxError::NotFound`].
    pub(crate) fn delete_provider(
        &mut self,
        key: &ProviderKey,
        now: SystemTime,
    ) -> Result<BoxProvider, BoxError> {
        let at = self.position(key)?;
        let removed = self.providers.remove(at);
        self.tidy(now);
        Ok(removed)
    }

    /// Removes the providers of a name that have no file, which a failed run has left, and returns
    /// the first of them; `None` if there is none.
    // Contract: boxes.cleanup-keeps-files
    pub(crate) fn delete_unfinished(
        &mut self,
        name: &Name,
        now: SystemTime,
    ) -> Option<BoxProvider> {
        let is_unfinished =
            |provider: &mut BoxProvider| provider.name == *name && !provider.is_downloadable();
        let removed = self
            .providers
            .extract_if(.., is_unfinished)
            .collect::<Vec<_>>();
        self.tidy(now);
        removed.into_iter().next()
    }

    /// Returns the number of architectures of the providers of a name.
    pub(crate) fn architectures(&self, name: &Name) -> usize {
        let of_name = self
            .providers
            .iter()
            .filter(|provider| provider.name == *name);
        of_name.count()
    }

    // Contract: boxes.default-meant
    pub(super) fn position(&self, key: &ProviderKey) -> Result<usize, BoxError> {
        let is_it = |provider: &BoxProvider| {
            provider.name == key.name
                && match &key.architecture {
                    Some(architecture) => provider.architecture == *architecture,
                    None => provider.is_default,
                }
        };
        let position = self.providers.iter().position(is_it);
        position.ok_or(BoxError::NotFound)
    }

    fn apply(&mut self, at: usize, change: ProviderChange, now: SystemTime) {
        let name = self.providers[at].name.clone();
        if let Some(is_default) = change.is_default {
            if is_default {
                let of_name = self.providers.iter_mut().filter(|other| other.name == name);
                of_name.for_each(|other| other.is_default = false);
            }
            self.providers[at].is_default = is_default;
        }
        self.providers[at].apply(change, now);
        self.tidy(now);
    }

    /// Orders the providers, and makes the first of each name its default where there is none.
    // Contract: boxes.one-default, boxes.default-moves, boxes.default-passed-on
    pub(super) fn tidy(&mut self, now: SystemTime) {
        self.updated = now;
        let providers = &self.providers;
        self.empty_providers
            .retain(|name, _| providers.iter().all(|provider| provider.name != *name));
        let order = |provider: &BoxProvider| (provider.name.clone(), provider.architecture.clone());
        self.providers.sort_by_cached_key(order);
        let mut at = 0;
        while at < self.providers.len() {
            let name = &self.providers[at].name;
            let of_name = self.providers[at..]
                .iter()
                .take_while(|other| other.name == *name);
            let end = at + of_name.count();
            if !self.providers[at..end]
                .iter()
                .any(|provider| provider.is_default)
            {
                self.providers[at].is_default = true;
            }
            at = end;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: SystemTime = SystemTime::UNIX_EPOCH;

    fn name(text: &str) -> Name {
        text.parse().unwrap()
    }

    fn key(provider: &str, architecture: Option<&str>) -> ProviderKey {
        ProviderKey {
            name: name(provider),
            architecture: architecture.map(name),
        }
    }

    fn change(architecture: &str, is_default: Option<bool>) -> ProviderChange {
        ProviderChange {
            architecture: Some(name(architecture)),
            is_default,
            ..ProviderChange::default()
        }
    }

    /// Returns the providers as texts, the default one of each name with a star.
    fn shown(version: &BoxVersion) -> Vec<String> {
        let shown = |provider: &BoxProvider| {
            let star = if provider.is_default { "*" } else { "" };
            format!("{}/{}{star}", provider.name, provider.architecture)
        };
        version.providers().iter().map(shown).collect()
    }

    fn version() -> BoxVersion {
        let mut version = BoxVersion::new(String::new(), NOW);
        version.put_provider(name("qemu"), change("amd64", None), NOW);
        version.put_provider(name("qemu"), change("arm64", None), NOW);
        version.put_provider(name("virtualbox"), change("amd64", None), NOW);
        version
    }

    #[test]
    fn each_provider_name_has_exactly_one_default() {
        let mut version = version();
        let first = ["qemu/amd64*", "qemu/arm64", "virtualbox/amd64*"];
        assert_eq!(shown(&version), first);
        version.put_provider(name("qemu"), change("arm64", Some(true)), NOW);
        let second = ["qemu/amd64", "qemu/arm64*", "virtualbox/amd64*"];
        assert_eq!(shown(&version), second);
        // The only default cannot be taken back without another.
        version.put_provider(name("virtualbox"), change("amd64", Some(false)), NOW);
        assert_eq!(shown(&version), second);
        version.delete_provider(&key("qemu", None), NOW).unwrap();
        assert_eq!(shown(&version), ["qemu/amd64*", "virtualbox/amd64*"]);
    }

    #[test]
    fn a_provider_without_an_architecture_is_unknown_or_the_default_one() {
        let mut version = version();
        let told = version.put_provider(name("qemu"), ProviderChange::default(), NOW);
        assert_eq!(told, key("qemu", Some("amd64")));
        let told = version.put_provider(name("hyperv"), ProviderChange::default(), NOW);
        assert_eq!(told, key("hyperv", Some("unknown")));
    }

    #[test]
    fn an_architecture_is_renamed_unless_it_is_taken() {
        let mut version = version();
        let arm = key("qemu", Some("arm64"));
        let renamed = version.update_provider(&arm, change("riscv64", None), NOW);
        assert_eq!(renamed, Ok(key("qemu", Some("riscv64"))));
        let taken =
            version.update_provider(&key("qemu", Some("riscv64")), change("amd64", None), NOW);
        assert_eq!(taken, Err(BoxError::ProviderTaken));
        let gone = version.update_provider(&arm, change("arm64", None), NOW);
        assert_eq!(gone, Err(BoxError::NotFound));
    }

    #[test]
    fn the_clean_up_removes_only_what_has_no_file() {
        let mut version = version();
        let url = ProviderChange {
            url: Some("http://files.test/a.box".to_owned()),
            ..change("amd64", None)
        };
        version.put_provider(name("qemu"), url, NOW);
        let removed = version.delete_unfinished(&name("qemu"), NOW).unwrap();
        assert_eq!(removed.architecture, name("arm64"));
        assert!(version.delete_unfinished(&name("qemu"), NOW).is_none());
        assert_eq!(shown(&version), ["qemu/amd64*", "virtualbox/amd64*"]);
    }

    #[test]
    fn a_checksum_told_before_the_url_is_for_its_file_and_void_for_another_url() {
        let mut version = version();
        let amd64 = key("virtualbox", Some("amd64"));
        let checksum = |version: &BoxVersion| version.provider(&amd64).unwrap().checksum.clone();
        let told = crate::domain::Checksum::told("md5", "ab").unwrap();
        let tell = ProviderChange {
            checksum: told.clone(),
            ..ProviderChange::default()
        };
        version.update_provider(&amd64, tell, NOW).unwrap();
        for (url, expected) in [("a", &told), ("a", &told), ("b", &None)] {
            let change = ProviderChange {
                url: Some(format!("http://files.test/{url}.box")),
                ..ProviderChange::default()
            };
            version.update_provider(&amd64, change, NOW).unwrap();
            assert_eq!(checksum(&version), *expected, "{url}");
        }
    }

    #[test]
    fn a_version_is_released_once_and_only_with_a_provider() {
        let mut empty = BoxVersion::new(String::new(), NOW);
        assert_eq!(empty.release(NOW), Err(BoxError::NoProvider));
        assert_eq!(empty.revoke(NOW), Err(BoxError::NotActive));
        let mut version = version();
        assert_eq!(version.release(NOW), Ok(()));
        assert_eq!(version.release(NOW), Err(BoxError::AlreadyReleased));
        assert_eq!(version.revoke(NOW), Ok(()));
        assert_eq!(version.release(NOW), Ok(()));
    }
}
