//! Writes the catalogs of a tree, the JSON documents in which Vagrant finds the versions of a box.
//!
//! Vagrant before 2.4 knows no architectures, and takes the last of several entries of one provider: its catalog
//! has only the entry of the default architecture. The catalog for Vagrant from 2.4 on has all entries, each
//! with its architecture, and exactly one default for each provider of a version.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Serialize;
use url::Url;

use super::model::{BoxRecord, FileRecord, VersionRecord, VersionState, settle_defaults};
use super::tree::{API, METADATA_JSON, Tree, write_json};
use crate::base::error::{Cause, Error, Phase};
use atlas_common::gem_version::is_gem_version;

#[derive(Serialize)]
struct Catalog<'a> {
    name: String,
    description: &'a str,
    short_description: &'a str,
    versions: Vec<CatalogVersion<'a>>,
}

#[derive(Serialize)]
struct CatalogVersion<'a> {
    version: &'a str,
    status: VersionState,
    description_markdown: &'a str,
    providers: Vec<CatalogProvider<'a>>,
}

#[derive(Serialize)]
struct CatalogProvider<'a> {
    name: &'a str,
    url: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    checksum: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    checksum_type: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    architecture: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    default_architecture: Option<bool>,
}

/// Writes both catalogs of every box of a tree. This blocks.
///
/// # Errors
/// [`Phase::Tree`].
pub fn write(tree: &Tree) -> Result<(), Error> {
    tree.boxes()
        .iter()
        .try_for_each(|record| write_one(tree, record))
}

/// Writes both catalogs of a box. This blocks.
///
/// # Errors
/// [`Phase::Tree`].
pub(super) fn write_one(tree: &Tree, record: &BoxRecord) -> Result<(), Error> {
    let failed = |cause| Error::new(Phase::Tree, cause);
    let base = tree.base_url().ok_or_else(|| {
        let reason = "the tree's folder has no URL; set one with --base-url";
        failed(Cause::Usage(reason.to_owned()))
    })?;
    for (path, text) in catalogs(record, &base) {
        write_json(&tree.root().join(path), &text).map_err(failed)?;
    }
    Ok(())
}

/// Returns both catalogs of a box with their paths relative to the root.
pub(super) fn catalogs(
    record: &BoxRecord,
    base: &Url,
) -> [(std::path::PathBuf, serde_json::Value); 2] {
    let (owner, name) = (Path::new(&record.owner), &record.name);
    let old = owner.join(name).join(METADATA_JSON);
    let new: std::path::PathBuf = API.iter().collect();
    let new = new.join(owner).join(format!("{name}.json"));
    let value = |architectures| {
        serde_json::to_value(catalog(record, base, architectures)).unwrap_or_default()
    };
    [(old, value(false)), (new, value(true))]
}

fn catalog<'a>(record: &'a BoxRecord, base: &Url, architectures: bool) -> Catalog<'a> {
    let versions = record.versions.iter();
    // A version that RubyGems cannot parse would make the whole catalog unusable.
    let for_users = versions.filter(|version| {
        version.state == VersionState::Active && is_gem_version(&version.version)
    });
    let versions = for_users
        .map(|version| CatalogVersion {
            version: &version.version,
            status: version.state,
            description_markdown: &version.description,
            providers: providers(version, base, architectures),
        })
        .filter(|version| !version.providers.is_empty());
    Catalog {
        name: record.tag(),
        description: &record.description,
        short_description: &record.short_description,
        versions: versions.collect(),
    }
}

fn providers<'a>(
    version: &'a VersionRecord,
    base: &Url,
    architectures: bool,
) -> Vec<CatalogProvider<'a>> {
    let defaults = defaults(version, |file| address(base, file).is_some());
    let entries = version.providers.iter().filter_map(|file| {
        let default = defaults.get(&*file.provider) == Some(&&*file.architecture);
        let url = address(base, file)?;
        (architectures || default).then(|| CatalogProvider {
            name: &file.provider,
            url,
            checksum: file.checksum.as_ref().map(|checksum| &*checksum.value),
            checksum_type: file.checksum.as_ref().map(|checksum| checksum.kind.name()),
            architecture: architectures.then_some(&*file.architecture),
            default_architecture: architectures.then_some(default),
        })
    });
    entries.collect()
}

