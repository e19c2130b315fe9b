//! The tree of files that `import` reads and `export` writes: `mirror.json`, the files of versions, and boxes with
//! their catalogs. docs/mirror.md and docs/rescue.md describe the format, which other programs write and read as well.
//!
//! - `import`: imports a tree into a running emulator; `export`: writes a tree from one
//! - `contents`: the contents of a running emulator
//! - `digests`: the digests of files; `catalogs`: the catalogs of boxes for Vagrant

mod catalogs;
pub(super) mod contents;
mod digests;
pub(super) mod export;
pub(super) mod import;

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::read;

/// The name of the description in a tree.
const MANIFEST: &str = "mirror.json";
const FORMAT: &str = "atlas-mirror";
/// The format of a description that may list artifacts; the first one lists boxes alone.
const FORMAT_VERSION: u32 = 2;
/// The largest size in bytes of a description: enough for half a million versions.
const MOST: u64 = 256 * 1024 * 1024;
/// The type whose versions are the files of boxes.
pub(super) const BOX_TYPE: &str = "vagrant.box";

/// The description of a tree.
#[derive(Debug, Serialize, Deserialize)]
struct Manifest {
    format: String,
    format_version: u32,
    base_url: Option<String>,
    /// The boxes, each in the form in which an import takes it.
    boxes: Vec<Value>,
    #[serde(default)]
    artifacts: Vec<Artifact>,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Artifact {
    pub(super) owner: String,
    pub(super) name: String,
    #[serde(default)]
    private: bool,
    #[serde(default)]
    source: String,
    #[serde(default)]
    types: Vec<OfType>,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct OfType {
    #[serde(rename = "type")]
    pub(super) name: String,
    #[serde(default)]
    last_number: u64,
    /// The versions that channels point at, by the names of these. A tree has none.
    #[serde(default, skip_serializing)]
    pub(super) channels: BTreeMap<String, u64>,
    #[serde(default)]
    versions: Vec<Version>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Version {
    number: u64,
    #[serde(default)]
    id: String,
    #[serde(default)]
    metadata: BTreeMap<String, String>,
    #[serde(default)]
    build: Option<u64>,
    #[serde(default)]
    created_at: Option<String>,
    has_file: bool,
    #[serde(default)]
    file: Option<FileCopy>,
}

/// A file of a version in the tree.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct FileCopy {
    path: String,
    size: u64,
    blake3: String,
    sha256: String,
    #[serde(default)]
    verified: bool,
}

impl Manifest {
    /// Reads and checks the description of a tree.
    ///
    /// # Errors
    /// When it cannot be read, or is of another format.
    async fn read(folder: &Path) -> Result<Self, String> {
        #[derive(Deserialize)]
        struct Format {
            format: String,
            format_version: u32,
        }
        let path = folder.join(MANIFEST);
        let failed = |reason: &dyn std::fmt::Display| format!("{}: {reason}", path.display());
        let text = read(&path, MOST).await?;
        // The format comes first, since a description of another format may fail to parse otherwise.
        let of: Format = serde_json::from_str(&text).map_err(|error| failed(&error))?;
        if of.format != FORMAT || !(1..=FORMAT_VERSION).contains(&of.format_version) {
            return Err(failed(&format!(
                "the format is {:?} {}, and this program reads only {FORMAT:?} 1 and {FORMAT_VERSION}",
                of.format, of.format_version
            )));
        }
        serde_json::from_str(&text).map_err(|error| failed(&error))
    }
}

/// Returns the path of a version's file in a tree.
///
/// # Errors
/// When a name leads elsewhere.
fn version_path(
    artifact: &Artifact,
    of_type: &OfType,
    version: &Version,
) -> Result<String, String> {
    let number = version.number.to_string();
    let names = [&artifact.owner, &artifact.name, &of_type.name, &number].map(String::as_str);
    Ok(format!("api/v1/artifacts/{}/file", joined(&names)?))
}

/// Returns the path of the file of a box's provider in a tree.
///
/// # Errors
/// When a name leads elsewhere.
fn box_path(record: &Value, version: &Value, provider: &Value) -> Result<String, String> {
    let names = [
        &record["owner"],
        &record["name"],
        &version["version"],
        &provider["provider"],
        &provider["architecture"],
    ];
    let names = names.map(|name| name.as_str().unwrap_or_default());
    Ok(format!("{}/{BOX_TYPE}", joined(&names)?))
}

/// Joins names to a path, if each is the name of a folder.
fn joined(names: &[&str]) -> Result<String, String> {
    let leads_elsewhere = |c: char| matches!(c, '/' | '\\') || c.is_control();
    let is_name =
        |name: &str| !name.is_empty() && !name.starts_with('.') && !name.contains(leads_elsewhere);
    match names.iter().find(|name| !is_name(name)) {
        Some(name) => Err(format!("{name:?} cannot be the name of a folder in a tree")),
        None => Ok(names.join("/")),
    }
}

/// Returns `OWNER/NAME` of a box.
fn tag(record: &Value) -> String {
    let text = |key: &str| record[key].as_str().unwrap_or_default();
    format!("{}/{}", text("owner"), text("name"))
}

/// Returns the elements of a list; none of anything else.
pub(super) fn elements(value: &Value) -> impl DoubleEndedIterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}
