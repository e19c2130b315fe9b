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
use super::functions::Context;
use super::weak;
use crate::manifest::{Build, Manifest};

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
            Step {
                place,
                kind: weak::text(&value("type")).unwrap_or_default(),
                only: weak::list(&value("only")).unwrap_or_default(),
                except: weak::list(&value("except")).unwrap_or_default(),
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
        let build = &first.name;
        let steps = self.0.iter();
        let ran = Ran(steps.filter(|step| step.runs_for(name)).collect());
        let refused = |reason: String| {
            let maker = ran.maker_at(place);
            Err(format!(
                "{place}: {reason}; {}",
                way_out(maker.map(|maker| maker.kind.as_str()))
            ))
        };
        let recorders = match ran.recorders(manifest.path(), context) {
            Ok(recorders) => recorders,
            Err(reason) => return refused(reason),
        };
        let made = made_by(ran.maker_at(place));
        if recorders.is_empty() {
            return match ran.maker_at(place) {
                None if rest.is_empty() => Ok(first),
                None => refused(format!(
                    "the manifest has {} entries of the build {build:?}, and without a manifest block in the template it cannot be told which one is {made}",
                    entries.len()
                )),
                Some(_) => refused(format!(
                    "this block pushes {made}, and without a manifest block in the template it cannot be told whether that is what the manifest has of the build {build:?}"
                )),
            };
        }
        let Some(wrote) = ran.that_wrote(&recorders, entries.len()) else {
            return refused(format!(
                "the manifest has {} entries of the build {build:?}, and the manifest blocks of the template write {}, so that it is of another template, or of a build that broke",
                entries.len(),
                recorders.len()
            ));
        };
        let here = ran.maker_at(place).map(|maker| &maker.place);
        let mut seen = wrote.iter().zip(entries);
        let found = seen.find(|(recorder, _)| {
            let there = ran.maker_at(&recorder.place).map(|maker| &maker.place);
            there == here
        });
        match found {
            Some((_, entry)) => Ok(entry),
            None => {
                let has = wrote
                    .iter()
                    .map(|step| made_by(ran.maker_at(&step.place)))
                    .collect::<BTreeSet<_>>();
                let has = Vec::from_iter(has).join(" and ");
                refused(format!(
                    "this block pushes {made}, and of the build {build:?} the manifest has only {has}"
                ))
            }
        }
    }
}

impl Step {
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
        let text = weak::text(&self.output).ok()?;
        let path = render(&text, context).ok()?.text;
        let path = if path.is_empty() { OUTPUT } else { &path };
        let parts = Path::new(path).components();
        Some(parts.filter(|part| *part != Component::CurDir).collect())
    }
}

impl<'a> Ran<'a> {
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

