//! Checks settings before the emulator starts.

use std::io::Write;
use std::path::Path;

use axum::http::Uri;

use crate::app::StartError;

/// Returns the public URL without a trailing slash, if upload paths can start with it.
pub(super) fn check_public_url(url: String) -> Result<String, StartError> {
    let is_good = url.parse::<Uri>().is_ok_and(|uri| {
        matches!(uri.scheme_str(), Some("http" | "https"))
            && uri.authority().is_some()
            && uri.query().is_none()
            && !url.contains('#')
    });
    if is_good {
        Ok(url.trim_end_matches('/').to_owned())
    } else {
        Err(StartError::PublicUrl(url))
    }
}

/// Checks the folder for spilled files by writing a byte into a file without a name, as uploads do
/// later.
pub(super) fn check_folder(folder: &Path) -> Result<(), StartError> {
    let written = tempfile::tempfile_in(folder).and_then(|mut file| file.write_all(&[0]));
    written.map_err(|error| StartError::Spill {
        folder: folder.to_owned(),
        error,
    })
}
