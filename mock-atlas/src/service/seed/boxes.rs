//! Reads the boxes of a seed.

use super::{Folder, SeedError, bytes, document};
use crate::domain::{BoxStatus, Checksum, Name, ProviderChange, Visibility, unknown_architecture};
use crate::storage::{Checksums, NewBox, SeededBox, SeededBoxVersion, SeededProvider, SeededTimes};

/// Reads a box and its files.
///
/// # Errors
/// When a version or a provider is declared twice, or contradicts itself, and when a file cannot be
/// read.
pub(super) fn seeded_box(
    of: document::VagrantBox,
    path: &str,
    folder: Option<Folder<'_>>,
) -> Result<SeededBox, SeedError> {
    let mut versions: Vec<SeededBoxVersion> = Vec::with_capacity(of.versions.len());
    for (at, version) in of.versions.into_iter().enumerate() {
        let path = format!("{path}.versions[{at}]");
        let number = &version.version;
        if versions.iter().any(|other| other.number == *number) {
            let reason = format!("the version {:?} is declared twice", number.as_str());
            return Err(SeedError::at(path, reason));
        }
        versions.push(seeded_version(version, &path, folder)?);
    }
    let visibility = |private| match private {
        true => Visibility::Private,
        false => Visibility::Public,
    };
    Ok(SeededBox {
        name: of.name,
        new: NewBox {
            visibility: of.private.map(visibility),
            short_description: of.short_description,
            description: of.description,
            ..NewBox::default()
        },
        versions,
        times: SeededTimes::default(),
    })
}

fn seeded_version(
    version: document::BoxVersion,
    path: &str,
    folder: Option<Folder<'_>>,
) -> Result<SeededBoxVersion, SeedError> {
    if version.status == BoxStatus::Active && version.providers.is_empty() {
        let reason = "an active version needs a provider: declare one, or another status";
        return Err(SeedError::at(path, reason));
    }
    let mut providers: Vec<SeededProvider> = Vec::with_capacity(version.providers.len());
    for (at, provider) in version.providers.into_iter().enumerate() {
        let path = format!("{path}.providers[{at}]");
        let provider = seeded_provider(provider, &path, folder)?;
        check_beside(&providers, &provider).map_err(|reason| SeedError::at(path, reason))?;
        providers.push(provider);
    }
    Ok(SeededBoxVersion {
        number: version.version,
        status: version.status,
        description: version.description,
        providers,
        times: SeededTimes::default(),
    })
}

/// Checks a provider beside those before it.
fn check_beside(others: &[SeededProvider], one: &SeededProvider) -> Result<(), String> {
    let (name, architecture) = (one.name.as_str(), one.architecture.as_str());
    let is_default = |provider: &SeededProvider| provider.change.is_default == Some(true);
    for other in others.iter().filter(|other| other.name == one.name) {
        if other.architecture == one.architecture {
            return Err(format!(
                "the provider {name:?} with the architecture {architecture:?} is declared twice"
            ));
        }
        if is_default(other) && is_default(one) {
            return Err(format!(
                "two architectures of the provider {name:?} are the default: declare one as such"
            ));
        }
    }
    Ok(())
}

fn seeded_provider(
    provider: document::BoxProvider,
    path: &str,
    folder: Option<Folder<'_>>,
) -> Result<SeededProvider, SeedError> {
    let wrong = |key: &str, reason: String| SeedError::at(format!("{path}.{key}"), reason);
    if let Some(url) = &provider.url {
        check_url(url).map_err(|reason| wrong("url", reason))?;
        if provider.file.is_some() {
            let reason = "a provider has a file or a url, not both".to_owned();
            return Err(wrong("url", reason));
        }
    }
    let checksum = match (provider.checksum_type, &provider.checksum) {
        (Some(kind), Some(value)) => Checksum::told(kind.name(), value).map_err(|e| e.to_string()),
        (None, None) => Ok(None),
        _ => Err("checksum and checksum_type belong together".to_owned()),
    };
    let checksums = Checksums::of_type(&Name::constant(crate::domain::BOX_TYPE));
    let file = provider.file.as_ref();
    let file = file
        .map(|file| bytes(file, folder, checksums))
        .transpose()
        .map_err(|reason| wrong("file", reason))?;
    Ok(SeededProvider {
        name: provider.name,
        architecture: provider.architecture.unwrap_or_else(unknown_architecture),
        change: ProviderChange {
            is_default: provider.default_architecture.then_some(true),
            url: provider.url,
            checksum: checksum.map_err(|reason| wrong("checksum", reason))?,
            ..ProviderChange::default()
        },
        file,
        times: SeededTimes::default(),
    })
}

/// Checks that a redirect can lead to a URL.
fn check_url(url: &str) -> Result<(), String> {
    if url.contains("://") && url.bytes().all(|byte| byte.is_ascii_graphic()) {
        Ok(())
    } else {
        Err(format!(
            "{url:?} is no URL: it must be like https://files.example.com/debian.box"
        ))
    }
}
