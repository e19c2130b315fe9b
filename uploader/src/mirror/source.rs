//! Reads the records of artifacts from an Atlas, by the searches that its API has.

use super::request::ArtifactQuery;
use super::{MirrorOptions, builds};
use crate::api::wire::Version;
use crate::api::{Client, SearchQuery};
use crate::base::error::{Cause, Error, Phase};
use crate::base::slug::{ArtifactName, ArtifactType};
use crate::boxes::Report;
use crate::boxes::tree::artifacts::{ArtifactRecord, ArtifactVersion, TypeRecord, VersionName};
use crate::show::recommended_types;

/// An artifact to read.
struct Wanted<'a> {
    name: &'a ArtifactName,
    /// The types that were named: they must be there.
    named: Vec<&'a ArtifactType>,
    /// Whether the recommended types are looked for.
    has_recommended: bool,
}

/// Reads the requested artifacts. One that cannot be read becomes a failure in the report.
pub(super) async fn gather(
    client: &Client,
    options: &MirrorOptions,
    report: &mut Report,
) -> Vec<ArtifactRecord> {
    let mut records = Vec::new();
    for wanted in wanted(&options.wanted) {
        let reading = Reading {
            client,
            options,
            name: wanted.name,
        };
        match reading.record(&wanted, report).await {
            Ok(record) => records.push(record),
            Err(error) => report.failures.push((wanted.name.to_string(), error)),
        }
    }
    if options
        .wanted
        .iter()
        .any(|query| query.artifact_type.is_none())
    {
        let note = "the API lists no types: of an artifact without a named type, only the recommended types were looked for; name others as USER/NAME:TYPE";
        report.notes.push(note.to_owned());
    }
    records
}

/// Returns each requested artifact once, with all that was requested of it.
fn wanted(queries: &[ArtifactQuery]) -> Vec<Wanted<'_>> {
    let mut wanted: Vec<Wanted<'_>> = Vec::new();
    for query in queries {
        let known = wanted.iter().position(|known| *known.name == query.name);
        let known = known.unwrap_or_else(|| {
            wanted.push(Wanted {
                name: &query.name,
                named: Vec::new(),
                has_recommended: false,
            });
            wanted.len() - 1
        });
        match &query.artifact_type {
            Some(named) if !wanted[known].named.contains(&named) => wanted[known].named.push(named),
            Some(_) => {}
            None => wanted[known].has_recommended = true,
        }
    }
    wanted
}

struct Reading<'a> {
    client: &'a Client,
    options: &'a MirrorOptions,
    name: &'a ArtifactName,
}

impl Reading<'_> {
    /// Reads all versions of the artifact. A type that cannot be read becomes a failure in the report.
    ///
    /// # Errors
    /// [`Phase::FindArtifact`].
    async fn record(
        &self,
        wanted: &Wanted<'_>,
        report: &mut Report,
    ) -> Result<ArtifactRecord, Error> {
        self.client.artifact(self.name).await?;
        let private = self.is_private().await?;
        let mut types = Vec::new();
        for artifact_type in &wanted.named {
            match self.of_type(artifact_type, report).await {
                Ok(Some(found)) => types.push(found),
                Ok(None) => {
                    let reason = "there is no version of this type".to_owned();
                    let error = Error::new(Phase::Search, Cause::Missing(reason));
                    report.failures.push((self.label(artifact_type), error));
                }
                Err(error) => report.failures.push((self.label(artifact_type), error)),
            }
        }
        let recommended = recommended_types().into_iter();
        let recommended = recommended
            .filter(|of_type| wanted.has_recommended && !wanted.named.contains(&of_type));
        for artifact_type in recommended {
            match self.of_type(&artifact_type, report).await {
                Ok(found) => types.extend(found),
                // A server may answer so for a type that it does not know.
                Err(error) if error.status() == Some(404) => {}
                Err(error) => report.failures.push((self.label(&artifact_type), error)),
            }
        }
        types.sort_by(|one: &TypeRecord, next| one.name.cmp(&next.name));
        Ok(ArtifactRecord {
            owner: self.name.user().to_owned(),
            name: self.name.name().to_owned(),
            private,
            source: self.client.url().to_string(),
            types,
        })
    }

    fn label(&self, artifact_type: &ArtifactType) -> String {
        format!("{}:{artifact_type}", self.name)
    }

    /// Returns whether the artifact is hidden from callers without a token.
    async fn is_private(&self) -> Result<bool, Error> {
        if !self.client.has_token() {
            return Ok(false);
        }
        match self.client.anonymous().artifact(self.name).await {
            Ok(_) => Ok(false),
            Err(error) if error.cause().is_transient() => Err(error),
            Err(_) => Ok(true),
        }
    }

    /// Reads all versions of a type; `None` if it has none.
    async fn of_type(
        &self,
        artifact_type: &ArtifactType,
        report: &mut Report,
    ) -> Result<Option<TypeRecord>, Error> {
        let all = SearchQuery::default();
        let found = self.client.search(self.name, artifact_type, &all).await?;
        if found.is_empty() {
            return Ok(None);
        }
        let mut versions: Vec<_> = found.into_iter().map(version).collect();
        versions.sort_by_key(|version| version.number);
        let count = versions.len();
        versions.dedup_by_key(|version| version.number);
        let twice = count - versions.len();
        versions.retain(|version| version.number > 0);
        let wrong = twice + (count - twice - versions.len());
        if wrong > 0 {
            let reason = format!(
                "{wrong} versions are left out: the source lists their number twice, or as 0"
            );
            let error = Error::new(Phase::Search, Cause::Unpackable(reason));
            report.failures.push((self.label(artifact_type), error));
        }
        let number = versions.last().map_or(0, |version| version.number);
        self.check_names(artifact_type, number)?;
        let asked = builds::Asked {
            client: self.client,
            name: self.name,
            artifact_type,
        };
        if let Err(error) = asked.complete(&mut versions, self.options, report).await {
            report.failures.push((self.label(artifact_type), error));
        }
        Ok(Some(TypeRecord {
            name: artifact_type.to_string(),
            last_number: number,
            versions,
        }))
    }

    /// Checks that the names can be those of folders.
    fn check_names(&self, artifact_type: &ArtifactType, number: u64) -> Result<(), Error> {
        let name = VersionName {
            owner: self.name.user(),
            name: self.name.name(),
            artifact_type: artifact_type.as_str(),
            number,
        };
        let path = name.path();
        path.map(drop)
            .map_err(|reason| Error::new(Phase::Tree, Cause::Unpackable(reason)))
    }
}

fn version(found: Version) -> ArtifactVersion {
    ArtifactVersion {
        number: found.version,
        id: found.id.unwrap_or_default(),
        metadata: found.metadata,
        build: None,
        created_at: None,
        has_file: found.file,
        file: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_artifact_that_is_named_several_times_is_read_once() {
        let queries = ["a/b:x", "c/d", "a/b", "a/b:y", "a/b:x"].map(|text| text.parse().unwrap());
        let wanted = wanted(&queries);
        let shown = wanted.iter().map(|one| {
            let named: Vec<_> = one.named.iter().map(ToString::to_string).collect();
            (one.name.to_string(), named.join(" "), one.has_recommended)
        });
        let expected = [("a/b", "x y", true), ("c/d", "", true)];
        let expected = expected.map(|(name, named, all)| (name.to_owned(), named.to_owned(), all));
        assert_eq!(shown.collect::<Vec<_>>(), expected);
    }
}
