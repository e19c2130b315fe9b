//! Reads the file that Packer's `manifest` post-processor writes: the builds of its runs, and the id of
//! the last run.
//!
//! Evidence: files written by Packer 1.6.6, which runs in this project's tests. `builder_metadata`
//! derives the metadata that builders offered to the `atlas` post-processor: the file does not hold it,
//! but it follows from the artifact's id.

mod builder_metadata;

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use time::OffsetDateTime;

use crate::api::wire::scalar_text;
use crate::base::error::{Cause, Error, Phase};
use crate::files::read::{of_another_encoding, read_settings};

/// The builds of a manifest's last run.
#[derive(Debug)]
pub struct Manifest {
    builds: Vec<Build>,
    path: PathBuf,
}

/// A build of Packer's last run, as one `manifest` post-processor recorded it. Several such
/// post-processors in a template give a build several entries.
#[derive(Debug)]
pub struct Build {
    /// The build's name in the template, or the builder's type where the template gives no name.
    pub name: String,
    /// The type of the builder, such as `amazon-ebs`, even where a post-processor made the artifact.
    pub builder_type: String,
    /// The id of the artifact, such as `us-east-1:ami-1`.
    pub artifact_id: String,
    build_time: Value,
    packer_run_uuid: String,
    files: Vec<BuiltFile>,
    custom_data: BTreeMap<String, Value>,
}

#[derive(Debug, Deserialize)]
struct BuiltFile {
    name: PathBuf,
}

impl Manifest {
    /// Reads the builds of the last run. The call blocks.
    ///
    /// # Errors
    /// Fails with [`Phase::Manifest`] when the file cannot be read, is no manifest, or holds no build of
    /// the run that it names as the last.
    pub fn read(path: &Path) -> Result<Self, Error> {
        let failed = |source| Error::new(Phase::Manifest, Cause::file(path, source));
        let text = read_settings(path).map_err(failed)?;
        if let Some(reason) = of_another_encoding(&text) {
            return Err(failed(io::Error::other(reason)));
        }
        let document: Value =
            serde_json::from_slice(&text).map_err(|error| failed(error.into()))?;
        let builds = of_last_run(document)
            .map_err(|reason| failed(io::Error::new(io::ErrorKind::InvalidData, reason)))?;
        Ok(Self {
            builds,
            path: path.to_owned(),
        })
    }

    /// Returns the path that the manifest was read from.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the builds with these names in the manifest's order, or all builds when `only` is empty.
    ///
    /// # Errors
    /// Fails with [`Phase::Configure`] for a name that no build of the last run has; the message lists
    /// the names that exist.
    pub fn select(&self, only: &[String]) -> Result<Vec<&Build>, Error> {
        let names: BTreeSet<&str> = self
            .builds
            .iter()
            .map(|build| build.name.as_str())
            .collect();
        if let Some(unknown) = only.iter().find(|name| !names.contains(name.as_str())) {
            let known = Vec::from_iter(names).join(", ");
            let reason = format!("the last run has no build {unknown:?}; its builds are: {known}");
            return Err(Error::new(Phase::Configure, Cause::Usage(reason)));
        }
        let chosen = |build: &&Build| only.is_empty() || only.contains(&build.name);
        Ok(self.builds.iter().filter(chosen).collect())
    }

    /// Returns the paths of a build's files. Each is looked up from the current folder, as Packer wrote
    /// it, and then from the manifest's folder.
    ///
    /// # Errors
    /// Fails with [`Phase::Manifest`] for a file that is in neither folder; the message names both paths
    /// and the build.
    pub fn files(&self, build: &Build) -> Result<Vec<PathBuf>, Error> {
        let files = build.files.iter();
        files.map(|file| self.find(&file.name, build)).collect()
    }

    fn find(&self, name: &Path, build: &Build) -> Result<PathBuf, Error> {
        let folder = self.path.parent().unwrap_or(Path::new(""));
        let beside = folder.join(name);
        if name.exists() {
            return Ok(name.to_owned());
        }
        let build = &build.name;
        let (file, reason) = if name.as_os_str().is_empty() {
            let reason = format!("lists a file without a name for the build {build:?}");
            (&*self.path, reason)
        } else if beside.exists() {
            return Ok(beside);
        } else {
            (name, missing(name, &beside, build))
        };
        let missing = io::Error::new(io::ErrorKind::NotFound, reason);
        Err(Error::new(Phase::Manifest, Cause::file(file, missing)))
    }
}

