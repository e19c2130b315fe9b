//! Publishes over the API of Vagrant Cloud, v1 or v2.
//!
//! Evidence: the requests of Vagrant 2.4.9, of the gem vagrant_cloud 3.1.3 and of packer-plugin-vagrant 1.1.7, from
//! which the bodies have their keys, in the same order.

use reqwest::Method;
use serde::{Deserialize, Serialize};
use url::Url;

use super::{BoxDetails, Deletion, FileDetails, FileFound, FilePlace, UploadTarget, VersionFound};
use crate::api::http::request_line::request_line;
use crate::base::error::Cause;
use crate::base::slug::ArtifactName;
use crate::boxes::checksum::Checksum;
use crate::boxes::model::VersionState;
use crate::boxes::source::join_segments;
use crate::boxes::source::vagrant_cloud::VagrantCloud;

impl VagrantCloud {
    fn url<'a>(&self, parts: impl IntoIterator<Item = &'a str>) -> Url {
        join_segments(&self.base, parts)
    }

    fn box_url(&self, name: &ArtifactName) -> Url {
        self.url(["box", name.user(), name.name()])
    }

    fn version_url(&self, name: &ArtifactName, version: &str) -> Url {
        join_segments(&self.box_url(name), ["version", version])
    }

    fn file_url(&self, place: &FilePlace) -> Url {
        let version = self.version_url(&place.name, &place.version);
        let parts = ["provider", &*place.provider].into_iter();
        join_segments(&version, parts.chain(place.architecture.as_deref()))
    }

    pub(super) async fn find_box(&self, name: &ArtifactName) -> Result<Option<BoxDetails>, Cause> {
        let found: Option<BoxReply> = self.http.existing(&self.box_url(name)).await?;
        Ok(found.map(|found| BoxDetails {
            short_description: found.short_description,
            description: found.description_markdown,
            private: found.private,
        }))
    }

    pub(super) async fn create_box(
        &self,
        name: &ArtifactName,
        details: &BoxDetails,
    ) -> Result<(), Cause> {
        let (username, box_name) = (Some(name.user()), Some(name.name()));
        let body = box_body(username, box_name, details);
        let url = self.url(["boxes"]);
        self.http.send_json(Method::POST, &url, &body).await
    }

    pub(super) async fn update_box(
        &self,
        name: &ArtifactName,
        details: &BoxDetails,
    ) -> Result<(), Cause> {
        let body = box_body(None, None, details);
        let url = self.box_url(name);
        self.http.send_json(Method::PUT, &url, &body).await
    }

    pub(super) async fn find_version(
        &self,
        name: &ArtifactName,
        version: &str,
    ) -> Result<Option<VersionFound>, Cause> {
        let url = self.version_url(name, version);
        let found: Option<VersionReply> = self.http.existing(&url).await?;
        Ok(found.map(|found| VersionFound {
            state: VersionState::parse(&found.status).unwrap_or(VersionState::Unreleased),
            description: found.description_markdown.unwrap_or_default(),
        }))
    }

    pub(super) async fn create_version(
        &self,
        name: &ArtifactName,
        version: &str,
        description: Option<&str>,
    ) -> Result<(), Cause> {
        let url = join_segments(&self.box_url(name), ["versions"]);
        let body = version_body(version, description);
        self.http.send_json(Method::POST, &url, &body).await
    }

    pub(super) async fn update_version(
        &self,
        name: &ArtifactName,
        version: &str,
        description: &str,
    ) -> Result<(), Cause> {
        let url = self.version_url(name, version);
        let body = version_body(version, Some(description));
        self.http.send_json(Method::PUT, &url, &body).await
    }

    pub(super) async fn find_file(&self, place: &FilePlace) -> Result<Option<FileFound>, Cause> {
        let found: Option<ProviderReply> = self.http.existing(&self.file_url(place)).await?;
        Ok(found.map(|found| FileFound {
            has_bytes: found.hosted == Some(true),
            url: found.original_url.filter(|url| !url.is_empty()),
            checksum: Checksum::from_reply(
                found.checksum_type.as_deref(),
                found.checksum.as_deref(),
            ),
            default_architecture: found.default_architecture,
        }))
    }

    pub(super) async fn create_file(
        &self,
        place: &FilePlace,
        details: &FileDetails,
    ) -> Result<(), Cause> {
        let version = self.version_url(&place.name, &place.version);
        let url = join_segments(&version, ["providers"]);
        let body = provider_body(place, details);
        self.http.send_json(Method::POST, &url, &body).await
    }

    pub(super) async fn update_file(
        &self,
        place: &FilePlace,
        details: &FileDetails,
    ) -> Result<(), Cause> {
        let (url, body) = (self.file_url(place), provider_body(place, details));
        self.http.send_json(Method::PUT, &url, &body).await
    }

    pub(super) async fn upload_target(
        &self,
        place: &FilePlace,
        direct: bool,
    ) -> Result<UploadTarget, Cause> {
        let parts = ["upload", "direct"];
        let url = join_segments(
            &self.file_url(place),
            parts.into_iter().take(1 + usize::from(direct)),
        );
        let reply: UploadReply = self.http.json(&url).await?;
        if direct && reply.callback.is_none() {
            let request = request_line("GET", &url);
            let detail = "the reply holds no callback".to_owned();
            return Err(Cause::Reply { request, detail });
        }
        Ok(UploadTarget {
            upload_path: reply.upload_path,
            completion: reply.callback.filter(|_| direct),
        })
    }

    /// Sends the callback to the service's own address: the token must reach no other server, and behind a proxy the
    /// service may not know the address under which its clients see it.
    pub(super) async fn complete(&self, _: &FilePlace, completion: &str) -> Result<(), Cause> {
        let url = self.callback_url(completion).ok_or_else(|| {
            let detail = "the callback of an upload is not an address".to_owned();
            let request = request_line("PUT", &self.base);
            Cause::Reply { request, detail }
        })?;
        self.http.hide(&url);
        self.http.send_empty(Method::PUT, &url).await
    }

    fn callback_url(&self, completion: &str) -> Option<Url> {
        let callback = self.base.join(completion).ok()?;
        let path = self.base.path();
        let prefix = path.rsplit_once("/api/").map_or("", |(prefix, _)| prefix);
        let mut url = self.base.clone();
        match callback.path().starts_with(&format!("{prefix}/")) {
            true => url.set_path(callback.path()),
            false => url.set_path(&format!("{prefix}{}", callback.path())),
        }
        url.set_query(callback.query());
        Some(url)
    }

    pub(super) async fn set_state(
        &self,
        name: &ArtifactName,
        version: &str,
        action: &'static str,
    ) -> Result<(), Cause> {
        let url = join_segments(&self.version_url(name, version), [action]);
        self.http.send_empty(Method::PUT, &url).await
    }

    pub(super) async fn delete(&self, what: &Deletion) -> Result<(), Cause> {
        let url = match what {
            Deletion::Box(name) => self.box_url(name),
            Deletion::Version(name, version) => self.version_url(name, version),
            Deletion::File(place) => self.file_url(place),
        };
        self.http.send_empty(Method::DELETE, &url).await
    }
}

