//! Sends the bytes until they have arrived. Repeating the PUT is harmless, but after a failure the server is
//! asked first, since often only its confirmation was lost.

use super::blocking::digest_in;
use super::run::Run;
use crate::base::error::{Cause, Effect, Error, Phase, RequestLine};
use crate::base::reporter::Event;
use crate::push::pack::Payload;
use crate::push::resume;

/// The server's answer to whether the bytes of a version have arrived.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Arrival {
    /// The bytes have arrived.
    Whole,
    /// The bytes have not arrived, so the version is invisible.
    Missing,
    /// The server could not be asked, or its answer is inconclusive.
    Unknown,
}

impl Run<'_> {
    /// Sends the bytes, and returns the number of attempts. `before` says whether the bytes of an earlier run
    /// have arrived.
    ///
    /// # Errors
    /// [`Phase::Upload`]; the version then awaits its bytes, unless [`Error::is_arrival_unknown`].
    pub(super) async fn send(
        &self,
        version: u64,
        upload_path: &str,
        payload: &Payload,
        before: Arrival,
    ) -> Result<u32, Error> {
        let slug = self.slug(version);
        let mut attempts = self.client.attempts();
        let mut was_unconfirmed = false;
        // True while an attempt may have stored the bytes and the server could not be asked since.
        let mut may_be_there = before == Arrival::Unknown;
        loop {
            let sent = self.client.upload(&slug, upload_path, payload).await;
            let error = match sent {
                Ok(()) if !was_unconfirmed => return Ok(attempts.made()),
                // A server that once confirmed bytes without reading them is not trusted again.
                Ok(()) => match self.check_arrival(version, payload).await? {
                    Arrival::Whole => return Ok(attempts.made()),
                    arrival => self.unconfirmed(&slug, payload, arrival),
                },
                Err(error) => error,
            };
            was_unconfirmed |= matches!(error.cause(), Cause::Unconfirmed { .. });
            let made = attempts.made();
            let more = attempts.wait_before_retry(error.cause()).await;
            if may_have_arrived(error.cause()) {
                match self.check_arrival(version, payload).await? {
                    Arrival::Whole => return Ok(made),
                    Arrival::Missing => may_be_there = false,
                    Arrival::Unknown => may_be_there |= error.cause().effect() != Effect::None,
                }
            }
            if !more {
                let error = error.after(made);
                return Err(match may_be_there {
                    true => self.arrival_unknown(error, version),
                    false => self.with_hint(error, &slug),
                });
            }
        }
    }

    /// Returns the error for a confirmation of bytes that the server does not have.
    fn unconfirmed(&self, slug: &str, payload: &Payload, arrival: Arrival) -> Error {
        let request = RequestLine {
            method: "PUT",
            url: "upload_path".to_owned(),
        };
        let detail = match arrival {
            Arrival::Missing => "the server confirmed the bytes, but does not have them",
            _ => "the server confirmed the bytes, as it did before, when it did not have them",
        };
        let detail = detail.to_owned();
        let (slug, bytes) = (slug.to_owned(), payload.len());
        let phase = Phase::Upload { slug, bytes };
        Error::new(phase, Cause::Unconfirmed { request, detail })
    }

    /// Marks an error as one after which the arrival of the bytes is unknown, and adds a hint.
    fn arrival_unknown(&self, error: Error, version: u64) -> Error {
        let (name, artifact_type) = (&self.push.name, &self.push.artifact_type);
        let slug = self.slug(version);
        let advice = format!(
            "it is unknown whether the bytes of {slug} have arrived, since the server could not be asked; check before you push again: atlas-upload search {name} --type {artifact_type} --version {version}"
        );
        error.with_arrival_unknown().with_hint(advice)
    }

    /// Adds a hint for a version whose bytes cannot be sent, or are refused at its upload path.
    fn with_hint(&self, error: Error, slug: &str) -> Error {
        let receipt = self.file.path();
        let again = resume::push_again(receipt);
        let lost = format!("the version stays invisible and without bytes: {again}");
        let refused =
            format!("the server does not accept the upload address of {slug}, or no longer");
        let advice = match (error.cause(), receipt) {
            // The server may accept the address again, and only a receipt makes that useful.
            (
                Cause::Status {
                    status: 401 | 403 | 404 | 410,
                    ..
                },
                Some(receipt),
            ) => {
                let resume = resume::command(receipt);
                format!(
                    "{refused}; try again with: {resume}; if that fails in the same way, {again}"
                )
            }
            (
                Cause::Status {
                    status: 401 | 403 | 404 | 410,
                    ..
                },
                None,
            ) => {
                format!("{refused}; {lost}")
            }
            (Cause::Unpackable(_), _) => {
                format!("the bytes of {slug} differ from what was announced; {lost}")
            }
            _ => return error,
        };
        error.with_hint(advice)
    }

    /// Asks the server whether the version's bytes have arrived and equal the payload. It sends a GET and reads
    /// only the start of the reply, because a signed address of a file store is often valid for GET alone.
    ///
    /// # Errors
    /// [`Cause::Digest`] when other bytes have arrived.
    pub(super) async fn check_arrival(
        &self,
        version: u64,
        payload: &Payload,
    ) -> Result<Arrival, Error> {
        let (name, artifact_type) = (&self.push.name, &self.push.artifact_type);
        let slug = self.slug(version);
        let client = self.client.once();
        let download = match client.download(name, artifact_type, version).await {
            Ok(download) => download,
            Err(error) if error.status() == Some(404) => return Ok(Arrival::Missing),
            Err(_) => return Ok(Arrival::Unknown),
        };
        let (request, length) = (download.request.clone(), download.length);
        if let Some(server) = download.digest {
            // Hashing may take long, and an open download would wait for it unread.
            drop(download);
            let here = digest_in(payload, server.algorithm()).await?;
            if server != here {
                let again = resume::push_again(self.file.path());
                let advice = format!("{slug} is visible, with other bytes: {again}");
                let cause = Cause::Digest {
                    request,
                    server,
                    here,
                };
                let bytes = payload.len();
                return Err(Error::new(Phase::Upload { slug, bytes }, cause).with_hint(advice));
            }
        } else if length != Some(payload.len()) {
            // The length is sufficient evidence: only this push knows the upload path, it never sends other
            // bytes there, and a server that has only part of them says so.
            return Ok(Arrival::Unknown);
        }
        let there = Event::AlreadyThere { slug: &slug };
        self.client.reporter().report(there);
        Ok(Arrival::Whole)
    }
}

/// Returns whether the bytes may have arrived in spite of such a failure, in this attempt or an earlier one, so
/// that the server is asked for them.
fn may_have_arrived(cause: &Cause) -> bool {
    matches!(
        cause,
        Cause::Status { .. }
            | Cause::Network { .. }
            | Cause::Unconfirmed { .. }
            | Cause::Redirected { .. }
    )
}
