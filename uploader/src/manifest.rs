//! What Packer's `manifest` post-processor wrote: the builds of its runs, the newest run named.
//!
//! Evidence: files written by Packer 1.6.6, which runs in this project's tests. The `region.*`
//! metadata that Packer's Amazon builder offered to the `atlas` post-processor is not in the file,
//! but follows from the artifact id: `region:ami` pairs joined by commas.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::Value;
use time::OffsetDateTime;

use crate::disk::read_settings;
use crate::error::{Cause, Error, Phase};
use crate::wire::scalar_text;

/// A manifest, read.
#[derive(Debug)]
pub struct Manifest {
    builds: Vec<Build>,
    folder: PathBuf,
}

/// One build of Packer's last run.
#[derive(Debug, Deserialize)]
pub struct Build {
    /// The build's name in the template; the builder's type where it has none.
    pub name: String,
    /// The type of the builder, such as `amazon-ebs`.
    #[serde(default)]
    pub builder_type: String,
    /// What the builder calls its artifact, such as `us-east-1:ami-1`.
    #[serde(default)]
    pub artifact_id: String,
    #[serde(default)]
    build_time: Value,
    #[serde(default)]
    packer_run_uuid: String,
    #[serde(default)]
    files: Option<Vec<BuiltFile>>,
    #[serde(default)]
    custom_data: Option<BTreeMap<String, Value>>,
}

#[derive(Debug, Deserialize)]
struct BuiltFile {
    name: PathBuf,
}

#[derive(Deserialize)]
struct Document {
    builds: Vec<Build>,
    last_run_uuid: String,
}

impl Manifest {
    /// Reads the builds of the last run. Blocks.
    ///
    /// # Errors
    /// [`Phase::Manifest`]: a file that cannot be read, is no manifest, or holds no build of the
    /// run it names as the last.
    pub fn read(path: &Path) -> Result<Self, Error> {
        let failed = |source| Error::new(Phase::Manifest, Cause::file(path, source));
        let text = read_settings(path).map_err(failed)?;
        let Document {
            builds,
            last_run_uuid,
        } = serde_json::from_slice(&text).map_err(|error| failed(error.into()))?;
        let of_last_run = |build: &Build| build.packer_run_uuid == last_run_uuid;
        let builds: Vec<_> = builds.into_iter().filter(of_last_run).collect();
        if builds.is_empty() {
            let reason = format!("holds no build of its last run ({last_run_uuid:?})");
            return Err(failed(io::Error::new(io::ErrorKind::InvalidData, reason)));
        }
        Ok(Self {
            builds,
            folder: path.parent().unwrap_or(Path::new("")).to_owned(),
        })
    }

    /// The builds with these names, or all for no names, in the manifest's order.
    ///
    /// # Errors
    /// [`Phase::Configure`]: a name that no build of the last run has; the message lists them.
    pub fn select(&self, only: &[String]) -> Result<Vec<&Build>, Error> {
        let names: BTreeSet<&str> = self
            .builds
            .iter()
            .map(|build| build.name.as_str())
            .collect();
        if let Some(unknown) = only.iter().find(|name| !names.contains(name.as_str())) {
            let known = Vec::from_iter(names).join(", ");
            let reason =
                format!("no build of the last run is called {unknown:?}; there are: {known}");
            return Err(Error::new(Phase::Configure, Cause::Usage(reason)));
        }
        let chosen = |build: &&Build| only.is_empty() || only.contains(&build.name);
        Ok(self.builds.iter().filter(chosen).collect())
    }

    /// The files of a build, found from the current folder (where Packer wrote their names), or
    /// from the manifest's.
    ///
    /// # Errors
    /// [`Phase::Manifest`]: a file that is in neither; the message names both.
    pub fn files(&self, build: &Build) -> Result<Vec<PathBuf>, Error> {
        let files = build.files.iter().flatten();
        files.map(|file| self.find(&file.name)).collect()
    }

    fn find(&self, name: &Path) -> Result<PathBuf, Error> {
        let beside = self.folder.join(name);
        if name.exists() {
            Ok(name.to_owned())
        } else if beside.exists() {
            Ok(beside)
        } else {
            let reason = format!("not there, and neither is {}", beside.display());
            let missing = io::Error::new(io::ErrorKind::NotFound, reason);
            Err(Error::new(Phase::Manifest, Cause::file(name, missing)))
        }
    }
}

impl Build {
    /// The metadata Packer's builder would offer, overlaid by the manifest's `custom_data`. Values
    /// become texts, as in Packer.
    pub fn metadata(&self) -> BTreeMap<String, String> {
        let mut metadata = self.regions();
        for (key, value) in self.custom_data.iter().flatten() {
            metadata.insert(key.clone(), scalar_text(value.clone()));
        }
        metadata
    }

    /// Returns when the build was done, where the manifest says so.
    pub fn time(&self) -> Option<OffsetDateTime> {
        let seconds = self.build_time.as_i64().filter(|seconds| *seconds > 0)?;
        OffsetDateTime::from_unix_timestamp(seconds).ok()
    }

    fn regions(&self) -> BTreeMap<String, String> {
        if !self.builder_type.starts_with("amazon-") {
            return BTreeMap::new();
        }
        let pairs = self
            .artifact_id
            .split(',')
            .filter_map(|pair| pair.split_once(':'));
        pairs
            .map(|(region, ami)| (format!("region.{region}"), ami.to_owned()))
            .collect()
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
            "Error in the configuration: no build of the last run is called \"old\"; there are: a, b"
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
                "Error reading the manifest: b.img: not there, and neither is {}",
                other.display()
            )
        );
    }

    #[test]
    fn regions_follow_from_an_amazon_builds_id_and_custom_data_goes_over_them() {
        let build = |builder_type: &str| -> Build {
            serde_json::from_value(json!({
                "name": "x", "builder_type": builder_type, "files": null,
                "artifact_id": "eu-west-1:ami-1,us-east-1:ami-2",
                "custom_data": {"region.us-east-1": "mine", "number": 3, "flag": true},
            }))
            .unwrap()
        };
        let metadata = build("amazon-ebs").metadata();
        assert_eq!(metadata["region.eu-west-1"], "ami-1");
        assert_eq!(metadata["region.us-east-1"], "mine");
        assert_eq!(metadata["number"], "3");
        assert_eq!(metadata["flag"], "true");
        assert!(
            !build("googlecompute")
                .metadata()
                .contains_key("region.eu-west-1")
        );
    }

    #[test]
    fn what_is_no_manifest_is_refused_with_its_name() {
        for document in [
            json!({}),
            json!([]),
            json!({"builds": [], "last_run_uuid": "1"}),
            json!({"builds": [{"name": "a", "packer_run_uuid": "1"}], "last_run_uuid": "2"}),
        ] {
            let (_folder, read) = manifest(&document);
            let error = read.unwrap_err().to_string();
            assert!(error.contains("packer-manifest.json: "), "{error}");
        }
    }
}
