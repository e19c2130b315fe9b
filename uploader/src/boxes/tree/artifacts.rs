//! The records of artifacts in a tree: their versions of all types, and the copies of the files.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::layout::check_name;
use crate::api::wire::Metadata;

/// The folders above those of the artifacts: the paths are those of an Atlas' API.
const ROOT: [&str; 3] = ["api", "v1", "artifacts"];
/// The file name of every file of a version.
const FILE: &str = "file";

/// An artifact with all its versions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ArtifactRecord {
    /// The user or organisation that owns the artifact.
    pub owner: String,
    /// The name below the owner.
    pub name: String,
    /// Whether only members see the artifact.
    #[serde(default)]
    pub private: bool,
    /// The address of the source.
    pub source: String,
    /// The types, ordered by name.
    pub types: Vec<TypeRecord>,
}

/// A type of an artifact, whose versions have numbers of their own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TypeRecord {
    /// The name, such as `amazon.image`.
    #[serde(rename = "type")]
    pub name: String,
    /// The last number that the source is known to have given.
    #[serde(default)]
    pub last_number: u64,
    /// The versions, the oldest first. Numbers may be missing.
    pub versions: Vec<ArtifactVersion>,
}

/// A version of an artifact.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ArtifactVersion {
    /// The number, from 1.
    pub number: u64,
    /// The identifier of the version outside Atlas.
    #[serde(default)]
    pub id: String,
    /// The metadata, in the source's order.
    #[serde(default)]
    pub metadata: Metadata,
    /// The build that made the version; null for none, and for one that no search told.
    #[serde(default)]
    pub build: Option<u64>,
    /// The time of creation (RFC 3339), if the source tells it.
    #[serde(default)]
    pub created_at: Option<String>,
    /// Whether the version has a file.
    pub has_file: bool,
    /// The copy of the file; null for a file that is not present.
    #[serde(default)]
    pub file: Option<FileCopy>,
}

/// A file in the tree.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileCopy {
    /// The path in the tree, with `/` between folders.
    pub path: String,
    /// The size in bytes.
    pub size: u64,
    /// The hex digits of the BLAKE3 digest.
    pub blake3: String,
    /// The hex digits of the SHA-256.
    pub sha256: String,
    /// Whether the source named a digest, with which the bytes were compared.
    pub verified: bool,
}

/// The name of a version of an artifact.
#[derive(Debug, Clone, Copy)]
pub(crate) struct VersionName<'a> {
    pub(crate) owner: &'a str,
    pub(crate) name: &'a str,
    pub(crate) artifact_type: &'a str,
    pub(crate) number: u64,
}

/// Shows `USER/NAME/TYPE/VERSION`.
impl fmt::Display for VersionName<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            owner,
            name,
            artifact_type,
            number,
        } = self;
        write!(f, "{owner}/{name}/{artifact_type}/{number}")
    }
}

impl ArtifactVersion {
    /// Returns in what the source's current record contradicts this one; `None` if they agree.
    pub(crate) fn difference(&self, theirs: &Self) -> Option<String> {
        let builds = self.build.zip(theirs.build);
        let parts = [
            ("id", self.id != theirs.id),
            (
                "metadata",
                sorted(&self.metadata) != sorted(&theirs.metadata),
            ),
            ("file", self.has_file != theirs.has_file),
            ("build", builds.is_some_and(|(ours, theirs)| ours != theirs)),
        ];
        let differing = parts.iter().filter(|(_, differs)| *differs);
        let differing: Vec<_> = differing.map(|(name, _)| *name).collect();
        let listed = differing.join(", ");
        (!differing.is_empty()).then(|| format!("the source and the tree differ in: {listed}"))
    }
}

/// Returns metadata in an order that does not depend on the source.
fn sorted(metadata: &Metadata) -> BTreeMap<&str, &str> {
    let entries = metadata.0.iter();
    entries.map(|(key, value)| (&**key, &**value)).collect()
}

