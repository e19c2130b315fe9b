//! The JSON of replies. The order of fields is the recorded one.
//!
//! - `version`: the JSON of versions, written by hand; `replies`: a cache of such replies

mod replies;
mod version;

use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

pub(crate) use replies::Replies;
pub(crate) use version::{LongReply, new_version_reply, search_reply};

use crate::domain::{ArtifactName, Name, Orphan, OrphanState, timestamp};
use crate::faults::{Chaos, FaultReport};
use crate::observe::{Lint, Request, Verdict};
use crate::storage::Token;

// As a constant it is not copied for each reply.
const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// A reply of JSON.
fn sent(json: serde_json::Result<impl Into<Body>>) -> Response {
    // What fails is a key that is no text, and none is here.
    let Ok(json) = json else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    let mut response = Response::new(json.into());
    response.headers_mut().insert(header::CONTENT_TYPE, JSON);
    response
}

/// `{"user": {"username": U}}` (contract: Base URL and authentication).
#[derive(Serialize)]
pub(crate) struct UserReply<'a> {
    pub(crate) user: User<'a>,
}

#[derive(Serialize)]
pub(crate) struct User<'a> {
    pub(crate) username: &'a Name,
}

/// `{"token": "…"}`, the reply to a login.
#[derive(Serialize)]
pub(crate) struct TokenReply {
    pub(crate) token: String,
}

/// `{"artifact": {"username": U, "name": N, "tag": "U/N"}}` (contract: Artifacts).
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

/// `{}`, the reply to an upload.
// Contract: silent.upload-reply
#[derive(Serialize)]
pub(crate) struct EmptyReply {}

/// A token without its value (of this emulator's own: Atlas had no such call).
#[derive(Serialize)]
pub(crate) struct TokenElement<'a> {
    id: String,
    username: &'a Name,
    description: &'a str,
    created_at: String,
}

impl<'a> From<&'a Token> for TokenElement<'a> {
    fn from(token: &'a Token) -> Self {
        Self {
            id: token.id.to_string(),
            username: &token.account.username,
            description: &token.description,
            created_at: timestamp(token.created),
        }
    }
}

/// `{"tokens": [ … ]}`.
#[derive(Serialize)]
pub(crate) struct TokensReply<'a> {
    pub(crate) tokens: Vec<TokenElement<'a>>,
}

/// A token that was just made, the only time that its value is shown. It stands under the name
/// that a login gives it.
#[derive(Serialize)]
pub(crate) struct NewTokenReply<'a> {
    pub(crate) token: String,
    #[serde(flatten)]
    pub(crate) about: TokenElement<'a>,
}

/// A version that awaits its file.
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
        let Orphan {
            artifact,
            artifact_type,
            number,
            ..
        } = orphan;
        Self {
            slug: artifact.slug(artifact_type, *number),
            id: &orphan.id,
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

/// `{"orphans": [ … ]}`.
#[derive(Serialize)]
pub(crate) struct OrphansReply<'a> {
    pub(crate) orphans: Vec<OrphanElement<'a>>,
}

/// A fault, and how often it fired.
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

/// `{"faults": [ … ], "chaos": …}`, the latter `null` where there is none.
#[derive(Serialize)]
pub(crate) struct FaultsReply {
    pub(crate) faults: Vec<FaultElement>,
    pub(crate) chaos: Option<ChaosElement>,
}

/// Chaos, and how many requests met it.
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

/// `{"requests": [ … ], "forgotten": 0}`: what the journal holds, and how many more there were.
#[derive(Serialize)]
pub(crate) struct RequestsReply<'a> {
    pub(crate) requests: Vec<&'a Request>,
    pub(crate) forgotten: u64,
}

/// `{"lints": [ … ]}`.
#[derive(Serialize)]
pub(crate) struct LintsReply {
    pub(crate) lints: Vec<Lint>,
}

/// `{"verified": true, "text": "…", …}`: a verdict, and the same for people.
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

/// `{"status": "ready", "version": "…"}`.
#[derive(Serialize)]
pub(crate) struct HealthReply {
    status: &'static str,
    version: &'static str,
}

impl HealthReply {
    pub(crate) const READY: Self = Self {
        status: "ready",
        version: env!("CARGO_PKG_VERSION"),
    };
}
