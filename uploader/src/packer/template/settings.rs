//! This module reads the settings of an `atlas` post-processor, as the documentation names them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use serde_json::{Map, Value};

use super::document::take_spelling;
use super::error::TemplateError;
use super::evaluate::render;
use super::packer_functions::Context;
use super::weak_decode;
use crate::api::atlas_url::AtlasUrl;
use crate::base::secret::{Redactor, Token};
use crate::base::slug::{ArtifactName, ArtifactType};

const KEYS: [&str; 14] = [
    "artifact",
    "artifact_type",
    "artifact_type_override",
    "atlas_url",
    "metadata",
    "server_address",
    "token",
    "atlas_upload_allow_http",
    "atlas_upload_box_check",
    "atlas_upload_boxes",
    "atlas_upload_digest",
    "atlas_upload_receipts",
    "atlas_upload_skip_existing",
    "atlas_upload_verify",
];

/// The settings are kept as they are written.
#[derive(Debug, Clone, Default)]
pub(crate) struct Settings(Map<String, Value>);

/// A request is what the settings ask for, for one build.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// The artifact.
    pub name: ArtifactName,
    /// The type the version is kept under.
    pub artifact_type: ArtifactType,
    /// The metadata that is set.
    pub metadata: BTreeMap<String, String>,
    /// The token that is set.
    pub token: Option<Token>,
    /// The Atlas that is set.
    pub atlas_url: Option<AtlasUrl>,
    /// These are the settings that the original did not have.
    pub extras: Extras,
}

/// The extras go beyond the original, and are done only where a setting asks for them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Extras {
    /// `atlas_upload_allow_http`: bytes may go to a plain http address that an https Atlas gives, or not;
    /// unset, the variable decides.
    pub allow_http: Option<bool>,
    /// `atlas_upload_boxes`: Vagrant boxes are pushed, or not; unset, the program decides.
    pub boxes: Option<bool>,
    /// `atlas_upload_box_check`: whether to look first if Vagrant can use a box; unset, it is looked.
    pub box_check: Option<bool>,
    /// `atlas_upload_digest`: the digest and a mark go into the metadata.
    pub digest: bool,
    /// `atlas_upload_skip_existing`: nothing is pushed when the latest version is the same.
    pub skip_existing: bool,
    /// `atlas_upload_verify`: the version is read back and compared.
    pub verify: bool,
    /// `atlas_upload_receipts`: the folder in which to keep how far a push came that is not done.
    pub receipts: Option<PathBuf>,
}

impl Request {
    /// Returns the reason why a Vagrant box is not pushed, where the setting `atlas_upload_boxes`, or for
    /// want of it `otherwise`, does not allow it.
    pub(crate) fn refusal_of_box(&self, otherwise: bool) -> Option<String> {
        let is_refused =
            self.artifact_type.is_vagrant_box() && !self.extras.boxes.unwrap_or(otherwise);
        is_refused.then(|| {
            let original = match self.extras.boxes {
                Some(_) => "",
                None => ", as the original refused it since Packer 1.0.1",
            };
            format!(
                "artifact_type vagrant.box is refused{original}; set atlas_upload_boxes to true, and boxes are pushed to your Atlas"
            )
        })
    }
}

impl Settings {
    /// Takes known keys in any case, as Packer does: where one is there in its own, that one counts.
    pub(crate) fn new(mut settings: Map<String, Value>) -> Self {
        for key in KEYS {
            take_spelling(&mut settings, key);
        }
        Self(settings)
    }

    /// Returns the keys that are neither known nor among `others`.
    pub(crate) fn unknown<'a>(&'a self, others: &'a [&str]) -> impl Iterator<Item = &'a str> {
        let keys = self.0.keys().map(String::as_str);
        keys.filter(|key| !KEYS.contains(key) && !others.contains(key))
    }

    pub(crate) fn get(&self, key: &str) -> Option<&Value> {
        self.0.get(key)
    }

    /// Returns the settings for one build, or all that is wrong with them. The warnings get what
    /// whoever wrote them may not have meant, each with its key. A token becomes known to the redactor
    /// before anything can be said about it.
    pub(crate) fn request(
        &self,
        context: &Context<'_>,
        redactor: &Redactor,
        warnings: &mut BTreeSet<String>,
    ) -> Result<Request, Vec<String>> {
        let mut reading = Reading {
            settings: self,
            context,
            wrong: Vec::new(),
            told: false,
            warnings,
        };
        let token = reading.text("token");
        redactor.add(token.as_deref().unwrap_or_default());
        let (artifact, artifact_type) = (reading.text("artifact"), reading.text("artifact_type"));
        let (current, older) = (reading.text("atlas_url"), reading.text("server_address"));
        let metadata = reading.metadata();
        let extras = reading.extras();
        reading.truth("artifact_type_override");
        for (key, value) in [("artifact", &artifact), ("artifact_type", &artifact_type)] {
            if value.as_deref() == Some("") {
                reading.wrong.push(format!("{key} must be set"));
            }
        }
        let name = reading.parsed("artifact", artifact);
        let artifact_type = reading.parsed("artifact_type", artifact_type);
        let url = current.filter(|url| !url.is_empty()).or(older);
        let atlas_url = reading.parsed("atlas_url", url);
        let token = reading.token(token);
        match (name, artifact_type) {
            (Some(name), Some(artifact_type)) if reading.is_well() => Ok(Request {
                name,
                artifact_type,
                metadata,
                token,
                atlas_url,
                extras,
            }),
            _ => Err(reading.wrong),
        }
    }
}

