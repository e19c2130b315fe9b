//! Defines the origin of a file: where its bytes are, and which bytes are right.

use std::path::Path;

use bytes::Bytes;
use reqwest::Response;
use reqwest::header::HeaderMap;
use url::Url;

use crate::api::retry::Attempts;
use crate::base::error::{Cause, RequestLine};
use crate::boxes::source::Location;

/// A reply with a file, of which nothing was passed on yet.
pub(crate) struct Begun {
    pub(crate) response: Response,
    /// The first bytes of the body, if they had to be read already.
    pub(crate) first: Option<Bytes>,
}

/// The origin of one file.
pub(crate) trait Origin: Sync {
    /// The description of bytes that are right.
    type Verified: Send;

    /// Returns the size in bytes, if the source tells it.
    fn size(&self) -> Option<u64>;

    /// Returns the digest that the bytes must have, as `algorithm:digits`, if the source tells it.
    fn digest(&self) -> Option<String>;

    /// Returns whether an address of the bytes is valid for a limited time, after which another must be requested.
    fn may_expire(&self) -> bool;

    /// Creates the attempts for one download.
    ///
    /// # Errors
    /// Fails for a source on this machine, of which nothing is downloaded.
    fn attempts(&self) -> Result<Attempts<'_>, Cause>;

    /// Asks for the location of the bytes, which a registry may count as a download.
    ///
    /// # Errors
    /// Fails with the reason why the location cannot be determined.
    fn place(&self) -> impl Future<Output = Result<Location, Cause>> + Send;

    /// Sends a GET, once, and returns the reply with the file or a part of it.
    ///
    /// # Errors
    /// Fails for a refusal, and without a reply.
    fn get(
        &self,
        url: &Url,
        headers: &HeaderMap,
    ) -> impl Future<Output = Result<Begun, Cause>> + Send;

    /// Returns the next bytes of a reply; `None` at its end.
    ///
    /// # Errors
    /// Fails when the connection breaks, or no bytes arrive in time.
    fn chunk(
        &self,
        line: &RequestLine,
        response: &mut Response,
    ) -> impl Future<Output = Result<Option<Bytes>, Cause>> + Send;

    /// Verifies the bytes in a file; `tag` is the strong `ETag` with which they came.
    ///
    /// # Errors
    /// [`Cause::Differs`] when the bytes are not those that the source describes.
    fn verify(
        &self,
        path: &Path,
        tag: Option<&str>,
    ) -> impl Future<Output = Result<Self::Verified, Cause>> + Send;
}
