//! Makes the steps of a publication, in the order of `vagrant cloud publish`.
//!
//! Every part of a box has a name of its own, so a step that failed without a reply is repeated only after the service
//! was asked whether the part exists.

use super::outcome::{FileStatus, Published};
use super::prepared::PreparedFile;
use super::receipt::{PublishReceipt, State};
use super::request::{BoxSource, Publish};
use crate::base::error::{Cause, Effect, Error, Phase};
use crate::base::reporter::Event;
use crate::boxes::change;
use crate::boxes::checksum::Checksum;
use crate::boxes::model::VersionState;
use crate::boxes::service::{BoxService, FileDetails, FileFound, FilePlace};

/// A publication in progress.
pub(super) struct Run<'a> {
    pub(super) service: &'a BoxService,
    pub(super) receipt: &'a mut PublishReceipt,
    pub(super) request: Publish,
    pub(super) prepared: PreparedFile,
    pub(super) place: FilePlace,
}

/// Publishes the file of a receipt, or continues to, from its recorded state; does nothing for a publication that is
/// done. The future may be dropped at any await, since the receipt records the progress.
///
/// # Errors
/// [`Phase::Publish`] for the steps at the service; [`Cause::Differs`] when another file is published there;
/// [`Cause::Changed`] when the file differs from that with which an earlier run began.
pub async fn publish(
    service: &BoxService,
    receipt: &mut PublishReceipt,
    prepared: PreparedFile,
) -> Result<Published, Error> {
    let request = receipt.request().clone();
    let place = request.place(service.api(), prepared.metadata.as_ref())?;
    // The addresses of an earlier run are redacted before a server can repeat them in a reply.
    if let (State::Sending { target, .. }, Ok(http)) = (receipt.state(), service.http()) {
        target.addresses().for_each(|url| http.hide(&url));
    }
    receipt.set_content(prepared.content()).await?;
    let run = Run {
        service,
        receipt,
        request,
        prepared,
        place,
    };
    run.all().await
}