impl VersionName<'_> {
    /// Returns the path of the version's file below the root.
    ///
    /// # Errors
    /// Returns a sentence about a name that cannot be a folder's.
    pub(crate) fn path(&self) -> Result<String, String> {
        let number = self.number.to_string();
        let names = [self.owner, self.name, self.artifact_type, &number];
        for name in names {
            check_name(name)?;
        }
        let parts = ROOT.iter().chain(&names).chain([&FILE]);
        Ok(parts.copied().collect::<Vec<_>>().join("/"))
    }
}

/// Merges a source's record into the known ones.
pub(super) fn merge(known: &mut Vec<ArtifactRecord>, theirs: &ArtifactRecord) {
    let place = known.binary_search_by(|ours| key(ours).cmp(&key(theirs)));
    let ours = match place {
        Err(place) => return known.insert(place, theirs.clone()),
        Ok(place) => &mut known[place],
    };
    // Another source may show to everybody what this one does not.
    ours.private = theirs.private || (ours.private && ours.source != theirs.source);
    for of_type in &theirs.types {
        match ours
            .types
            .binary_search_by(|ours| ours.name.cmp(&of_type.name))
        {
            Err(place) => ours.types.insert(place, of_type.clone()),
            Ok(place) => merge_type(&mut ours.types[place], of_type),
        }
    }
}

fn key(record: &ArtifactRecord) -> (&str, &str) {
    (&record.owner, &record.name)
}

fn merge_type(ours: &mut TypeRecord, theirs: &TypeRecord) {
    ours.last_number = ours.last_number.max(theirs.last_number);
    for version in &theirs.versions {
        let place = ours
            .versions
            .binary_search_by_key(&version.number, |ours| ours.number);
        match place {
            Err(place) => ours.versions.insert(place, version.clone()),
            Ok(place) => {
                let known = &mut ours.versions[place];
                known.build = known.build.or(version.build);
                known.created_at = known.created_at.take().or(version.created_at.clone());
            }
        }
    }
}

pub(super) fn find<'a>(
    known: &'a [ArtifactRecord],
    version: &VersionName<'_>,
) -> Option<&'a ArtifactVersion> {
    let [artifact, of_type, place] = place(known, version)?;
    known[artifact].types[of_type].versions.get(place)
}

pub(super) fn find_mut<'a>(
    known: &'a mut [ArtifactRecord],
    version: &VersionName<'_>,
) -> Option<&'a mut ArtifactVersion> {
    let [artifact, of_type, place] = place(known, version)?;
    known[artifact].types[of_type].versions.get_mut(place)
}

/// Returns the positions of a version's artifact, type and self.
fn place(known: &[ArtifactRecord], version: &VersionName<'_>) -> Option<[usize; 3]> {
    let wanted = (version.owner, version.name);
    let artifact = known.binary_search_by(|ours| key(ours).cmp(&wanted)).ok()?;
    let types = &known[artifact].types;
    let of_type = types.binary_search_by(|ours| (*ours.name).cmp(version.artifact_type));
    let of_type = of_type.ok()?;
    let versions = &types[of_type].versions;
    let place = versions.binary_search_by_key(&version.number, |ours| ours.number);
    Some([artifact, of_type, place.ok()?])
}

/// Checks the records of a description, which may be forged: the paths must be those that this program gives, and
/// everything must be in its order.
///
/// # Errors
/// Returns a sentence about the first mistake.
pub(super) fn check(records: &[ArtifactRecord]) -> Result<(), String> {
    if !records.is_sorted_by(|one, next| key(one) < key(next)) {
        return Err("the artifacts are not in the order of their names".to_owned());
    }
    for record in records {
        let tag = format!("{}/{}", record.owner, record.name);
        if !record.types.is_sorted_by(|one, next| one.name < next.name) {
            return Err(format!(
                "the types of {tag} are not in the order of their names"
            ));
        }
        for of_type in &record.types {
            check_type(record, of_type)?;
        }
    }
    Ok(())
}

