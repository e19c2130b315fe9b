//! A bucket of S3, or of a store that speaks its API.
//!
//! - `upload`: writes files, large ones in parts; `object`: reads files; `failure`: explains errors
//!
//! Settings come from the usual environment: `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`,
//! `AWS_SESSION_TOKEN`, `AWS_REGION`, `AWS_ENDPOINT_URL_S3` or `AWS_ENDPOINT_URL`, and
//! `AWS_VIRTUAL_HOSTED_STYLE_REQUEST`. Nothing goes over plain HTTP unless the endpoint says so.

mod failure;
mod object;
#[cfg(all(test, feature = "real-clients"))]
mod tests;
mod upload;

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use object_store::aws::{AmazonS3, AmazonS3Builder, AmazonS3ConfigKey};
use object_store::multipart::MultipartStore;
use object_store::path::Path;
use object_store::{
    BackoffConfig, ClientOptions, Error, ObjectMeta, ObjectStore, ObjectStoreExt, RetryConfig,
};
use tokio::time::timeout;

use super::location::Bucket;
use super::{DESCRIPTION, FileKey, FoundObject, StoreError, path};
pub(crate) use object::Object;

/// The longest wait for a connection.
const CONNECT: Duration = Duration::from_secs(5);

/// The longest wait for the reply to a request without a large body, further tries included.
const PATIENCE: Duration = Duration::from_secs(30);

/// The number of objects that a list gives at a time, which is that of a reply of S3.
const PAGE: usize = 1000;

/// The number of further tries of a request that failed, and the time after which there is none.
const RETRIES: usize = 3;
const RETRY_END: Duration = Duration::from_secs(20);

/// A part of a bucket. A clone is a cheap handle.
#[derive(Clone)]
pub(crate) struct S3(Arc<Inner>);

struct Inner {
    client: AmazonS3,
    bucket: Bucket,
    /// The bucket and its endpoint, for messages.
    place: String,
}

/// Shows the place alone: a client has secrets.
impl fmt::Debug for S3 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("S3").field(&self.0.place).finish()
    }
}

impl S3 {
    /// Opens a bucket with the settings of the environment, and checks that it can be read.
    ///
    /// # Errors
    /// When a setting cannot be used, or the bucket cannot be reached or read.
    pub(super) async fn open(bucket: &Bucket) -> Result<Self, StoreError> {
        Self::connect(bucket, AmazonS3Builder::from_env()).await
    }

    /// Opens a bucket with these settings, and checks that it can be read.
    ///
    /// # Errors
    /// The errors of [`S3::open`].
    pub(crate) async fn connect(
        bucket: &Bucket,
        settings: AmazonS3Builder,
    ) -> Result<Self, StoreError> {
        let setting = |key| settings.get_config_value(&key);
        let endpoint = setting(AmazonS3ConfigKey::S3Endpoint);
        let endpoint = endpoint.or_else(|| setting(AmazonS3ConfigKey::Endpoint));
        let place = match &endpoint {
            Some(endpoint) => format!("the bucket {bucket} at {endpoint}"),
            None => format!("the bucket {bucket}"),
        };
        let has_key = setting(AmazonS3ConfigKey::AccessKeyId).is_some();
        let is_plain = endpoint.is_some_and(|endpoint| endpoint.starts_with("http://"));
        let client = client(bucket, settings, is_plain);
        let client = client.map_err(|error| failure::of(&place, &error))?;
        let opened = Self(Arc::new(Inner {
            client,
            bucket: bucket.clone(),
            place,
        }));
        match opened.check().await {
            Err(error) if !has_key => Err(failure::without_key(error)),
            checked => checked.map(|()| opened),
        }
    }

    async fn check(&self) -> Result<(), StoreError> {
        let prefix = self.prefix();
        let mut first = self.0.client.list(Some(&prefix));
        let list = async { first.next().await.transpose() };
        self.within(PATIENCE, list).await.map(|_| ())
    }

    pub(super) fn place(&self) -> &str {
        &self.0.place
    }

    /// Returns an object that can be read.
    pub(super) fn object(&self, key: &FileKey) -> Object {
        Object::new(self.clone(), self.path(key.as_str()))
    }

