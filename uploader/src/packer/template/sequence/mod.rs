//! Finds the manifest's entry for the artifact that reached an `atlas` or `vagrant-cloud` block.
//!
//! Packer passes to each post-processor of a sequence the output of the previous one, and to the first
//! one the builder's artifact. `manifest` records the artifact that reached it: one entry for each
//! `manifest` block, in the template's order, since a build runs its sequences one after the other.
//!
//! Evidence: `packer/build.go`, and the `post-processor.go` of `manifest`, `shell-local`, `checksum` and
//! `compress` in Packer 1.2.5 and 1.6.6; runs of Packer 1.6.6, also with `-except=atlas`, after which
//! Packer runs no step behind `atlas` in a sequence.

use std::collections::BTreeSet;
use std::path::{Component, Path, PathBuf};

use serde_json::Value;

use super::Placed;
use super::block::{is_block, names_build};
use super::document::take_spelling;
use super::evaluate::render;
use super::packer_functions::Context;
use super::vagrant_cloud;
use super::weak_decode;
use crate::base::shell::for_shell;
use crate::packer::manifest::{Build, Manifest};

/// The types that pass on their input. Blocks are among them: either they were left out of the build, or
/// the manifest shows otherwise.
const HAND_ON: [&str; 4] = ["atlas", "vagrant-cloud", "manifest", "shell-local"];
/// The file that `manifest` writes by default.
const OUTPUT: &str = "packer-manifest.json";

/// A post-processor of a template.
#[derive(Debug)]
struct Step {
    /// The place, such as `post-processor 2.1`, as errors name it.
    place: String,
    kind: String,
    /// The name by which `-except` leaves the step out; without a name, its type.
    name: String,
    only: Vec<String>,
    except: Vec<String>,
    output: Value,
}

/// All post-processors of a template, in order.
#[derive(Debug)]
pub(super) struct Steps(Vec<Step>);

/// The steps that one build runs.
struct Ran<'a>(Vec<&'a Step>);

impl Steps {
    /// Creates the steps from the settings of each post-processor and its place.
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

    /// Returns the entry, among the manifest's `entries` of one build, for the artifact that reached the
    /// block at `place`. `name` is the build's name as the template writes it.
    ///
    /// # Errors
    /// Fails with the reason why no entry matches or why the match is ambiguous, and with the
    /// alternatives.
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
            let instead = match ran.kind_at(place) {
                vagrant_cloud::TYPE => "name the file: atlas-upload box publish USER/NAME VERSION PROVIDER FILE",
                _ => "use the plugin (atlas-upload packer install), or name the file: atlas-upload push USER/NAME --type TYPE PATH",
            };
            format!("{place}: {reason}; write {sequence} and build again with {except}, or {instead}")
        })
    }

    /// Returns the argument with which Packer leaves out the blocks; Packer knows a named block
    /// only by its name.
    fn except(&self) -> String {
        let blocks = self.0.iter().filter(|step| step.is_block());
        let names: BTreeSet<_> = blocks.map(|step| step.name.as_str()).collect();
        let names = Vec::from_iter(names).join(",");
        for_shell(&format!("-except={names}")).into_owned()
    }
}

impl Step {
    fn is_block(&self) -> bool {
        is_block(&self.kind)
    }

    fn runs_for(&self, build: &str) -> bool {
        names_build(&self.only, &self.except, build)
    }

    /// Returns the number of the sequence as a text: a place is `post-processor SEQUENCE.STEP`, or has
    /// no step if the post-processor is not in a list.
    fn sequence(&self) -> &str {
        sequence(&self.place)
    }

    /// Returns the file that a `manifest` block writes, or `None` if its name cannot be interpolated.
    fn output(&self, context: &Context<'_>) -> Option<PathBuf> {
        let text = weak_decode::text(&self.output).ok()?;
        let path = render(&text, context).ok()?.text;
        let path = if path.is_empty() { OUTPUT } else { &path };
        let parts = Path::new(path).components();
        Some(parts.filter(|part| *part != Component::CurDir).collect())
    }
}

