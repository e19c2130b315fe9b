//! This module reads the `atlas` post-processors of a JSON template of Packer, and returns what they
//! ask for, for each build of a manifest.
//!
//! The evidence is HashiCorp's documentation of the post-processor and of templates, the contract's words,
//! and Packer 1.6.6. `json` and `document` know how Packer reads a file, `parse` and `lexer` the
//! template language, `evaluate` and `builtins` what it means, `packer_functions` the words that Packer adds,
//! `go_time` how Go writes times, `weak_decode` how lenient Packer reads values; `sequence` finds what
//! reached a block.

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
use block::Block;
use builder_names::BuilderNames;
use document::{Document, get};
pub(crate) use limits::Limits;
pub(crate) use packer_functions::Context;
use packer_functions::Environment;
use sequence::Steps;
pub(crate) use settings::Settings;
pub use settings::{Extras, Request};
pub(crate) use variables::UserVariables;
pub use variables::Variables;

/// This is the way out for whoever has a template in HCL2.
const INSTEAD_OF_HCL2: &str = "push what it built with USER/NAME, --type and --manifest, or let Packer push it: atlas-upload packer install";

/// A template holds what was read of its file.
#[derive(Debug)]
pub struct Template {
    folder: String,
    document: Document,
}

/// The clock chooses the time that `timestamp`, `isotime` and `strftime` tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Clock {
    /// The time of the push.
    Now,
    /// The time at which the build was done, as its manifest tells it.
    Build,
}

/// The inputs are the builds to push, and all that the values of a template may refer to besides.
pub struct Inputs<'a, 'b> {
    /// The manifest that the builds are of.
    pub manifest: &'a Manifest,
    /// The entries of the builds, in their order.
    pub builds: &'a [&'b Build],
    /// The user variables that are given.
    pub variables: Variables,
    /// The environment.
    pub environment: &'a dyn Fn(&str) -> Option<String>,
    /// The time that the template asks for.
    pub clock: Clock,
    /// The warnings name what whoever wrote the template may not have meant.
    pub warnings: &'a mut BTreeSet<String>,
}

/// A post-processor's place, such as `post-processor 2.1`, and its settings.
type Placed = (String, Map<String, Value>);

/// The most bytes that all builds together ask for: a manifest may have thousands of them.
const MOST_KEPT: u64 = 4 * MAX_SETTINGS;

/// The parts of a template are its `atlas` blocks, all post-processors as steps, and the names of the
/// builders.
struct Parts<'a> {
    blocks: Vec<Block>,
    steps: Steps,
    names: BuilderNames<'a>,
    /// These bound what is kept of all builds.
    kept: Limits,
}

impl Template {
    /// Reads a template. Blocks.
    ///
    /// # Errors
    /// [`Phase::Template`]: a file that cannot be read, or is no JSON template.
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

    /// Returns what is to be pushed for each of the builds, in the order of builds and then of blocks:
    /// the manifest's entry that is what reached the block, and the block's request. Tokens and
    /// sensitive variables become known to the redactor. The warnings of the inputs get what may not
    /// be meant, however this ends.
    ///
    /// # Errors
    /// [`Phase::Configure`], with all that is wrong in one message, in the original's words; where
    /// nothing is wrong but one thing with the given variables, the error of that.
    pub fn requests<'b>(
        &self,
        mut inputs: Inputs<'_, 'b>,
        redactor: &Redactor,
    ) -> Result<Vec<(&'b Build, Request)>, Error> {
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
                "no post-processor of the type atlas is for any of these builds: {names}"
            ));
        }
        refused(inputs.variables.errors, &wrong).map_or(Ok(requests), Err)
    }

    /// Returns what the blocks ask for of one build, whose entries these are, each with the entry that
    /// is pushed, and adds what is wrong with that.
    fn of_build<'b>(
        &self,
        entries: &[&'b Build],
        parts: &Parts<'_>,
        now: OffsetDateTime,
        inputs: &mut Inputs<'_, 'b>,
        redactor: &Redactor,
        wrong: &mut Vec<String>,
    ) -> Vec<(&'b Build, Request)> {
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
        // It is the name as it is written that `only` and `except` refer to.
        let name = parts.names.written_for(&build.name, &context);
        let name = name.unwrap_or(&build.name);
        // The manifest tells no more of what a build tells of itself.
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
            let request = block.request(&context, redactor, &mut warnings);
            let request = request.and_then(|request| {
                let kept = parts.kept.take(size(&request, &warnings));
                kept.map_err(|error| {
                    warnings.clear();
                    vec![format!("all builds together: what they ask for {error}")]
                })?;
                Ok(request)
            });
            inputs.warnings.append(&mut warnings);
            let entry = parts
                .steps
                .reached(&block.place, name, entries, inputs.manifest, &context);
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
            if get(settings, "type").and_then(Value::as_str) == Some("atlas") {
                blocks.push(Block::new(place.clone(), settings.clone(), wrong));
            }
        }
        let known: BTreeSet<_> = self.builders().collect();
        for block in &mut blocks {
            block.check_builds(&known, wrong);
        }
        if blocks.is_empty() && wrong.is_empty() {
            wrong.push("the template has no post-processor of the type atlas".to_owned());
        }
        blocks
    }

    /// Returns the names of the builders as they are written.
    fn builders(&self) -> impl Iterator<Item = &str> {
        self.document.builders.iter().filter_map(|builder| {
            let named = get(builder, "name").or_else(|| get(builder, "type"));
            named.and_then(Value::as_str)
        })
    }
}

/// Returns how many bytes the texts of a request take, with the warnings about it.
fn size(request: &Request, warnings: &BTreeSet<String>) -> usize {
    let metadata = request.metadata.iter();
    let metadata = metadata.map(|(key, value)| key.len() + value.len());
    metadata.chain(warnings.iter().map(String::len)).sum()
}

/// Returns the entries of each build together, in the order in which the builds come.
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

/// Returns each post-processor with its place; a string is one without settings, a list is a sequence.
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

/// Returns the error with all mistakes, each once, since a block is read for every build; `None` where
/// there are none.
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
