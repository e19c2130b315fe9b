//! Publishes over HCP Vagrant's registry API (2022-09-30).
//!
//! Evidence: the operations of the API, and the requests of packer-plugin-vagrant 1.1.7.

use reqwest::Method;
use serde::{Deserialize, Serialize};
use serde_json::json;
use url::Url;

use super::{BoxDetails, Deletion, FileDetails, FileFound, FilePlace, UploadTarget, VersionFound};
use crate::api::http::request_line::request_line;
use crate::base::error::Cause;
use crate::base::slug::ArtifactName;
use crate::boxes::checksum::{Checksum, ChecksumKind};
use crate::boxes::model::{UNKNOWN_ARCHITECTURE, VersionState};
use crate::boxes::source::hcp::{Hcp, HcpArchitecture, HcpVersion};
use crate::boxes::source::join_segments;

/// The maximum number of requests that wait for an operation, each of which the server answers within a minute.
const MAX_WAITS: u32 = 10;

/// Returns the path segments of a box.
fn of_box(name: &ArtifactName) -> [&str; 4] {
    ["registry", name.user(), "box", name.name()]
}

fn of_version<'a>(name: &'a ArtifactName, version: &'a str) -> Vec<&'a str> {
    [&of_box(name)[..], &["version", version]].concat()
}

fn of_provider(place: &FilePlace) -> Vec<&str> {
    let version = of_version(&place.name, &place.version);
    [&version[..], &["provider", &place.provider]].concat()
}

fn of_file(place: &FilePlace) -> Vec<&str> {
    let architecture = ["architecture", architecture(place)];
    [&of_provider(place)[..], &architecture].concat()
}

fn architecture(place: &FilePlace) -> &str {
    let architecture = place.architecture.as_deref();
    architecture.unwrap_or(UNKNOWN_ARCHITECTURE)
}

impl Hcp {
    pub(super) async fn find_box(&self, name: &ArtifactName) -> Result<Option<BoxDetails>, Cause> {
        let found: Option<BoxReply> = self.http.existing(&self.url(&of_box(name))).await?;
        Ok(found.map(|BoxReply { found }| BoxDetails {
            short_description: found.short_description,
            description: found.description,
            private: Some(found.is_private.unwrap_or(false)),
        }))
    }

    pub(super) async fn create_box(
        &self,
        name: &ArtifactName,
        details: &BoxDetails,
    ) -> Result<(), Cause> {
        let url = self.url(&["registry", name.user(), "boxes"]);
        let body = BoxBody::new(Some(name.name()), details);
        let reply: CreatedReply = self.http.post_json(&url, &body).await?;
        match reply.operation {
            Some(operation) => self.wait(operation).await,
            None => Ok(()),
        }
    }

    /// Waits for an operation of the server. An operation without a place cannot be asked for, and the next request
    /// tells whether it is done.
    async fn wait(&self, mut operation: Operation) -> Result<(), Cause> {
        for _ in 0..MAX_WAITS {
            if operation.is_done() {
                return Ok(());
            }
            let Some(Location {
                organization_id,
                project_id,
            }) = operation.location
            else {
                return Ok(());
            };
            let place = ["organizations", &*organization_id, "projects", &project_id];
            let path = ["operation", "2020-05-05"].into_iter().chain(place);
            let path = path.chain(["operations", &*operation.id, "wait"]);
            let mut url = join_segments(&self.base, path);
            url.query_pairs_mut().append_pair("timeout", "60s");
            let reply: OperationReply = self.http.json(&url).await?;
            if let Some(error) = reply.operation.error {
                let request = request_line("GET", &url);
                let message = error.message.unwrap_or_default();
                let detail = format!("the operation failed: {message}");
                return Err(Cause::Reply { request, detail });
            }
            operation = reply.operation;
        }
        let reason = "the server has not finished the creation of the box";
        Err(Cause::Missing(reason.to_owned()))
    }

