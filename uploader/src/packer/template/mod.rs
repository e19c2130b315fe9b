//! Reads the `atlas` and `vagrant-cloud` post-processors of a JSON template of Packer, and returns their requests
//! for each build of a manifest. For the values in a template, it contains an evaluator of Go's template language
//! (`text/template`) as Packer uses it.
//!
//! Evidence: HashiCorp's documentation of the post-processor and of templates, the contract, and Packer
//! 1.6.6.
//!
//! - The template file: `json` and `document` read it as Packer does; `duplicates` reports repeated fields;
//!   `variables` determines the user variables; `block` and `settings` read an `atlas` block, and
//!   `vagrant_cloud` reads the settings of the other kind; `weak_decode` converts
//!   values as leniently as Packer; `builder_names` finds the builder of a build; `sequence` finds the artifact
//!   that reached a block.
//! - The evaluator: `lexer` and `parse` parse a text; `evaluate` evaluates it, with the functions of the language
//!   (`builtins`) and those of Packer (`packer_functions`), within `limits`; `value` and `error` define its
//!   results; `go_time` formats times as Go does.

mod block;
mod builder_names;
mod builtins;
mod document;
mod duplicates;
mod error;
mod evaluate;
mod go_time;
mod json;
mod lexer;
mod limits;
mod packer_functions;
mod parse;
mod sequence;
mod settings;
mod vagrant_cloud;
mod value;
mod variables;
pub(crate) mod weak_decode;

use std::collections::{BTreeMap, BTreeSet};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};
use time::OffsetDateTime;

use crate::base::error::{Cause, Error, Phase};
use crate::base::secret::Redactor;
use crate::files::read::MAX_SETTINGS;
use crate::packer::manifest::{Build, Manifest};
pub use block::BlockRequest;
use block::{Block, is_block};
use builder_names::BuilderNames;
use document::{Document, get};
pub(crate) use limits::Limits;
pub(crate) use packer_functions::Context;
use packer_functions::Environment;
use sequence::Steps;
pub(crate) use settings::Settings;
pub use settings::{Extras, Request};
pub use vagrant_cloud::BoxRequest;
pub(crate) use variables::UserVariables;
pub use variables::Variables;

/// The hint for a template in HCL2.
const INSTEAD_OF_HCL2: &str = "push its builds with USER/NAME, --type and --manifest, or let Packer push them: atlas-upload packer install";

/// A template that was read from a file.
#[derive(Debug)]
pub struct Template {
    folder: String,
    document: Document,
}

/// The source of the time that `timestamp`, `isotime` and `strftime` return.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Clock {
    /// The time of the push.
    Now,
    /// The time at which the build finished, according to the manifest.
    Build,
}

/// The builds to push, and all that the values of a template may refer to.
pub struct Inputs<'a, 'b> {
    /// The manifest that contains the builds.
    pub manifest: &'a Manifest,
    /// The manifest's entries of the builds, in order.
    pub builds: &'a [&'b Build],
    /// The user variables from the command line.
    pub variables: Variables,
    /// The reader of environment variables.
    pub environment: &'a dyn Fn(&str) -> Option<String>,
    /// The source of the time that the template's functions return.
    pub clock: Clock,
    /// The warnings about settings that are valid but probably mistaken.
    pub warnings: &'a mut BTreeSet<String>,
}

/// The place of a post-processor, such as `post-processor 2.1`, and its settings.
type Placed = (String, Map<String, Value>);

/// The most bytes of the requests of all builds together: a manifest may have thousands of builds.
const MOST_KEPT: u64 = 4 * MAX_SETTINGS;

/// A template's blocks, all its post-processors as steps, and the names of its builders.
struct Parts<'a> {
    blocks: Vec<Block>,
    steps: Steps,
    names: BuilderNames<'a>,
    /// The limits on the requests of all builds together.
    kept: Limits,
}

impl Template {
    /// Reads a template. The call blocks.
    ///
    /// # Errors
    /// Fails with [`Phase::Template`] when the file cannot be read, or is no JSON template.
    pub fn read(path: &Path) -> Result<Self, Error> {
        let failed = |source| Error::new(Phase::Template, Cause::file(path, source));
        let document = Document::read(path).map_err(|error| match error.kind() {
            ErrorKind::Unsupported => failed(error).with_hint(INSTEAD_OF_HCL2),
            _ => failed(error),
        })?;
        let path = std::path::absolute(path).map_err(failed)?;
        let folder = path.parent().map(PathBuf::from).unwrap_or_default();
        Ok(Self {
            folder: folder.to_string_lossy().into_owned(),
            document,
        })
    }