/// Returns the default architecture of each provider, chosen among the available files.
fn defaults(
    version: &VersionRecord,
    is_there: impl Fn(&FileRecord) -> bool,
) -> BTreeMap<&str, &str> {
    let there = version.providers.iter().filter(|file| is_there(file));
    let mut files: Vec<FileRecord> = there.cloned().collect();
    settle_defaults(&mut files);
    version
        .providers
        .iter()
        .filter(|file| {
            files
                .iter()
                .any(|settled| settled.default_architecture && settled.is_same_place(file))
        })
        .map(|file| (&*file.provider, &*file.architecture))
        .collect()
}

/// Returns the address of a file for Vagrant: in the tree, or on its owner's host. `None` for a file that is in
/// neither place.
fn address(base: &Url, file: &FileRecord) -> Option<String> {
    match &file.file {
        Some(path) => {
            let mut url = base.clone();
            url.path_segments_mut()
                .ok()?
                .pop_if_empty()
                .extend(path.split('/'));
            let url = String::from(url);
            let (start, rest) = url.split_at_checked(base.as_str().trim_end_matches('/').len())?;
            // Some stores decode a plus as a blank.
            Some(format!("{start}{}", rest.replace('+', "%2B")))
        }
        None => file.url.clone().filter(|_| file.link),
    }
}

#[cfg(test)]
mod tests {
    use super::super::model::tests::{file, record, version};
    use super::*;
    use serde_json::{Value, json};

    fn here(provider: &str, architecture: &str) -> FileRecord {
        FileRecord {
            file: Some(format!(
                "acme/web/1.0 b+c/{provider}/{architecture}/vagrant.box"
            )),
            ..file(provider, architecture)
        }
    }

    fn both(record: &BoxRecord) -> [Value; 2] {
        let base = Url::parse("https://boxes.example.com/pre").unwrap();
        catalogs(record, &base).map(|(_, catalog)| catalog)
    }

    fn entry(architecture: &str, file: &FileRecord) -> Value {
        json!({
            "name": file.provider,
            "url": format!(
                "https://boxes.example.com/pre/acme/web/1.0%20b%2Bc/{}/{architecture}/vagrant.box", file.provider
            ),
            "checksum": "ab", "checksum_type": "sha256",
        })
    }

    fn with(mut entry: Value, architecture: &str, default: bool) -> Value {
        entry["architecture"] = json!(architecture);
        entry["default_architecture"] = json!(default);
        entry
    }

    #[test]
    fn old_vagrant_gets_the_default_architecture_and_new_vagrant_all() {
        let (arm, amd) = (here("virtualbox", "arm64"), here("virtualbox", "amd64"));
        let amd = FileRecord {
            default_architecture: true,
            ..amd
        };
        let [old, new] = both(&record(vec![version(
            "1.0",
            vec![arm.clone(), amd.clone()],
        )]));
        assert_eq!(old["name"], "acme/web");
        assert_eq!(
            old["versions"][0]["providers"],
            json!([entry("amd64", &amd)])
        );
        let expected = json!([
            with(entry("arm64", &arm), "arm64", false),
            with(entry("amd64", &amd), "amd64", true),
        ]);
        assert_eq!(new["versions"][0]["providers"], expected);
    }

    #[test]
    fn a_default_that_is_not_here_leaves_its_place_to_another() {
        let missing = FileRecord {
            default_architecture: true,
            ..file("virtualbox", "amd64")
        };
        let files = vec![missing, here("virtualbox", "arm64")];
        let [old, new] = both(&record(vec![version("1.0", files)]));
        for catalog in [old, new] {
            let providers = catalog["versions"][0]["providers"].as_array().unwrap();
            assert_eq!(providers.len(), 1);
            let url = providers[0]["url"].as_str().unwrap();
            assert!(url.contains("/arm64/"), "{url}");
        }
    }

    #[test]
    fn links_stand_as_they_are_and_what_users_cannot_get_is_not_listed() {
        let link = FileRecord {
            url: Some("https://owner.example.com/a.box".to_owned()),
            hosted: false,
            link: true,
            ..file("libvirt", "amd64")
        };
        let mut revoked = version("2.0", vec![here("libvirt", "amd64")]);
        revoked.state = VersionState::Revoked;
        let nothing = version("1.5", vec![file("libvirt", "amd64")]);
        let unreadable = version("v1", vec![here("libvirt", "amd64")]);
        let linked = version("1.0", vec![link]);
        for catalog in both(&record(vec![revoked, nothing, unreadable, linked])) {
            let versions = catalog["versions"].as_array().unwrap();
            assert_eq!(versions.len(), 1, "{catalog}");
            let provider = &versions[0]["providers"][0];
            assert_eq!(provider["url"], "https://owner.example.com/a.box");
        }
    }
}
