//! Sends the bytes until they are there. The same bytes may go to the same place as often as need
//! be; but after a failure the server is asked first, since often only its confirmation was lost.

use super::digest_in;
use super::run::Run;
use crate::error::{Cause, Error, Phase, RequestLine};
use crate::pack::Payload;
use crate::reporter::Event;

impl Run<'_> {
    /// Returns how often the bytes were sent.
    ///
    /// # Errors
    /// [`Phase::Upload`]; the version awaits its bytes then.
    pub(super) async fn send(
        &self,
        version: u64,
        upload_path: &str,
        payload: &Payload,
    ) -> Result<u32, Error> {
        let slug = self.slug(version);
        let mut attempts = self.client.attempts();
        let mut was_unconfirmed = false;
        loop {
            let sent = self.client.upload(&slug, upload_path, payload).await;
            let error = match sent {
                // Whoever once confirmed what it had not read is not believed again.
                Ok(()) if was_unconfirmed && !self.arrived(version, payload).await? => {
                    self.not_there(&slug, payload)
                }
                Ok(()) => return Ok(attempts.made()),
                Err(error) => error,
            };
            was_unconfirmed |= matches!(error.cause(), Cause::Unconfirmed { .. });
            let made = attempts.made();
            let more = attempts.again(error.cause()).await;
            let unconfirmed = matches!(
                error.cause(),
                Cause::Status { .. } | Cause::Network { .. } | Cause::Unconfirmed { .. }
            );
            if unconfirmed && self.arrived(version, payload).await? {
                return Ok(made);
            }
            if !more {
                return Err(advised(error.after(made), &slug));
            }
        }
    }

    fn not_there(&self, slug: &str, payload: &Payload) -> Error {
        let request = RequestLine {
            method: "PUT",
            url: "upload_path".to_owned(),
        };
        let detail = "the server says that it has the bytes, and does not have them".to_owned();
        let (slug, bytes) = (slug.to_owned(), payload.len());
        let phase = Phase::Upload { slug, bytes };
        Error::new(phase, Cause::Unconfirmed { request, detail })
    }

    /// Whether the version's bytes are there, and are these. Nothing but the start of the reply is
    /// read. Not HEAD: what a store signs is often good for a GET alone.
    ///
    /// # Errors
    /// [`Cause::Digest`]: others are there.
    pub(super) async fn arrived(&self, version: u64, payload: &Payload) -> Result<bool, Error> {
        let (name, artifact_type) = (&self.push.name, &self.push.artifact_type);
        let slug = self.slug(version);
        let client = self.client.once();
        let Ok(download) = client.download(name, artifact_type, version).await else {
            return Ok(false);
        };
        let (request, length) = (download.request.clone(), download.length);
        let arrived = match download.digest {
            Some(server) => {
                // To hash may take its time, and nobody reads on.
                drop(download);
                let here = digest_in(payload, server.algorithm()).await?;
                if server != here {
                    let cause = Cause::Digest {
                        request,
                        server,
                        here,
                    };
                    let bytes = payload.len();
                    return Err(Error::new(Phase::Upload { slug, bytes }, cause));
                }
                true
            }
            // The length must do. It is enough: only this push knows where these bytes go, it never
            // sends others there, and a server that had only a part of them would say so.
            None => length == Some(payload.len()),
        };
        if arrived {
            let there = Event::AlreadyThere { slug: &slug };
            self.client.reporter().report(there);
        }
        Ok(arrived)
    }
}

fn advised(error: Error, slug: &str) -> Error {
    let lost = "it stays without them and nobody sees it: push again, for a new version";
    let advice = match error.cause() {
        Cause::Status {
            status: 401 | 403 | 404 | 410,
            ..
        } => {
            format!("the address for the bytes of {slug} is not accepted, or no longer; {lost}")
        }
        Cause::Unpackable(_) => format!("the bytes of {slug} are not what was announced; {lost}"),
        _ => return error,
    };
    error.advise(advice)
}
