//! One `atlas` post-processor of a template.

use serde_json::{Map, Value};

use super::functions::Context;
use super::settings::{Request, Settings};
use super::weak;
use crate::secret::Redactor;

/// What Packer itself reads in every post-processor.
const COMMON: [&str; 5] = ["type", "name", "only", "except", "keep_input_artifact"];

/// A block as it is written.
#[derive(Debug)]
pub(super) struct Block {
    /// `post-processor 2.1`, counted as Packer does.
    pub(super) place: String,
    pub(super) only: Vec<String>,
    pub(super) except: Vec<String>,
    settings: Settings,
}

impl Block {
    /// Looks at all that does not depend on a build.
    pub(super) fn new(place: String, settings: Map<String, Value>) -> Result<Self, Vec<String>> {
        let settings = Settings::new(settings);
        let mut wrong: Vec<_> = settings
            .unknown(&COMMON)
            .map(|key| format!("{place}: unknown configuration key: {key:?}"))
            .collect();
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

    /// The block for one build.
    pub(super) fn request(
        &self,
        context: &Context<'_>,
        redactor: &Redactor,
    ) -> Result<Request, Vec<String>> {
        let request = self.settings.request(context, redactor);
        let placed = |reason| format!("{}: {reason}", self.place);
        request.map_err(|wrong| wrong.into_iter().map(placed).collect())
    }
}