impl<'a> Ran<'a> {
    /// Returns the entry of the recorder that got the same artifact as the block at this place.
    fn entry<'b>(
        &self,
        place: &str,
        recorders: &[&'a Step],
        entries: &[&'b Build],
    ) -> Result<&'b Build, String> {
        let Some(wrote) = self.that_wrote(recorders, entries.len()) else {
            let (counted, blocks) = (counted(entries), recorders.len());
            return Err(format!(
                "{counted}, but the manifest blocks of the template write {blocks}: the manifest is from another template, or from a build that failed"
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
                "this block pushes {made}, but for the build {build:?} the manifest has only {has}"
            )
        })
    }

    /// Returns the first entry if it is the only one and the block at this place gets the builder's
    /// artifact: a manifest that another template's blocks wrote presumably holds that artifact.
    fn only_entry<'b>(
        &self,
        place: &str,
        first: &'b Build,
        rest: &[&'b Build],
    ) -> Result<&'b Build, String> {
        let made = self.made_for(place);
        let untold = "without a manifest block in the template it is unknown";
        match (self.maker_at(place), rest) {
            (None, []) => Ok(first),
            (None, _) => {
                let counted = counted(&[&[first], rest].concat());
                Err(format!("{counted}, and {untold} which one is {made}"))
            }
            (Some(_), _) => {
                let build = &first.name;
                Err(format!(
                    "this block pushes {made}, and {untold} whether the manifest has that for the build {build:?}"
                ))
            }
        }
    }

    /// Describes which step made the artifact that reaches a place.
    fn made_for(&self, place: &str) -> String {
        self.maker_at(place).map_or_else(
            || "the builder's artifact".to_owned(),
            |maker| format!("the artifact of {} ({})", maker.kind, maker.place),
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

    /// Returns the post-processor that made the artifact that reaches this place, or `None` for the
    /// builder.
    fn maker_at(&self, place: &str) -> Option<&'a Step> {
        self.before(place)
            .find(|step| !HAND_ON.contains(&step.kind.as_str()))
    }

    /// Returns the `manifest` blocks that write this file. A file that was copied or renamed belongs to
    /// all blocks, if they all write the same file.
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
                "the manifest blocks of the template write several files, and it is unknown which one {} is",
                manifest.display()
            ));
        }
        Ok(these.into_iter().map(|(_, step)| *step).collect())
    }

    /// Returns the sequence that the user should write, so that the manifest records the artifact that
    /// should have reached this place.
    fn to_write(&self, place: &str) -> String {
        let Some(Step { kind, .. }) = self.maker_at(place) else {
            return "\"manifest\" before all other post-processors".to_owned();
        };
        let alone = match self.before(place).any(Step::is_block) {
            true => " as a sequence of its own",
            false => "",
        };
        let block = self.kind_at(place);
        format!("[{kind:?}, \"manifest\", {{\"type\": {block:?}, …}}]{alone}")
    }

    /// Returns the type of the block at a place.
    fn kind_at(&self, place: &str) -> &'a str {
        let block = self.0.iter().copied().find(|step| step.place == place);
        block.map_or("atlas", |block| block.kind.as_str())
    }

    /// Returns the blocks that wrote this number of entries: all of them, or, for a build with
    /// `-except=atlas`, those that no block precedes.
    fn that_wrote(&self, recorders: &[&'a Step], entries: usize) -> Option<Vec<&'a Step>> {
        if recorders.len() == entries {
            return Some(recorders.to_vec());
        }
        let behind_block = |step: &&&Step| self.before(&step.place).any(Step::is_block);
        let first = recorders.iter().filter(|step| !behind_block(step));
        let first: Vec<_> = first.copied().collect();
        (first.len() == entries).then_some(first)
    }
}

fn sequence(place: &str) -> &str {
    place
        .split_once('.')
        .map_or(place, |(sequence, _)| sequence)
}

/// Describes the number of entries of one build.
fn counted(entries: &[&Build]) -> String {
    let number = match entries.len() {
        1 => "1 entry".to_owned(),
        several => format!("{several} entries"),
    };
    let build = entries.first().map_or("", |entry| &entry.name);
    format!("the manifest has {number} for the build {build:?}")
}

#[cfg(test)]
mod tests;
