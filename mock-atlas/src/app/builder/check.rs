//! Checks settings before anything starts.

use std::io::Write;
use std::path::Path;

use axum::http::Uri;

use crate::app::StartError;

/// Returns the public URL without a slash at its end, if upload paths can start with it.
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

/// Writes a byte into a file without a name, as uploads are put there later: what would keep them out is
/// known at once.
pub(super) fn check_folder(folder: &Path) -> Result<(), StartError> {
    let written = tempfile::tempfile_in(folder).and_then(|mut file| file.write_all(&[0]));
    written.map_err(|error| StartError::Spill {
        folder: folder.to_owned(),
        error,
    })
}
