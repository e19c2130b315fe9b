//! Defines a block, which is one `atlas` or `vagrant-cloud` post-processor of a template.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::packer_functions::Context;
use super::settings::{Request, Settings};
use super::vagrant_cloud::{self, BoxRequest};
use super::weak_decode;
use crate::base::secret::Redactor;
use crate::packer::manifest::Build;

/// The keys that Packer itself reads in every post-processor.
const COMMON: [&str; 5] = ["type", "name", "only", "except", "keep_input_artifact"];

/// A `BlockRequest` is the request that a block makes for one build.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BlockRequest {
    /// A push, of an `atlas` block.
    Artifact(Request),
    /// The publication of a box, of a `vagrant-cloud` block.
    Box(BoxRequest),
}

/// A block with its settings as the template gives them.
#[derive(Debug)]
pub(super) struct Block {
    /// The block's place, such as `post-processor 2.1`, counted as Packer does.
    pub(super) place: String,
    only: Vec<String>,
    except: Vec<String>,
    settings: Settings,
    is_box: bool,
}

/// Returns whether blocks are read of post-processors of this type.
pub(super) fn is_block(kind: &str) -> bool {
    matches!(kind, "atlas" | vagrant_cloud::TYPE)
}

impl Block {
    /// Reads the settings that do not depend on a build, and adds their mistakes to `wrong`.
    pub(super) fn new(
        place: String,
        kind: &str,
        settings: Map<String, Value>,
        wrong: &mut Vec<String>,
    ) -> Self {
        let is_box = kind == vagrant_cloud::TYPE;
        let settings = match is_box {
            true => vagrant_cloud::settings(settings),
            false => Settings::new(settings),
        };
        let unknown = settings.unknown(&COMMON);
        wrong.extend(unknown.map(|key| format!("{place}: unknown configuration key: {key:?}")));
        let mut names = |key: &str| {
            let names = settings.get(key).map_or(Ok(Vec::new()), weak_decode::list);
            names.unwrap_or_else(|reason| {
                wrong.push(format!("{place}: {key}: {reason}"));
                Vec::new()
            })
        };
        let (only, except) = (names("only"), names("except"));
        Self {
            place,
            only,
            except,
            settings,
            is_box,
        }
    }

    /// Checks `only` and `except` against the names of the builders. A block in which they are wrong
    /// then applies to every build, so that its other mistakes are found too.
    pub(super) fn check_builds(&mut self, known: &BTreeSet<&str>, wrong: &mut Vec<String>) {
        let place = &self.place;
        let before = wrong.len();
        if !self.only.is_empty() && !self.except.is_empty() {
            wrong.push(format!(
                "{place}: only one of 'only' or 'except' may be specified"
            ));
        }
        for (kind, names) in [("only", &self.only), ("except", &self.except)] {
            let unknown = names.iter().filter(|name| !known.contains(name.as_str()));
            wrong.extend(
                unknown
                    .map(|name| format!("{place}: '{kind}' specified builder '{name}' not found")),
            );
        }
        if wrong.len() > before {
            self.only.clear();
            self.except.clear();
        }
    }

    pub(super) fn applies_to(&self, build: &str) -> bool {
        names_build(&self.only, &self.except, build)
    }

    /// Returns the block's request for one build. `artifact` is the id of the artifact that reached the block.
    pub(super) fn request(
        &self,
        context: &Context<'_>,
        artifact: Option<&str>,
        redactor: &Redactor,
        warnings: &mut BTreeSet<String>,
    ) -> Result<BlockRequest, Vec<String>> {
        let mut own = BTreeSet::new();
        let settings = &self.settings;
        let request = match self.is_box {
            true => vagrant_cloud::request(settings, context, artifact, redactor, &mut own)
                .map(BlockRequest::Box),
            false => settings
                .request(context, redactor, &mut own)
                .map(BlockRequest::Artifact),
        };
        let placed = |words: String| format!("{}: {words}", self.place);
        warnings.extend(own.into_iter().map(placed));
        request.map_err(|wrong| wrong.into_iter().map(placed).collect())
    }

    /// Returns the reason why a request must not push this entry of a manifest.
    pub(super) fn refusal(&self, request: &BlockRequest, entry: &Build) -> Option<String> {
        let Self { place, .. } = self;
        let BlockRequest::Artifact(request) = request else {
            return None;
        };
        // The user's command allows boxes, unless the template forbids them.
        let box_refused = request.refusal_of_box(true);
        let pushed = || {
            let id = &entry.artifact_id;
            let of_request =
                id.strip_prefix(&format!("{}/{}/", request.name, request.artifact_type));
            let version = of_request.filter(|_| entry.has_no_files())?.parse::<u64>();
            version.ok()?;
            Some(format!(
                "for the build {:?}, the manifest has the version that the plugin pushed, {id}, so nothing is left to push; a manifest block before the atlas block records the artifact",
                entry.name
            ))
        };
        let reason = box_refused.or_else(pushed)?;
        Some(format!("{place}: {reason}"))
    }
}

/// Returns whether a post-processor with these lists applies to a build of this name.
pub(super) fn names_build(only: &[String], except: &[String], build: &str) -> bool {
    let named = |names: &[String]| names.iter().any(|name| name == build);
    (only.is_empty() || named(only)) && !named(except)
}
