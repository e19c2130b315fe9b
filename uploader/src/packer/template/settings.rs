//! Reads the settings of an `atlas` post-processor, as the documentation names them.

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

/// The settings as the template gives them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Settings {
    settings: Map<String, Value>,
    known: &'static [&'static str],
}

/// The push that the settings ask for, for one build.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// The artifact's name.
    pub name: ArtifactName,
    /// The artifact's type.
    pub artifact_type: ArtifactType,
    /// The metadata from the settings.
    pub metadata: BTreeMap<String, String>,
    /// The token from the settings.
    pub token: Option<Token>,
    /// The address of Atlas from the settings.
    pub atlas_url: Option<AtlasUrl>,
    /// The settings that the original did not have.
    pub extras: Extras,
}

/// The settings beyond the original's, which have an effect only when they are set.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Extras {
    /// `atlas_upload_allow_http`: whether bytes may go to a plain http address that an https Atlas
    /// gives; if unset, the environment variable decides.
    pub allow_http: Option<bool>,
    /// `atlas_upload_boxes`: whether Vagrant boxes are pushed; if unset, the program decides.
    pub boxes: Option<bool>,
    /// `atlas_upload_box_check`: whether to check first that Vagrant can use a box; if unset, it is
    /// checked.
    pub box_check: Option<bool>,
    /// `atlas_upload_digest`: whether the digest and an idempotency key are added to the metadata.
    pub digest: bool,
    /// `atlas_upload_skip_existing`: whether to push nothing when the latest version is the same.
    pub skip_existing: bool,
    /// `atlas_upload_verify`: whether the version is read back and compared.
    pub verify: bool,
    /// `atlas_upload_receipts`: the folder for receipts, which record the progress of unfinished pushes.
    pub receipts: Option<PathBuf>,
}

impl Request {
    /// Returns the reason why a Vagrant box is refused, if the setting `atlas_upload_boxes`, or
    /// `otherwise` when it is unset, forbids boxes.
    pub(crate) fn refusal_of_box(&self, otherwise: bool) -> Option<String> {
        let is_refused =
            self.artifact_type.is_vagrant_box() && !self.extras.boxes.unwrap_or(otherwise);
        is_refused.then(|| {
            let original = match self.extras.boxes {
                Some(_) => "",
                None => ", as the original refused it since Packer 1.0.1",
            };
            format!(
                "artifact_type vagrant.box is refused{original}; set atlas_upload_boxes to true to push boxes to your Atlas"
            )
        })
    }
}

impl Settings {
    /// Creates settings; known keys may have any case, as in Packer. A key in its exact case takes
    /// precedence.
    pub(crate) fn new(settings: Map<String, Value>) -> Self {
        Self::of_keys(settings, &KEYS)
    }

    /// Creates settings of another post-processor, which has these keys.
    pub(super) fn of_keys(
        mut settings: Map<String, Value>,
        known: &'static [&'static str],
    ) -> Self {
        for key in known {
            take_spelling(&mut settings, key);
        }
        Self { settings, known }
    }

    /// Returns the keys that are neither known nor among `others`.
    pub(crate) fn unknown<'a>(&'a self, others: &'a [&str]) -> impl Iterator<Item = &'a str> {
        let keys = self.settings.keys().map(String::as_str);
        keys.filter(|key| !self.known.contains(key) && !others.contains(key))
    }

    pub(crate) fn get(&self, key: &str) -> Option<&Value> {
        self.settings.get(key)
    }

    /// Returns the request for one build, or all mistakes in the settings. Warnings about probable
    /// mistakes are added to `warnings`, each with its key. The token is added to the redactor before
    /// any message can repeat it.
    pub(crate) fn request(
        &self,
        context: &Context<'_>,
        redactor: &Redactor,
        warnings: &mut BTreeSet<String>,
    ) -> Result<Request, Vec<String>> {
        let mut reading = Reading::new(self, context, warnings);
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
        let token = reading.token("token", token);
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

/// The state of reading the settings: it interpolates them one by one, and collects the mistakes.
pub(super) struct Reading<'a> {
    settings: &'a Settings,
    context: &'a Context<'a>,
    pub(super) wrong: Vec<String>,
    /// True if a mistake was found that has been reported elsewhere.
    told: bool,
    warnings: &'a mut BTreeSet<String>,
}

impl<'a> Reading<'a> {
    pub(super) fn new(
        settings: &'a Settings,
        context: &'a Context<'a>,
        warnings: &'a mut BTreeSet<String>,
    ) -> Self {
        Self {
            settings,
            context,
            wrong: Vec::new(),
            told: false,
            warnings,
        }
    }

    pub(super) fn is_well(&self) -> bool {
        self.wrong.is_empty() && !self.told
    }

    /// Interpolates a text; `place` names it in warnings and errors.
    pub(super) fn rendered(&mut self, place: &str, text: &str) -> Option<String> {
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

    /// Returns an empty text for a missing setting, and `None` for an invalid one.
    pub(super) fn text(&mut self, key: &str) -> Option<String> {
        let value = self.settings.get(key);
        match value.map_or(Ok(String::new()), weak_decode::text) {
            Ok(text) => self.rendered(key, &text),
            Err(reason) => {
                self.refuse(key, &reason);
                None
            }
        }
    }

    /// Returns `None` for a missing or null setting.
    fn choice(&mut self, key: &str) -> Option<bool> {
        let is_set = self.settings.get(key).is_some_and(|value| !value.is_null());
        is_set.then(|| self.truth(key))
    }

    /// Returns `false` for a missing or invalid setting. A text is interpolated first, as in Packer.
    pub(super) fn truth(&mut self, key: &str) -> bool {
        let value = match self.settings.get(key) {
            Some(Value::String(text)) => self.rendered(key, text).map(Value::String),
            value => value.cloned(),
        };
        weak_decode::truth(&value.unwrap_or_default()).unwrap_or_else(|reason| {
            self.refuse(key, &reason);
            false
        })
    }

    /// Reads a token. [`Self::parsed`] is not used, since its errors may repeat the value.
    pub(super) fn token(&mut self, key: &str, text: Option<String>) -> Option<Token> {
        let text = text.filter(|text| !text.is_empty())?;
        let token = Token::new(&text);
        token
            .map_err(|reason| self.refuse(key, &reason.to_string()))
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

    /// Parses a text. An empty text counts as missing, and the caller reports it where it is required.
    pub(super) fn parsed<T: std::str::FromStr<Err: std::fmt::Display>>(
        &mut self,
        key: &str,
        text: Option<String>,
    ) -> Option<T> {
        let parsed = text.filter(|text| !text.is_empty())?.parse();
        parsed
            .map_err(|reason: T::Err| self.refuse(key, &reason.to_string()))
            .ok()
    }

    pub(super) fn refuse(&mut self, key: &str, reason: &str) {
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
