//! Which servers are believed.

use std::io;
use std::path::{Path, PathBuf};

use reqwest::{Certificate, Client, ClientBuilder};

use super::transport::chain;
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
    /// Ends a client's making.
    pub(super) fn build(&self, builder: impl Fn() -> ClientBuilder) -> Result<Client, Cause> {
        let certificates = self.certificates()?;
        let insecure = || builder().tls_danger_accept_invalid_certs(self.insecure);
        let with_system = insecure().tls_certs_merge(certificates.clone()).build();
        // A machine without any certificate, as a bare container is, can still speak plain HTTP.
        with_system
            .or_else(|_| insecure().tls_certs_only(certificates).build())
            .map_err(|error| Cause::Internal(chain(&error)))
    }

    fn certificates(&self) -> Result<Vec<Certificate>, Cause> {
        let mut certificates = Vec::new();
        if let Some(file) = &self.ca_file {
            certificates.extend(in_file(file).map_err(|error| Cause::file(file, error))?);
        }
        if let Some(folder) = &self.ca_path {
            certificates.extend(in_folder(folder).map_err(|error| Cause::file(folder, error))?);
        }
        Ok(certificates)
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
