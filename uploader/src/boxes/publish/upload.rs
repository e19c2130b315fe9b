//! Sends the bytes of a box until the service has them. Repeating the PUT is harmless, since an upload address takes
//! only the bytes of its own upload.

use url::Url;

use super::receipt::State;
use super::run::Run;
use crate::base::error::{Cause, Error, RequestLine};
use crate::base::reporter::Event;
use crate::boxes::service::{Api, UploadTarget};
use crate::push::pack::Payload;

/// The maximum number of upload addresses for one file: an address may expire during a slow upload.
const MAX_TARGETS: u32 = 3;
/// The largest file that a store takes directly, in bytes; Vagrant sends a larger one through the service.
const LARGEST_DIRECT: u64 = 5 * 1024 * 1024 * 1024;

impl Run<'_> {
    /// Sends the bytes, completes the upload, and returns the number of attempts.
    ///
    /// # Errors
    /// [`Phase::Publish`](crate::Phase::Publish).
    pub(super) async fn upload(&mut self) -> Result<u32, Error> {
        let Some(local) = &self.prepared.local else {
            return Ok(0);
        };
        let (payload, service) = (local.payload.clone(), self.service);
        let http = service.http().map_err(|cause| self.failed(cause))?;
        let bytes = payload.len();
        http.reporter().report(Event::Uploading { bytes });
        let mut attempts = http.attempts();
        let mut targets = 1;
        loop {
            let target = self.target(&payload).await?;
            let Err(cause) = self.attempt(&target, &payload).await? else {
                return Ok(attempts.made());
            };
            let made = attempts.made();
            if is_spent(&cause, self.is_sent()) && targets < MAX_TARGETS {
                targets += 1;
                self.save_or_report(State::Planned).await;
            } else if !attempts.wait_before_retry(&cause).await {
                return Err(self.failed(cause).after(made));
            }
        }
    }

    /// Returns the addresses of the upload: those of an earlier attempt or run, or new ones.
    async fn target(&mut self, payload: &Payload) -> Result<UploadTarget, Error> {
        let target = match self.receipt.state() {
            State::Sending { target, .. } => target.clone(),
            State::Planned | State::Done { .. } => {
                let direct = self.request.direct && payload.len() <= LARGEST_DIRECT;
                let asked = self.service.upload_target(&self.place, direct).await;
                let target = asked.map_err(|cause| self.failed(cause))?;
                let (sending, sent) = (target.clone(), false);
                self.save_or_report(State::Sending {
                    target: sending,
                    sent,
                })
                .await;
                target
            }
        };
        // The addresses are redacted before a server can repeat them in a reply.
        let http = self.http()?;
        target.addresses().for_each(|url| http.hide(&url));
        Ok(target)
    }

    fn is_sent(&self) -> bool {
        matches!(self.receipt.state(), State::Sending { sent: true, .. })
    }

    /// Makes one attempt. The inner error may be repeated.
    async fn attempt(
        &mut self,
        target: &UploadTarget,
        payload: &Payload,
    ) -> Result<Result<(), Cause>, Error> {
        if !self.is_sent() {
            let sent = match upload_url(&target.upload_path) {
                Ok(url) => self.http()?.upload(&url, payload).await,
                Err(cause) => return Err(self.failed(cause)),
            };
            if let Err(cause) = sent {
                return Ok(Err(cause));
            }
            let (target, sent) = (target.clone(), true);
            self.save_or_report(State::Sending { target, sent }).await;
        }
        if let Some(completion) = &target.completion
            && let Err(cause) = self.service.complete(&self.place, completion).await
        {
            return Ok(Err(cause));
        }
        self.confirmed().await
    }

    /// Asks the service for the file. HCP does not tell whether it has the bytes.
    async fn confirmed(&self) -> Result<Result<(), Cause>, Error> {
        if self.service.api() == Api::Hcp {
            return Ok(Ok(()));
        }
        let found = self.service.find_file(&self.place).await;
        let found = match found {
            Ok(Some(found)) if found.has_bytes => found,
            Ok(_) => {
                let detail = "the server confirmed the bytes, but does not have them".to_owned();
                let request = upload_line();
                return Ok(Err(Cause::Unconfirmed { request, detail }));
            }
            Err(cause) => return Ok(Err(cause)),
        };
        match &found.checksum {
            Some(theirs) if !self.has_checksum(theirs).await? => {
                let (kind, theirs) = (theirs.kind.name(), &theirs.value);
                let place = &self.place;
                let cause = Cause::Differs(format!(
                    "{place} has the {kind} {theirs}, and not that of the file"
                ));
                Err(self.failed(cause))
            }
            _ => Ok(Ok(())),
        }
    }
}

/// Returns whether an upload needs a new address: the old one is not accepted, or its bytes did not arrive.
fn is_spent(cause: &Cause, sent: bool) -> bool {
    match cause {
        Cause::Unconfirmed { .. } => sent,
        Cause::Status { status, .. } => match sent {
            true => matches!(status, 404 | 409 | 410 | 422),
            false => matches!(status, 401 | 403 | 404 | 410),
        },
        _ => false,
    }
}

fn upload_url(upload_path: &str) -> Result<Url, Cause> {
    match Url::parse(upload_path) {
        Ok(url) if matches!(url.scheme(), "http" | "https") => Ok(url),
        _ => Err(Cause::Reply {
            request: upload_line(),
            detail: "the server gave no absolute URL".to_owned(),
        }),
    }
}

fn upload_line() -> RequestLine {
    RequestLine {
        method: "PUT",
        url: "upload_path".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_address_is_asked_for_only_when_the_old_one_is_of_no_use() {
        let refused = |status| Cause::Status {
            request: upload_line(),
            status,
            messages: Vec::new(),
            retry_after: None,
        };
        for (status, before, after) in [
            (401, true, false),
            (403, true, false),
            (404, true, true),
            (410, true, true),
            (422, false, true),
            (500, false, false),
        ] {
            assert_eq!(is_spent(&refused(status), false), before, "{status}");
            assert_eq!(is_spent(&refused(status), true), after, "{status}");
        }
    }
}
