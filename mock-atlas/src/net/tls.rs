//! Makes or reads the certificate that TLS is served with: one signed by a CA that is made at the start, or
//! the user's own.

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

/// The choice of the certificate to serve.
#[derive(Clone)]
pub(crate) enum Certificate {
    /// A certificate that is made at the start.
    Made,
    /// The user's own certificate and key, in PEM.
    Own { certificate: String, key: String },
}

/// Omits the private key.
impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Made => "Made",
            Self::Own { .. } => "Own",
        })
    }
}

/// A TLS acceptor, with the CA that clients need.
pub(crate) struct Tls {
    pub(crate) acceptor: TlsAcceptor,
    /// The CA that clients have to trust, if the certificate was made at the start.
    pub(crate) ca_pem: Option<String>,
}

/// A `TlsError` says why TLS cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The PEM holds no usable certificate.
    #[error("the PEM holds no usable certificate: {0}")]
    Certificate(pem::Error),
    /// The PEM holds no usable private key.
    #[error("the PEM holds no usable private key: {0}")]
    Key(pem::Error),
    /// The certificate and the key do not belong together, or are of an unknown kind.
    #[error("the certificate and its key cannot be used: {0}")]
    Unusable(#[from] tokio_rustls::rustls::Error),
    /// No certificate could be made.
    #[error("no certificate could be made: {0}")]
    Making(#[from] rcgen::Error),
}

impl Tls {
    /// Creates the acceptor. A certificate that is made has `names` besides `localhost` and the loopback
    /// addresses.
    ///
    /// # Errors
    /// See [`TlsError`].
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
        // The provider is explicit, since another crate of the program may have set another default.
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

/// Makes a certificate and its key, and returns them with the CA that signed them, in PEM. The CA's own key
/// is dropped.
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
    // The name differs from the CA's: clients take a certificate whose issuer has its own name for self-signed.
    let mut server = parameters("mock-atlas", all)?;
    server.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    server.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    // Strict clients, such as those of Python 3.13, require this extension.
    server.use_authority_key_identifier_extension = true;
    let key = KeyPair::generate()?;
    let certificate = server.signed_by(&key, &ca)?;
    Ok((certificate.der().clone(), key.into(), ca.pem()))
}

/// Returns the parameters of a certificate whose validity is not too long for any client.
fn parameters(name: &str, names: Vec<String>) -> Result<CertificateParams, TlsError> {
    let mut parameters = CertificateParams::new(names)?;
    parameters.distinguished_name.remove(DnType::CommonName);
    parameters.distinguished_name.push(DnType::CommonName, name);
    let now = OffsetDateTime::now_utc();
    // The client's clock may be behind.
    parameters.not_before = now - Duration::days(1);
    parameters.not_after = now + Duration::days(396);
    Ok(parameters)
}