    /// Returns the requests, by build and then by block, each with the manifest's entry of the artifact
    /// that reached the block. Tokens and sensitive variables are added to the redactor. Warnings are
    /// added to the inputs even when this fails.
    ///
    /// # Errors
    /// Fails with [`Phase::Configure`] and all mistakes in one message, in the original's words. If the
    /// only mistake concerns the given variables, the error is that one.
    pub fn requests<'b>(
        &self,
        mut inputs: Inputs<'_, 'b>,
        redactor: &Redactor,
    ) -> Result<Vec<(&'b Build, BlockRequest)>, Error> {
        let mut wrong = Vec::new();
        let placed = flat(&self.document.post_processors, &mut wrong);
        let parts = Parts {
            blocks: self.blocks(&placed, &mut wrong),
            steps: Steps::new(placed),
            names: BuilderNames::new(self.builders()),
            kept: Limits::new(MOST_KEPT),
        };
        let now = OffsetDateTime::now_utc();
        let mut requests = Vec::new();
        for entries in by_name(inputs.builds) {
            let build = entries[0];
            let now = match inputs.clock {
                Clock::Now => now,
                Clock::Build => build.time().unwrap_or_else(|| {
                    wrong.push(format!("the manifest has no build_time of {}", build.name));
                    now
                }),
            };
            requests.extend(self.of_build(
                &entries,
                &parts,
                now,
                &mut inputs,
                redactor,
                &mut wrong,
            ));
        }
        if requests.is_empty() && wrong.is_empty() && inputs.variables.errors.is_empty() {
            let names = inputs.builds.iter().map(|build| build.name.as_str());
            let names = names.collect::<Vec<_>>().join(", ");
            wrong.push(format!(
                "no post-processor of the type atlas or vagrant-cloud applies to any of these builds: {names}"
            ));
        }
        refused(inputs.variables.errors, &wrong).map_or(Ok(requests), Err)
    }

    /// Returns the blocks' requests for one build, whose entries are `entries`, each with the entry to
    /// push, and adds mistakes to `wrong`.
    fn of_build<'b>(
        &self,
        entries: &[&'b Build],
        parts: &Parts<'_>,
        now: OffsetDateTime,
        inputs: &mut Inputs<'_, 'b>,
        redactor: &Redactor,
        wrong: &mut Vec<String>,
    ) -> Vec<(&'b Build, BlockRequest)> {
        let build = entries[0];
        let (folder, environment): (_, &Environment<'_>) = (&*self.folder, inputs.environment);
        let defaults = &self.document.variables;
        let limits = &Limits::default();
        let variables = UserVariables::new(
            defaults,
            &inputs.variables,
            environment,
            now,
            folder,
            limits,
        );
        wrong.extend(variables.mistakes());
        for name in &self.document.sensitive {
            let value = variables.value(name).unwrap_or_default();
            redactor.add(&value.text);
        }
        let user = |name: &str| variables.value(name);
        let context = Context {
            now,
            folder: Some(folder),
            user: &user,
            environment: None,
            build: None,
            packer_version: None,
            generated: None,
            limits,
        };
        // `only` and `except` refer to the name as the template writes it.
        let name = parts.names.written_for(&build.name, &context);
        let name = name.unwrap_or(&build.name);
        // The manifest holds no other value that a build generates.
        let run = ("PackerRunUUID".to_owned(), build.run().to_owned());
        let generated = BTreeMap::from([run]);
        let context = Context {
            build: Some((&build.name, &build.builder_type)),
            generated: Some(&generated),
            ..context
        };
        let mut requests = Vec::new();
        let blocks = parts.blocks.iter();
        for block in blocks.filter(|block| block.applies_to(name)) {
            let mut warnings = BTreeSet::new();
            let entry = parts
                .steps
                .reached(&block.place, name, entries, inputs.manifest, &context);
            let artifact = entry.as_ref().ok().map(|entry| &*entry.artifact_id);
            let request = block.request(&context, artifact, redactor, &mut warnings);
            let request = request.and_then(|request| {
                let kept = parts.kept.take(size(&request, &warnings));
                kept.map_err(|error| {
                    warnings.clear();
                    vec![format!("the total of all builds' requests {error}")]
                })?;
                Ok(request)
            });
            inputs.warnings.append(&mut warnings);
            match (request, entry) {
                (Ok(request), Ok(entry)) => match block.refusal(&request, entry) {
                    Some(reason) => wrong.push(reason),
                    None => requests.push((entry, request)),
                },
                (request, entry) => {
                    wrong.extend(request.err().into_iter().flatten());
                    wrong.extend(entry.err());
                }
            }
        }
        requests
    }

    fn blocks(&self, placed: &[Placed], wrong: &mut Vec<String>) -> Vec<Block> {
        let mut blocks = Vec::new();
        for (place, settings) in placed {
            let kind = get(settings, "type").and_then(Value::as_str);
            if let Some(kind) = kind.filter(|kind| is_block(kind)) {
                blocks.push(Block::new(place.clone(), kind, settings.clone(), wrong));
            }
        }
        let known: BTreeSet<_> = self.builders().collect();
        for block in &mut blocks {
            block.check_builds(&known, wrong);
        }
        if blocks.is_empty() && wrong.is_empty() {
            wrong.push(
                "the template has no post-processor of the type atlas or vagrant-cloud".to_owned(),
            );
        }
        blocks
    }

    /// Returns the names of the builders as the template writes them.
    fn builders(&self) -> impl Iterator<Item = &str> {
        self.document.builders.iter().filter_map(|builder| {
            let named = get(builder, "name").or_else(|| get(builder, "type"));
            named.and_then(Value::as_str)
        })
    }
}

