//! Which servers are believed.

use std::io;
use std::path::{Path, PathBuf};

use reqwest::{Certificate, Client, ClientBuilder, Identity};

use super::failure::chain;
use crate::base::error::Cause;
use crate::files::disk::read_settings;

/// Certificates to believe besides the system's, as `ATLAS_CAFILE` and `ATLAS_CAPATH` name them, and
/// the one to show.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Trust {
    /// A PEM file of one or more CA certificates.
    pub ca_file: Option<PathBuf>,
    /// A folder of such files.
    pub ca_path: Option<PathBuf>,
    /// A PEM file with the certificate to show to a server, and those between it and its CA.
    pub client_cert: Option<PathBuf>,
    /// A PEM file with its key; without one the key is in the same file.
    pub client_key: Option<PathBuf>,
    /// Believe any server: no protection against one in between.
    pub insecure: bool,
}

impl Trust {
    /// Ends a client's making.
    pub(crate) fn build(&self, builder: impl Fn() -> ClientBuilder) -> Result<Client, Cause> {
        let certificates = self.certificates()?;
        let identity = self.identity()?;
        let insecure = || {
            let builder = builder().tls_danger_accept_invalid_certs(self.insecure);
            match &identity {
                Some(identity) => builder.identity(identity.clone()),
                None => builder,
            }
        };
        let with_system = insecure().tls_certs_merge(certificates.clone()).build();
        // A machine without any certificate, as a bare container is, can still speak plain HTTP.
        with_system
            .or_else(|_| insecure().tls_certs_only(certificates).build())
            .map_err(|error| Cause::Internal(chain(&error)))
    }

    fn identity(&self) -> Result<Option<Identity>, Cause> {
        let Some(file) = &self.client_cert else {
            return Ok(None);
        };
        let read = |path: &Path| read_settings(path).map_err(|error| Cause::file(path, error));
        let mut pem = read(file)?;
        if let Some(key) = &self.client_key {
            pem.push(b'\n');
            pem.extend(read(key)?);
        }
        // Why is not said: the words could repeat a part of the key.
        let refused = |_| {
            let reason = "holds no PEM certificate with its private key";
            Cause::file(file, io::Error::new(io::ErrorKind::InvalidData, reason))
        };
        Identity::from_pem(&pem).map(Some).map_err(refused)
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
    let pem = read_settings(path)?;
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
