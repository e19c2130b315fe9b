//! Sends the bytes until they are there. The same bytes may go to the same place as often as need
//! be; but after a failure the server is asked first, since often only its confirmation was lost.

use super::blocking::digest_in;
use super::run::Run;
use crate::base::error::{Cause, Effect, Error, Phase, RequestLine};
use crate::base::reporter::Event;
use crate::push::pack::Payload;
use crate::push::resume;

/// The server says this of the bytes of a version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Arrival {
    /// They are there.
    Whole,
    /// The bytes are not there, so that nobody sees the version.
    Missing,
    /// The server could not be asked, or says something else.
    Unknown,
}

impl Run<'_> {
    /// Returns how often the bytes were sent. `before` is what the server said of those of an earlier
    /// run.
    ///
    /// # Errors
    /// [`Phase::Upload`]; the version awaits its bytes then, unless [`Error::is_arrival_unknown`].
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
        // Whether an attempt may have stored the bytes, and the server could not be asked since.
        let mut may_be_there = before == Arrival::Unknown;
        loop {
            let sent = self.client.upload(&slug, upload_path, payload).await;
            let error = match sent {
                Ok(()) if !was_unconfirmed => return Ok(attempts.made()),
                // Whoever once confirmed what it had not read is not believed again.
                Ok(()) => match self.arrived(version, payload).await? {
                    Arrival::Whole => return Ok(attempts.made()),
                    arrival => self.not_believed(&slug, payload, arrival),
                },
                Err(error) => error,
            };
            was_unconfirmed |= matches!(error.cause(), Cause::Unconfirmed { .. });
            let made = attempts.made();
            let more = attempts.again(error.cause()).await;
            if is_worth_a_question(error.cause()) {
                match self.arrived(version, payload).await? {
                    Arrival::Whole => return Ok(made),
                    Arrival::Missing => may_be_there = false,
                    Arrival::Unknown => may_be_there |= error.cause().effect() != Effect::None,
                }
            }
            if !more {
                let error = error.after(made);
                return Err(match may_be_there {
                    true => self.unknown(error, version),
                    false => self.with_hint(error, &slug),
                });
            }
        }
    }

    fn not_believed(&self, slug: &str, payload: &Payload, arrival: Arrival) -> Error {
        let request = RequestLine {
            method: "PUT",
            url: "upload_path".to_owned(),
        };
        let detail = match arrival {
            Arrival::Missing => "the server says that it has the bytes, and does not have them",
            _ => "the server says that it has the bytes, as it did when it had not",
        };
        let detail = detail.to_owned();
        let (slug, bytes) = (slug.to_owned(), payload.len());
        let phase = Phase::Upload { slug, bytes };
        Error::new(phase, Cause::Unconfirmed { request, detail })
    }

    fn unknown(&self, error: Error, version: u64) -> Error {
        let (name, artifact_type) = (&self.push.name, &self.push.artifact_type);
        let slug = self.slug(version);
        let advice = format!(
            "whether the bytes of {slug} have arrived is not known, since the server could not be asked: look before you push again: atlas-upload search {name} --type {artifact_type} --version {version}"
        );
        error.with_arrival_unknown().with_hint(advice)
    }

    /// Says what becomes of a version whose bytes cannot be sent, or not to where they were to go.
    fn with_hint(&self, error: Error, slug: &str) -> Error {
        let receipt = self.file.path();
        let again = resume::push_again(receipt);
        let lost = format!("it stays without them and nobody sees it: {again}");
        let refused = format!("the address for the bytes of {slug} is not accepted, or no longer");
        let advice = match (error.cause(), receipt) {
            // It may be accepted again, and only then the receipt is of use.
            (
                Cause::Status {
                    status: 401 | 403 | 404 | 410,
                    ..
                },
                Some(receipt),
            ) => {
                let resume = resume::command(receipt);
                format!("{refused}; try again with: {resume}; if that fails like this, {again}")
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
                format!("the bytes of {slug} are not what was announced; {lost}")
            }
            _ => return error,
        };
        error.with_hint(advice)
    }

    /// Whether the version's bytes are there, and are these. Nothing but the start of the reply is
    /// read. Not HEAD: what a store signs is often good for a GET alone.
    ///
    /// # Errors
    /// [`Cause::Digest`]: others are there.
    pub(super) async fn arrived(&self, version: u64, payload: &Payload) -> Result<Arrival, Error> {
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
            // To hash may take its time, and nobody reads on.
            drop(download);
            let here = digest_in(payload, server.algorithm()).await?;
            if server != here {
                let again = resume::push_again(self.file.path());
                let advice = format!("{slug} can be seen, with other bytes: {again}");
                let cause = Cause::Digest {
                    request,
                    server,
                    here,
                };
                let bytes = payload.len();
                return Err(Error::new(Phase::Upload { slug, bytes }, cause).with_hint(advice));
            }
        } else if length != Some(payload.len()) {
            // The length must do. It is enough: only this push knows where these bytes go, it never
            // sends others there, and a server that had only a part of them would say so.
            return Ok(Arrival::Unknown);
        }
        let there = Event::AlreadyThere { slug: &slug };
        self.client.reporter().report(there);
        Ok(Arrival::Whole)
    }
}

/// Returns whether the server is asked for the bytes after such a failure: it may have stored them in this
/// attempt, or in one before.
fn is_worth_a_question(cause: &Cause) -> bool {
    matches!(
        cause,
        Cause::Status { .. }
            | Cause::Network { .. }
            | Cause::Unconfirmed { .. }
            | Cause::Redirected { .. }
    )
}
