//! Finds the entry of a manifest that is the artifact which reached an `atlas` block.
//!
//! Packer gives each post-processor of a sequence what the one before it made, and the first one what
//! the builder made. `manifest` writes down what reached it, one entry for each of its blocks, in the
//! order of the template, since a build runs its sequences one after the other.
//!
//! Evidence: `packer/build.go`, and the `post-processor.go` of `manifest`, `shell-local`, `checksum` and
//! `compress` in Packer 1.2.5 and 1.6.6; runs of Packer 1.6.6, also with `-except=atlas`, after which it
//! runs nothing that stands behind `atlas` in a sequence.

use std::collections::BTreeSet;
use std::path::{Component, Path, PathBuf};

use serde_json::Value;

use super::Placed;
use super::block::names_build;
use super::document::take_spelling;
use super::evaluate::render;
use super::packer_functions::Context;
use super::weak_decode;
use crate::base::shell::for_shell;
use crate::packer::manifest::{Build, Manifest};

/// These types hand on what they get. `atlas` is one of them here: it was left out of the build, or
/// the manifest tells otherwise.
const HAND_ON: [&str; 3] = ["atlas", "manifest", "shell-local"];
/// `manifest` writes this file where its block names none.
const OUTPUT: &str = "packer-manifest.json";

/// A step is one post-processor of a template.
#[derive(Debug)]
struct Step {
    /// `post-processor 2.1`, as its errors name it.
    place: String,
    kind: String,
    /// The name by which `-except` leaves the step out; its type where it has none.
    name: String,
    only: Vec<String>,
    except: Vec<String>,
    output: Value,
}

/// The steps are all post-processors of a template, in its order.
#[derive(Debug)]
pub(super) struct Steps(Vec<Step>);

/// Holds the steps that one build runs.
struct Ran<'a>(Vec<&'a Step>);

impl Steps {
    /// Takes the settings of each post-processor with its place.
    pub(super) fn new(placed: Vec<Placed>) -> Self {
        let step = |(place, mut settings): Placed| {
            let mut value = |key: &str| {
                take_spelling(&mut settings, key);
                settings.remove(key).unwrap_or_default()
            };
            let kind = weak_decode::text(&value("type")).unwrap_or_default();
            let name = weak_decode::text(&value("name")).unwrap_or_default();
            Step {
                place,
                name: if name.is_empty() { kind.clone() } else { name },
                kind,
                only: weak_decode::list(&value("only")).unwrap_or_default(),
                except: weak_decode::list(&value("except")).unwrap_or_default(),
                output: value("output"),
            }
        };
        Self(placed.into_iter().map(step).collect())
    }

    /// Returns the entry, of those that the manifest has of one build, that is what reached the block at
    /// this place. The name is the build's as the template writes it.
    ///
    /// # Errors
    /// The reason why none is, or why it cannot be told, and the ways out.
    pub(super) fn reached<'b>(
        &self,
        place: &str,
        name: &str,
        entries: &[&'b Build],
        manifest: &Manifest,
        context: &Context<'_>,
    ) -> Result<&'b Build, String> {
        let [first, rest @ ..] = entries else {
            return Err(format!("{place}: the manifest has no such build"));
        };
        let ran = self.0.iter().filter(|step| step.runs_for(name));
        let ran = Ran(ran.collect());
        let entry = ran
            .recorders(manifest.path(), context)
            .and_then(|recorders| {
                if recorders.is_empty() {
                    ran.only_entry(place, first, rest)
                } else {
                    ran.entry(place, &recorders, entries)
                }
            });
        entry.map_err(|reason| {
            let (sequence, except) = (ran.to_write(place), self.except());
            format!(
                "{place}: {reason}; write {sequence} and build again with {except}, or use the plugin (atlas-upload packer install), or name the file: atlas-upload push USER/NAME --type TYPE PATH"
            )
        })
    }

    /// Returns the argument with which Packer leaves out the `atlas` blocks: a block that has a name is
    /// left out by that alone.
    fn except(&self) -> String {
        let blocks = self.0.iter().filter(|step| step.is_atlas());
        let names: BTreeSet<_> = blocks.map(|step| step.name.as_str()).collect();
        let names = Vec::from_iter(names).join(",");
        for_shell(&format!("-except={names}")).into_owned()
    }
}

impl Step {
    fn is_atlas(&self) -> bool {
        self.kind == "atlas"
    }

    fn runs_for(&self, build: &str) -> bool {
        names_build(&self.only, &self.except, build)
    }

    /// Returns the number of the sequence, as a text: a place is `post-processor SEQUENCE.STEP`, or without the
    /// step where it stands alone.
    fn sequence(&self) -> &str {
        sequence(&self.place)
    }

    /// Returns the file that a `manifest` block writes; `None` for one whose name cannot be told.
    fn output(&self, context: &Context<'_>) -> Option<PathBuf> {
        let text = weak_decode::text(&self.output).ok()?;
        let path = render(&text, context).ok()?.text;
        let path = if path.is_empty() { OUTPUT } else { &path };
        let parts = Path::new(path).components();
        Some(parts.filter(|part| *part != Component::CurDir).collect())
    }
}

