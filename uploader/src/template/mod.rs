//! The `atlas` post-processors of a JSON template of Packer: what they ask for, for each build of a
//! manifest.
//!
//! Evidence: HashiCorp's documentation of the post-processor and of templates, the contract's words,
//! and Packer 1.6.6. `parse` knows the template language, `functions` what its words mean,
//! `go_time` how Go writes times, `weak` how lenient Packer reads values.

mod block;
mod functions;
mod go_time;
mod parse;
mod settings;
mod variables;
pub(crate) mod weak;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::{Map, Value};
use time::OffsetDateTime;

use crate::disk::read_settings;
use crate::error::{Cause, Error, Phase};
use crate::manifest::Build;
use crate::secret::Redactor;
use block::Block;
pub(crate) use functions::Context;
pub(crate) use settings::Settings;
pub use settings::{Extras, Request};
use variables::Defaults;
pub use variables::Variables;

/// A template, read and looked over.
#[derive(Debug)]
pub struct Template {
    folder: String,
    document: Document,
}

/// The parts of a template that matter here; the others are Packer's.
#[derive(Debug, Deserialize)]
struct Document {
    #[serde(default)]
    variables: BTreeMap<String, Value>,
    #[serde(default, rename = "sensitive-variables")]
    sensitive: Vec<String>,
    #[serde(default)]
    builders: Vec<Map<String, Value>>,
    #[serde(default, rename = "post-processors")]
    post_processors: Vec<Value>,
}

impl Template {
    /// Reads a template. Blocks.
    ///
    /// # Errors
    /// [`Phase::Template`]: a file that cannot be read, or is no JSON template.
    pub fn read(path: &Path) -> Result<Self, Error> {
        let failed = |source| Error::new(Phase::Template, Cause::file(path, source));
        let text = read_settings(path).map_err(failed)?;
        // An object first: serde would take a list for the fields of a struct, too.
        let document = serde_json::from_slice::<Map<String, Value>>(&text)
            .and_then(|object| serde_json::from_value(object.into()))
            .map_err(|error| failed(error.into()))?;
        let path = std::path::absolute(path).map_err(failed)?;
        let folder = path.parent().map(PathBuf::from).unwrap_or_default();
        Ok(Self {
            folder: folder.to_string_lossy().into_owned(),
            document,
        })
    }

    /// What is to be pushed for each of these builds, in the order of builds and then of blocks.
    /// Tokens and sensitive variables become known to the redactor.
    ///
    /// # Errors
    /// [`Phase::Configure`], with all that is wrong in one message, in the original's words.
    pub fn requests<'b>(
        &self,
        builds: &[&'b Build],
        given: &Variables,
        environment: impl Fn(&str) -> Option<String>,
        redactor: &Redactor,
    ) -> Result<Vec<(&'b Build, Request)>, Error> {
        let now = OffsetDateTime::now_utc();
        let defaults = Defaults {
            defaults: &self.document.variables,
            given,
            environment: &environment,
            now,
            folder: &self.folder,
        };
        let values = defaults.resolve().map_err(|wrong| refused(&wrong))?;
        for name in &self.document.sensitive {
            redactor.add(values.get(name).map_or("", String::as_str));
        }
        let user = |name: &str| Ok(values.get(name).cloned().unwrap_or_default());
        let context = Context {
            now,
            folder: Some(&self.folder),
            user: &user,
            environment: None,
            build: None,
            packer_version: None,
            generated: None,
        };
        let blocks = self.blocks().map_err(|wrong| refused(&wrong))?;
        all_requests(&blocks, builds, &context, redactor)
    }

