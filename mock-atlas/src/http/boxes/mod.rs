//! Contains the handlers of the calls for Vagrant boxes, one module for each noun. `documents` and `files` are what
//! `vagrant box add` reads; the others are the API, in both versions.

pub(crate) mod documents;
pub(crate) mod files;
pub(crate) mod namespaces;
pub(crate) mod providers;
pub(crate) mod search;
pub(crate) mod uploads;
pub(crate) mod vagrant_boxes;
pub(crate) mod versions;

use crate::domain::BoxError;
use crate::http::error::ApiError;
use crate::http::extract::Section;
use crate::storage::StorageError;

/// The longest description, in bytes: each reply renders it.
const LONGEST_DESCRIPTION: usize = 64 * 1024;

/// Returns a description.
pub(super) fn description(section: &Section<'_>, key: &str) -> Result<Option<String>, ApiError> {
    let text = section.text(key)?;
    if text.is_some_and(|text| text.len() > LONGEST_DESCRIPTION) {
        return Err(ApiError::Invalid(format!(
            "{} is longer than the {LONGEST_DESCRIPTION} bytes that are allowed here",
            section.label(key)
        )));
    }
    Ok(text.map(str::to_owned))
}

/// Converts the error of a lookup within a box.
pub(super) fn lost(error: BoxError) -> ApiError {
    StorageError::from(error).into()
}
