//! Lists of artifacts, of their types, and of the files of their versions.

use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap};
use std::ops::RangeInclusive;
use std::sync::atomic::{AtomicU64, Ordering};

use super::{Artifact, MemoryCatalog};
use crate::domain::{ArtifactName, Caller, Name, ReadAccess, Visibility};
use crate::storage::{ArtifactsQuery, ListedArtifact, ListedFile, ListedType, StorageError};

/// Returns the place of a new artifact, which is higher than all places before.
pub(super) fn next_place() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// Methods that list. [`Catalog`](crate::storage::Catalog) documents them.
impl MemoryCatalog {
    /// Looks at all artifacts, and keeps no more than a page of them.
    pub(crate) fn artifacts(&self, query: &ArtifactsQuery) -> Vec<ListedArtifact> {
        let below = query.below.unwrap_or(u64::MAX);
        let own = self.own_namespaces(query.readable_by.as_ref());
        let is_readable = |artifact: &Artifact, name: &ArtifactName| {
            artifact.visibility == Visibility::Public
                || own.as_ref().is_none_or(|own| own.contains(&name.username))
        };
        let maps = self.maps();
        let mut newest = BinaryHeap::new();
        for artifact in &maps.artifacts {
            let is_wanted = artifact.place < below
                && is_readable(&artifact, artifact.key())
                && accepts(query, artifact.key());
            if is_wanted {
                newest.push((Reverse(artifact.place), artifact.key().clone()));
                if newest.len() > query.most {
                    newest.pop();
                }
            }
        }
        let newest = newest.into_sorted_vec().into_iter();
        let listed = newest.filter_map(|(Reverse(place), name)| {
            let artifact = maps.artifacts.get(&name)?;
            Some(ListedArtifact {
                place,
                visibility: artifact.visibility,
                has_box: artifact.vagrant_box.is_some(),
                name,
            })
        });
        listed.collect()
    }

    /// Returns the namespaces in which a caller has a role; `None` for all.
    fn own_namespaces(&self, caller: Option<&Caller>) -> Option<BTreeSet<Name>> {
        match caller {
            None => None,
            Some(Caller::Anonymous) => Some(BTreeSet::new()),
            Some(Caller::Known(account)) if account.is_everywhere() => None,
            Some(Caller::Known(account)) => {
                let own = self.registries_of(account).into_iter();
                Some(own.map(|found| found.name).collect())
            }
        }
    }

    pub(crate) fn types(
        &self,
        name: &ArtifactName,
        access: ReadAccess,
    ) -> Result<Vec<ListedType>, StorageError> {
        self.maps().read(name, access, |artifact| {
            let types = artifact.types.iter().filter_map(|(name, versions)| {
                let newest = versions.newest()?;
                Some(ListedType {
                    artifact_type: name.clone(),
                    newest: newest.number,
                    created: newest.created,
                })
            });
            let mut types: Vec<_> = types.collect();
            types.sort_by(|a, b| a.artifact_type.cmp(&b.artifact_type));
            types
        })
    }

    pub(crate) fn listed_files(
        &self,
        name: &ArtifactName,
        artifact_type: &Name,
        access: ReadAccess,
        numbers: RangeInclusive<u64>,
    ) -> Result<Vec<ListedFile>, StorageError> {
        self.maps().read(name, access, |artifact| {
            let versions = artifact.types.get(artifact_type);
            let files = versions.map(|versions| versions.files_within(numbers));
            let files = files.into_iter().flatten();
            let listed = files.map(|(number, blob)| ListedFile {
                number,
                size: blob.len(),
                digest: blob.digest(),
            });
            listed.collect()
        })
    }
}

fn accepts(query: &ArtifactsQuery, name: &ArtifactName) -> bool {
    let is_of_owner = query.owner.as_ref().is_none_or(|of| *of == name.username);
    is_of_owner
        && (query.text.is_empty() || name.to_string().to_ascii_lowercase().contains(&query.text))
}