/// Formats the reason why a file of a build was not found: where it was sought, and that `strip_path`
/// may have removed its folder from the name.
fn missing(name: &Path, beside: &Path, build: &str) -> String {
    let neither = match beside == name {
        true => String::new(),
        false => format!(", and neither was {}", beside.display()),
    };
    let stripped = match name.components().count() {
        1 => {
            "; with strip_path, the manifest does not name the folder: set strip_path to false, or run this command in that folder"
        }
        _ => "",
    };
    format!("not found{neither}; the manifest lists this file for the build {build:?}{stripped}")
}

/// Returns the builds of the run that the document names as the last, or the reason why it is no
/// manifest.
fn of_last_run(document: Value) -> Result<Vec<Build>, String> {
    const WHAT: &str = "the manifest post-processor of Packer writes an object with the keys builds and last_run_uuid";
    let mut document = match document {
        Value::Object(document) => document,
        Value::Array(list) if list.is_empty() => {
            return Err(format!("is an empty list, not a manifest: {WHAT}"));
        }
        Value::Array(_) => return Err(format!("is a list, not a manifest: {WHAT}")),
        _ => return Err(format!("is not a manifest: {WHAT}")),
    };
    let missing = |key: &str| format!("is not a manifest, since it has no {key}: {WHAT}");
    let builds: Option<Vec<Value>> = field(&mut document, "builds")?;
    let builds = builds.ok_or_else(|| missing("builds"))?;
    let last_run: Option<String> = field(&mut document, "last_run_uuid")?;
    let last_run = last_run.ok_or_else(|| missing("last_run_uuid"))?;
    let builds = builds.into_iter().zip(1..);
    let builds = builds.map(|(build, number)| Build::read(build, number));
    let mut builds = builds.collect::<Result<Vec<_>, _>>()?;
    builds.retain(|build| build.packer_run_uuid == last_run);
    if builds.is_empty() {
        return Err(format!("holds no build of its last run ({last_run:?})"));
    }
    Ok(builds)
}

/// Takes a field out of an object; returns `None` for a missing or null field, as Go does. An error
/// names the field.
fn field<T: DeserializeOwned>(
    object: &mut Map<String, Value>,
    key: &str,
) -> Result<Option<T>, String> {
    let value = object.remove(key).unwrap_or_default();
    serde_json::from_value(value).map_err(|error| format!("{key}: {error}"))
}

impl Build {
    /// Reads a build; `number` counts from 1 and appears in errors.
    fn read(build: Value, number: usize) -> Result<Self, String> {
        let Value::Object(mut build) = build else {
            return Err(format!("build {number}: it is not an object"));
        };
        let placed = |reason| format!("build {number}: {reason}");
        let name: Option<String> = field(&mut build, "name").map_err(placed)?;
        let name = name.ok_or_else(|| placed("it has no name".to_owned()))?;
        Self::named(&name, build).map_err(|reason| format!("build {number}, {name:?}: {reason}"))
    }

    fn named(name: &str, mut build: Map<String, Value>) -> Result<Self, String> {
        let mut text = |key: &str| Ok::<_, String>(field(&mut build, key)?.unwrap_or_default());
        let (builder_type, artifact_id) = (text("builder_type")?, text("artifact_id")?);
        let packer_run_uuid = text("packer_run_uuid")?;
        Ok(Self {
            name: name.to_owned(),
            builder_type,
            artifact_id,
            build_time: field(&mut build, "build_time")?.unwrap_or_default(),
            packer_run_uuid,
            files: field(&mut build, "files")?.unwrap_or_default(),
            custom_data: field(&mut build, "custom_data")?.unwrap_or_default(),
        })
    }

    /// Returns whether the artifact has no files, such as an image in a cloud.
    pub(crate) fn has_no_files(&self) -> bool {
        self.files.is_empty()
    }

