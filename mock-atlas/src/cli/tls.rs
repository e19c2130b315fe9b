//! TLS: the options of the emulator, the file of its CA, and the TLS of the client commands.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use clap::builder::FalseyValueParser;
use mock_atlas::{Builder, MockAtlas};
use tempfile::TempPath;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use super::read;
use super::retry::Failure;

/// The largest size in bytes of a file of certificates or keys, four times that of the system's
/// certificates.
const MOST: u64 = 1024 * 1024;

#[derive(Debug, Args)]
pub(super) struct TlsArguments {
    /// Serve HTTPS, with a certificate for localhost, 127.0.0.1, ::1, the listening addresses and
    /// the host of --public-url, signed by a CA that the emulator makes at the start
    #[arg(long, value_parser = FalseyValueParser::new())]
    tls: bool,

    /// The file to write the CA's certificate to, for ATLAS_CAFILE; an existing file is replaced
    /// [default: a temporary file]
    #[arg(
        long,
        value_name = "FILE",
        requires = "tls",
        conflicts_with = "tls_cert"
    )]
    tls_ca_out: Option<PathBuf>,

    /// Serve HTTPS with this certificate (PEM), followed by the intermediate certificates up to its
    /// CA
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    tls_cert: Option<PathBuf>,

    /// The certificate's private key (PEM)
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    tls_key: Option<PathBuf>,
}

impl TlsArguments {
    pub(super) fn is_on(&self) -> bool {
        self.tls || self.tls_cert.is_some()
    }

    /// Applies the TLS options to the builder. A given certificate takes precedence over `--tls`.
    pub(super) async fn apply(&self, builder: Builder) -> Result<Builder, String> {
        match (&self.tls_cert, &self.tls_key) {
            (Some(certificate), Some(key)) => {
                Ok(builder.tls_with(read(certificate, MOST).await?, read(key, MOST).await?))
            }
            _ if self.tls => Ok(builder.tls()),
            _ => Ok(builder),
        }
    }

    /// Writes the certificate of the emulator's CA to a file, if the emulator created one.
    pub(super) async fn ca_file(&self, atlas: &MockAtlas) -> Result<Option<CaFile>, String> {
        let Some(pem) = atlas.ca_pem() else {
            return Ok(None);
        };
        let (path, temporary) = match &self.tls_ca_out {
            Some(path) => (std::path::absolute(path), None),
            None => {
                let made = tokio::task::spawn_blocking(temporary).await;
                let made = made.map_err(|error| error.to_string())?;
                let made =
                    made.map_err(|error| format!("cannot make a temporary file: {error}"))?;
                (Ok(made.to_path_buf()), Some(made))
            }
        };
        let path = path.map_err(|error| format!("--tls-ca-out: {error}"))?;
        let failed = |error: io::Error| format!("cannot write {}: {error}", path.display());
        tokio::fs::write(&path, pem).await.map_err(failed)?;
        Ok(Some(CaFile {
            path,
            _temporary: temporary,
        }))
    }
}

fn temporary() -> io::Result<TempPath> {
    let file = tempfile::Builder::new()
        .prefix("mock-atlas-ca-")
        .suffix(".pem")
        .tempfile()?;
    Ok(file.into_temp_path())
}

/// The file of the CA's certificate. A temporary file is removed when this is dropped.
pub(super) struct CaFile {
    path: PathBuf,
    /// The guard that removes the temporary file.
    _temporary: Option<TempPath>,
}

impl CaFile {
    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

/// The CAs that client commands trust: those of `ATLAS_CAFILE`, or else that of `--tls-ca-out`. The
/// system's certificates are not used, since they do not include an emulator's CA.
pub(super) struct Trust(Option<PathBuf>);

impl Trust {
    pub(super) fn new(arguments: &TlsArguments) -> Self {
        let named = std::env::var_os("ATLAS_CAFILE").filter(|file| !file.is_empty());
        Self(named.map(PathBuf::from).or(arguments.tls_ca_out.clone()))
    }

    pub(super) async fn connect<T: AsyncRead + AsyncWrite + Unpin>(
        &self,
        host: &str,
        stream: T,
    ) -> Result<TlsStream<T>, Failure> {
        let file = self.0.as_deref().ok_or_else(|| {
            "the emulator's address has https, so ATLAS_CAFILE must name the certificate of its CA"
                .to_owned()
        })?;
        let config = config(&read(file, MOST).await?);
        let config = config.map_err(|error| format!("{}: {error}", file.display()))?;
        let name = ServerName::try_from(host.to_owned());
        let name = name.map_err(|error| format!("{host}: {error}"))?;
        let connected = TlsConnector::from(Arc::new(config)).connect(name, stream);
        connected.await.map_err(|error| {
            let message = format!(
                "the TLS handshake with {host}, trusting {}, failed: {error}",
                file.display()
            );
            match error.kind() {
                // The certificate is refused, or the other side speaks no TLS.
                io::ErrorKind::InvalidData => message.into(),
                _ => Failure::passing(message, Duration::ZERO),
            }
        })
    }
}

fn config(pem: &str) -> Result<ClientConfig, Box<dyn std::error::Error>> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem.as_bytes()) {
        roots.add(certificate?)?;
    }
    if roots.is_empty() {
        return Err("the file holds no certificate".into());
    }
    let provider = Arc::new(aws_lc_rs::default_provider());
    Ok(ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth())
}
