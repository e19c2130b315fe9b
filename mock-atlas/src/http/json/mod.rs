//! Defines the JSON of replies. The fields have the order of recorded replies. `extract::json_body` decodes the
//! JSON of requests.
//!
//! - `boxes`: boxes, their versions and providers; `box_document`: what `vagrant box add` reads; `markdown`: the
//!   HTML of descriptions
//! - `hcp`: the objects of HCP's registry of boxes
//! - `audit`, `channels`, `quotas`: what the emulator's own API tells of them
//! - `webhooks`: webhooks, and what is sent to them
//! - `version`: the JSON of versions, written by hand; `replies`: a cache of replies to searches

mod audit;
mod box_document;
mod boxes;
mod channels;
mod hcp;
mod markdown;
mod quotas;
mod replies;
mod version;
mod webhooks;

use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

pub(crate) use audit::{AuditElement, AuditReply};
pub(crate) use box_document::{BoxDocument, Reader};
pub(crate) use boxes::{
    BoxView, BoxesReply, DirectUploadReply, NamespaceReply, UploadReply, download_path,
    download_url,
};
pub(crate) use channels::{ChannelReply, ChannelsReply};
pub(crate) use hcp::{
    AccessTokenReply, ChangedReply, DirectUploadFields, HcpDownloadReply, HcpList, HcpListReply,
    HcpReply, HcpUploadReply, HcpView, OAuthError, RegistryElement,
};
pub(crate) use quotas::{QuotaElement, QuotasReply};
pub(crate) use replies::Replies;
pub(crate) use version::{LongReply, new_version_reply, search_reply};
pub(crate) use webhooks::{
    DeliveriesReply, DeliveryElement, NewDeliveryReply, NewWebhookReply, WebhookElement,
    WebhooksReply, payload,
};

use crate::domain::{ArtifactName, Name, Orphan, OrphanState, Scope, exact_timestamp, timestamp};
use crate::faults::{Chaos, FaultReport};
use crate::observe::{Lint, Request, Verdict};
use crate::service::imports::Imported;
use crate::storage::{Presence, Token};

// A constant from a static text is not copied for each reply.
const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// Returns a reply with this JSON.
fn json_reply(json: serde_json::Result<impl Into<Body>>) -> Response {
    // Serialization fails only for a key that is no text, and no reply has one.
    let Ok(json) = json else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    let mut response = Response::new(json.into());
    response.headers_mut().insert(header::CONTENT_TYPE, JSON);
    response
}

/// The reply `{"user": {"username": U}}` (contract: Base URL and authentication).
#[derive(Serialize)]
pub(crate) struct UserReply<'a> {
    pub(crate) user: User<'a>,
}

#[derive(Serialize)]
pub(crate) struct User<'a> {
    pub(crate) username: &'a Name,
}

/// The reply to a login, `{"token": "…", …}`, the only one that shows the value of its token.
#[derive(Serialize)]
pub(crate) struct LoginReply {
    token: String,
    /// The id of the token. That of the real service is unknown.
    token_hash: String,
    created_at: String,
    description: String,
}

impl From<(Token, String)> for LoginReply {
    fn from((about, token): (Token, String)) -> Self {
        Self {
            token,
            token_hash: about.id.simple().to_string(),
            created_at: exact_timestamp(about.created),
            description: about.description,
        }
    }
}

/// The reply to a login without the code of the second factor.
// Contract: boxes.two-factor
#[derive(Serialize)]
pub(crate) struct CodeNeededReply {
    two_factor: DeliveryMethods,
}

#[derive(Serialize)]
struct DeliveryMethods {
    default_delivery_method: &'static str,
    delivery_methods: [&'static str; 2],
}

impl CodeNeededReply {
    pub(crate) const METHODS: Self = Self {
        two_factor: DeliveryMethods {
            default_delivery_method: "app",
            delivery_methods: ["app", "sms"],
        },
    };
}

/// The reply to a request for a code, `{"two_factor": {"obfuscated_destination": "…"}}`.
// Contract: boxes.two-factor-request
#[derive(Serialize)]
pub(crate) struct CodeSentReply {
    two_factor: Destination,
}

#[derive(Serialize)]
struct Destination {
    obfuscated_destination: &'static str,
}

impl CodeSentReply {
    pub(crate) const SENT: Self = Self {
        two_factor: Destination {
            obfuscated_destination: "SMS ***1",
        },
    };
}

/// The reply `{"artifact": {"username": U, "name": N, "tag": "U/N"}}` (contract: Artifacts).
// Contract: errors.none-on-success, artifacts.create
#[derive(Serialize)]
pub(crate) struct ArtifactReply<'a> {
    artifact: Artifact<'a>,
}

#[derive(Serialize)]
struct Artifact<'a> {
    username: &'a Name,
    name: &'a Name,
    tag: &'a ArtifactName,
}

impl<'a> From<&'a ArtifactName> for ArtifactReply<'a> {
    fn from(artifact: &'a ArtifactName) -> Self {
        let ArtifactName { username, name } = artifact;
        Self {
            artifact: Artifact {
                username,
                name,
                tag: artifact,
            },
        }
    }
}

/// The reply to an upload, `{}`.
// Contract: silent.upload-reply
#[derive(Serialize)]
pub(crate) struct EmptyReply {}

/// A token without its value, in the emulator's own API.
#[derive(Serialize)]
pub(crate) struct TokenElement<'a> {
    id: String,
    username: &'a Name,
    description: &'a str,
    created_at: String,
    scope: &'a Scope,
    expires_at: Option<String>,
    /// The time of the last use, precise to a minute.
    last_used_at: Option<String>,
}

