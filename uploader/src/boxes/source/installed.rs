//! Reads the boxes that Vagrant has installed on this computer, where it keeps them unpacked.
//!
//! Evidence: Vagrant 2.3.4 writes `NAME/VERSION/PROVIDER`, Vagrant from 2.4 on
//! `NAME/VERSION/ARCHITECTURE/PROVIDER`; a slash in a name is `-VAGRANTSLASH-`, a colon `-VAGRANTCOLON-`. Each
//! box has a `metadata.json` that names its provider.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::{BoxQuery, Location};
use crate::base::error::Cause;
use crate::boxes::model::{
    BoxRecord, FileRecord, UNKNOWN_ARCHITECTURE, VersionRecord, VersionState, settle_defaults,
};

const SLASH: &str = "-VAGRANTSLASH-";
const COLON: &str = "-VAGRANTCOLON-";
/// The file that every box has.
const METADATA: &str = "metadata.json";

/// The folder in which Vagrant keeps boxes.
#[derive(Clone)]
pub struct Installed {
    root: PathBuf,
}

impl Installed {
    /// Opens Vagrant's folder of boxes.
    ///
    /// # Errors
    /// Fails when the folder cannot be read.
    pub(super) fn open(root: &Path) -> Result<Self, Cause> {
        let root = root
            .canonicalize()
            .map_err(|error| Cause::file(root, error))?;
        Ok(Self { root })
    }

    pub(super) fn list(&self, wanted: &[BoxQuery]) -> Result<Vec<(String, String)>, Cause> {
        let mut found = Vec::new();
        for folder in folders(&self.root)? {
            let name = file_name(&folder).replace(SLASH, "/").replace(COLON, ":");
            let Some((owner, name)) = name.split_once('/') else {
                // Registries have no place for a box without an owner.
                continue;
            };
            let is_wanted = |wanted: &BoxQuery| {
                wanted.owner == owner && wanted.name.as_deref().is_none_or(|wanted| wanted == name)
            };
            if wanted.is_empty() || wanted.iter().any(is_wanted) {
                found.push((owner.to_owned(), name.to_owned()));
            }
        }
        if found.is_empty() {
            let root = self.root.display();
            let reason = format!(
                "{root} holds none of the requested boxes; each box is a folder OWNER{SLASH}NAME"
            );
            return Err(Cause::Missing(reason));
        }
        found.sort();
        Ok(found)
    }

    /// Returns the boxes whose names have no owner.
    pub fn without_owner(&self) -> Vec<String> {
        let folders = folders(&self.root).unwrap_or_default().into_iter();
        let names = folders.map(|folder| file_name(&folder));
        names.filter(|name| !name.contains(SLASH)).collect()
    }

    pub(super) fn record(&self, owner: &str, name: &str) -> Result<BoxRecord, Cause> {
        let mut versions = Vec::new();
        for folder in folders(&self.of_box(&format!("{owner}/{name}")))? {
            let mut files = Vec::new();
            for (provider, architecture, _) in boxes(&folder)? {
                files.push(FileRecord {
                    provider,
                    default_architecture: false,
                    architecture: architecture.unwrap_or_else(|| UNKNOWN_ARCHITECTURE.to_owned()),
                    hosted: true,
                    url: None,
                    file: None,
                    link: false,
                    size: None,
                    checksum: None,
                    checksum_computed: false,
                    created_at: None,
                    updated_at: None,
                });
            }
            settle_defaults(&mut files);
            versions.push(VersionRecord {
                version: file_name(&folder),
                state: VersionState::Active,
                description: String::new(),
                created_at: None,
                updated_at: None,
                providers: files,
            });
        }
        Ok(BoxRecord {
            owner: owner.to_owned(),
            name: name.to_owned(),
            private: false,
            short_description: String::new(),
            description: String::new(),
            created_at: None,
            updated_at: None,
            source: "installed by Vagrant".to_owned(),
            versions,
        })
    }

    pub(super) fn place(
        &self,
        tag: &str,
        version: &str,
        file: &FileRecord,
    ) -> Result<Location, Cause> {
        let folder = self.of_box(tag).join(version);
        let found = boxes(&folder)?
            .into_iter()
            .find(|(provider, architecture, _)| {
                let architecture = architecture.as_deref().unwrap_or(UNKNOWN_ARCHITECTURE);
                *provider == file.provider && architecture == file.architecture
            });
        let (.., folder) =
            found.ok_or_else(|| Cause::Missing("the box is not installed any more".to_owned()))?;
        Ok(Location::Folder(folder))
    }

    fn of_box(&self, tag: &str) -> PathBuf {
        self.root.join(tag.replace('/', SLASH).replace(':', COLON))
    }
}

/// Returns the boxes of a version: the provider, the architecture if there is one, and the folder.
fn boxes(version: &Path) -> Result<Vec<(String, Option<String>, PathBuf)>, Cause> {
    let mut found = Vec::new();
    for first in folders(version)? {
        if first.join(METADATA).is_file() {
            found.push((file_name(&first), None, first));
            continue;
        }
        let architecture = file_name(&first);
        for second in folders(&first)? {
            if second.join(METADATA).is_file() {
                found.push((file_name(&second), Some(architecture.clone()), second));
            }
        }
    }
    Ok(found)
}

/// Returns the subfolders of a folder, sorted by name. A name that is not valid UTF-8 is skipped, since
/// registries have no place for it.
fn folders(folder: &Path) -> Result<Vec<PathBuf>, Cause> {
    let failed = |error| Cause::file(folder, error);
    let entries = fs::read_dir(folder).map_err(failed)?;
    let paths = entries.map(|entry| Ok(entry?.path()));
    let paths: io::Result<Vec<PathBuf>> = paths.collect();
    let mut paths = paths.map_err(failed)?;
    paths.retain(|path| {
        path.is_dir() && path.file_name().is_some_and(|name| name.to_str().is_some())
    });
    paths.sort();
    Ok(paths)
}

fn file_name(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default();
    name.to_string_lossy().into_owned()
}