#[derive(Serialize)]
struct BoxBody<'a> {
    #[serde(rename = "box")]
    wrapped: WrittenBox<'a>,
}

#[derive(Serialize)]
struct WrittenBox<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    username: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    short_description: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    is_private: Option<bool>,
}

fn box_body<'a>(
    username: Option<&'a str>,
    name: Option<&'a str>,
    details: &'a BoxDetails,
) -> BoxBody<'a> {
    BoxBody {
        wrapped: WrittenBox {
            username,
            name,
            short_description: details.short_description.as_deref(),
            description: details.description.as_deref(),
            is_private: details.private,
        },
    }
}

#[derive(Serialize)]
struct VersionBody<'a> {
    version: WrittenVersion<'a>,
}

#[derive(Serialize)]
struct WrittenVersion<'a> {
    version: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'a str>,
}

fn version_body<'a>(version: &'a str, description: Option<&'a str>) -> VersionBody<'a> {
    VersionBody {
        version: WrittenVersion {
            version,
            description,
        },
    }
}

#[derive(Serialize)]
struct ProviderBody<'a> {
    provider: WrittenProvider<'a>,
}

#[derive(Serialize)]
struct WrittenProvider<'a> {
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    checksum: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    checksum_type: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    architecture: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    default_architecture: Option<bool>,
}

fn provider_body<'a>(place: &'a FilePlace, details: &'a FileDetails) -> ProviderBody<'a> {
    let checksum = details.checksum.as_ref();
    ProviderBody {
        provider: WrittenProvider {
            name: &place.provider,
            url: details.url.as_deref(),
            checksum: checksum.map(|checksum| &*checksum.value),
            checksum_type: checksum.map(|checksum| checksum.kind.name()),
            architecture: place.architecture.as_deref(),
            default_architecture: details.default_architecture,
        },
    }
}

#[derive(Deserialize)]
struct BoxReply {
    short_description: Option<String>,
    description_markdown: Option<String>,
    private: Option<bool>,
}

#[derive(Deserialize)]
struct VersionReply {
    #[serde(default)]
    status: String,
    description_markdown: Option<String>,
}

#[derive(Deserialize)]
struct ProviderReply {
    hosted: Option<bool>,
    original_url: Option<String>,
    checksum: Option<String>,
    checksum_type: Option<String>,
    default_architecture: Option<bool>,
}

#[derive(Deserialize)]
struct UploadReply {
    upload_path: String,
    callback: Option<String>,
}