    pub(super) async fn update_box(
        &self,
        name: &ArtifactName,
        details: &BoxDetails,
    ) -> Result<(), Cause> {
        let (url, body) = (self.url(&of_box(name)), BoxBody::new(None, details));
        self.http.send_json(Method::PUT, &url, &body).await
    }

    pub(super) async fn find_version(
        &self,
        name: &ArtifactName,
        version: &str,
    ) -> Result<Option<VersionFound>, Cause> {
        let url = self.url(&of_version(name, version));
        let found: Option<VersionReply> = self.http.existing(&url).await?;
        Ok(found.map(|VersionReply { version }| {
            let state = version.state.as_deref().and_then(VersionState::parse);
            VersionFound {
                state: state.unwrap_or(VersionState::Unreleased),
                description: version.description.unwrap_or_default(),
            }
        }))
    }

    pub(super) async fn create_version(
        &self,
        name: &ArtifactName,
        version: &str,
        description: Option<&str>,
    ) -> Result<(), Cause> {
        let url = join_segments(&self.url(&of_box(name)), ["versions"]);
        let mut body = json!({"name": version});
        if let Some(description) = description {
            body["description"] = description.into();
        }
        self.http.send_json(Method::POST, &url, &body).await
    }

    pub(super) async fn update_version(
        &self,
        name: &ArtifactName,
        version: &str,
        description: &str,
    ) -> Result<(), Cause> {
        let url = self.url(&of_version(name, version));
        let body = json!({"description": description});
        self.http.send_json(Method::PUT, &url, &body).await
    }

    pub(super) async fn find_file(&self, place: &FilePlace) -> Result<Option<FileFound>, Cause> {
        let url = self.url(&of_file(place));
        let found: Option<ArchitectureReply> = self.http.existing(&url).await?;
        Ok(found.map(|ArchitectureReply { architecture }| {
            let data = architecture.box_data.unwrap_or_default();
            // A registry may list its own address for a file that it stores.
            let is_own =
                |url: &str| Url::parse(url).is_ok_and(|url| self.http.is_registry_url(&url));
            let url = data
                .download_url
                .filter(|url| !url.is_empty() && !is_own(url));
            FileFound {
                // The size counts only the bytes that the registry stores.
                has_bytes: data.size.is_some_and(|size| size > 0) && url.is_none(),
                url,
                checksum: Checksum::from_reply(
                    data.checksum_type.as_deref(),
                    data.checksum.as_deref(),
                ),
                default_architecture: architecture.default,
            }
        }))
    }

    /// Creates the architecture, and its provider if that does not exist.
    pub(super) async fn create_file(
        &self,
        place: &FilePlace,
        details: &FileDetails,
    ) -> Result<(), Cause> {
        let provider = self.url(&of_provider(place));
        let found: Option<serde::de::IgnoredAny> = self.http.existing(&provider).await?;
        if found.is_none() {
            let url = self.url(&of_version(&place.name, &place.version));
            let url = join_segments(&url, ["providers"]);
            let body = json!({"name": place.provider});
            self.http.send_json(Method::POST, &url, &body).await?;
        }
        let url = join_segments(&provider, ["architectures"]);
        let body = ArchitectureBody {
            architecture_type: Some(architecture(place)),
            ..ArchitectureBody::new(details)
        };
        self.http.send_json(Method::POST, &url, &body).await
    }

    pub(super) async fn update_file(
        &self,
        place: &FilePlace,
        details: &FileDetails,
    ) -> Result<(), Cause> {
        let (url, body) = (self.url(&of_file(place)), ArchitectureBody::new(details));
        self.http.send_json(Method::PUT, &url, &body).await
    }

    pub(super) async fn upload_target(
        &self,
        place: &FilePlace,
        direct: bool,
    ) -> Result<UploadTarget, Cause> {
        let parts = ["direct", "upload"].into_iter().skip(usize::from(!direct));
        let url = join_segments(&self.url(&of_file(place)), parts);
        let reply: UploadReply = self.http.json(&url).await?;
        if direct && reply.object.is_none() {
            let request = request_line("GET", &url);
            let detail = "the reply holds no object".to_owned();
            return Err(Cause::Reply { request, detail });
        }
        Ok(UploadTarget {
            upload_path: reply.url,
            completion: reply.object.filter(|_| direct),
        })
    }

