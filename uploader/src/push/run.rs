//! A `Run` carries out a push whose files are packed: it finds or creates the artifact, creates the version, sends
//! the bytes, and verifies the version, and the receipt records each step.
//!
//! This file contains the order of these steps, the first of them, and the receipt's updates. The other methods
//! of `Run` are in `version` (create the version), `upload` (send the bytes) and `existing` (compare with the
//! server). The steps before, up to packing, are in [`proceed`](super::proceed).

use std::borrow::Cow;
use std::time::Instant;

use super::blocking::digest_in;
use super::idempotency_key;
use super::outcome::{PushOutcome, Timings};
use super::request::Push;
use super::upload::Arrival;
use crate::api::Client;
use crate::api::wire::{CreatedVersion, NewVersion};
use crate::base::digest::Digest;
use crate::base::error::{Cause, Error, Phase, RequestLine};
use crate::base::reporter::Event;
use crate::base::slug::{ArtifactName, version_slug};
use crate::push::pack::Payload;
use crate::push::receipt::{Content, Entry, ReceiptFile, State};
use crate::push::resume;

/// A push in progress.
pub(super) struct Run<'a> {
    pub(super) client: &'a Client,
    pub(super) file: &'a mut ReceiptFile,
    pub(super) index: usize,
    pub(super) push: Push,
    pub(super) id: String,
    pub(super) content: Option<Content>,
    pub(super) timings: Timings,
}

impl Run<'_> {
    /// Resumes the upload of a version that the receipt records, and otherwise begins the push with its artifact.
    /// Returns the outcome.
    ///
    /// # Errors
    /// The errors of [`proceed`](super::proceed).
    pub(super) async fn begin_or_resume(
        mut self,
        payload: Option<Payload>,
    ) -> Result<PushOutcome, Error> {
        let State::Sending {
            version,
            upload_path,
        } = self.entry().state.clone()
        else {
            return self.begin(payload).await;
        };
        let mut attempts = 0;
        if let Some(payload) = &payload {
            let arrival = self.check_arrival(version, payload).await?;
            if arrival != Arrival::Whole {
                let bytes = payload.len();
                self.client.reporter().report(Event::Uploading { bytes });
                let sent = self.upload(version, &upload_path, payload, arrival);
                attempts = sent.await?;
            }
        }
        self.complete(version, attempts, payload.as_ref()).await
    }

    /// Runs all steps in order, from the artifact on; skips the push when the latest version is identical and
    /// that is wanted.
    async fn begin(mut self, payload: Option<Payload>) -> Result<PushOutcome, Error> {
        let start = Instant::now();
        ensure_artifact(self.client, &self.push.name).await?;
        self.timings.artifact = start.elapsed();
        if self.push.skip_existing
            && self.entry().state == State::Planned
            && let Some(version) = self.same_latest(payload.as_ref()).await?
        {
            return self.skip(version).await;
        }
        let created = self.create_version(payload.as_ref()).await?;
        let attempts = match &payload {
            Some(payload) => {
                let upload_path = self.save_upload_path(&created, payload).await?;
                let nothing = Arrival::Missing;
                self.upload(created.version, &upload_path, payload, nothing)
                    .await?
            }
            None => 0,
        };
        self.complete(created.version, attempts, payload.as_ref())
            .await
    }

    /// Creates the version, with the idempotency key and the digest in its metadata, and records the duration.
    async fn create_version(&mut self, payload: Option<&Payload>) -> Result<CreatedVersion, Error> {
        let bytes = payload.map_or(0, Payload::len);
        self.client.reporter().report(Event::Uploading { bytes });
        let given = self.push.metadata.clone();
        let metadata = match &self.push.idempotency_key {
            Some(key) => Cow::Owned(idempotency_key::with_key(
                &given,
                key,
                payload.and_then(Payload::digest),
            )),
            None => Cow::Borrowed(&given),
        };
        let id = self.id.clone();
        let version = NewVersion {
            build_id: self.push.build_id,
            compile_id: self.push.compile_id,
            file: payload.is_some(),
            id: &id,
            metadata: &metadata,
        };
        let start = Instant::now();
        let created = self.create_once(&version).await?;
        self.timings.version = start.elapsed();
        Ok(created)
    }

    /// Saves the upload path in the receipt, and returns it.
    ///
    /// # Errors
    /// [`Phase::Upload`] when the server gave no upload path.
    async fn save_upload_path(
        &mut self,
        created: &CreatedVersion,
        payload: &Payload,
    ) -> Result<String, Error> {
        let version = created.version;
        let Some(upload_path) = created.upload_path.clone() else {
            self.reset_to_planned(1).await;
            let request = RequestLine {
                method: "PUT",
                url: "upload_path".to_owned(),
            };
            let detail = "the server gave no upload address".to_owned();
            let (slug, bytes) = (self.slug(version), payload.len());
            let cause = Cause::Reply { request, detail };
            return Err(Error::new(Phase::Upload { slug, bytes }, cause));
        };
        let saved_path = upload_path.clone();
        self.save_or_report(|entry| {
            entry.state = State::Sending {
                version,
                upload_path: saved_path,
            }
        })
        .await;
        Ok(upload_path)
    }

    /// Sends the bytes and records the duration. Returns the number of attempts.
    async fn upload(
        &mut self,
        version: u64,
        upload_path: &str,
        payload: &Payload,
        before: Arrival,
    ) -> Result<u32, Error> {
        let start = Instant::now();
        let attempts = self.send(version, upload_path, payload, before).await?;
        self.timings.upload = start.elapsed();
        Ok(attempts)
    }

    /// Completes the push: verifies the version if that is wanted, records the push as done, and returns its
    /// outcome.
    async fn complete(
        mut self,
        version: u64,
        attempts: u32,
        payload: Option<&Payload>,
    ) -> Result<PushOutcome, Error> {
        if self.push.verify {
            self.verify(version, payload).await?;
        }
        self.save_or_report(|entry| entry.state = State::Done { version })
            .await;
        let verified = self.push.verify;
        let outcome = self.outcome(version, attempts);
        Ok(PushOutcome {
            verified,
            ..outcome
        })
    }

    /// Records the push as done without a new version, since the latest version is identical, and returns its
    /// outcome.
    async fn skip(mut self, version: u64) -> Result<PushOutcome, Error> {
        let slug = self.slug(version);
        let unchanged = Event::Unchanged { slug: &slug };
        self.client.reporter().report(unchanged);
        self.save_or_report(|entry| entry.state = State::Done { version })
            .await;
        let outcome = self.outcome(version, 0);
        Ok(PushOutcome {
            skipped: true,
            ..outcome
        })
    }

    /// Returns the outcome of the push, neither skipped nor verified.
    pub(super) fn outcome(self, version: u64, attempts: u32) -> PushOutcome {
        let (digest, bytes) = match &self.content {
            Some(content) => (content.digest.clone(), content.bytes),
            None => (None, 0),
        };
        PushOutcome {
            slug: self.slug(version),
            version,
            digest,
            bytes,
            timings: self.timings,
            attempts,
            skipped: false,
            verified: false,
            possible_orphans: self.entry().possible_orphans,
        }
    }

    /// Determines the content to send, and compares it with the content that an earlier run began with.
    ///
    /// # Errors
    /// [`Cause::Changed`] when the two differ.
    pub(super) async fn determine_content(
        &mut self,
        payload: Option<&Payload>,
    ) -> Result<(), Error> {
        let began = self.entry().content.clone();
        self.content = match payload {
            Some(payload) => Some(content(payload, began.as_ref()).await?),
            None => None,
        };
        let Some(began) = began.filter(|began| Some(began) != self.content.as_ref()) else {
            return Ok(());
        };
        let here = self.content.as_ref().map(Content::to_string);
        let (began, here) = (began.to_string(), here.unwrap_or_else(|| "none".to_owned()));
        let error = Error::new(Phase::Pack, Cause::Changed { began, here });
        Err(match self.file.path() {
            Some(receipt) => {
                let again = resume::push_again(Some(receipt));
                error.with_hint(format!("restore the files, or {again}"))
            }
            None => error,
        })
    }

    pub(super) fn slug(&self, version: u64) -> String {
        version_slug(&self.push.name, &self.push.artifact_type, version)
    }

    pub(super) fn entry(&self) -> &Entry {
        &self.file.entries()[self.index]
    }

    /// Records a step in the receipt; the next step must not begin unless this succeeds.
    pub(super) async fn save(&mut self, change: impl FnOnce(&mut Entry)) -> Result<(), Error> {
        self.file.set(self.index, change).await
    }

    /// Records a finished step in the receipt. A failure is only reported: stopping here would lose more than
    /// the receipt.
    pub(super) async fn save_or_report(&mut self, change: impl FnOnce(&mut Entry)) {
        if let Err(error) = self.save(change).await {
            let lost = Event::ReceiptNotKept { error: &error };
            self.client.reporter().report(lost);
        }
    }
}

