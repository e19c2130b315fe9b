//! Which servers are believed.

use std::io;
use std::path::{Path, PathBuf};

use reqwest::{Certificate, ClientBuilder};

use crate::error::Cause;

/// Certificates to believe besides the system's, as `ATLAS_CAFILE` and `ATLAS_CAPATH` name them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Trust {
    /// A PEM file of one or more CA certificates.
    pub ca_file: Option<PathBuf>,
    /// A folder of such files.
    pub ca_path: Option<PathBuf>,
    /// Believe any server: no protection against one in between.
    pub insecure: bool,
}

impl Trust {
    pub(super) fn apply(&self, builder: ClientBuilder) -> Result<ClientBuilder, Cause> {
        let mut certificates = Vec::new();
        if let Some(file) = &self.ca_file {
            certificates.extend(in_file(file).map_err(|error| Cause::file(file, error))?);
        }
        if let Some(folder) = &self.ca_path {
            certificates.extend(in_folder(folder).map_err(|error| Cause::file(folder, error))?);
        }
        Ok(builder
            .tls_certs_merge(certificates)
            .tls_danger_accept_invalid_certs(self.insecure))
    }
}

fn in_folder(folder: &Path) -> io::Result<Vec<Certificate>> {
    let mut certificates = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        // Such folders also hold keys, lists of revoked certificates and read-me files.
        if path.is_file() {
            certificates.extend(in_file(&path).unwrap_or_default());
        }
    }
    some(certificates)
}

fn in_file(path: &Path) -> io::Result<Vec<Certificate>> {
    let pem = std::fs::read(path)?;
    some(Certificate::from_pem_bundle(&pem).map_err(io::Error::other)?)
}

fn some(certificates: Vec<Certificate>) -> io::Result<Vec<Certificate>> {
    if certificates.is_empty() {
        return Err(io::Error::new(
            io::ErrorKind::InvalidData,
            "holds no PEM certificate",
        ));
    }
    Ok(certificates)
}
