//! Runs the blocking work of a push on tokio's blocking threads.

use super::pack::Payload;
use crate::base::digest::{Algorithm, Digest};
use crate::base::error::{Cause, Error, Phase};

/// Runs blocking work outside the async runtime.
///
/// # Errors
/// Fails when the work panicked.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Error> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|error| Error::new(Phase::Pack, Cause::Internal(error.to_string())))
}

/// Returns the payload's digest by this algorithm. All bytes are read when the digest is not known.
pub(super) async fn digest_in(payload: &Payload, algorithm: Algorithm) -> Result<Digest, Error> {
    let payload = payload.clone();
    let digest = blocking(move || payload.digest_in(algorithm)).await?;
    digest.map_err(|error| Error::new(Phase::Pack, Cause::Unpackable(error.to_string())))
}
