//! Compares a box with itself after a change, for the events that follow from it.

use super::event::{BoxFacts, EventKind, ProviderFacts};
use crate::domain::{BoxNumber, BoxProvider, BoxStatus, BoxVersion, VagrantBox};

/// Returns the events of a change, which has made a box of none or of another.
pub(crate) fn box_events(old: Option<&VagrantBox>, new: &VagrantBox) -> Vec<(EventKind, BoxFacts)> {
    let mut events = Vec::new();
    let old_version = |number| old.and_then(|old| old.version(number).ok());
    for (number, version) in new.versions() {
        let before = old_version(number);
        let published = published(before, version);
        if !published.is_empty() {
            events.push((EventKind::BoxPublished, facts(number, published)));
        }
        let was_active = before.is_some_and(BoxVersion::is_active);
        if was_active && version.status == BoxStatus::Revoked {
            let all = downloadable(version).map(ProviderFacts::from).collect();
            events.push((EventKind::BoxRevoked, facts(number, all)));
        }
    }
    for (number, version) in old.into_iter().flat_map(VagrantBox::versions) {
        // Nobody but its makers has seen a version that was never released.
        if version.status == BoxStatus::Unreleased {
            continue;
        }
        let after = new.version(number).ok();
        let gone: Vec<_> = downloadable(version)
            .filter(|provider| same(after, provider).is_none())
            .map(ProviderFacts::from)
            .collect();
        if after.is_none() || !gone.is_empty() {
            events.push((EventKind::BoxDeleted, facts(number, gone)));
        }
    }
    events
}

fn facts(number: &BoxNumber, providers: Vec<ProviderFacts>) -> BoxFacts {
    BoxFacts {
        version: Some(number.to_string()),
        providers,
    }
}

/// Returns the providers whose file Vagrant can find now, and could not before.
fn published(before: Option<&BoxVersion>, version: &BoxVersion) -> Vec<ProviderFacts> {
    if !version.is_active() {
        return Vec::new();
    }
    let before = before.filter(|before| before.is_active());
    let is_new = |provider: &&BoxProvider| {
        same(before, provider).is_none_or(|old| old.source != provider.source)
    };
    let new = downloadable(version).filter(is_new);
    new.map(ProviderFacts::from).collect()
}

fn downloadable(version: &BoxVersion) -> impl Iterator<Item = &BoxProvider> {
    let all = version.providers().iter();
    all.filter(|provider| provider.is_downloadable())
}

/// Returns the provider of the same name and architecture, if a version has its file.
fn same<'a>(version: Option<&'a BoxVersion>, of: &BoxProvider) -> Option<&'a BoxProvider> {
    downloadable(version?)
        .find(|other| other.name == of.name && other.architecture == of.architecture)
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;
    use crate::domain::{HostedFile, Name, ProviderChange, ProviderKey, ProviderPlace};

    const NOW: SystemTime = SystemTime::UNIX_EPOCH;

    fn number() -> BoxNumber {
        "1.0.0".parse().unwrap()
    }

    fn place(architecture: &str) -> ProviderPlace {
        ProviderPlace {
            version: number(),
            key: ProviderKey {
                name: Name::constant("qemu"),
                architecture: architecture.parse().ok(),
            },
        }
    }

    fn with_file(mut of: VagrantBox, architecture: &str, file: u64) -> VagrantBox {
        let change = ProviderChange {
            architecture: architecture.parse().ok(),
            ..ProviderChange::default()
        };
        let version = of.version_mut(&number()).unwrap();
        version.put_provider(Name::constant("qemu"), change, NOW);
        let hosted = HostedFile {
            number: file,
            len: 1,
            sha256: file.to_string(),
        };
        of.host(&place(architecture), hosted, NOW).unwrap();
        of
    }

    fn changed(of: &VagrantBox, change: impl FnOnce(&mut BoxVersion)) -> VagrantBox {
        let mut of = of.clone();
        change(of.version_mut(&number()).unwrap());
        of
    }

    /// Returns the events as texts: the name, and the architectures.
    fn shown(old: &VagrantBox, new: &VagrantBox) -> Vec<String> {
        let events = box_events(Some(old), new).into_iter();
        events
            .map(|(kind, facts)| {
                assert_eq!(facts.version.as_deref(), Some("1.0.0"));
                let providers = facts.providers.iter();
                let architectures: Vec<_> = providers.map(|it| it.architecture.as_str()).collect();
                format!("{} {}", kind.name(), architectures.join(" "))
            })
            .collect()
    }

    #[test]
    fn events_are_those_of_what_vagrant_can_find() {
        let mut empty = VagrantBox::new(String::new(), String::new(), NOW);
        empty.create_version(number(), String::new(), NOW).unwrap();
        let hidden = with_file(empty.clone(), "amd64", 1);
        assert!(shown(&empty, &hidden).is_empty(), "it is not released");
        let released = changed(&hidden, |version| version.release(NOW).unwrap());
        assert_eq!(shown(&hidden, &released), ["box.published amd64"]);
        assert!(shown(&released, &released).is_empty());
        let two = with_file(released.clone(), "arm64", 2);
        assert_eq!(shown(&released, &two), ["box.published arm64"]);
        let replaced = with_file(two.clone(), "arm64", 3);
        assert_eq!(shown(&two, &replaced), ["box.published arm64"]);
        let revoked = changed(&two, |version| version.revoke(NOW).unwrap());
        assert_eq!(shown(&two, &revoked), ["box.revoked amd64 arm64"]);
        let one = changed(&two, |version| {
            version.delete_provider(&place("arm64").key, NOW).unwrap();
        });
        assert_eq!(shown(&two, &one), ["box.deleted arm64"]);
        let mut none = revoked.clone();
        none.delete_version(&number()).unwrap();
        assert_eq!(shown(&revoked, &none), ["box.deleted amd64 arm64"]);
        assert!(shown(&hidden, &none).is_empty(), "it was never released");
        let first = box_events(None, &two);
        assert_eq!(first.len(), 1);
    }
}