    fn blocks(&self) -> Result<Vec<Block>, Vec<String>> {
        let mut wrong = Vec::new();
        let mut blocks = Vec::new();
        for (place, settings) in flat(&self.document.post_processors, &mut wrong) {
            if settings.get("type").and_then(Value::as_str) != Some("atlas") {
                continue;
            }
            match Block::new(place, settings) {
                Ok(block) => blocks.push(block),
                Err(reasons) => wrong.extend(reasons),
            }
        }
        let known = self.builders();
        for block in &blocks {
            let names = block.only.iter().chain(&block.except);
            let unknown = names.filter(|name| !known.contains(name.as_str()));
            wrong.extend(unknown.map(|name| {
                let kind = if block.only.contains(name) {
                    "only"
                } else {
                    "except"
                };
                let place = &block.place;
                format!("{place}: '{kind}' specified builder '{name}' not found")
            }));
        }
        if blocks.is_empty() && wrong.is_empty() {
            wrong.push("the template has no post-processor of the type atlas".to_owned());
        }
        if wrong.is_empty() {
            Ok(blocks)
        } else {
            Err(wrong)
        }
    }

    fn builders(&self) -> BTreeSet<&str> {
        fn name(builder: &Map<String, Value>) -> Option<&str> {
            let named = builder.get("name").or_else(|| builder.get("type"));
            named.and_then(Value::as_str)
        }
        self.document.builders.iter().filter_map(name).collect()
    }
}

fn all_requests<'b>(
    blocks: &[Block],
    builds: &[&'b Build],
    context: &Context<'_>,
    redactor: &Redactor,
) -> Result<Vec<(&'b Build, Request)>, Error> {
    let mut requests = Vec::new();
    let mut wrong = Vec::new();
    for &build in builds {
        let context = Context {
            build: Some((&build.name, &build.builder_type)),
            ..*context
        };
        for block in blocks.iter().filter(|block| block.applies_to(&build.name)) {
            match block.request(&context, redactor) {
                Ok(request) => requests.push((build, request)),
                Err(reasons) => wrong.extend(reasons),
            }
        }
    }
    if requests.is_empty() && wrong.is_empty() {
        let names: Vec<_> = builds.iter().map(|build| build.name.as_str()).collect();
        let names = names.join(", ");
        wrong.push(format!(
            "no post-processor of the type atlas is for any of these builds: {names}"
        ));
    }
    if wrong.is_empty() {
        Ok(requests)
    } else {
        Err(refused(&wrong))
    }
}

/// Each post-processor with its place; a string is one without settings, a list is a sequence.
fn flat(listed: &[Value], wrong: &mut Vec<String>) -> Vec<(String, Map<String, Value>)> {
    let mut found = Vec::new();
    for (index, value) in listed.iter().enumerate() {
        let place = format!("post-processor {}", index + 1);
        match value {
            Value::Array(sequence) => {
                for (index, value) in sequence.iter().enumerate() {
                    let place = format!("{place}.{}", index + 1);
                    found.extend(single(place, value, wrong));
                }
            }
            single_one => found.extend(single(place, single_one, wrong)),
        }
    }
    found
}

fn single(
    place: String,
    value: &Value,
    wrong: &mut Vec<String>,
) -> Option<(String, Map<String, Value>)> {
    let reason = match value {
        Value::String(kind) => {
            let kind = ("type".to_owned(), kind.clone().into());
            return Some((place, Map::from_iter([kind])));
        }
        Value::Object(settings) if settings.contains_key("type") => {
            return Some((place, settings.clone()));
        }
        Value::Object(_) => "missing 'type'",
        Value::Array(_) => "sequence not allowed to be nested in a sequence",
        _ => "bad format",
    };
    wrong.push(format!("{place}: {reason}"));
    None
}

/// All mistakes in one message, each once: a block is read for every build.
fn refused(wrong: &[String]) -> Error {
    let mut told = BTreeSet::new();
    let new = wrong.iter().filter(|reason| told.insert(reason.as_str()));
    let lines: Vec<_> = new.map(|reason| format!("\n* {reason}")).collect();
    let text = format!("{} error(s) occurred:\n{}", lines.len(), lines.concat());
    Error::new(Phase::Configure, Cause::Usage(text))
}
