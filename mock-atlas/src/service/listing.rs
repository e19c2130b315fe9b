//! Lists of what a caller may read: artifacts, the types of one, and its versions with their files.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::authorize::{access_with, held_role, read_access};
use super::{Dataset, ServiceError};
use crate::domain::{
    ArtifactName, Caller, Name, Page, Query, ReadAccess, Role, Target, Version, Visibility,
};
use crate::storage::{ArtifactsQuery, ListedArtifact, ListedFile, ListedType, StorageError};

/// The greatest number of artifacts that a page looks at. The caller's token may be limited to few of those which the
/// storage finds for the caller.
const MOST_LOOKED_AT: usize = 5000;

/// The greatest number of lookups for a page of versions.
const LOOKS: usize = 10_000;

/// A page of artifacts that a caller may read, the last that were created first.
#[derive(Debug, Default)]
pub(crate) struct ArtifactsPage {
    pub(crate) artifacts: Vec<ReadableArtifact>,
    /// The place below which the next page begins; `None` at the end.
    pub(crate) next: Option<u64>,
}

/// An artifact that a caller may read.
#[derive(Debug)]
pub(crate) struct ReadableArtifact {
    pub(crate) about: ListedArtifact,
    /// The types that have a version.
    pub(crate) types: Vec<ListedType>,
}

/// Returns a page of the artifacts that the caller may read. It has at most `query.most` of them, and it may have less
/// though there are more: then `next` says where to look on.
///
/// # Errors
/// When the storage fails.
pub(crate) async fn artifacts(
    dataset: &Dataset,
    caller: &Caller,
    mut query: ArtifactsQuery,
) -> Result<ArtifactsPage, ServiceError> {
    let most = query.most;
    query.readable_by = Some(caller.clone());
    query.most = most + 1;
    let mut roles = Roles::default();
    let (mut page, mut looked_at) = (ArtifactsPage::default(), 0);
    while looked_at < MOST_LOOKED_AT {
        let batch = dataset.catalog().artifacts(query.clone()).await?;
        let is_last = batch.len() < query.most;
        looked_at += batch.len();
        for listed in batch {
            let access = roles.access(dataset, caller, &listed.name).await?;
            if !access.allows(listed.visibility) {
                query.below = Some(listed.place);
                continue;
            }
            if page.artifacts.len() == most {
                page.next = query.below;
                return Ok(page);
            }
            query.below = Some(listed.place);
            let types = dataset.catalog().types(&listed.name, access).await;
            // An artifact that was deleted meanwhile is left out.
            if let Some(types) = found(types)? {
                let about = listed;
                page.artifacts.push(ReadableArtifact { about, types });
            }
        }
        if is_last {
            return Ok(page);
        }
    }
    page.next = query.below;
    Ok(page)
}

fn found<T>(result: Result<T, StorageError>) -> Result<Option<T>, StorageError> {
    match result {
        Err(StorageError::NotFound) => Ok(None),
        result => result.map(Some),
    }
}

/// The roles of a caller in namespaces, without regard to the scope of the token.
#[derive(Default)]
struct Roles(BTreeMap<Name, Option<Role>>);

impl Roles {
    async fn access(
        &mut self,
        dataset: &Dataset,
        caller: &Caller,
        name: &ArtifactName,
    ) -> Result<ReadAccess, ServiceError> {
        let held = match self.0.get(&name.username) {
            Some(held) => *held,
            None => {
                let held = held_role(dataset, caller, &name.username).await?;
                self.0.insert(name.username.clone(), held);
                held
            }
        };
        Ok(access_with(caller, held, name))
    }
}

/// An artifact with its types, as far as the caller may read it.
#[derive(Debug)]
pub(crate) struct FoundArtifact {
    /// The types that have a visible version, ordered by name.
    pub(crate) types: Vec<ListedType>,
    pub(crate) visibility: Visibility,
    /// Whether the caller may change it.
    pub(crate) is_writable: bool,
}

/// Returns an artifact with its types.
///
/// # Errors
/// [`StorageError::NotFound`] where the artifact does not exist or the caller may not read it.
pub(crate) async fn artifact(
    dataset: &Dataset,
    caller: &Caller,
    name: &ArtifactName,
) -> Result<FoundArtifact, ServiceError> {
    let held = held_role(dataset, caller, &name.username).await?;
    let access = access_with(caller, held, name);
    let catalog = dataset.catalog();
    let types = catalog.types(name, access).await?;
    let public = catalog.find_artifact(name, ReadAccess::PublicOnly).await;
    let role = match caller {
        Caller::Anonymous => None,
        Caller::Known(account) => account.limit(held, Target::Artifact(name)),
    };
    Ok(FoundArtifact {
        types,
        visibility: match found(public)? {
            Some(()) => Visibility::Public,
            None => Visibility::Private,
        },
        is_writable: matches!(role, Some(Role::Write | Role::Admin)),
    })
}

/// A page of versions, the newest first.
#[derive(Debug)]
pub(crate) struct VersionsPage {
    pub(crate) versions: Vec<ListedVersion>,
    /// The highest number of the next page; `None` at the end.
    pub(crate) next: Option<u64>,
}

/// A version with what is known of its file.
#[derive(Debug)]
pub(crate) struct ListedVersion {
    pub(crate) version: Arc<Version>,
    pub(crate) file: Option<ListedFile>,
}

/// Returns a page of at most `most` versions of a type that a query finds, up to the number `highest`.
///
/// # Errors
/// [`StorageError::NotFound`] where the artifact does not exist or the caller may not read it.
pub(crate) async fn versions(
    dataset: &Dataset,
    caller: &Caller,
    (artifact, artifact_type): (&ArtifactName, &Name),
    query: &Query,
    (highest, most): (u64, usize),
) -> Result<VersionsPage, ServiceError> {
    let access = read_access(dataset, caller, artifact).await?;
    let catalog = dataset.catalog();
    let page = Page {
        highest,
        ..Page::first(most, LOOKS)
    };
    let search = catalog.search(artifact, artifact_type, access, query, page);
    let found = search.await?;
    let numbers = match (found.versions.last(), found.versions.first()) {
        (Some(lowest), Some(highest)) => lowest.number..=highest.number,
        _ => {
            return Ok(VersionsPage {
                versions: Vec::new(),
                next: None,
            });
        }
    };
    let files = catalog.listed_files(artifact, artifact_type, access, numbers);
    let files: BTreeMap<u64, ListedFile> = files
        .await?
        .into_iter()
        .map(|file| (file.number, file))
        .collect();
    let versions = found.versions.into_iter();
    Ok(VersionsPage {
        versions: versions
            .map(|version| ListedVersion {
                file: files.get(&version.number).copied(),
                version,
            })
            .collect(),
        next: found.next.map(|page| page.highest),
    })
}
