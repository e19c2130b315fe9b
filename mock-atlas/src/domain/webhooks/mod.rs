//! Webhooks: receivers that are told by HTTP what has changed.
//!
//! - `event`: what has happened, and to what; `boxes`: the events that follow from the change of a box
//! - `secret`: the key of signatures
//! - `delivery`: an event on its way to a receiver

mod boxes;
mod delivery;
mod event;
mod secret;

use std::str::FromStr;
use std::time::SystemTime;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{ArtifactName, Name};
pub(crate) use boxes::box_events;
pub(crate) use delivery::{
    Claim, Claimed, Delivery, DeliveryQuery, DeliveryState, Outcome, Try, TryId, Verdict,
};
pub(crate) use event::{
    BoxFacts, Event, EventKind, EventKinds, FileFacts, ProviderFacts, Subject, VersionFacts,
};
pub(crate) use secret::WebhookSecret;

/// The greatest number of webhooks. Each has tries of its own, so that one that hangs holds up no other.
pub(crate) const MOST_WEBHOOKS: usize = 64;

/// A receiver of events.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Webhook {
    pub(crate) id: Uuid,
    pub(crate) url: String,
    pub(crate) events: EventKinds,
    /// The artifacts that the webhook is told of; `None` for all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) on: Option<WebhookPlace>,
    pub(crate) secret: WebhookSecret,
    pub(crate) created: SystemTime,
}

impl Webhook {
    /// Returns whether the webhook is told of such an event.
    pub(crate) fn wants(&self, kind: EventKind, artifact: &ArtifactName) -> bool {
        self.events.contain(kind) && self.on.as_ref().is_none_or(|on| on.covers(artifact))
    }
}

/// A namespace, or one artifact or box. Its text is `USERNAME` or `USERNAME/NAME`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(crate) struct WebhookPlace(String);

impl WebhookPlace {
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    fn covers(&self, artifact: &ArtifactName) -> bool {
        self.0 == artifact.username.as_str() || self.0 == artifact.to_string()
    }
}

impl FromStr for WebhookPlace {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.contains('/') {
            true => text
                .parse::<ArtifactName>()
                .map(drop)
                .map_err(|error| error.to_string())?,
            false => text
                .parse::<Name>()
                .map(drop)
                .map_err(|error| error.to_string())?,
        }
        Ok(Self(text.to_owned()))
    }
}

impl TryFrom<String> for WebhookPlace {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<WebhookPlace> for String {
    fn from(place: WebhookPlace) -> Self {
        place.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_covers_its_namespace_or_its_artifact_alone() {
        let covers = |place: &str, artifact: &str| {
            let place: WebhookPlace = place.parse().unwrap();
            place.covers(&artifact.parse().unwrap())
        };
        assert!(covers("acme", "acme/web") && covers("acme", "acme/db"));
        assert!(covers("acme/web", "acme/web") && !covers("acme/web", "acme/db"));
        assert!(!covers("acm", "acme/web") && !covers("web", "acme/web"));
        for text in ["", "/", "acme/", "a b", "acme/web/x/1"] {
            assert!(text.parse::<WebhookPlace>().is_err(), "{text}");
        }
    }
}