fn check_type(record: &ArtifactRecord, of_type: &TypeRecord) -> Result<(), String> {
    let slug = format!("{}/{}/{}", record.owner, record.name, of_type.name);
    let numbers = of_type.versions.iter().map(|version| version.number);
    if !numbers.clone().is_sorted_by(|one, next| one < next) || numbers.min() == Some(0) {
        return Err(format!(
            "the versions of {slug} are not in the order of their numbers"
        ));
    }
    for version in &of_type.versions {
        let name = VersionName {
            owner: &record.owner,
            name: &record.name,
            artifact_type: &of_type.name,
            number: version.number,
        };
        let path = name.path()?;
        let is_other = |copy: &FileCopy| copy.path != path;
        if let Some(copy) = version.file.as_ref().filter(|copy| is_other(copy)) {
            let other = &copy.path;
            return Err(format!(
                "{other:?} is not a valid path of a file in this tree"
            ));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(number: u64) -> ArtifactVersion {
        ArtifactVersion {
            number,
            id: format!("id-{number}"),
            metadata: Metadata::default(),
            build: None,
            created_at: None,
            has_file: true,
            file: None,
        }
    }

    fn record(numbers: &[u64]) -> ArtifactRecord {
        let versions = numbers.iter().copied().map(version);
        ArtifactRecord {
            owner: "acme".to_owned(),
            name: "web".to_owned(),
            private: true,
            source: "https://atlas.example.com/api/v1".to_owned(),
            types: vec![TypeRecord {
                name: "custom.image".to_owned(),
                last_number: numbers.last().copied().unwrap_or_default(),
                versions: versions.collect(),
            }],
        }
    }

    fn name(number: u64) -> VersionName<'static> {
        VersionName {
            owner: "acme",
            name: "web",
            artifact_type: "custom.image",
            number,
        }
    }

    fn copy() -> FileCopy {
        FileCopy {
            path: name(3).path().unwrap(),
            size: 1,
            blake3: "b".to_owned(),
            sha256: "s".to_owned(),
            verified: true,
        }
    }

    #[test]
    fn a_version_that_came_late_gets_its_place_and_known_ones_keep_their_files() {
        let mut known = Vec::new();
        merge(&mut known, &record(&[1, 3, 7]));
        find_mut(&mut known, &name(3)).unwrap().file = Some(copy());
        let mut later = record(&[2, 3, 9]);
        later.types[0].versions[1].build = Some(5);
        merge(&mut known, &later);
        let versions = &known[0].types[0].versions;
        let numbers: Vec<_> = versions.iter().map(|version| version.number).collect();
        assert_eq!(numbers, [1, 2, 3, 7, 9]);
        assert_eq!(known[0].types[0].last_number, 9);
        let third = find(&known, &name(3)).unwrap();
        assert_eq!((third.build, &third.file), (Some(5), &Some(copy())));
        assert!(find(&known, &name(4)).is_none());
        assert_eq!(check(&known), Ok(()));
    }

    #[test]
    fn a_forged_description_is_refused() {
        let forged: [fn(&mut ArtifactRecord); 5] = [
            |record| record.owner = "..".to_owned(),
            |record| record.types[0].name = "a/b".to_owned(),
            |record| record.types[0].versions.reverse(),
            |record| record.types[0].versions[0].number = 0,
            |record| record.types[0].versions[0].file = Some(copy()),
        ];
        for forge in forged {
            let mut record = record(&[1, 3]);
            assert_eq!(check(std::slice::from_ref(&record)), Ok(()));
            forge(&mut record);
            assert!(check(std::slice::from_ref(&record)).is_err(), "{record:?}");
        }
        assert!(check(&[record(&[1]), record(&[1])]).is_err());
    }
}
