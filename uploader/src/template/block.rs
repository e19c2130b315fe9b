//! One `atlas` post-processor of a template.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::functions::{Context, render};
use super::weak;
use crate::atlas_url::AtlasUrl;
use crate::secret::{Redactor, Token};
use crate::slug::{ArtifactName, ArtifactType};

/// What Packer itself reads in every post-processor.
const COMMON: [&str; 5] = ["type", "name", "only", "except", "keep_input_artifact"];
const OWN: [&str; 7] = [
    "artifact",
    "artifact_type",
    "artifact_type_override",
    "atlas_url",
    "metadata",
    "server_address",
    "token",
];

/// A block as it is written.
#[derive(Debug)]
pub(super) struct Block {
    /// `post-processor 2.1`, counted as Packer does.
    pub(super) place: String,
    pub(super) only: Vec<String>,
    pub(super) except: Vec<String>,
    settings: Map<String, Value>,
}

/// What a block asks for, for one build.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// The artifact.
    pub name: ArtifactName,
    /// The type the version is kept under.
    pub artifact_type: ArtifactType,
    /// The block's own metadata.
    pub metadata: BTreeMap<String, String>,
    /// The block's own token.
    pub token: Option<Token>,
    /// The block's own Atlas.
    pub atlas_url: Option<AtlasUrl>,
}

impl Block {
    /// Looks at all that does not depend on a build.
    pub(super) fn new(place: String, settings: Map<String, Value>) -> Result<Self, Vec<String>> {
        let mut wrong = Vec::new();
        for key in settings.keys() {
            if !COMMON.contains(&key.as_str()) && !OWN.contains(&key.as_str()) {
                wrong.push(format!("{place}: unknown configuration key: {key:?}"));
            }
        }
        let mut names = |key: &str| {
            let names = settings.get(key).map_or(Ok(Vec::new()), weak::list);
            names.unwrap_or_else(|reason| {
                wrong.push(format!("{place}: {key}: {reason}"));
                Vec::new()
            })
        };
        let (only, except) = (names("only"), names("except"));
        if !only.is_empty() && !except.is_empty() {
            wrong.push(format!(
                "{place}: only one of 'only' or 'except' may be specified"
            ));
        }
        if let Some(Err(reason)) = settings.get("artifact_type_override").map(weak::truth) {
            wrong.push(format!("{place}: artifact_type_override: {reason}"));
        }
        if wrong.is_empty() {
            Ok(Self {
                place,
                only,
                except,
                settings,
            })
        } else {
            Err(wrong)
        }
    }

    pub(super) fn applies_to(&self, build: &str) -> bool {
        let named = |names: &[String]| names.iter().any(|name| name == build);
        (self.only.is_empty() || named(&self.only)) && !named(&self.except)
    }

    /// The block for one build. A token becomes known to the redactor before anything can be said
    /// about it.
    pub(super) fn request(
        &self,
        context: &Context<'_>,
        redactor: &Redactor,
    ) -> Result<Request, Vec<String>> {
        let mut reading = Reading {
            block: self,
            context,
            wrong: Vec::new(),
        };
        let token = reading.text("token");
        redactor.add(token.as_deref().unwrap_or_default());
        let (artifact, artifact_type) = (reading.text("artifact"), reading.text("artifact_type"));
        let (current, older) = (reading.text("atlas_url"), reading.text("server_address"));
        let metadata = reading.metadata();
        for (key, value) in [("artifact", &artifact), ("artifact_type", &artifact_type)] {
            if value.as_deref() == Some("") {
                reading
                    .wrong
                    .push(format!("{}: {key} must be set", self.place));
            }
        }
        let name = reading.parsed("artifact", artifact);
        let artifact_type = reading.parsed("artifact_type", artifact_type);
        let url = current.filter(|url| !url.is_empty()).or(older);
        let atlas_url = reading.parsed("atlas_url", url);
        let token = reading.token(token);
        match (name, artifact_type) {
            (Some(name), Some(artifact_type)) if reading.wrong.is_empty() => Ok(Request {
                name,
                artifact_type,
                metadata,
                token,
                atlas_url,
            }),
            _ => Err(reading.wrong),
        }
    }
}

/// Reads a block's settings, and keeps what is wrong with any.
struct Reading<'a> {
    block: &'a Block,
    context: &'a Context<'a>,
    wrong: Vec<String>,
}

impl Reading<'_> {
    /// An empty text for what is not there, `None` for what cannot be read.
    fn text(&mut self, key: &str) -> Option<String> {
        let value = self.block.settings.get(key);
        let text = value.map_or(Ok(String::new()), weak::text);
        let text = text.and_then(|text| render(&text, self.context));
        text.map_err(|reason| self.refuse(key, &reason)).ok()
    }

    /// Not by [`Self::parsed`], whose complaints may repeat what was given.
    fn token(&mut self, text: Option<String>) -> Option<Token> {
        let text = text.filter(|text| !text.is_empty())?;
        let token = Token::new(&text);
        token
            .map_err(|reason| self.refuse("token", &reason.to_string()))
            .ok()
    }

    fn metadata(&mut self) -> BTreeMap<String, String> {
        let value = self.block.settings.get("metadata");
        let metadata = value.map_or(Ok(BTreeMap::new()), weak::map);
        let metadata = metadata.unwrap_or_else(|reason| {
            self.refuse("metadata", &reason);
            BTreeMap::new()
        });
        let mut rendered = BTreeMap::new();
        for (key, value) in metadata {
            match render(&value, self.context) {
                Ok(value) => drop(rendered.insert(key, value)),
                Err(reason) => self.refuse(&format!("metadata: {key}"), &reason),
            }
        }
        rendered
    }

    /// An empty one is not given, and has been spoken of where it must be.
    fn parsed<T: std::str::FromStr<Err: std::fmt::Display>>(
        &mut self,
        key: &str,
        text: Option<String>,
    ) -> Option<T> {
        let parsed = text.filter(|text| !text.is_empty())?.parse();
        parsed
            .map_err(|reason: T::Err| self.refuse(key, &reason.to_string()))
            .ok()
    }

    fn refuse(&mut self, key: &str, reason: &str) {
        let place = &self.block.place;
        self.wrong.push(format!("{place}: {key}: {reason}"));
    }
}
