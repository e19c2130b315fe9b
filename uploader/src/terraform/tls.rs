//! Encrypts the connection and lets only the Terraform in that started the provider: both sides have a certificate
//! of this one run, and each takes no other than that of its peer.
//!
//! Evidence: go-plugin's AutoMTLS. Terraform passes its certificate in `PLUGIN_CLIENT_CERT`, and reads that of the
//! provider from the handshake. It is P-521 and its own CA, so the verifier compares it byte for byte.

use std::sync::Arc;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD_NO_PAD;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::client::danger::HandshakeSignatureValid;
use tokio_rustls::rustls::crypto::{
    CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature,
};
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer, UnixTime};
use tokio_rustls::rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use tokio_rustls::rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, Error, ServerConfig,
    SignatureScheme,
};

/// The protocol of gRPC, which the client demands.
const HTTP2: &[u8] = b"h2";

/// The provider's side of the encryption.
pub(super) struct Tls {
    pub(super) acceptor: TlsAcceptor,
    /// The provider's certificate (DER) in base64 without padding, as the handshake tells it.
    pub(super) certificate: String,
}

/// The reason why no connection can be encrypted.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The certificate that Terraform passed cannot be read.
    #[error("PLUGIN_CLIENT_CERT holds no certificate that can be read")]
    NoCertificate,
    /// The provider's own certificate could not be made.
    #[error("no certificate could be made: {0}")]
    Own(#[from] rcgen::Error),
    /// The certificates cannot be used.
    #[error("the certificates cannot be used: {0}")]
    Unusable(#[from] Error),
}

impl Tls {
    /// Makes a certificate for this run. `client` is Terraform's own, in PEM.
    ///
    /// # Errors
    /// Fails when the client's certificate cannot be read.
    pub(super) fn new(client: &str) -> Result<Self, TlsError> {
        let pinned = CertificateDer::from_pem_slice(client.as_bytes());
        let pinned = pinned.map_err(|_| TlsError::NoCertificate)?.into_owned();
        let own = rcgen::generate_simple_self_signed(["localhost".to_owned()])?;
        let key = PrivatePkcs8KeyDer::from(own.signing_key.serialize_der());
        let provider = Arc::new(aws_lc_rs::default_provider());
        let verifier = Pinned {
            certificate: pinned,
            provider: Arc::clone(&provider),
        };
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_client_cert_verifier(Arc::new(verifier))
            .with_single_cert(vec![own.cert.der().clone()], key.into())?;
        config.alpn_protocols = vec![HTTP2.to_vec()];
        Ok(Self {
            acceptor: TlsAcceptor::from(Arc::new(config)),
            certificate: BASE64_STANDARD_NO_PAD.encode(own.cert.der()),
        })
    }
}

/// A verifier that takes one certificate. Whoever shows it must also prove to have its key.
#[derive(Debug)]
struct Pinned {
    certificate: CertificateDer<'static>,
    provider: Arc<CryptoProvider>,
}

impl ClientCertVerifier for Pinned {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        shown: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        if *shown == self.certificate {
            return Ok(ClientCertVerified::assertion());
        }
        let reason = CertificateError::ApplicationVerificationFailure;
        Err(Error::InvalidCertificate(reason))
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        let algorithms = &self.provider.signature_verification_algorithms;
        algorithms.supported_schemes()
    }
}
