//! Loads certificates from PEM files, and builds reqwest clients that trust and show them.

use std::io;
use std::path::Path;

use reqwest::{Certificate, Client, ClientBuilder, Identity};

/// `Certificates` are those that a client trusts besides the system's, and the one that it shows.
#[derive(Clone, Default)]
pub struct Certificates {
    /// The CAs to trust besides the system's.
    pub authorities: Vec<Certificate>,
    /// The certificate to show to a server.
    pub identity: Option<Identity>,
    /// Trust any server: no protection against one in between.
    pub insecure: bool,
}

impl Certificates {
    /// Builds a client. `builder` is called for each attempt, since an attempt consumes what it returns.
    ///
    /// # Errors
    /// No client can be built.
    pub fn build(&self, builder: impl Fn() -> ClientBuilder) -> reqwest::Result<Client> {
        let prepared = || {
            let builder = builder().tls_danger_accept_invalid_certs(self.insecure);
            match &self.identity {
                Some(identity) => builder.identity(identity.clone()),
                None => builder,
            }
        };
        let with_system = prepared().tls_certs_merge(self.authorities.clone()).build();
        // A machine without any certificate, as a bare container is, can still speak plain HTTP.
        with_system.or_else(|_| prepared().tls_certs_only(self.authorities.clone()).build())
    }
}

/// Returns the certificates of CAs that a PEM file holds.
///
/// # Errors
/// It holds none, or one that is malformed.
pub fn authorities(pem: &[u8]) -> io::Result<Vec<Certificate>> {
    some(Certificate::from_pem_bundle(pem).map_err(io::Error::other)?)
}

/// Returns the certificates of CAs that the files of a folder hold; `read` reads one of them.
///
/// # Errors
/// The folder cannot be listed, or none of its files holds a certificate.
pub fn authorities_in_folder(
    folder: &Path,
    read: impl Fn(&Path) -> io::Result<Vec<u8>>,
) -> io::Result<Vec<Certificate>> {
    let mut certificates = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        // Such folders also hold keys, lists of revoked certificates and read-me files.
        if path.is_file() {
            let found = read(&path).and_then(|pem| authorities(&pem));
            certificates.extend(found.unwrap_or_default());
        }
    }
    some(certificates)
}

/// Returns the identity that a PEM file holds: a certificate, those between it and its CA, and its
/// private key, which may also come from a file of its own.
///
/// # Errors
/// There is no certificate, or no usable key.
pub fn identity(mut certificate: Vec<u8>, key: Option<&[u8]>) -> io::Result<Identity> {
    if let Some(key) = key {
        certificate.push(b'\n');
        certificate.extend(key);
    }
    // The cause is left out: its words could repeat a part of the key.
    Identity::from_pem(&certificate)
        .map_err(|_| invalid("holds no PEM certificate with a usable private key"))
}

fn some(certificates: Vec<Certificate>) -> io::Result<Vec<Certificate>> {
    if certificates.is_empty() {
        return Err(invalid("holds no PEM certificate"));
    }
    Ok(certificates)
}

fn invalid(reason: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, reason)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made() -> (String, String) {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        (made.cert.pem(), made.signing_key.serialize_pem())
    }

    #[test]
    fn a_file_holds_one_or_more_authorities_or_is_refused() {
        let (certificate, key) = made();
        let two = format!("{certificate}\n{certificate}");
        assert_eq!(authorities(two.as_bytes()).unwrap().len(), 2);
        for pem in ["", "no certificate", &key] {
            let error = authorities(pem.as_bytes()).unwrap_err();
            assert_eq!(error.to_string(), "holds no PEM certificate");
        }
    }

    #[test]
    fn a_folder_may_hold_files_that_are_no_certificates_but_not_those_alone() {
        let folder = tempfile::tempdir().unwrap();
        let read = |path: &Path| std::fs::read(path);
        std::fs::write(folder.path().join("README"), "certificates").unwrap();
        let error = authorities_in_folder(folder.path(), read).unwrap_err();
        assert_eq!(error.to_string(), "holds no PEM certificate");
        std::fs::write(folder.path().join("ca.pem"), made().0).unwrap();
        assert_eq!(authorities_in_folder(folder.path(), read).unwrap().len(), 1);
        let missing = folder.path().join("missing");
        let error = authorities_in_folder(&missing, read).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
    }

    #[test]
    fn a_key_stands_in_the_same_file_or_in_its_own_and_an_error_repeats_nothing_of_it() {
        let (certificate, key) = made();
        let (certificate, key) = (certificate.into_bytes(), key.into_bytes());
        assert!(identity(certificate.clone(), Some(&key)).is_ok());
        assert!(identity([&*certificate, b"\n", &*key].concat(), None).is_ok());
        for (certificate, key) in [(certificate, None), (Vec::new(), Some(&*key))] {
            let error = identity(certificate, key).unwrap_err();
            let reason = "holds no PEM certificate with a usable private key";
            assert_eq!(error.to_string(), reason);
        }
    }
}