impl Run<'_> {
    async fn all(mut self) -> Result<Published, Error> {
        if let State::Done { released } = *self.receipt.state() {
            self.report_present();
            return Ok(self.outcome(FileStatus::Present, 0, released));
        }
        let is_new = self.ensure_box().await?;
        let (is_new, state) = self.ensure_version(is_new).await?;
        let is_missing = self.ensure_file(is_new).await?;
        let (status, attempts) = match (&self.request.source, is_missing) {
            (BoxSource::Url(_), _) => (FileStatus::Linked, 0),
            (BoxSource::File(_), false) => {
                self.report_present();
                (FileStatus::Present, 0)
            }
            (BoxSource::File(_), true) => (FileStatus::Uploaded, self.upload().await?),
        };
        let was_released = state == VersionState::Active;
        if self.request.release && !was_released {
            self.release().await?;
        }
        let released = self.request.release || was_released;
        self.save_or_report(State::Done { released }).await;
        Ok(self.outcome(status, attempts, released))
    }

    fn report_present(&self) {
        let slug = &self.place.to_string();
        self.report(Event::AlreadyThere { slug });
    }

    fn report(&self, event: Event<'_>) {
        if let Ok(http) = self.service.http() {
            http.reporter().report(event);
        }
    }

    /// Creates the box unless it exists, and returns whether it is new. Changes what is told otherwise of an existing
    /// one.
    async fn ensure_box(&self) -> Result<bool, Error> {
        let (name, details) = (&self.place.name, &self.request.details);
        let find = || self.service.find_box(name);
        match find().await.map_err(|cause| self.failed(cause))? {
            Some(known) if details.are_those_of(&known) => Ok(false),
            Some(_) => {
                let once = || self.service.update_box(name, details);
                self.repeat(once).await.map(|()| false)
            }
            None => {
                self.report(Event::CreatingBox(name));
                let once = || self.service.create_box(name, details);
                let exists = || async { Ok(find().await?.is_some()) };
                self.create(once, exists).await.map(|()| true)
            }
        }
    }

    /// Creates the version unless it exists, and returns whether it is new, and its state.
    async fn ensure_version(&self, is_new: bool) -> Result<(bool, VersionState), Error> {
        let (name, version) = (&self.place.name, &*self.place.version);
        let told = self.request.version_description.as_deref();
        let find = || self.service.find_version(name, version);
        let found = match is_new {
            true => None,
            false => find().await.map_err(|cause| self.failed(cause))?,
        };
        match (found, told) {
            (Some(known), Some(told)) if known.description != told => {
                let once = || self.service.update_version(name, version, told);
                self.repeat(once).await?;
                Ok((false, known.state))
            }
            (Some(known), _) => Ok((false, known.state)),
            (None, told) => {
                let once = || self.service.create_version(name, version, told);
                let exists = || async { Ok(find().await?.is_some()) };
                self.create(once, exists).await?;
                Ok((true, VersionState::Unreleased))
            }
        }
    }

    /// Creates the provider and its architecture unless they exist; returns whether the bytes are missing.
    async fn ensure_file(&self, is_new: bool) -> Result<bool, Error> {
        let (place, details) = (&self.place, &self.details());
        let find = || self.service.find_file(place);
        let found = match is_new {
            true => None,
            false => find().await.map_err(|cause| self.failed(cause))?,
        };
        let Some(found) = found else {
            let once = || self.service.create_file(place, details);
            let exists = || async { Ok(find().await?.is_some()) };
            self.create(once, exists).await?;
            return Ok(true);
        };
        let is_same = self.is_same(&found).await?;
        let is_free = !found.has_bytes && found.url.is_none();
        if !is_same && !is_free && !self.request.replace && !self.receipt.has_begun_to_send() {
            return Err(self.occupied(&found));
        }
        let is_default = details.default_architecture;
        if !is_same || is_default.is_some_and(|told| Some(told) != found.default_architecture) {
            let once = || self.service.update_file(place, details);
            self.repeat(once).await?;
        }
        Ok(!is_same)
    }

    fn details(&self) -> FileDetails {
        FileDetails {
            url: match &self.request.source {
                BoxSource::Url(url) => Some(url.clone()),
                BoxSource::File(_) => None,
            },
            checksum: self.prepared.checksum.clone(),
            default_architecture: self.request.default_architecture,
        }
    }

    /// Returns whether the service has this very file already.
    async fn is_same(&self, found: &FileFound) -> Result<bool, Error> {
        let checksum = self.prepared.checksum.as_ref();
        match (&self.request.source, &found.checksum) {
            (BoxSource::Url(url), theirs) => Ok(found.url.as_ref() == Some(url)
                && !found.has_bytes
                && (checksum.is_none() || checksum == theirs.as_ref())),
            (BoxSource::File(_), Some(theirs)) if found.has_bytes => {
                Ok(self.has_checksum(theirs).await?)
            }
            // Without a checksum, two files cannot be known to be equal.
            (BoxSource::File(_), _) => Ok(false),
        }
    }

    /// Returns whether the local file has a checksum, whose algorithm may be another than that of the told one.
    pub(super) async fn has_checksum(&self, theirs: &Checksum) -> Result<bool, Error> {
        let ours = self.prepared.checksum.as_ref();
        if let Some(ours) = ours.filter(|ours| ours.kind == theirs.kind) {
            return Ok(ours == theirs);
        }
        let Some(local) = &self.prepared.local else {
            return Ok(false);
        };
        let (kind, path) = (theirs.kind, local.path.clone());
        let computed = tokio::task::spawn_blocking(move || kind.of_file(&path)).await;
        let computed = computed.unwrap_or_else(|error| Err(std::io::Error::other(error)));
        let (here, _) = computed.map_err(|error| {
            let cause = Cause::file(&local.path, error);
            Error::new(Phase::Pack, cause)
        })?;
        Ok(here == *theirs)
    }

    /// Returns the error for a place at which another file is published.
    fn occupied(&self, found: &FileFound) -> Error {
        let theirs = match (&found.checksum, &found.url) {
            (Some(checksum), _) => format!("{} {}", checksum.kind.name(), checksum.value),
            (None, Some(url)) => format!("the address {url}"),
            (None, None) => "no checksum to compare with".to_owned(),
        };
        let place = &self.place;
        let cause = Cause::Differs(format!("{place} has another file already, with {theirs}"));
        self.failed(cause).with_hint(
            "publish a new version, since users may have that file; or replace it with --replace",
        )
    }

    async fn release(&self) -> Result<(), Error> {
        let (name, version) = (&self.place.name, &self.place.version);
        let released = change::set_state(self.service, name, version, VersionState::Active);
        released.await.map(drop)
    }

    /// Creates a part of the box; `exists` tells whether an attempt without a usable reply, or another client, has
    /// created it.
    async fn create<Once, Exists>(
        &self,
        once: impl Fn() -> Once,
        exists: impl Fn() -> Exists,
    ) -> Result<(), Error>
    where
        Once: Future<Output = Result<(), Cause>>,
        Exists: Future<Output = Result<bool, Cause>>,
    {
        let mut attempts = self.http()?.attempts();
        loop {
            let Err(cause) = once().await else {
                return Ok(());
            };
            let is_taken = matches!(
                cause,
                Cause::Status {
                    status: 409 | 422,
                    ..
                }
            );
            let more = attempts.wait_before_retry(&cause).await;
            if (is_taken || cause.effect() != Effect::None) && exists().await.unwrap_or(false) {
                return Ok(());
            }
            if !more {
                return Err(self.failed(cause).after(attempts.made()));
            }
        }
    }

    /// Repeats a write that has the same effect each time.
    async fn repeat<Once>(&self, once: impl Fn() -> Once) -> Result<(), Error>
    where
        Once: Future<Output = Result<(), Cause>>,
    {
        let attempts = self.http()?.attempts();
        let phase = self.phase();
        attempts
            .run(phase, once)
            .await
            .map_err(|error| self.with_hint(error))
    }

    pub(super) fn http(&self) -> Result<&crate::boxes::registry::RegistryClient, Error> {
        self.service.http().map_err(|cause| self.failed(cause))
    }

    pub(super) fn phase(&self) -> Phase {
        Phase::Publish {
            name: self.place.to_string(),
        }
    }

    pub(super) fn failed(&self, cause: Cause) -> Error {
        self.with_hint(Error::new(self.phase(), cause))
    }

    /// Adds how to finish the publication, unless the same request cannot succeed.
    fn with_hint(&self, error: Error) -> Error {
        match self.receipt.how_to_resume() {
            Some(how) => error.with_hint(format!("finish the publication with: {how}")),
            None if error.cause().is_transient() => error.with_hint(
                "the same command continues where this one stopped; with --receipt FILE, also in the middle of an upload",
            ),
            None => error,
        }
    }

    /// Records a finished step in the receipt. A failure is only reported: stopping here would lose more than the
    /// receipt.
    pub(super) async fn save_or_report(&mut self, state: State) {
        if let Err(error) = self.receipt.set(state).await {
            self.report(Event::ReceiptNotKept { error: &error });
        }
    }

    fn outcome(&self, file: FileStatus, attempts: u32, released: bool) -> Published {
        let metadata = self.prepared.metadata.as_ref();
        let local = self.prepared.local.as_ref();
        Published {
            tag: self.place.name.to_string(),
            version: self.place.version.clone(),
            provider: self.place.provider.clone(),
            architecture: self.place.architecture.clone(),
            api: self.service.api(),
            file,
            checksum: self.prepared.checksum.clone(),
            bytes: local.map(|local| local.payload.len()),
            virtual_size: metadata.and_then(|metadata| metadata.virtual_size.clone()),
            released,
            attempts,
        }
    }
}