/// Returns the content of a payload, with a digest by the algorithm of the earlier run, if there was one.
async fn content(payload: &Payload, earlier: Option<&Content>) -> Result<Content, Error> {
    let bytes = payload.len();
    let Some(digest) = payload.digest() else {
        let digest = None;
        return Ok(Content { digest, bytes });
    };
    let earlier = earlier.and_then(|content| content.digest.as_ref()?.parse::<Digest>().ok());
    let digest = match earlier {
        Some(earlier) => digest_in(payload, earlier.algorithm()).await?,
        None => digest,
    };
    let digest = Some(digest.to_string());
    Ok(Content { digest, bytes })
}

async fn ensure_artifact(client: &Client, name: &ArtifactName) -> Result<(), Error> {
    match client.artifact(name).await {
        Err(error) if error.status() == Some(404) => {}
        found => return found.map(|_| ()),
    }
    client.reporter().report(Event::CreatingArtifact(name));
    match client.create_artifact(name).await {
        // A concurrent push may have created the artifact between the two calls, or an attempt of this push
        // whose reply was lost or garbled. Otherwise the error stands.
        Err(refused) if is_taken(&refused) => {
            client.artifact(name).await.map_err(|_| refused)?;
        }
        created => {
            created?;
        }
    }
    Ok(())
}

fn is_taken(error: &Error) -> bool {
    let is_garbled = matches!(error.cause(), Cause::Reply { .. } | Cause::Page { .. });
    is_garbled || error.status() == Some(422)
}
