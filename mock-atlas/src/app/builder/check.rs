//! Checks settings before the emulator starts.

use std::io::Write;
use std::path::Path;

use axum::http::Uri;

use crate::app::StartError;
use crate::http::hosts::{Hosts, is_host_name};

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

/// Returns the names by which the emulator is known: those that were told, and the host of the public URL.
pub(super) fn hosts(told: &[String], public_url: Option<&str>) -> Result<Hosts, StartError> {
    let mut hosts = Hosts::default();
    let url = public_url.and_then(|url| url.parse::<Uri>().ok());
    if let Some(host) = url.as_ref().and_then(Uri::host) {
        hosts.add(host);
    }
    for name in told {
        if !is_host_name(name) {
            return Err(StartError::Host(name.clone()));
        }
        hosts.add(name);
    }
    Ok(hosts)
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