    pub(super) async fn remove(
        &self,
        key: &FileKey,
        multipart: Option<&str>,
    ) -> Result<(), StoreError> {
        let path = self.path(key.as_str());
        // The object goes even where the store refuses to abort the upload that may have made it.
        let aborted = match multipart {
            Some(id) => {
                let id = id.to_owned();
                let abort = self.0.client.abort_multipart(&path, &id);
                self.within(PATIENCE, ignore_absence(abort)).await
            }
            None => Ok(()),
        };
        let description = self.path(&format!("{}{DESCRIPTION}", key.as_str()));
        for path in [description, path] {
            let delete = self.0.client.delete(&path);
            self.within(PATIENCE, ignore_absence(delete)).await?;
        }
        aborted
    }

    /// Returns the objects in pages.
    pub(super) fn list(
        &self,
    ) -> impl Stream<Item = Result<Vec<FoundObject>, StoreError>> + Send + use<> {
        let store = self.clone();
        let objects = self.0.client.list(Some(&self.prefix()));
        objects.chunks(PAGE).map(move |page| {
            let page: object_store::Result<Vec<_>> = page.into_iter().collect();
            let page = page.map_err(|error| store.failed(&error))?;
            Ok(page.into_iter().filter_map(found).collect())
        })
    }

    pub(super) async fn put(&self, name: &str, bytes: Bytes) -> Result<(), StoreError> {
        let path = self.path(name);
        let put = self.0.client.put(&path, bytes.into());
        self.within(PATIENCE, put).await.map(|_| ())
    }

    pub(super) async fn get(&self, name: &str, most: u64) -> Result<Option<Bytes>, StoreError> {
        let path = self.path(name);
        let get = async {
            match self.0.client.get(&path).await {
                Ok(found) if found.meta.size > most => Ok(Err(found.meta.size)),
                Ok(found) => Ok(Ok(Some(found.bytes().await?))),
                Err(Error::NotFound { .. }) => Ok(Ok(None)),
                Err(error) => Err(error),
            }
        };
        let found = self.within(PATIENCE, get).await?;
        found.map_err(|len| {
            let message = format!("{name} has {len} bytes, and {most} are the most");
            StoreError::Damaged(message)
        })
    }

    fn path(&self, name: &str) -> Path {
        Path::from(format!("{}/{}", self.0.bucket.prefix, path(name)))
    }

    fn prefix(&self) -> Path {
        Path::from(self.0.bucket.prefix.as_str())
    }

    /// Waits for a request, but not without end.
    async fn within<T>(
        &self,
        limit: Duration,
        request: impl Future<Output = object_store::Result<T>>,
    ) -> Result<T, StoreError> {
        match timeout(limit, request).await {
            Ok(done) => done.map_err(|error| self.failed(&error)),
            Err(_) => Err(StoreError::Unavailable {
                place: self.0.place.clone(),
                reason: format!("no answer within {} seconds", limit.as_secs()),
            }),
        }
    }

    fn failed(&self, error: &Error) -> StoreError {
        failure::of(&self.0.place, error)
    }
}

/// Creates a client whose requests have no time limit of their own: each caller sets one that fits.
fn client(
    bucket: &Bucket,
    settings: AmazonS3Builder,
    is_plain: bool,
) -> object_store::Result<AmazonS3> {
    let options = ClientOptions::new()
        .with_connect_timeout(CONNECT)
        .with_timeout_disabled();
    let retry = RetryConfig {
        backoff: BackoffConfig::default(),
        max_retries: RETRIES,
        retry_timeout: RETRY_END,
    };
    settings
        .with_bucket_name(&bucket.name)
        .with_client_options(options)
        .with_allow_http(is_plain)
        .with_retry(retry)
        // Not every store can delete many objects at once.
        .with_disable_bulk_delete(true)
        .build()
}

async fn ignore_absence(
    request: impl Future<Output = object_store::Result<()>>,
) -> object_store::Result<()> {
    match request.await {
        Err(Error::NotFound { .. }) => Ok(()),
        done => done,
    }
}

fn found(object: ObjectMeta) -> Option<FoundObject> {
    Some(FoundObject {
        key: FileKey::of_object(object.location.filename()?)?,
        modified: SystemTime::from(object.last_modified),
        len: object.size,
    })
}
