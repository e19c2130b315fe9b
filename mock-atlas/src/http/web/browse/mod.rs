//! The pages of what this Atlas holds.
//!
//! - `lists`: the artifacts of all, and those of one user or organisation; `artifact`: one artifact with its versions
//! - `version`: one version; `comparison`: two versions; `vagrant_box`: the box of an artifact, and changes to it
//! - `channels`: the channels of a type, and changes to them; `lines`: lines to copy; `download`: the file of a version

mod artifact;
mod channels;
mod comparison;
mod download;
mod lines;
mod lists;
mod vagrant_box;
mod version;

pub(crate) use artifact::show as artifact;
pub(crate) use channels::change as change_channel;
pub(crate) use download::send as download;
pub(crate) use lists::{all as home, of_owner as owner};
pub(crate) use vagrant_box::change as change_box;

use crate::domain::{ArtifactName, Name};
use crate::http::web::shown::{Shown, size};
use crate::storage::ListedFile;

/// The greatest number of rows of a list.
const ROWS: usize = 50;

/// The file of a version, as pages show it.
struct FileView {
    size: String,
    digest: String,
    link: String,
}

impl FileView {
    fn new(artifact: &ArtifactName, artifact_type: &Name, file: &ListedFile) -> Self {
        Self {
            size: size(file.size),
            digest: file.digest.to_string(),
            link: file_link(artifact, artifact_type, file.number),
        }
    }
}

/// Returns the address of a file for those who are signed in.
fn file_link(artifact: &ArtifactName, artifact_type: &Name, number: u64) -> String {
    format!(
        "/_mock/pages/files/{artifact}/{}/{number}",
        artifact_type.as_str()
    )
}

/// Returns a build as pages show it.
fn build(number: Option<std::num::NonZeroU64>) -> String {
    number.map_or_else(String::new, |number| number.to_string())
}

/// Encodes a value in a query string.
fn encoded(value: &str) -> String {
    form_urlencoded::byte_serialize(value.as_bytes()).collect()
}

/// A key of the metadata of a version with its value.
struct Entry {
    key: Shown,
    value: Shown,
}