    /// Returns the id of the run of Packer that made the build.
    pub(crate) fn run(&self) -> &str {
        &self.packer_run_uuid
    }

    /// Returns the metadata that Packer would have offered, overlaid with the manifest's `custom_data`.
    /// Values become texts, as in Packer.
    pub fn metadata(&self) -> BTreeMap<String, String> {
        let mut metadata = match self.has_no_files() {
            true => builder_metadata::offered(&self.builder_type, &self.artifact_id),
            false => BTreeMap::new(),
        };
        for (key, value) in &self.custom_data {
            metadata.insert(key.clone(), scalar_text(value.clone()));
        }
        metadata
    }

    /// Returns the time at which the build finished, if the manifest holds it.
    pub fn time(&self) -> Option<OffsetDateTime> {
        let seconds = self.build_time.as_i64().filter(|seconds| *seconds > 0)?;
        OffsetDateTime::from_unix_timestamp(seconds).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use std::fs;
    use tempfile::TempDir;

    fn manifest(document: &Value) -> (TempDir, Result<Manifest, Error>) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("packer-manifest.json");
        fs::write(&path, document.to_string()).unwrap();
        let read = Manifest::read(&path);
        (folder, read)
    }

    fn two_runs() -> Value {
        let build = |name: &str, run: &str| {
            json!({
                "name": name, "builder_type": "file", "build_time": 1, "artifact_id": "File",
                "files": [{"name": format!("{name}.img"), "size": 3}],
                "packer_run_uuid": run, "custom_data": {"n": "1"},
            })
        };
        json!({"builds": [build("old", "1"), build("a", "2"), build("b", "2")], "last_run_uuid": "2"})
    }

    fn names(builds: &[&Build]) -> Vec<String> {
        builds.iter().map(|build| build.name.clone()).collect()
    }

    #[test]
    fn only_the_builds_of_the_last_run_count() {
        let (_folder, manifest) = manifest(&two_runs());
        assert_eq!(names(&manifest.unwrap().select(&[]).unwrap()), ["a", "b"]);
    }

    #[test]
    fn builds_are_chosen_by_name_and_an_unknown_name_is_answered_with_those_there_are() {
        let (_folder, manifest) = manifest(&two_runs());
        let manifest = manifest.unwrap();
        assert_eq!(names(&manifest.select(&["b".to_owned()]).unwrap()), ["b"]);
        let error = manifest
            .select(&["a".to_owned(), "old".to_owned()])
            .unwrap_err();
        assert_eq!(
            error.to_string(),
            "Error in the configuration: the last run has no build \"old\"; its builds are: a, b"
        );
    }

    #[test]
    fn a_file_beside_the_manifest_is_found_and_a_missing_one_is_named_in_both_places() {
        let (folder, manifest) = manifest(&two_runs());
        let manifest = manifest.unwrap();
        let beside = folder.path().join("a.img");
        fs::write(&beside, "abc").unwrap();
        let builds = manifest.select(&[]).unwrap();
        assert_eq!(manifest.files(builds[0]).unwrap(), [beside]);
        let error = manifest.files(builds[1]).unwrap_err().to_string();
        let other = folder.path().join("b.img");
        assert_eq!(
            error,
            format!(
                "Error reading the manifest: b.img: not found, and neither was {}; the manifest lists this file for the build \"b\"; with strip_path, the manifest does not name the folder: set strip_path to false, or run this command in that folder",
                other.display()
            )
        );
    }

    #[test]
    fn a_missing_file_is_named_once_where_both_places_are_the_same_and_one_without_a_name_is_told()
    {
        let manifest = Manifest {
            builds: Vec::new(),
            path: PathBuf::from("packer-manifest.json"),
        };
        let refused = |name: &str| {
            let build = json!({"name": "vm", "files": [{"name": name, "size": 1}]});
            let error = manifest.files(&Build::read(build, 1).unwrap());
            error.unwrap_err().to_string()
        };
        let lists = "the manifest lists this file for the build \"vm\"";
        let stripped = "with strip_path, the manifest does not name the folder: set strip_path to false, or run this command in that folder";
        for (name, words) in [
            (
                "img.txt",
                format!("img.txt: not found; {lists}; {stripped}"),
            ),
            ("out/img.txt", format!("out/img.txt: not found; {lists}")),
            (
                "",
                "packer-manifest.json: lists a file without a name for the build \"vm\"".to_owned(),
            ),
        ] {
            let told = format!("Error reading the manifest: {words}");
            assert_eq!(refused(name), told);
        }
    }