    /// Returns the blocks that wrote so many entries: all of them, or, with `-except=atlas`, those that no
    /// `atlas` block precedes.
    fn that_wrote(&self, recorders: &[&'a Step], entries: usize) -> Option<Vec<&'a Step>> {
        if recorders.len() == entries {
            return Some(recorders.to_vec());
        }
        let behind_atlas =
            |step: &&&Step| self.before(&step.place).any(|step| step.kind == "atlas");
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

fn made_by(maker: Option<&Step>) -> String {
    maker.map_or_else(
        || "what the builder made".to_owned(),
        |maker| format!("what {} ({}) made", maker.kind, maker.place),
    )
}

/// Returns the ways to push what a post-processor of this type made, or the builder.
fn way_out(maker: Option<&str>) -> String {
    let sequence = match maker {
        Some(maker) => format!("[{maker:?}, \"manifest\", {{\"type\": \"atlas\", …}}]"),
        None => "\"manifest\" before all else".to_owned(),
    };
    format!(
        "write {sequence} and build again with -except=atlas, or use the plugin (atlas-upload packer install), or name the file: atlas-upload push USER/NAME --type TYPE PATH"
    )
}

#[cfg(test)]
mod tests {
    use super::super::evaluate::Rendered;
    use super::super::flat;
    use super::*;
    use crate::manifest::Manifest;
    use serde_json::json;
    use time::OffsetDateTime;

    /// Finds what reached the block at a place, among entries with these ids.
    fn reached(post_processors: &Value, place: &str, ids: &[&str]) -> Result<String, String> {
        in_file("packer-manifest.json", post_processors, place, ids)
    }

    fn in_file(
        name: &str,
        post_processors: &Value,
        place: &str,
        ids: &[&str],
    ) -> Result<String, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        let entry = |id: &&str| json!({"name": "vm", "builder_type": "qemu", "artifact_id": id, "packer_run_uuid": "1"});
        let builds: Vec<_> = ids.iter().map(entry).collect();
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        let document = json!({"builds": builds, "last_run_uuid": "1"});
        std::fs::write(&path, document.to_string()).unwrap();
        let manifest = Manifest::read(&path).unwrap();
        let user = |_: &str| {
            Ok(Rendered {
                text: "mine.json".to_owned(),
                ..Rendered::default()
            })
        };
        let context = Context {
            now: OffsetDateTime::UNIX_EPOCH,
            folder: None,
            user: &user,
            environment: None,
            build: Some(("vm", "qemu")),
            packer_version: None,
            generated: None,
        };
        let mut wrong = Vec::new();
        let steps = Steps::new(flat(post_processors.as_array().unwrap(), &mut wrong));
        assert_eq!(wrong, Vec::<String>::new());
        let entries = manifest.select(&[]).unwrap();
        let entry = steps.reached(place, "vm", &entries, &manifest, &context)?;
        Ok(entry.artifact_id.clone())
    }

    fn skipped(kind: &str) -> Value {
        json!({"type": kind, "except": ["vm"]})
    }

    #[test]
    fn the_entry_is_that_of_the_manifest_block_that_saw_the_same() {
        let last = "post-processor 1.3";
        for (post_processors, place, ids, expected) in [
            (
                json!(["atlas"]),
                "post-processor 1",
                &["built"][..],
                "built",
            ),
            (
                json!(["manifest", "atlas"]),
                "post-processor 2",
                &["built"],
                "built",
            ),
            (
                json!([["manifest", "atlas"]]),
                "post-processor 1.2",
                &["built"],
                "built",
            ),
            (
                json!([["vagrant", "manifest", "atlas"]]),
                last,
                &["box"],
                "box",
            ),
            (
                json!([["vagrant", "shell-local", "manifest", "shell-local", "atlas"]]),
                "post-processor 1.5",
                &["box"],
                "box",
            ),
            // A build without the atlas block, and one in which it was left out.
            (
                json!([["vagrant", "atlas", "manifest"]]),
                "post-processor 1.2",
                &["box"],
                "box",
            ),
            (
                json!(["manifest", ["vagrant", "manifest", "atlas"]]),
                "post-processor 2.3",
                &["built", "box"],
                "box",
            ),
            (
                json!(["manifest", ["vagrant", "manifest", "atlas"], "atlas"]),
                "post-processor 3",
                &["built", "box"],
                "built",
            ),
            (
                json!([
                    ["compress", "atlas", "manifest"],
                    ["vagrant", "manifest", "atlas"]
                ]),
                "post-processor 2.3",
                &["packed", "box"],
                "box",
            ),
            (
                json!([
                    ["compress", "atlas", "manifest"],
                    ["vagrant", "manifest", "atlas"]
                ]),
                "post-processor 2.3",
                &["box"],
                "box",
            ),
            // What is not for this build changes nothing.
            (
                json!([[skipped("compress"), "manifest", "atlas"]]),
                last,
                &["built"],
                "built",
            ),
            (
                json!([skipped("manifest"), ["vagrant", "manifest", "atlas"]]),
                "post-processor 2.3",
                &["box"],
                "box",
            ),
            (
                json!([[skipped("vagrant"), "atlas"], skipped("manifest")]),
                "post-processor 1.2",
                &["built"],
                "built",
            ),
        ] {
            let found = reached(&post_processors, place, ids);
            assert_eq!(found.as_deref(), Ok(expected), "{post_processors}");
        }
    }

    #[test]
    fn another_artifact_is_never_taken_for_it() {
        let only = "of the build \"vm\" the manifest has only";
        for (post_processors, place, ids, reason) in [
            (
                json!([["vagrant", "atlas"]]),
                "post-processor 1.2",
                &["built"][..],
                "this block pushes what vagrant (post-processor 1.1) made, and without a manifest block in the template it cannot be told whether that is what the manifest has of the build \"vm\"".to_owned(),
            ),
            (
                json!([["compress", "atlas"], "manifest"]),
                "post-processor 1.2",
                &["built"],
                format!("this block pushes what compress (post-processor 1.1) made, and {only} what the builder made"),
            ),
            (
                json!([["manifest", "vagrant", "atlas"]]),
                "post-processor 1.3",
                &["built"],
                format!("made, and {only} what the builder made"),
            ),
            (
                json!(["atlas", ["vagrant", "manifest"]]),
                "post-processor 1",
                &["box"],
                format!("this block pushes what the builder made, and {only} what vagrant (post-processor 2.1) made"),
            ),
            // Checksum hands on the files, and one more.
            (
                json!([["checksum", "atlas"], "manifest"]),
                "post-processor 1.2",
                &["built"],
                format!("{only} what the builder made"),
            ),
            // It was made in another run of the same post-processor.
            (
                json!([["vagrant", "manifest"], ["vagrant", "atlas"]]),
                "post-processor 2.2",
                &["box"],
                format!("{only} what vagrant (post-processor 1.1) made"),
            ),
            (
                json!([["vagrant", "artifice", "manifest"], ["manifest", "compress", "atlas"]]),
                "post-processor 2.3",
                &["a", "b"],
                format!("{only} what artifice (post-processor 1.2) made and what the builder made"),
            ),
            (
                json!(["manifest", ["vagrant", "manifest", "atlas"]]),
                "post-processor 2.3",
                &["built"],
                "the manifest has 1 entries of the build \"vm\", and the manifest blocks of the template write 2".to_owned(),
            ),
            (
                json!(["atlas"]),
                "post-processor 1",
                &["built", "box"],
                "the manifest has 2 entries of the build \"vm\", and without a manifest block".to_owned(),
            ),
        ] {
            let refused = reached(&post_processors, place, ids).unwrap_err();
            assert!(refused.starts_with(&format!("{place}: ")), "{refused}");
            assert!(refused.contains(&reason), "{refused}");
            assert!(refused.contains("or use the plugin (atlas-upload packer install)"), "{refused}");
        }
    }

    #[test]
    fn of_several_manifests_the_block_counts_that_writes_this_one() {
        let manifest = |output: &str| json!({"type": "manifest", "output": output});
        let template =
            |output: &str| json!([manifest("a.json"), ["vagrant", manifest(output), "atlas"]]);
        let find = |name: &str, output: &str| {
            in_file(name, &template(output), "post-processor 2.3", &["box"])
        };
        assert_eq!(find("b.json", "./b.json").as_deref(), Ok("box"));
        assert_eq!(find("sub/b.json", "sub/b.json").as_deref(), Ok("box"));
        assert_eq!(find("mine.json", "{{user `x`}}").as_deref(), Ok("box"));
        assert_eq!(find("vm.json", "{{build_name}}.json").as_deref(), Ok("box"));
        let refused = find("a.json", "b.json").unwrap_err();
        assert!(refused.contains("only what the builder made"), "{refused}");
        for (name, output) in [("copy.json", "b.json"), ("b.json", "{{uuid | nothing}}")] {
            let refused = find(name, output).unwrap_err();
            assert!(refused.contains("write several files"), "{refused}");
        }
        // Renamed, where all write the same.
        let one = json!([["vagrant", manifest("a.json"), "atlas"]]);
        let found = in_file("copy.json", &one, "post-processor 1.3", &["box"]);
        assert_eq!(found.as_deref(), Ok("box"));
    }
}
