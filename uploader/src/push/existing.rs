//! Compares a push with the versions on the server: beforehand to skip it, and afterwards to verify it.

use std::io;

use super::blocking::digest_in;
use super::idempotency_key;
use super::run::Run;
use crate::api::SearchQuery;
use crate::api::content_digest;
use crate::api::wire::Version;
use crate::base::error::{Cause, Error, Phase};
use crate::pull::{Pull, Target, pull};
use crate::push::pack::Payload;

impl Run<'_> {
    /// Returns the number of the latest version, if it has this id, this metadata and these bytes.
    pub(super) async fn same_latest(
        &self,
        payload: Option<&Payload>,
    ) -> Result<Option<u64>, Error> {
        let Some(latest) = self.search("latest").await? else {
            return Ok(None);
        };
        let alike = idempotency_key::same(&latest, &self.id, &self.push.metadata)
            && latest.file == payload.is_some();
        let same = match payload {
            Some(payload) if alike => self.same_bytes(&latest, payload).await?,
            _ => alike,
        };
        Ok(same.then_some(latest.version))
    }

    async fn same_bytes(&self, latest: &Version, payload: &Payload) -> Result<bool, Error> {
        // Without a digest, two payloads cannot be known to be equal.
        if payload.digest().is_none() {
            return Ok(false);
        }
        let theirs = match content_digest::of(&latest.metadata) {
            Some(theirs) => Some(theirs),
            // Other clients, such as Packer, leave no digest in the metadata; the server may know it.
            None => {
                let (name, artifact_type) = (&self.push.name, &self.push.artifact_type);
                let stored = self.client.download(name, artifact_type, latest.version);
                stored.await?.digest
            }
        };
        match theirs {
            Some(theirs) => Ok(digest_in(payload, theirs.algorithm()).await? == theirs),
            None => Ok(false),
        }
    }

    /// Reads the version back and compares it.
    ///
    /// # Errors
    /// [`Phase::Verify`] when the version is not found or differs; [`Phase::Download`] when its bytes cannot be
    /// fetched, or differ.
    pub(super) async fn verify(
        &self,
        version: u64,
        payload: Option<&Payload>,
    ) -> Result<(), Error> {
        let phase = Phase::Verify {
            slug: self.slug(version),
        };
        let Some(found) = self.search(&version.to_string()).await? else {
            let nothing = Cause::Missing("the server does not find the version".to_owned());
            return Err(Error::new(phase, nothing));
        };
        if found.version != version || !idempotency_key::same(&found, &self.id, &self.push.metadata)
        {
            let other = "the server returns another id, or other metadata".to_owned();
            return Err(Error::new(phase, Cause::Differs(other)));
        }
        match payload {
            Some(payload) => self.verify_bytes(phase, version, payload).await,
            None => Ok(()),
        }
    }

    async fn verify_bytes(
        &self,
        phase: Phase,
        version: u64,
        payload: &Payload,
    ) -> Result<(), Error> {
        let request = Pull {
            name: self.push.name.clone(),
            artifact_type: self.push.artifact_type.clone(),
            version: Some(version),
        };
        let discard = Target::Stream(Box::new(io::sink()));
        let pulled = pull(self.client, &request, discard).await?;
        let server = pulled.digest;
        let here = digest_in(payload, server.algorithm()).await?;
        if server == here {
            return Ok(());
        }
        let differs = format!("the server sends {server}, the local bytes have {here}");
        Err(Error::new(phase, Cause::Differs(differs)))
    }

    async fn search(&self, version: &str) -> Result<Option<Version>, Error> {
        let query = SearchQuery {
            version: Some(version.to_owned()),
            ..SearchQuery::default()
        };
        let (name, artifact_type) = (&self.push.name, &self.push.artifact_type);
        let found = self.client.search(name, artifact_type, &query).await?;
        Ok(found.into_iter().next())
    }
}
