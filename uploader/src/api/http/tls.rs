//! Loads the certificates that a client trusts, and its own certificate.

use std::path::{Path, PathBuf};

use atlas_common::certificates::{self, Certificates};
use reqwest::{Certificate, Client, ClientBuilder, Identity};

use super::failure::chain;
use crate::base::error::Cause;
use crate::files::read::read_settings;

/// The certificates that are trusted in addition to the system's, as `ATLAS_CAFILE` and `ATLAS_CAPATH` name
/// them, and the client's own certificate.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Trust {
    /// A PEM file of one or more CA certificates.
    pub ca_file: Option<PathBuf>,
    /// A folder of such files.
    pub ca_path: Option<PathBuf>,
    /// A PEM file with the client's certificate, and those between it and its CA.
    pub client_cert: Option<PathBuf>,
    /// A PEM file with the key of `client_cert`; without one, the key is in the same file.
    pub client_key: Option<PathBuf>,
    /// Whether any server is trusted, without protection against an attacker in between.
    pub insecure: bool,
}

impl Trust {
    /// Builds a client with the certificates that the files hold.
    pub(crate) fn build(&self, builder: impl Fn() -> ClientBuilder) -> Result<Client, Cause> {
        let certificates = Certificates {
            authorities: self.authorities()?,
            identity: self.identity()?,
            insecure: self.insecure,
        };
        let client = certificates.build(builder);
        client.map_err(|error| Cause::Internal(chain(&error)))
    }

    fn authorities(&self) -> Result<Vec<Certificate>, Cause> {
        let mut authorities = Vec::new();
        if let Some(file) = &self.ca_file {
            let found = read_settings(file).and_then(|pem| certificates::authorities(&pem));
            authorities.extend(found.map_err(|error| Cause::file(file, error))?);
        }
        if let Some(folder) = &self.ca_path {
            let found = certificates::authorities_in_folder(folder, read_settings);
            authorities.extend(found.map_err(|error| Cause::file(folder, error))?);
        }
        Ok(authorities)
    }

    fn identity(&self) -> Result<Option<Identity>, Cause> {
        let Some(file) = &self.client_cert else {
            return Ok(None);
        };
        let read = |path: &Path| read_settings(path).map_err(|error| Cause::file(path, error));
        let certificate = read(file)?;
        let key = self.client_key.as_deref().map(read).transpose()?;
        let identity = certificates::identity(certificate, key.as_deref());
        identity.map(Some).map_err(|error| Cause::file(file, error))
    }
}
