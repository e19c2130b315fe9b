//! Loads the certificates that a client trusts and its own, by the same options as `atlas-upload`.

use std::path::{Path, PathBuf};

use atlas_common::certificates;
pub use atlas_common::certificates::Certificates;
use reqwest::Identity;

use crate::input;

/// The certificates that are trusted besides the system's, and the client's own.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Trust {
    /// A PEM file of one or more CA certificates: `--ca-file`, `ATLAS_CAFILE`.
    pub ca_file: Option<PathBuf>,
    /// A folder of such files: `--ca-path`, `ATLAS_CAPATH`.
    pub ca_path: Option<PathBuf>,
    /// A PEM file with the client's certificate: `--client-cert`, `ATLAS_CLIENT_CERT`.
    pub client_cert: Option<PathBuf>,
    /// A PEM file with the key of that certificate, if the key is in another file: `--client-key`, `ATLAS_CLIENT_KEY`.
    pub client_key: Option<PathBuf>,
    /// Whether any certificate is trusted, even that of a man in the middle: `--insecure`, `ATLAS_TLS_NOVERIFY`.
    pub insecure: bool,
}

/// The error of a certificate file that cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("{option}: {}: {reason}", .path.display())]
pub struct TrustError {
    option: &'static str,
    path: PathBuf,
    reason: String,
}

const CA_FILE: &str = "--ca-file (ATLAS_CAFILE)";
const CA_PATH: &str = "--ca-path (ATLAS_CAPATH)";
const CLIENT_CERT: &str = "--client-cert (ATLAS_CLIENT_CERT)";
const CLIENT_KEY: &str = "--client-key (ATLAS_CLIENT_KEY)";

impl Trust {
    /// Reads the options from environment variables. An empty variable counts as unset.
    pub fn from_variables(variable: impl Fn(&str) -> Option<String>) -> Self {
        let set = |name: &str| variable(name).filter(|value| !value.is_empty());
        let path = |name: &str| set(name).map(PathBuf::from);
        Self {
            ca_file: path("ATLAS_CAFILE"),
            ca_path: path("ATLAS_CAPATH"),
            client_cert: path("ATLAS_CLIENT_CERT"),
            client_key: path("ATLAS_CLIENT_KEY"),
            insecure: set("ATLAS_TLS_NOVERIFY").is_some(),
        }
    }

    /// Returns these options, with those that are unset taken from `others`.
    pub fn or(self, others: Self) -> Self {
        Self {
            ca_file: self.ca_file.or(others.ca_file),
            ca_path: self.ca_path.or(others.ca_path),
            client_cert: self.client_cert.or(others.client_cert),
            client_key: self.client_key.or(others.client_key),
            insecure: self.insecure || others.insecure,
        }
    }

    /// Returns the options as command-line arguments.
    pub fn flags(&self) -> Vec<String> {
        let paths = [
            ("--ca-file", &self.ca_file),
            ("--ca-path", &self.ca_path),
            ("--client-cert", &self.client_cert),
            ("--client-key", &self.client_key),
        ];
        let named = paths.into_iter().filter_map(|(flag, path)| {
            let path = path.as_ref()?.to_string_lossy().into_owned();
            Some([flag.to_owned(), path])
        });
        let insecure = self.insecure.then(|| "--insecure".to_owned());
        named.flatten().chain(insecure).collect()
    }

    /// Reads the files.
    ///
    /// # Errors
    /// Fails when a file cannot be read, or does not contain what its option requires.
    pub fn load(&self) -> Result<Certificates, TrustError> {
        let mut authorities = Vec::new();
        if let Some(file) = &self.ca_file {
            let found = input::bytes(file).and_then(|pem| certificates::authorities(&pem));
            authorities.extend(found.map_err(|error| failed(CA_FILE, file, error))?);
        }
        if let Some(folder) = &self.ca_path {
            let found = certificates::authorities_in_folder(folder, input::bytes);
            authorities.extend(found.map_err(|error| failed(CA_PATH, folder, error))?);
        }
        Ok(Certificates {
            authorities,
            identity: self.identity()?,
            insecure: self.insecure,
        })
    }

    fn identity(&self) -> Result<Option<Identity>, TrustError> {
        let Some(file) = &self.client_cert else {
            return match &self.client_key {
                Some(key) => Err(failed(CLIENT_KEY, key, "a key needs its --client-cert")),
                None => Ok(None),
            };
        };
        let read =
            |option, path: &Path| input::bytes(path).map_err(|error| failed(option, path, error));
        let certificate = read(CLIENT_CERT, file)?;
        let key = self.client_key.as_deref();
        let key = key.map(|key| read(CLIENT_KEY, key)).transpose()?;
        let identity = certificates::identity(certificate, key.as_deref());
        let identity = identity.map_err(|error| failed(CLIENT_CERT, file, error))?;
        Ok(Some(identity))
    }
}

fn failed(option: &'static str, path: &Path, reason: impl std::fmt::Display) -> TrustError {
    TrustError {
        option,
        path: path.to_owned(),
        reason: reason.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_file_that_cannot_be_used_is_named_with_its_option() {
        let folder = tempfile::tempdir().unwrap();
        let empty = folder.path().join("empty.pem");
        fs::write(&empty, "no certificate").unwrap();
        let missing = folder.path().join("missing.pem");
        let complaint = |trust: Trust| trust.load().err().unwrap().to_string();
        let said = complaint(Trust {
            ca_file: Some(missing.clone()),
            ..Trust::default()
        });
        assert!(
            said.starts_with("--ca-file (ATLAS_CAFILE): ") && said.contains("missing.pem"),
            "{said}"
        );
        let said = complaint(Trust {
            ca_path: Some(folder.path().to_owned()),
            ..Trust::default()
        });
        assert!(
            said.starts_with("--ca-path ") && said.ends_with("holds no PEM certificate"),
            "{said}"
        );
        let said = complaint(Trust {
            client_cert: Some(empty),
            ..Trust::default()
        });
        assert!(
            said.starts_with("--client-cert ") && said.contains("empty.pem"),
            "{said}"
        );
        let said = complaint(Trust {
            client_key: Some(missing),
            ..Trust::default()
        });
        assert!(said.contains("a key needs its --client-cert"), "{said}");
    }

    #[test]
    fn a_flag_wins_over_its_variable_and_an_empty_variable_says_nothing() {
        let variables = Trust::from_variables(|name| match name {
            "ATLAS_CAFILE" => Some("variable.pem".to_owned()),
            "ATLAS_TLS_NOVERIFY" => Some(String::new()),
            _ => None,
        });
        assert!(!variables.insecure);
        let flags = Trust {
            ca_file: Some("flag.pem".into()),
            ..Trust::default()
        };
        assert_eq!(flags.or(variables.clone()).ca_file, Some("flag.pem".into()));
        assert_eq!(
            Trust::default().or(variables).ca_file,
            Some("variable.pem".into())
        );
    }
}