    #[test]
    fn a_manifest_in_another_encoding_is_told_in_words() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("packer-manifest.json");
        for (bytes, words) in [
            (&b"\xef\xbb\xbf{}"[..], "begins with a byte order mark"),
            (b"\xff\xfe{\0}\0", "is UTF-16"),
        ] {
            fs::write(&path, bytes).unwrap();
            let error = Manifest::read(&path).unwrap_err().to_string();
            assert!(error.contains(words), "{error}");
        }
    }

    #[test]
    fn regions_follow_from_an_amazon_builds_id_and_custom_data_goes_over_them() {
        let built = |builder_type: &str, files: Value| -> Build {
            let build = json!({
                "name": "x", "builder_type": builder_type, "files": files,
                "artifact_id": "eu-west-1:ami-1,us-east-1:ami-2",
                "custom_data": {"region.us-east-1": "mine", "number": 3, "flag": true},
            });
            Build::read(build, 1).unwrap()
        };
        let build = |builder_type: &str| built(builder_type, Value::Null);
        let metadata = build("amazon-ebs").metadata();
        assert_eq!(metadata["region.eu-west-1"], "ami-1");
        assert_eq!(metadata["region.us-east-1"], "mine");
        assert_eq!(metadata["number"], "3");
        assert_eq!(metadata["flag"], "true");
        for build in [
            build("googlecompute"),
            build("amazon-ebsvolume"),
            // A post-processor turned the image into a file on this disk.
            built("amazon-ebs", json!([{"name": "x.box", "size": 1}])),
        ] {
            assert!(!build.metadata().contains_key("region.eu-west-1"));
        }
    }

    #[test]
    fn what_is_no_manifest_is_refused_with_its_name_and_the_reason_in_words() {
        let writes = "the manifest post-processor of Packer writes an object with the keys builds and last_run_uuid";
        let of_run = |build: Value| json!({"builds": [{"name": "a"}, build], "last_run_uuid": "1"});
        for (document, reason) in [
            (
                json!({}),
                format!("is not a manifest, since it has no builds: {writes}"),
            ),
            (
                json!({"builds": []}),
                format!("is not a manifest, since it has no last_run_uuid: {writes}"),
            ),
            (
                json!([]),
                format!("is an empty list, not a manifest: {writes}"),
            ),
            (
                json!([{"builds": []}]),
                format!("is a list, not a manifest: {writes}"),
            ),
            (json!("x"), format!("is not a manifest: {writes}")),
            (
                json!({"builds": {}, "last_run_uuid": "1"}),
                "builds: invalid type: map, expected a sequence".to_owned(),
            ),
            (
                json!({"builds": [], "last_run_uuid": "1"}),
                "holds no build of its last run (\"1\")".to_owned(),
            ),
            (
                json!({"builds": [{"name": "a", "packer_run_uuid": "1"}], "last_run_uuid": "2"}),
                "holds no build of its last run (\"2\")".to_owned(),
            ),
            (of_run(json!(3)), "build 2: it is not an object".to_owned()),
            (
                of_run(json!({"files": null})),
                "build 2: it has no name".to_owned(),
            ),
            (
                of_run(json!({"name": 7})),
                "build 2: name: invalid type: integer `7`, expected a string".to_owned(),
            ),
            (
                of_run(json!({"name": "web", "artifact_id": 7})),
                "build 2, \"web\": artifact_id: invalid type: integer `7`, expected a string"
                    .to_owned(),
            ),
            (
                of_run(json!({"name": "web", "files": [{"size": 1}]})),
                "build 2, \"web\": files: missing field `name`".to_owned(),
            ),
        ] {
            let (_folder, read) = manifest(&document);
            let error = read.unwrap_err().to_string();
            let expected = format!("packer-manifest.json: {reason}");
            assert!(error.ends_with(&expected), "{error}");
        }
    }
}