/// A reading interpolates settings one by one, and keeps what is wrong with any.
struct Reading<'a> {
    settings: &'a Settings,
    context: &'a Context<'a>,
    wrong: Vec<String>,
    /// Whether something is wrong that has been told elsewhere.
    told: bool,
    warnings: &'a mut BTreeSet<String>,
}

impl Reading<'_> {
    fn is_well(&self) -> bool {
        self.wrong.is_empty() && !self.told
    }

    /// Interpolates a text that stands in this place.
    fn rendered(&mut self, place: &str, text: &str) -> Option<String> {
        match render(text, self.context) {
            Ok(rendered) => {
                let placed = rendered.warnings.iter();
                let placed = placed.map(|warning| format!("{place}: {warning}"));
                self.warnings.extend(placed);
                Some(rendered.text)
            }
            Err(TemplateError::Reported) => {
                self.told = true;
                None
            }
            Err(error) => {
                self.refuse(place, &error.to_string());
                None
            }
        }
    }

    /// Returns an empty text for what is not there, `None` for what cannot be read.
    fn text(&mut self, key: &str) -> Option<String> {
        let value = self.settings.get(key);
        match value.map_or(Ok(String::new()), weak_decode::text) {
            Ok(text) => self.rendered(key, &text),
            Err(reason) => {
                self.refuse(key, &reason);
                None
            }
        }
    }

    /// Returns `None` for what is not there, or is null.
    fn choice(&mut self, key: &str) -> Option<bool> {
        let is_set = self.settings.get(key).is_some_and(|value| !value.is_null());
        is_set.then(|| self.truth(key))
    }

    /// Returns no for what is not there, and for what cannot be read. A text is rendered first, as
    /// Packer does.
    fn truth(&mut self, key: &str) -> bool {
        let value = match self.settings.get(key) {
            Some(Value::String(text)) => self.rendered(key, text).map(Value::String),
            value => value.cloned(),
        };
        weak_decode::truth(&value.unwrap_or_default()).unwrap_or_else(|reason| {
            self.refuse(key, &reason);
            false
        })
    }

    /// Reads a token, and not by [`Self::parsed`], whose complaints may repeat what was given.
    fn token(&mut self, text: Option<String>) -> Option<Token> {
        let text = text.filter(|text| !text.is_empty())?;
        let token = Token::new(&text);
        token
            .map_err(|reason| self.refuse("token", &reason.to_string()))
            .ok()
    }

    fn metadata(&mut self) -> BTreeMap<String, String> {
        let value = self.settings.get("metadata");
        let metadata = value.map_or(Ok(BTreeMap::new()), weak_decode::map);
        let metadata = metadata.unwrap_or_else(|reason| {
            self.refuse("metadata", &reason);
            BTreeMap::new()
        });
        let mut rendered = BTreeMap::new();
        for (key, value) in metadata {
            let place = format!("metadata: {key}");
            let value = self.rendered(&place, &value);
            let pair = value.and_then(|value| Some((self.rendered(&place, &key)?, value)));
            rendered.extend(pair);
        }
        rendered
    }

    fn extras(&mut self) -> Extras {
        let receipts = self.text("atlas_upload_receipts");
        Extras {
            allow_http: self.choice("atlas_upload_allow_http"),
            boxes: self.choice("atlas_upload_boxes"),
            box_check: self.choice("atlas_upload_box_check"),
            digest: self.truth("atlas_upload_digest"),
            skip_existing: self.truth("atlas_upload_skip_existing"),
            verify: self.truth("atlas_upload_verify"),
            receipts: receipts.filter(|path| !path.is_empty()).map(PathBuf::from),
        }
    }

    /// Reads a text that is not empty; an empty one is not given, and has been told of where it must be.
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
        self.wrong.push(format!("{key}: {reason}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_key_counts_in_any_case_and_first_in_its_own() {
        let settings = |value: Value| Settings::new(value.as_object().unwrap().clone());
        let read = settings(json!({"ARTIFACT": "a/b", "Metadata": {"K": "v"}, "Type": "atlas"}));
        assert_eq!(read.get("artifact"), Some(&json!("a/b")));
        assert_eq!(read.get("metadata"), Some(&json!({"K": "v"})));
        assert_eq!(read.unknown(&["type"]).collect::<Vec<_>>(), ["Type"]);
        let both = settings(json!({"ARTIFACT": "a/b", "artifact": "c/d"}));
        assert_eq!(both.get("artifact"), Some(&json!("c/d")));
        assert_eq!(both.unknown(&[]).collect::<Vec<_>>(), ["ARTIFACT"]);
    }
}
