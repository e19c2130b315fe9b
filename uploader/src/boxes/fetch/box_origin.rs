//! The origin of the file of a box: a source of boxes.

use std::io;
use std::path::Path;

use bytes::Bytes;
use reqwest::Response;
use reqwest::header::HeaderMap;
use url::Url;

use super::origin::{Begun, Origin};
use crate::api::retry::Attempts;
use crate::base::error::{Cause, RequestLine};
use crate::boxes::checksum::{Checksum, ChecksumKind};
use crate::boxes::model::{BoxRecord, FileRecord};
use crate::boxes::registry::RegistryClient;
use crate::boxes::source::{Location, Source};

/// A file of a box that was fetched.
pub(in crate::boxes) struct Fetched {
    pub(in crate::boxes) bytes: u64,
    pub(in crate::boxes) checksum: Checksum,
}

/// The file of a box in a source.
pub(in crate::boxes) struct BoxOrigin<'a> {
    pub(in crate::boxes) source: &'a Source,
    pub(in crate::boxes) record: &'a BoxRecord,
    pub(in crate::boxes) version: &'a str,
    pub(in crate::boxes) file: &'a FileRecord,
}

impl BoxOrigin<'_> {
    fn http(&self) -> Result<&RegistryClient, Cause> {
        let http = self.source.http();
        http.ok_or_else(|| Cause::Internal("a source on this machine has an address".to_owned()))
    }
}

impl Origin for BoxOrigin<'_> {
    type Verified = Fetched;

    fn size(&self) -> Option<u64> {
        self.file.size
    }

    fn digest(&self) -> Option<String> {
        let checksum = self.file.checksum.as_ref()?;
        Some(format!("{}:{}", checksum.kind.name(), checksum.value))
    }

    fn may_expire(&self) -> bool {
        self.file.hosted
    }

    fn attempts(&self) -> Result<Attempts<'_>, Cause> {
        Ok(self.http()?.attempts())
    }

    async fn place(&self) -> Result<Location, Cause> {
        self.source
            .place(self.record, self.version, self.file)
            .await
    }

    async fn get(&self, url: &Url, headers: &HeaderMap) -> Result<Begun, Cause> {
        let response = self.http()?.for_downloads().get_once(url, headers).await?;
        Ok(Begun {
            response,
            first: None,
        })
    }

    async fn chunk(
        &self,
        line: &RequestLine,
        response: &mut Response,
    ) -> Result<Option<Bytes>, Cause> {
        self.http()?.chunk(line, response).await
    }

    async fn verify(&self, path: &Path, _: Option<&str>) -> Result<Fetched, Cause> {
        let expected = &self.file.checksum;
        let kind = expected
            .as_ref()
            .map_or(ChecksumKind::Sha256, |checksum| checksum.kind);
        let read = path.to_owned();
        let hashed = tokio::task::spawn_blocking(move || kind.of_file(&read)).await;
        let hashed = hashed.unwrap_or_else(|error| Err(io::Error::other(error)));
        let (checksum, bytes) = hashed.map_err(|error| Cause::file(path, error))?;
        match (expected, self.file.size) {
            (Some(expected), _) if *expected != checksum => {
                let (kind, value) = (expected.kind.name(), &expected.value);
                let here = &checksum.value;
                Err(Cause::Differs(format!(
                    "the source states {kind} {value}, and the {bytes} bytes received have {here}"
                )))
            }
            (None, _) if bytes == 0 => Err(Cause::Differs("the file received is empty".to_owned())),
            (None, Some(size)) if size != bytes => Err(Cause::Differs(format!(
                "the source states a size of {size} bytes, and {bytes} were received"
            ))),
            _ => Ok(Fetched { bytes, checksum }),
        }
    }
}
