//! Selects versions and files of a box.

use globset::{Glob, GlobSet, GlobSetBuilder};

use super::model::{BoxRecord, VersionState};
use atlas_common::gem_version::GemVersion;

/// The error for a malformed pattern.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct InvalidPattern(String);

/// A `Selection` filters the versions and files of a box. Empty patterns match everything.
#[derive(Debug, Clone, Default)]
pub struct Selection {
    providers: GlobSet,
    architectures: GlobSet,
    versions: GlobSet,
    newest: Option<usize>,
    include_unreleased: bool,
}

impl Selection {
    /// Creates a selection from patterns (`*`, `?`, `[…]`, `{a,b}`) for the names of providers, architectures
    /// and versions. `newest` limits the number of matching versions; `include_unreleased` also selects
    /// unreleased and revoked versions.
    ///
    /// # Errors
    /// Fails for a malformed pattern.
    pub fn new(
        providers: &[String],
        architectures: &[String],
        versions: &[String],
        newest: Option<usize>,
        include_unreleased: bool,
    ) -> Result<Self, InvalidPattern> {
        Ok(Self {
            providers: patterns(providers)?,
            architectures: patterns(architectures)?,
            versions: patterns(versions)?,
            newest,
            include_unreleased,
        })
    }

    /// Returns whether the selection may exclude released versions or files.
    pub fn is_narrow(&self) -> bool {
        let patterns = [&self.providers, &self.architectures, &self.versions];
        self.newest.is_some() || patterns.iter().any(|set| !set.is_empty())
    }

    /// Removes everything that is not selected from a box, and sorts its versions, newest first.
    pub fn apply(&self, record: &mut BoxRecord) {
        let takes = |set: &GlobSet, name: &str| set.is_empty() || set.is_match(name);
        record.versions.retain(|version| {
            (self.include_unreleased || version.state == VersionState::Active)
                && takes(&self.versions, &version.version)
        });
        for version in &mut record.versions {
            version.providers.retain(|file| {
                takes(&self.providers, &file.provider)
                    && takes(&self.architectures, &file.architecture)
            });
        }
        // A version without files has nothing to copy, and must not count as one of the newest.
        record
            .versions
            .retain(|version| !version.providers.is_empty());
        record
            .versions
            .sort_by_cached_key(|version| std::cmp::Reverse(GemVersion::of(&version.version)));
        if let Some(newest) = self.newest {
            record.versions.truncate(newest);
        }
    }
}

fn patterns(texts: &[String]) -> Result<GlobSet, InvalidPattern> {
    let invalid = |error: globset::Error| InvalidPattern(error.to_string());
    let mut set = GlobSetBuilder::new();
    for text in texts {
        set.add(Glob::new(text).map_err(invalid)?);
    }
    set.build().map_err(invalid)
}

#[cfg(test)]
mod tests {
    use super::super::model::tests::{file, record, version};
    use super::*;

    /// Returns the selected part of a box, as `version provider/architecture`.
    fn chosen(selection: &Selection) -> Vec<String> {
        let all = || {
            vec![
                file("virtualbox", "amd64"),
                file("virtualbox", "arm64"),
                file("libvirt", "amd64"),
            ]
        };
        let mut unreleased = version("3.0", all());
        unreleased.state = VersionState::Unreleased;
        let versions = vec![version("1.9", all()), version("1.10", all()), unreleased];
        let mut record = record(versions);
        selection.apply(&mut record);
        let versions = record.versions.iter();
        versions
            .flat_map(|version| {
                let files = version.providers.iter();
                files.map(|file| {
                    format!(
                        "{} {}/{}",
                        version.version, file.provider, file.architecture
                    )
                })
            })
            .collect()
    }

    fn selection(provider: &str, version: &str, newest: Option<usize>) -> Selection {
        let pattern = |text: &str| match text {
            "" => Vec::new(),
            text => vec![text.to_owned()],
        };
        let (providers, versions) = (pattern(provider), pattern(version));
        Selection::new(&providers, &["amd64".to_owned()], &versions, newest, false).unwrap()
    }

    #[test]
    fn patterns_and_the_newest_are_chosen_and_nothing_that_is_not_released() {
        let newest = chosen(&selection("", "", Some(1)));
        assert_eq!(newest, ["1.10 virtualbox/amd64", "1.10 libvirt/amd64"]);
        let by_pattern = chosen(&selection("virt*", "1.*", None));
        assert_eq!(
            by_pattern,
            ["1.10 virtualbox/amd64", "1.9 virtualbox/amd64"]
        );
        assert!(chosen(&selection("vmware*", "", None)).is_empty());
        let all = Selection::new(&[], &[], &[], None, true).unwrap();
        assert_eq!(chosen(&all).len(), 9);
        assert!(Selection::new(&["[".to_owned()], &[], &[], None, false).is_err());
    }
}
