//! Reads an object of a bucket: the whole or a range, as the reader asks for more.

use std::io;
use std::ops::Range;
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::{self, BoxStream};
use futures_util::{StreamExt, TryStreamExt};
use object_store::path::Path;
use object_store::signer::{Method, Signer};
use object_store::{Error, GetOptions, GetRange, GetResult, ObjectStore};

use super::{PATIENCE, S3};
use crate::storage::store::StoreError;

/// The longest wait for the next bytes.
const STALL: Duration = Duration::from_secs(60);

/// The time for which a signed URL is valid. A download that has begun goes on after it.
const LIFETIME: Duration = Duration::from_secs(15 * 60);

/// An object with the bytes of a file. A clone is a cheap handle.
#[derive(Clone, Debug)]
pub(crate) struct Object {
    store: S3,
    path: Path,
}

/// The state of reading: the bytes that come, and how many of them are still to come.
struct Reading {
    object: Object,
    bytes: BoxStream<'static, object_store::Result<Bytes>>,
    left: u64,
}

impl Object {
    pub(super) fn new(store: S3, path: Path) -> Self {
        Self { store, path }
    }

    /// Returns the bytes of a range of the object, which must have `len` bytes. The request is answered when
    /// this returns, so that an object that is not there is found out before the first byte.
    ///
    /// # Errors
    /// When the object is not there or has another size, or the store fails. The stream yields an error
    /// where fewer bytes come than were asked for.
    pub(crate) async fn open(
        &self,
        range: Range<u64>,
        len: u64,
    ) -> Result<BoxStream<'static, io::Result<Bytes>>, StoreError> {
        let left = range.end.saturating_sub(range.start);
        if left == 0 {
            self.check(len).await?;
            return Ok(stream::empty().boxed());
        }
        let options = GetOptions {
            range: Some(GetRange::Bounded(range)),
            ..GetOptions::default()
        };
        let found = self.get(options, len).await?;
        let reading = Reading {
            object: self.clone(),
            bytes: found.into_stream(),
            left,
        };
        Ok(stream::try_unfold(reading, Reading::next).boxed())
    }

    /// Checks that the object is there and has `len` bytes, without reading them.
    ///
    /// # Errors
    /// When the object is not there or has another size, or the store fails.
    pub(crate) async fn check(&self, len: u64) -> Result<(), StoreError> {
        let options = GetOptions {
            head: true,
            ..GetOptions::default()
        };
        self.get(options, len).await.map(|_| ())
    }

    /// Sends a request, and returns the reply of an object that has `len` bytes.
    async fn get(&self, options: GetOptions, len: u64) -> Result<GetResult, StoreError> {
        let get = async {
            match self.store.0.client.get_opts(&self.path, options).await {
                Err(Error::NotFound { .. }) => Ok(None),
                found => found.map(Some),
            }
        };
        let found = self.store.within(PATIENCE, get).await?;
        let found = found.ok_or_else(|| self.damaged("it is not there"))?;
        if found.meta.size != len {
            let problem = format!("it has {} bytes in place of {len}", found.meta.size);
            return Err(self.damaged(&problem));
        }
        Ok(found)
    }

    /// Returns the bytes of a range, which are requested when the first is asked for.
    pub(crate) fn stream(
        &self,
        range: Range<u64>,
        len: u64,
    ) -> BoxStream<'static, io::Result<Bytes>> {
        let object = self.clone();
        let open = async move { object.open(range, len).await.map_err(io::Error::from) };
        stream::once(open).try_flatten().boxed()
    }

    /// Returns a URL with which whoever has it can get the object for [`LIFETIME`], in part, too: it is a secret.
    /// The signature covers the method and the host, so the URL is for a GET alone.
    ///
    /// # Errors
    /// When there are no credentials to sign with.
    pub(crate) async fn signed_url(&self) -> Result<String, StoreError> {
        let client = &self.store.0.client;
        let signed = client.signed_url(Method::GET, &self.path, LIFETIME);
        let url = self.store.within(PATIENCE, signed).await?;
        Ok(url.into())
    }

    fn damaged(&self, problem: &str) -> StoreError {
        let (path, place) = (&self.path, &self.store.0.place);
        StoreError::Damaged(format!("{path} in {place}: {problem}"))
    }
}

impl Reading {
    async fn next(mut self) -> io::Result<Option<(Bytes, Self)>> {
        if self.left == 0 {
            return Ok(None);
        }
        let next = async { self.bytes.next().await.transpose() };
        let next = self.object.store.within(STALL, next).await?;
        let Some(bytes) = next else {
            let problem = format!("it ended {} bytes too early", self.left);
            return Err(self.object.damaged(&problem).into());
        };
        let Some(left) = self.left.checked_sub(bytes.len() as u64) else {
            return Err(self
                .object
                .damaged("more bytes came than were asked for")
                .into());
        };
        self.left = left;
        Ok(Some((bytes, self)))
    }
}