impl<'a> From<&'a Token> for TokenElement<'a> {
    fn from(token: &'a Token) -> Self {
        Self {
            id: token.id.to_string(),
            username: &token.account.username,
            description: &token.description,
            created_at: timestamp(token.created),
            scope: token.account.scope(),
            expires_at: token.expires.map(timestamp),
            last_used_at: token.last_use.get().map(timestamp),
        }
    }
}

/// The reply `{"tokens": [ … ]}`.
#[derive(Serialize)]
pub(crate) struct TokensReply<'a> {
    pub(crate) tokens: Vec<TokenElement<'a>>,
}

/// The reply with a new token, the only one that shows its value. The field has the same name as in the reply
/// to a login.
#[derive(Serialize)]
pub(crate) struct NewTokenReply<'a> {
    pub(crate) token: String,
    #[serde(flatten)]
    pub(crate) about: TokenElement<'a>,
}

/// A version, or a provider of a box, that awaits its file.
#[derive(Serialize)]
pub(crate) struct OrphanElement<'a> {
    slug: String,
    id: &'a str,
    state: &'static str,
    received: u64,
    announced: Option<u64>,
    since: String,
}

impl<'a> From<&'a Orphan> for OrphanElement<'a> {
    fn from(orphan: &'a Orphan) -> Self {
        Self {
            slug: orphan.slug(),
            id: orphan.id(),
            state: match orphan.state {
                OrphanState::Reserved => "reserved",
                OrphanState::Partial => "partial",
                OrphanState::Complete => "complete",
            },
            received: orphan.received,
            announced: orphan.announced,
            since: timestamp(orphan.since),
        }
    }
}

/// The reply `{"orphans": [ … ]}`.
#[derive(Serialize)]
pub(crate) struct OrphansReply<'a> {
    pub(crate) orphans: Vec<OrphanElement<'a>>,
}

/// The reply to an import: `{"state": "added" | "missing" | "present" | "different", "reason": …}`.
#[derive(Serialize)]
pub(crate) struct ImportReply {
    state: &'static str,
    /// The part that differs; null unless something does.
    reason: Option<&'static str>,
}

impl From<Imported> for ImportReply {
    fn from(imported: Imported) -> Self {
        let (state, reason) = match (imported.presence, imported.is_plan) {
            (Presence::Missing, true) => ("missing", None),
            (Presence::Missing, false) => ("added", None),
            (Presence::Present, _) => ("present", None),
            (Presence::Different(part), _) => ("different", Some(part)),
        };
        Self { state, reason }
    }
}

/// A fault, with the number of requests that it matched and that it fired for.
#[derive(Serialize)]
pub(crate) struct FaultElement {
    id: u64,
    rule: String,
    seen: u64,
    fired: u64,
}

impl From<&FaultReport> for FaultElement {
    fn from(report: &FaultReport) -> Self {
        Self {
            id: report.id,
            rule: report.fault.to_string(),
            seen: report.seen,
            fired: report.fired,
        }
    }
}

/// The reply `{"faults": [ … ], "chaos": …}`; `chaos` is `null` where it is off.
#[derive(Serialize)]
pub(crate) struct FaultsReply {
    pub(crate) faults: Vec<FaultElement>,
    pub(crate) chaos: Option<ChaosElement>,
}

/// The settings of chaos, and the number of requests that met it.
#[derive(Serialize)]
pub(crate) struct ChaosElement {
    probability: f64,
    seed: u64,
    fired: u64,
}

impl From<(Chaos, u64)> for ChaosElement {
    fn from((chaos, fired): (Chaos, u64)) -> Self {
        Self {
            probability: chaos.probability,
            seed: chaos.seed,
            fired,
        }
    }
}

/// The reply `{"requests": [ … ], "forgotten": 0}`: the journal's requests, and the number of older ones that
/// it has dropped.
#[derive(Serialize)]
pub(crate) struct RequestsReply<'a> {
    pub(crate) requests: Vec<&'a Request>,
    pub(crate) forgotten: u64,
}

/// The reply `{"lints": [ … ]}`.
#[derive(Serialize)]
pub(crate) struct LintsReply {
    pub(crate) lints: Vec<Lint>,
}

/// The reply `{"verified": true, "text": "…", …}`: a verdict, with its text for people.
#[derive(Serialize)]
pub(crate) struct VerdictReply<'a> {
    verified: bool,
    text: String,
    #[serde(flatten)]
    verdict: &'a Verdict,
}

impl<'a> From<&'a Verdict> for VerdictReply<'a> {
    fn from(verdict: &'a Verdict) -> Self {
        Self {
            verified: verdict.is_good(),
            text: verdict.to_string(),
            verdict,
        }
    }
}

/// The reply `{"status": "ready", "version": "…"}`, with `"disk": "full"` or `"disk": "free"` where data is kept.
#[derive(Serialize)]
pub(crate) struct HealthReply {
    status: &'static str,
    version: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    disk: Option<&'static str>,
}

impl HealthReply {
    /// Returns the reply of an emulator that is ready. `has_space` tells whether its disk takes more.
    pub(crate) fn ready(has_space: Option<bool>) -> Self {
        Self {
            status: "ready",
            version: env!("CARGO_PKG_VERSION"),
            disk: has_space.map(|has_space| match has_space {
                true => "free",
                false => "full",
            }),
        }
    }
}