    pub(super) async fn complete(&self, place: &FilePlace, object: &str) -> Result<(), Cause> {
        let url = join_segments(&self.url(&of_file(place)), ["direct", "complete", object]);
        self.http.hide(&url);
        self.http.send_empty(Method::PUT, &url).await
    }

    pub(super) async fn set_state(
        &self,
        name: &ArtifactName,
        version: &str,
        action: &'static str,
    ) -> Result<(), Cause> {
        let url = join_segments(&self.url(&of_version(name, version)), [action]);
        self.http.send_empty(Method::PUT, &url).await
    }

    pub(super) async fn delete(&self, what: &Deletion) -> Result<(), Cause> {
        let path = match what {
            Deletion::Box(name) => of_box(name).to_vec(),
            Deletion::Version(name, version) => of_version(name, version),
            Deletion::File(place) if place.architecture.is_none() => of_provider(place),
            Deletion::File(place) => of_file(place),
        };
        self.http.send_empty(Method::DELETE, &self.url(&path)).await
    }
}

#[derive(Serialize)]
struct BoxBody<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    short_description: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    is_private: Option<bool>,
}

impl<'a> BoxBody<'a> {
    fn new(name: Option<&'a str>, details: &'a BoxDetails) -> Self {
        Self {
            name,
            short_description: details.short_description.as_deref(),
            description: details.description.as_deref(),
            is_private: details.private,
        }
    }
}

#[derive(Serialize)]
struct ArchitectureBody<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    architecture_type: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    default: Option<bool>,
    box_data: WrittenData<'a>,
}

#[derive(Serialize)]
struct WrittenData<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    checksum: Option<&'a str>,
    checksum_type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    download_url: Option<&'a str>,
}

impl<'a> ArchitectureBody<'a> {
    fn new(details: &'a FileDetails) -> Self {
        let checksum = details.checksum.as_ref();
        Self {
            architecture_type: None,
            default: details.default_architecture,
            box_data: WrittenData {
                checksum: checksum.map(|checksum| &*checksum.value),
                checksum_type: checksum.map_or("NONE", |checksum| kind(checksum.kind)),
                download_url: details.url.as_deref(),
            },
        }
    }
}

/// Returns HCP's name of an algorithm, which it once knew only in capitals.
fn kind(kind: ChecksumKind) -> &'static str {
    match kind {
        ChecksumKind::Md5 => "MD5",
        ChecksumKind::Sha1 => "SHA1",
        ChecksumKind::Sha256 => "SHA256",
        ChecksumKind::Sha384 => "SHA384",
        ChecksumKind::Sha512 => "SHA512",
    }
}

#[derive(Deserialize)]
struct BoxReply {
    #[serde(rename = "box")]
    found: FoundBox,
}

#[derive(Deserialize)]
struct FoundBox {
    description: Option<String>,
    short_description: Option<String>,
    is_private: Option<bool>,
}

#[derive(Deserialize)]
struct VersionReply {
    version: HcpVersion,
}

#[derive(Deserialize)]
struct ArchitectureReply {
    architecture: HcpArchitecture,
}

#[derive(Deserialize)]
struct UploadReply {
    url: String,
    object: Option<String>,
}

#[derive(Deserialize)]
struct CreatedReply {
    operation: Option<Operation>,
}

#[derive(Deserialize)]
struct OperationReply {
    operation: Operation,
}

#[derive(Deserialize)]
struct Operation {
    #[serde(default)]
    id: String,
    #[serde(default)]
    state: String,
    location: Option<Location>,
    error: Option<OperationError>,
}

impl Operation {
    fn is_done(&self) -> bool {
        self.state == "DONE"
    }
}

#[derive(Deserialize)]
struct OperationError {
    message: Option<String>,
}

#[derive(Deserialize)]
struct Location {
    organization_id: String,
    project_id: String,
}
