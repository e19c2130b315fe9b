//! The origin of the file of a version: an Atlas.

use std::fs::File;
use std::io;
use std::path::Path;

use bytes::Bytes;
use reqwest::Response;
use reqwest::header::HeaderMap;
use url::Url;

use crate::api::Client;
use crate::api::retry::Attempts;
use crate::base::digest::{Algorithm, Digest, HashingWriter};
use crate::base::error::{Cause, RequestLine};
use crate::boxes::fetch::{Begun, Origin};
use crate::boxes::source::Location;

/// A file of a version that was fetched, or is in place.
pub(super) struct Verified {
    pub(super) size: u64,
    pub(super) blake3: Digest,
    pub(super) sha256: Digest,
    /// Whether there was a digest to compare with.
    pub(super) is_compared: bool,
}

/// The file of a version in an Atlas.
pub(super) struct ArtifactOrigin<'a> {
    pub(super) client: &'a Client,
    pub(super) url: Url,
    /// The digest that the push left in the metadata.
    pub(super) digest: Option<Digest>,
}

impl Origin for ArtifactOrigin<'_> {
    type Verified = Verified;

    fn size(&self) -> Option<u64> {
        None
    }

    fn digest(&self) -> Option<String> {
        self.digest.map(|digest| digest.to_string())
    }

    fn may_expire(&self) -> bool {
        false
    }

    fn attempts(&self) -> Result<Attempts<'_>, Cause> {
        Ok(self.client.attempts())
    }

    async fn place(&self) -> Result<Location, Cause> {
        Ok(Location::Remote(self.url.clone()))
    }

    async fn get(&self, url: &Url, headers: &HeaderMap) -> Result<Begun, Cause> {
        let reply = self.client.file_once(url, headers).await?;
        Ok(Begun {
            response: reply.response,
            first: reply.first,
        })
    }

    async fn chunk(
        &self,
        line: &RequestLine,
        response: &mut Response,
    ) -> Result<Option<Bytes>, Cause> {
        self.client.file_chunk(line, response).await
    }

    async fn verify(&self, path: &Path, tag: Option<&str>) -> Result<Verified, Cause> {
        // The digest from the push is better evidence than the server's.
        let promised = self.digest.or_else(|| tag.and_then(Digest::from_etag));
        verify(path, promised).await
    }
}

/// Computes the digests of a file, and compares them with the one that was promised.
///
/// # Errors
/// [`Cause::Differs`], and when the file cannot be read.
pub(super) async fn verify(path: &Path, promised: Option<Digest>) -> Result<Verified, Cause> {
    let read = path.to_owned();
    let hashed = tokio::task::spawn_blocking(move || digests(&read)).await;
    let hashed = hashed.unwrap_or_else(|error| Err(io::Error::other(error)));
    let (blake3, sha256, size) = hashed.map_err(|error| Cause::file(path, error))?;
    let here = match promised.map(|promised| promised.algorithm()) {
        Some(Algorithm::Sha256) => sha256,
        _ => blake3,
    };
    match promised {
        Some(promised) if promised != here => Err(Cause::Differs(format!(
            "the source states {promised}, and the {size} bytes received have {here}"
        ))),
        _ => Ok(Verified {
            size,
            blake3,
            sha256,
            is_compared: promised.is_some(),
        }),
    }
}

/// Returns the digests of a file, and its size in bytes. Blocks while it reads the file once.
fn digests(path: &Path) -> io::Result<(Digest, Digest, u64)> {
    let file = File::open(path)?;
    let writer = HashingWriter::new(Algorithm::Sha256, io::sink());
    let writer = HashingWriter::new(Algorithm::Blake3, writer);
    // The buffer of the writer is the buffer of the copy.
    let mut writer = io::BufWriter::with_capacity(256 * 1024, writer);
    io::copy(&mut &file, &mut writer)?;
    let writer = writer
        .into_inner()
        .map_err(io::IntoInnerError::into_error)?;
    let (writer, blake3, size) = writer.finish();
    let (_, sha256, _) = writer.finish();
    Ok((blake3, sha256, size))
}