/// Returns the bytes of a request's texts and of the warnings about it.
fn size(request: &BlockRequest, warnings: &BTreeSet<String>) -> usize {
    let texts: usize = match request {
        BlockRequest::Artifact(request) => {
            let metadata = request.metadata.iter();
            metadata.map(|(key, value)| key.len() + value.len()).sum()
        }
        BlockRequest::Box(request) => {
            let texts = [
                &request.version_description,
                &request.url,
                &request.architecture,
            ];
            texts.into_iter().flatten().map(String::len).sum()
        }
    };
    texts + warnings.iter().map(String::len).sum::<usize>()
}

/// Groups the entries by build, in the order of the builds.
fn by_name<'b>(entries: &[&'b Build]) -> Vec<Vec<&'b Build>> {
    let mut builds: Vec<Vec<&Build>> = Vec::new();
    let mut places = BTreeMap::new();
    for entry in entries {
        let place = *places.entry(&entry.name).or_insert(builds.len());
        match builds.get_mut(place) {
            Some(build) => build.push(entry),
            None => builds.push(vec![entry]),
        }
    }
    builds
}

/// Returns each post-processor with its place. A string is a post-processor without settings; a list is
/// a sequence.
fn flat(listed: &[Value], wrong: &mut Vec<String>) -> Vec<Placed> {
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

fn single(place: String, value: &Value, wrong: &mut Vec<String>) -> Option<Placed> {
    let reason = match value {
        Value::String(kind) => {
            let kind = ("type".to_owned(), kind.clone().into());
            return Some((place, Map::from_iter([kind])));
        }
        Value::Object(settings) if get(settings, "type").is_some() => {
            return Some((place, settings.clone()));
        }
        Value::Object(_) => "missing 'type'",
        Value::Array(_) => "sequence not allowed to be nested in a sequence",
        _ => "bad format",
    };
    wrong.push(format!("{place}: {reason}"));
    None
}

/// Returns the error with all mistakes, each once since a block is read for every build, or `None`
/// without mistakes.
fn refused(mut errors: Vec<Error>, wrong: &[String]) -> Option<Error> {
    if wrong.is_empty() && errors.len() < 2 {
        return errors.pop();
    }
    let mut told = BTreeSet::new();
    let given = errors.iter().map(|error| error.cause().to_string());
    let all = given.chain(wrong.iter().cloned());
    let new = all.filter(|reason| told.insert(reason.clone()));
    let lines: Vec<_> = new.map(|reason| format!("\n* {reason}")).collect();
    let text = format!("{} error(s) occurred:\n{}", lines.len(), lines.concat());
    Some(Error::new(Phase::Configure, Cause::Usage(text)))
}

#[cfg(test)]
mod tests;
