//! Makes or reads the certificate that TLS is served with: one of a CA that is made at the start, or one's own.

use std::fmt;
use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair, KeyUsagePurpose,
};
use time::{Duration, OffsetDateTime};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::pem::{self, PemObject};
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// Which certificate to serve.
#[derive(Clone)]
pub(crate) enum Certificate {
    /// One that is made.
    Made,
    /// One's own, in PEM.
    Own { certificate: String, key: String },
}

/// Without the key.
impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Made => "Made",
            Self::Own { .. } => "Own",
        })
    }
}

/// TLS, ready to be served.
pub(crate) struct Tls {
    pub(crate) acceptor: TlsAcceptor,
    /// The CA that clients have to trust, if it was made here.
    pub(crate) ca_pem: Option<String>,
}

/// Why TLS cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file of certificates that holds none, or something else.
    #[error("the certificate is no PEM of one: {0}")]
    Certificate(pem::Error),
    /// A key that is none.
    #[error("the certificate's key is no PEM of a private key: {0}")]
    Key(pem::Error),
    /// A certificate and a key that do not belong together, or that are of an unknown kind.
    #[error("the certificate and its key cannot be used: {0}")]
    Unusable(#[from] tokio_rustls::rustls::Error),
    /// A certificate could not be made.
    #[error("no certificate could be made: {0}")]
    Making(#[from] rcgen::Error),
}

impl Tls {
    /// A certificate that is made has these names besides those of this machine.
    pub(crate) fn new(certificate: &Certificate, names: Vec<String>) -> Result<Self, TlsError> {
        let (chain, key, ca_pem) = match certificate {
            Certificate::Made => {
                let (certificate, key, ca_pem) = make(names)?;
                (vec![certificate], key, Some(ca_pem))
            }
            Certificate::Own { certificate, key } => {
                let (chain, key) = read(certificate, key)?;
                (chain, key, None)
            }
        };
        // Named, as another crate of the program may have made another one the default.
        let provider = Arc::new(aws_lc_rs::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(chain, key)?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self {
            acceptor: TlsAcceptor::from(Arc::new(config)),
            ca_pem,
        })
    }
}

type Chain = Vec<CertificateDer<'static>>;

fn read(certificate: &str, key: &str) -> Result<(Chain, PrivateKeyDer<'static>), TlsError> {
    let chain = CertificateDer::pem_slice_iter(certificate.as_bytes())
        .collect::<Result<Vec<_>, _>>()
        .map_err(TlsError::Certificate)?;
    if chain.is_empty() {
        return Err(TlsError::Certificate(pem::Error::NoItemsFound));
    }
    let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).map_err(TlsError::Key)?;
    Ok((chain, key))
}

/// A certificate, its key, and the CA that signed it. The CA's own key is gone afterwards.
fn make(
    names: Vec<String>,
) -> Result<(CertificateDer<'static>, PrivateKeyDer<'static>, String), TlsError> {
    let mut ca = parameters("mock-atlas CA", Vec::new())?;
    ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    ca.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let ca = CertifiedIssuer::self_signed(ca, KeyPair::generate()?)?;

    let mut all: Vec<String> = ["localhost", "127.0.0.1", "::1"].map(str::to_owned).into();
    for name in names {
        if !all.contains(&name) {
            all.push(name);
        }
    }
    // Another name than the CA's: one that is signed by its own name passes for self-signed.
    let mut server = parameters("mock-atlas", all)?;
    server.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    server.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    // Strict clients, of Python 3.13 say, want it.
    server.use_authority_key_identifier_extension = true;
    let key = KeyPair::generate()?;
    let certificate = server.signed_by(&key, &ca)?;
    Ok((certificate.der().clone(), key.into(), ca.pem()))
}

/// Of a certificate that is good for as long as every client takes one to be.
fn parameters(name: &str, names: Vec<String>) -> Result<CertificateParams, TlsError> {
    let mut parameters = CertificateParams::new(names)?;
    parameters.distinguished_name.remove(DnType::CommonName);
    parameters.distinguished_name.push(DnType::CommonName, name);
    let now = OffsetDateTime::now_utc();
    // Clocks differ.
    parameters.not_before = now - Duration::days(1);
    parameters.not_after = now + Duration::days(396);
    Ok(parameters)
}
