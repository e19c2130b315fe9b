//! The providers of a version grouped by name: HCP's API has a provider for each name, which may have
//! no architecture yet.

use std::time::SystemTime;

use super::{BoxError, BoxProvider, BoxVersion, ProviderKey};
use crate::domain::Name;

/// The providers of one name.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ProviderGroup<'a> {
    pub(crate) name: &'a Name,
    /// The providers, ordered by architecture; may be empty.
    pub(crate) architectures: &'a [BoxProvider],
    pub(crate) created: SystemTime,
    pub(crate) updated: SystemTime,
}

impl BoxVersion {
    /// Returns the providers grouped by name, ordered by it.
    pub(crate) fn provider_groups(&self) -> Vec<ProviderGroup<'_>> {
        let same_name = |a: &BoxProvider, b: &BoxProvider| a.name == b.name;
        let with = self.providers.chunk_by(same_name).filter_map(group_of);
        let without = self
            .empty_providers
            .iter()
            .map(|(name, created)| ProviderGroup {
                name,
                architectures: &[],
                created: *created,
                updated: *created,
            });
        let mut groups: Vec<_> = with.chain(without).collect();
        groups.sort_by_key(|group| group.name);
        groups
    }

    /// Returns the providers of a name.
    ///
    /// # Errors
    /// [`BoxError::NotFound`].
    pub(crate) fn provider_group(&self, name: &Name) -> Result<ProviderGroup<'_>, BoxError> {
        let mut groups = self.provider_groups().into_iter();
        let found = groups.find(|group| group.name == name);
        found.ok_or(BoxError::NotFound)
    }

    /// Creates a provider name without architectures. One that exists stays as it is.
    pub(crate) fn create_provider_group(&mut self, name: Name, now: SystemTime) {
        self.empty_providers.entry(name).or_insert(now);
        self.tidy(now);
    }

    /// Gives all providers of a name another name.
    ///
    /// # Errors
    /// [`BoxError::NotFound`] and [`BoxError::ProviderTaken`].
    pub(crate) fn rename_provider_group(
        &mut self,
        old: &Name,
        new: &Name,
        now: SystemTime,
    ) -> Result<(), BoxError> {
        self.provider_group(old)?;
        if old == new {
            return Ok(());
        }
        if self.provider_group(new).is_ok() {
            return Err(BoxError::ProviderTaken);
        }
        if let Some(created) = self.empty_providers.remove(old) {
            self.empty_providers.insert(new.clone(), created);
        }
        let of_name = self.providers.iter_mut().filter(|one| one.name == *old);
        for provider in of_name {
            provider.name = new.clone();
            provider.updated = now;
        }
        self.tidy(now);
        Ok(())
    }

    /// Removes all providers of a name.
    ///
    /// # Errors
    /// [`BoxError::NotFound`].
    pub(crate) fn delete_provider_group(
        &mut self,
        name: &Name,
        now: SystemTime,
    ) -> Result<(), BoxError> {
        self.provider_group(name)?;
        self.providers.retain(|provider| provider.name != *name);
        self.empty_providers.remove(name);
        self.tidy(now);
        Ok(())
    }

    /// Removes a provider, but not its name, even if no other architecture has it.
    ///
    /// # Errors
    /// [`BoxError::NotFound`].
    pub(crate) fn delete_architecture(
        &mut self,
        key: &ProviderKey,
        now: SystemTime,
    ) -> Result<(), BoxError> {
        let created = self.provider_group(&key.name)?.created;
        self.delete_provider(key, now)?;
        if self.architectures(&key.name) == 0 {
            self.empty_providers.insert(key.name.clone(), created);
        }
        Ok(())
    }
}

/// Returns the group of providers that have the same name; `None` if there are none.
fn group_of(architectures: &[BoxProvider]) -> Option<ProviderGroup<'_>> {
    Some(ProviderGroup {
        name: &architectures.first()?.name,
        architectures,
        created: architectures.iter().map(|one| one.created).min()?,
        updated: architectures.iter().map(|one| one.updated).max()?,
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::domain::ProviderChange;

    const NOW: SystemTime = SystemTime::UNIX_EPOCH;

    fn later() -> SystemTime {
        NOW + Duration::from_secs(1)
    }

    fn name(text: &str) -> Name {
        text.parse().unwrap()
    }

    fn add(version: &mut BoxVersion, provider: &str, architecture: &str, is_default: bool) {
        let change = ProviderChange {
            architecture: Some(name(architecture)),
            is_default: is_default.then_some(true),
            ..ProviderChange::default()
        };
        version.put_provider(name(provider), change, NOW);
    }

    /// Returns the groups as texts, the default architecture with a star.
    fn shown(version: &BoxVersion) -> Vec<String> {
        let groups = version.provider_groups().into_iter();
        let shown = |group: ProviderGroup<'_>| {
            let architectures = group.architectures.iter().map(|one| {
                let star = if one.is_default { "*" } else { "" };
                format!("{}{star}", one.architecture)
            });
            format!(
                "{}: {}",
                group.name,
                architectures.collect::<Vec<_>>().join(" ")
            )
        };
        groups.map(shown).collect()
    }

    #[test]
    fn a_name_exists_before_its_first_architecture_and_after_its_last() {
        let mut version = BoxVersion::new(String::new(), NOW);
        version.create_provider_group(name("qemu"), NOW);
        version.create_provider_group(name("hyperv"), later());
        assert_eq!(shown(&version), ["hyperv: ", "qemu: "]);
        assert!(version.providers().is_empty(), "no other API sees it");
        assert_eq!(version.release(NOW), Err(BoxError::NoProvider));
        add(&mut version, "qemu", "amd64", false);
        version.create_provider_group(name("qemu"), later());
        assert_eq!(shown(&version), ["hyperv: ", "qemu: amd64*"]);
        let key = ProviderKey {
            name: name("qemu"),
            architecture: Some(name("amd64")),
        };
        version.delete_architecture(&key, later()).unwrap();
        assert_eq!(shown(&version), ["hyperv: ", "qemu: "]);
        assert_eq!(version.provider_group(&name("qemu")).unwrap().created, NOW);
        assert_eq!(
            version.delete_architecture(&key, NOW),
            Err(BoxError::NotFound)
        );
        version.delete_provider_group(&name("qemu"), NOW).unwrap();
        assert_eq!(shown(&version), ["hyperv: "]);
        let gone = version.delete_provider_group(&name("qemu"), NOW);
        assert_eq!(gone, Err(BoxError::NotFound));
    }

    #[test]
    fn a_renamed_group_keeps_its_architectures_and_their_default() {
        let mut version = BoxVersion::new(String::new(), NOW);
        add(&mut version, "qemu", "amd64", false);
        add(&mut version, "qemu", "arm64", true);
        add(&mut version, "virtualbox", "amd64", false);
        let mut rename = |old: &str, new: &str| {
            let result = version.rename_provider_group(&name(old), &name(new), NOW);
            (result, shown(&version))
        };
        let (result, groups) = rename("qemu", "libvirt");
        assert_eq!(result, Ok(()));
        assert_eq!(groups, ["libvirt: amd64 arm64*", "virtualbox: amd64*"]);
        assert_eq!(
            rename("libvirt", "virtualbox").0,
            Err(BoxError::ProviderTaken)
        );
        assert_eq!(rename("qemu", "hyperv").0, Err(BoxError::NotFound));
        assert_eq!(rename("libvirt", "libvirt").0, Ok(()));
    }
}
