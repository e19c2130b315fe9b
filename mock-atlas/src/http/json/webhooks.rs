//! Webhooks as JSON, and what is sent to them.

use serde::Serialize;
use uuid::Uuid;

use crate::domain::{
    BoxFacts, Delivery, DeliveryState, Event, FileFacts, Name, ProviderFacts, Subject,
    VersionFacts, Webhook, exact_timestamp,
};

/// The reply `{"webhooks": [ … ]}`.
#[derive(Serialize)]
pub(crate) struct WebhooksReply<'a> {
    pub(crate) webhooks: Vec<WebhookElement<'a>>,
}

/// A webhook without its secret.
#[derive(Serialize)]
pub(crate) struct WebhookElement<'a> {
    id: Uuid,
    url: &'a str,
    events: Vec<&'static str>,
    on: Option<&'a str>,
    created_at: String,
}

impl<'a> From<&'a Webhook> for WebhookElement<'a> {
    fn from(webhook: &'a Webhook) -> Self {
        Self {
            id: webhook.id,
            url: &webhook.url,
            events: webhook.events.names(),
            on: webhook.on.as_ref().map(|on| on.as_str()),
            created_at: exact_timestamp(webhook.created),
        }
    }
}

/// A new webhook, with its secret if that was made here. No other reply shows it.
#[derive(Serialize)]
pub(crate) struct NewWebhookReply<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) secret: Option<&'a str>,
    #[serde(flatten)]
    pub(crate) about: WebhookElement<'a>,
}

/// The reply `{"deliveries": [ … ]}`.
#[derive(Serialize)]
pub(crate) struct DeliveriesReply<'a> {
    pub(crate) deliveries: Vec<DeliveryElement<'a>>,
}

/// The reply `{"delivery": NUMBER}`.
#[derive(Serialize)]
pub(crate) struct NewDeliveryReply {
    pub(crate) delivery: u64,
}

/// A delivery.
#[derive(Serialize)]
pub(crate) struct DeliveryElement<'a> {
    delivery: u64,
    webhook: Uuid,
    event: &'static str,
    event_id: Uuid,
    /// The slug of the artifact, the version or the box that the event is about.
    subject: Option<String>,
    time: String,
    state: &'static str,
    attempts: u64,
    status: Option<u16>,
    error: Option<&'a str>,
    /// The time of the next try.
    next_try_at: Option<String>,
}

impl<'a> From<&'a Delivery> for DeliveryElement<'a> {
    fn from(delivery: &'a Delivery) -> Self {
        let Event {
            id,
            kind,
            time,
            subject,
        } = &delivery.event;
        let is_pending = delivery.state == DeliveryState::Pending;
        Self {
            delivery: delivery.number,
            webhook: delivery.webhook,
            event: kind.name(),
            event_id: *id,
            subject: subject.as_ref().map(slug),
            time: exact_timestamp(*time),
            state: delivery.state.name(),
            attempts: delivery.attempts,
            status: delivery.status,
            error: delivery.error.as_deref(),
            next_try_at: is_pending.then(|| exact_timestamp(delivery.due)),
        }
    }
}

fn slug(subject: &Subject) -> String {
    let artifact = &subject.artifact;
    if let Some(version) = &subject.version {
        return artifact.slug(&version.artifact_type, version.number);
    }
    let of_box = subject.vagrant_box.as_ref();
    match of_box.and_then(|facts| facts.version.as_ref()) {
        Some(version) => format!("{artifact}/{}/{version}", crate::domain::BOX_TYPE),
        None => artifact.to_string(),
    }
}

/// The body of a delivery.
#[derive(Serialize)]
struct Payload<'a> {
    r#type: &'static str,
    id: Uuid,
    timestamp: String,
    data: Option<Data<'a>>,
}

