//! Transfers the bytes of a version, and resumes after broken connections.

use bytes::Bytes;
use tokio::sync::mpsc;

use super::Pull;
use crate::api::retry::{Attempts, MIN_PROGRESS};
use crate::api::{Client, Download, ResumedDownload};
use crate::base::error::{Cause, Error, NetworkFailure, Phase};
use crate::base::reporter::Event;

/// The version whose bytes are transferred.
pub(super) struct Source<'a> {
    pub(super) client: &'a Client,
    pub(super) pull: &'a Pull,
    pub(super) version: u64,
}

/// The position of a transfer.
struct Position {
    /// The number of bytes that were passed on.
    received: u64,
    /// The size of the file, from the first reply that says it.
    total: Option<u64>,
    /// The end of the part that is being received.
    part: Option<u64>,
}

impl Source<'_> {
    /// Passes on all bytes, as many as the first reply announced. After a connection that breaks off, stalls
    /// or ends early, another one requests the rest, if the server names the file with a strong `ETag`.
    ///
    /// # Errors
    /// [`Phase::Download`] for a permanent failure, or for a transient one after which the budget of attempts
    /// is used up.
    pub(super) async fn transfer(
        &self,
        mut download: Download,
        sender: mpsc::Sender<Bytes>,
    ) -> Result<(), Error> {
        let tag = download.tag.clone();
        let total = download.length;
        let mut position = Position {
            received: 0,
            total,
            part: None,
        };
        let mut attempts = self.client.attempts();
        let mut known = 0;
        loop {
            let before = position.received;
            let passed = self.pass_on(download, known, &mut position, &sender);
            let Err(cause) = passed.await else {
                return Ok(());
            };
            let failed = |cause, attempts: &Attempts<'_>| {
                Err(Error::new(Phase::Download, cause).after(attempts.made()))
            };
            let Some(tag) = tag.as_deref().filter(|_| cause.is_transient()) else {
                return failed(cause, &attempts);
            };
            if position.received - before >= MIN_PROGRESS {
                attempts = self.client.attempts();
                attempts.pause().await;
            } else if !attempts.wait_before_retry(&cause).await {
                return failed(cause, &attempts);
            }
            let (received, cause) = (position.received, &cause);
            let resuming = Event::Resuming { received, cause };
            self.client.reporter().report(resuming);
            ResumedDownload {
                download,
                known,
                ..
            } = self.resume(&mut position, tag, &mut attempts).await?;
        }
    }

    /// Requests the bytes after those that were passed on.
    async fn resume(
        &self,
        position: &mut Position,
        tag: &str,
        attempts: &mut Attempts<'_>,
    ) -> Result<ResumedDownload, Error> {
        // The client makes single attempts, because the failures of this request and of the transfer share
        // one budget.
        let client = self.client.once();
        let (name, kind) = (&self.pull.name, &self.pull.artifact_type);
        let rest = loop {
            let asked = client.resume_download(name, kind, self.version, position.received, tag);
            match asked.await {
                Ok(rest) => break rest,
                Err(error) if attempts.wait_before_retry(error.cause()).await => {}
                Err(error) => return Err(error.after(attempts.made())),
            }
        };
        match (position.total, rest.total) {
            (Some(total), Some(now)) if total != now => {
                let detail = format!("the file had {total} bytes, and now has {now}");
                let request = rest.download.request;
                return Err(Error::new(
                    Phase::Download,
                    Cause::Reply { request, detail },
                ));
            }
            (total, now) => position.total = total.or(now),
        }
        position.part = rest.part;
        Ok(rest)
    }

    /// Passes on the bytes of one connection, except for the first `known` ones.
    async fn pass_on(
        &self,
        mut download: Download,
        mut known: u64,
        position: &mut Position,
        sender: &mpsc::Sender<Bytes>,
    ) -> Result<(), Cause> {
        while let Some(mut chunk) = download.chunk().await? {
            let skipped = chunk
                .len()
                .min(usize::try_from(known).unwrap_or(usize::MAX));
            known -= skipped as u64;
            let chunk = chunk.split_off(skipped);
            if chunk.is_empty() {
                continue;
            }
            let received = position.received + chunk.len() as u64;
            let total = position.total;
            if let Some(total) = total.filter(|total| received > *total) {
                let detail =
                    format!("the reply is longer than the {total} bytes that were announced");
                let request = download.request;
                return Err(Cause::Reply { request, detail });
            }
            // The receiver is dropped, so the writer has failed, and its own error is returned.
            if sender.send(chunk).await.is_err() {
                return Ok(());
            }
            position.received = received;
            let progress = Event::Received { received, total };
            self.client.reporter().report(progress);
        }
        position.complete(download)
    }
}

impl Position {
    /// # Errors
    /// [`Cause::Network`] if the reply ended before the end of the file.
    fn complete(&self, download: Download) -> Result<(), Cause> {
        match self.total.or(self.part) {
            Some(total) if self.received < total => Err(Cause::Network {
                request: download.request,
                failure: NetworkFailure::ConnectionBroken,
                detail: format!("the reply ended after {} of {total} bytes", self.received),
            }),
            _ => Ok(()),
        }
    }
}
