//! Finds out which build made which version. A search says it only to who names the build, and then it answers with
//! one version: the newest that matches.

use super::MirrorOptions;
use crate::api::{Client, SearchQuery};
use crate::base::error::Error;
use crate::base::slug::{ArtifactName, ArtifactType};
use crate::boxes::Report;
use crate::boxes::tree::artifacts::ArtifactVersion;

/// The number of versions in a row that are not of a build, after which its older ones are not looked for: a build
/// makes its versions one soon after the other.
const MOST_MISSES: u32 = 4;
/// The largest number of bytes of the metadata in one search, since servers limit the length of addresses.
const MOST_FILTERS: usize = 2048;

/// The type whose builds are asked for.
pub(super) struct Asked<'a> {
    pub(super) client: &'a Client,
    pub(super) name: &'a ArtifactName,
    pub(super) artifact_type: &'a ArtifactType,
}

impl Asked<'_> {
    /// Sets the builds of the versions, which are ordered by number, as far as searches tell them.
    ///
    /// # Errors
    /// [`Phase::Search`](crate::base::error::Phase::Search).
    pub(super) async fn complete(
        &self,
        versions: &mut [ArtifactVersion],
        options: &MirrorOptions,
        report: &mut Report,
    ) -> Result<(), Error> {
        let any = self.find("any", Vec::new()).await?;
        if any.is_empty() {
            return Ok(());
        }
        for range in &options.builds {
            for build in range.builds() {
                self.members(build, versions).await?;
            }
        }
        let is_told = |number: &u64| {
            let place = versions.binary_search_by_key(number, |version| version.number);
            place.is_ok_and(|place| versions[place].build.is_some())
        };
        if !any.iter().any(is_told) {
            let (name, artifact_type) = (self.name, self.artifact_type);
            report.notes.push(format!(
                "{name}:{artifact_type} has versions that builds made, and a search tells a build only to who names it: --builds FIRST-LAST asks for these"
            ));
        }
        Ok(())
    }

    /// Marks the versions of a build: the newest, and those below it that a search for their own metadata finds.
    async fn members(&self, build: u64, versions: &mut [ArtifactVersion]) -> Result<(), Error> {
        let named = build.to_string();
        let newest = self.find(&named, Vec::new()).await?;
        let mut place = versions.len();
        for number in newest {
            let found = versions.binary_search_by_key(&number, |version| version.number);
            if let Ok(found) = found {
                versions[found].build = Some(build);
                place = place.min(found);
            }
        }
        if place == versions.len() {
            return Ok(());
        }
        let mut misses = 0;
        for version in versions[..place].iter_mut().rev() {
            if version.build.is_some() || misses == MOST_MISSES {
                break;
            }
            let found = self.find(&named, filters(version)).await?;
            match found.contains(&version.number) {
                true => {
                    version.build = Some(build);
                    misses = 0;
                }
                false => misses += 1,
            }
        }
        Ok(())
    }

    /// Returns the numbers of the versions that a search finds.
    async fn find(
        &self,
        build: &str,
        metadata: Vec<(String, Option<String>)>,
    ) -> Result<Vec<u64>, Error> {
        let query = SearchQuery {
            version: None,
            build: Some(build.to_owned()),
            metadata,
        };
        let found = self.client.search(self.name, self.artifact_type, &query);
        let found = found.await?;
        Ok(found.iter().map(|version| version.version).collect())
    }
}

/// Returns the metadata of a version for a search, without what would make the address too long.
fn filters(version: &ArtifactVersion) -> Vec<(String, Option<String>)> {
    let mut left = MOST_FILTERS;
    let mut filters = Vec::new();
    // The keys are ordered by length, and the long ones are those that differ.
    for (key, value) in version.metadata.0.iter().rev() {
        if let Some(rest) = left.checked_sub(key.len() + value.len()) {
            left = rest;
            filters.push((key.clone(), Some(value.clone())));
        }
    }
    filters
}