#[derive(Serialize)]
struct Data<'a> {
    username: &'a Name,
    name: &'a Name,
    by: Option<&'a Name>,
    url: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<VersionData<'a>>,
    #[serde(rename = "box", skip_serializing_if = "Option::is_none")]
    vagrant_box: Option<BoxData<'a>>,
}

#[derive(Serialize)]
struct VersionData<'a> {
    r#type: &'a Name,
    number: u64,
    file: Option<FileData<'a>>,
}

#[derive(Serialize)]
struct BoxData<'a> {
    /// The version; `None` for a box as a whole.
    version: Option<&'a str>,
    providers: Vec<ProviderData<'a>>,
}

#[derive(Serialize)]
struct ProviderData<'a> {
    name: &'a Name,
    architecture: &'a Name,
    url: String,
    file: Option<FileData<'a>>,
}

#[derive(Serialize)]
struct FileData<'a> {
    length: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    digest: Option<&'a str>,
    sha256: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<String>,
}

impl<'a> FileData<'a> {
    fn of(file: &'a FileFacts, url: Option<String>) -> Self {
        Self {
            length: file.len,
            digest: file.digest.as_deref(),
            sha256: file.sha256.as_deref(),
            url,
        }
    }
}

/// Returns the body of a delivery. `base` is the address at which clients reach this Atlas.
pub(crate) fn payload(event: &Event, base: &str) -> serde_json::Result<Vec<u8>> {
    serde_json::to_vec(&Payload {
        r#type: event.kind.name(),
        id: event.id,
        timestamp: exact_timestamp(event.time),
        data: event.subject.as_ref().map(|subject| data(subject, base)),
    })
}

fn data<'a>(subject: &'a Subject, base: &str) -> Data<'a> {
    let of = Of { subject, base };
    let artifact = &subject.artifact;
    let path = match subject.vagrant_box {
        Some(_) => format!("/api/v2/box/{artifact}"),
        None => format!("/api/v1/artifacts/{artifact}"),
    };
    Data {
        username: &artifact.username,
        name: &artifact.name,
        by: subject.by.as_ref(),
        url: format!("{base}{path}"),
        version: subject.version.as_ref().map(|version| of.version(version)),
        vagrant_box: subject.vagrant_box.as_ref().map(|facts| of.facts(facts)),
    }
}

/// The addresses of what an event is about.
struct Of<'a, 'b> {
    subject: &'a Subject,
    base: &'b str,
}

impl<'a> Of<'a, '_> {
    fn version(&self, version: &'a VersionFacts) -> VersionData<'a> {
        let VersionFacts {
            artifact_type,
            number,
            file,
        } = version;
        let (base, artifact) = (self.base, &self.subject.artifact);
        let url = format!("{base}/api/v1/artifacts/{artifact}/{artifact_type}/{number}/file");
        VersionData {
            r#type: artifact_type,
            number: *number,
            file: file.as_ref().map(|file| FileData::of(file, Some(url))),
        }
    }

    fn facts(&self, facts: &'a BoxFacts) -> BoxData<'a> {
        let version = facts.version.as_deref();
        let providers = facts.providers.iter();
        BoxData {
            version,
            providers: providers
                .map(|provider| self.provider(provider, version.unwrap_or_default()))
                .collect(),
        }
    }

    fn provider(&self, provider: &'a ProviderFacts, version: &str) -> ProviderData<'a> {
        let ProviderFacts {
            name,
            architecture,
            file,
        } = provider;
        let (base, of) = (self.base, &self.subject.artifact);
        let digest = file.as_ref().and_then(|file| file.sha256.as_ref());
        let digest = digest
            .map(|digest| format!("/{digest}"))
            .unwrap_or_default();
        let (username, of) = (&of.username, &of.name);
        ProviderData {
            name,
            architecture,
            url: format!(
                "{base}/{username}/boxes/{of}/versions/{version}/providers/{name}/{architecture}{digest}/vagrant.box"
            ),
            file: file.as_ref().map(|file| FileData::of(file, None)),
        }
    }
}