impl<'a> Ran<'a> {
    /// Returns the entry of the block, among the recorders, that got what the block at this place got.
    fn entry<'b>(
        &self,
        place: &str,
        recorders: &[&'a Step],
        entries: &[&'b Build],
    ) -> Result<&'b Build, String> {
        let Some(wrote) = self.that_wrote(recorders, entries.len()) else {
            let (counted, blocks) = (counted(entries), recorders.len());
            return Err(format!(
                "{counted}, and the manifest blocks of the template write {blocks}, so that it is of another template, or of a build that broke"
            ));
        };
        let maker = |place: &str| self.maker_at(place).map(|maker| maker.place.as_str());
        let mut seen = wrote.iter().zip(entries);
        let found = seen.find(|(recorder, _)| maker(&recorder.place) == maker(place));
        found.map(|(_, entry)| *entry).ok_or_else(|| {
            let has = wrote.iter().map(|step| self.made_for(&step.place));
            let has = Vec::from_iter(has.collect::<BTreeSet<_>>()).join(" and ");
            let (made, build) = (self.made_for(place), &entries[0].name);
            format!(
                "this block pushes {made}, and of the build {build:?} the manifest has only {has}"
            )
        })
    }

    /// Returns the first entry, if it is the only one and the block at this place gets what the builder
    /// made: a manifest that blocks of another template wrote holds that, as far as can be told.
    fn only_entry<'b>(
        &self,
        place: &str,
        first: &'b Build,
        rest: &[&'b Build],
    ) -> Result<&'b Build, String> {
        let made = self.made_for(place);
        let untold = "without a manifest block in the template it cannot be told";
        match (self.maker_at(place), rest) {
            (None, []) => Ok(first),
            (None, _) => {
                let counted = counted(&[&[first], rest].concat());
                Err(format!("{counted}, and {untold} which one is {made}"))
            }
            (Some(_), _) => {
                let build = &first.name;
                Err(format!(
                    "this block pushes {made}, and {untold} whether that is what the manifest has of the build {build:?}"
                ))
            }
        }
    }

    /// Tells who made what reaches a place.
    fn made_for(&self, place: &str) -> String {
        self.maker_at(place).map_or_else(
            || "what the builder made".to_owned(),
            |maker| format!("what {} ({}) made", maker.kind, maker.place),
        )
    }

    /// Returns the steps before a place in its sequence, the last one first.
    fn before(&self, place: &str) -> impl Iterator<Item = &'a Step> {
        let sequence = sequence(place);
        let same = self
            .0
            .iter()
            .copied()
            .filter(|step| step.sequence() == sequence);
        let before: Vec<_> = same.take_while(|step| step.place != place).collect();
        before.into_iter().rev()
    }

    /// Returns the post-processor that made what reaches this place; `None` is the builder.
    fn maker_at(&self, place: &str) -> Option<&'a Step> {
        self.before(place)
            .find(|step| !HAND_ON.contains(&step.kind.as_str()))
    }

    /// Returns the `manifest` blocks that write this file. One that is copied elsewhere, or was renamed, is that
    /// of all blocks where they write the same.
    fn recorders(&self, manifest: &Path, context: &Context<'_>) -> Result<Vec<&'a Step>, String> {
        let blocks = self.0.iter().filter(|step| step.kind == "manifest");
        let blocks: Vec<_> = blocks.map(|step| (step.output(context), *step)).collect();
        let outputs: BTreeSet<_> = blocks.iter().map(|(output, _)| output).collect();
        if outputs.len() <= 1 {
            return Ok(blocks.into_iter().map(|(_, step)| step).collect());
        }
        let is_this = |output: &Option<PathBuf>| {
            let output = output.as_deref();
            output.is_some_and(|output| manifest.ends_with(output))
        };
        let these: Vec<_> = blocks
            .iter()
            .filter(|(output, _)| is_this(output))
            .collect();
        let outputs: BTreeSet<_> = these.iter().map(|(output, _)| output).collect();
        if outputs.len() != 1 {
            return Err(format!(
                "the manifest blocks of the template write several files, and it cannot be told which one {} is",
                manifest.display()
            ));
        }
        Ok(these.into_iter().map(|(_, step)| *step).collect())
    }

    /// Returns the sequence to write, so that a manifest has what should have reached this place.
    fn to_write(&self, place: &str) -> String {
        let Some(Step { kind, .. }) = self.maker_at(place) else {
            return "\"manifest\" before all else".to_owned();
        };
        let alone = match self.before(place).any(Step::is_atlas) {
            true => " as a sequence of its own",
            false => "",
        };
        format!("[{kind:?}, \"manifest\", {{\"type\": \"atlas\", …}}]{alone}")
    }

    /// Returns the blocks that wrote so many entries: all of them, or, with `-except=atlas`, those that no
    /// `atlas` block precedes.
    fn that_wrote(&self, recorders: &[&'a Step], entries: usize) -> Option<Vec<&'a Step>> {
        if recorders.len() == entries {
            return Some(recorders.to_vec());
        }
        let behind_atlas = |step: &&&Step| self.before(&step.place).any(Step::is_atlas);
        let first = recorders.iter().filter(|step| !behind_atlas(step));
        let first: Vec<_> = first.copied().collect();
        (first.len() == entries).then_some(first)
    }
}

fn sequence(place: &str) -> &str {
    place
        .split_once('.')
        .map_or(place, |(sequence, _)| sequence)
}

/// Tells how many entries of one build there are.
fn counted(entries: &[&Build]) -> String {
    let number = match entries.len() {
        1 => "1 entry".to_owned(),
        several => format!("{several} entries"),
    };
    let build = entries.first().map_or("", |entry| &entry.name);
    format!("the manifest has {number} of the build {build:?}")
}

#[cfg(test)]
mod tests;
