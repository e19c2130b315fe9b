//! These tests hold the documents to what they say: their shell blocks are run, their links lead
//! somewhere, and the flags, subcommands and exit codes that they name are those of the programs.
//!
//! A block in `sh` is run; one that cannot be has `<!-- not run: REASON -->` before it, and one that needs
//! a genuine client `<!-- real client: PROGRAM -->`, for the feature `real-clients`.

mod checks;
mod document;
mod endpoints;
mod help;
mod made_up;
mod session;

use std::collections::BTreeSet;
use std::process::Command;

use document::Document;
use endpoints::Endpoints;
use futures_util::future::join_all;
use help::Help;
use mock_atlas::MockAtlas;

use crate::workspace::{PROGRAMS, root};

/// All documents of these folders of the workspace.
fn documents(folders: &[&str]) -> Vec<Document> {
    let entries = folders.iter().flat_map(|folder| {
        let entries = std::fs::read_dir(root().join(folder)).unwrap();
        entries.map(|entry| entry.unwrap().path())
    });
    let files = entries.filter(|path| path.extension().is_some_and(|extension| extension == "md"));
    let parsed = files.map(|file| {
        let path = file.strip_prefix(root()).unwrap().display().to_string();
        Document::parse(&path, &std::fs::read_to_string(&file).unwrap())
    });
    parsed.collect()
}

/// The README and all in `docs`.
pub(crate) fn guides() -> Vec<Document> {
    let mut guides = documents(&["", "docs"]);
    guides.retain(|guide| guide.path == "README.md" || guide.path.starts_with("docs/"));
    guides
}

fn complain(problems: impl Iterator<Item = String>) {
    let problems: Vec<_> = problems.collect();
    assert!(problems.is_empty(), "\n{}\n", problems.join("\n"));
}

pub(crate) async fn run_all(documents: &[Document], real_clients: bool) {
    let session = |document| session::run(document, &PROGRAMS, real_clients);
    let ended = join_all(documents.iter().map(session)).await;
    complain(ended.into_iter().filter_map(Result::err));
}

#[tokio::test(flavor = "multi_thread")]
async fn every_document_does_what_it_shows() {
    run_all(&guides(), false).await;
}

#[test]
fn no_command_is_shown_that_nothing_runs() {
    complain(guides().iter().flat_map(checks::loose_commands));
}

#[test]
fn every_link_leads_somewhere() {
    let all = documents(&["", "docs", "uploader", "mock-atlas", "contract-tests"]);
    let broken = |document| checks::broken_links(document, &all);
    complain(all.iter().flat_map(broken));
}

#[test]
fn the_files_that_the_guide_to_rescue_brings_are_shown_in_it() {
    let path = root().join("docs/rescue.md");
    let guide = Document::parse("docs/rescue.md", &std::fs::read_to_string(&path).unwrap());
    let hidden = checks::files_not_shown(&guide, &path.with_extension(""));
    complain(hidden.into_iter());
}

#[test]
fn every_flag_and_subcommand_that_is_named_is_there() {
    let programs = ["atlas-upload", "mock-atlas", "atlas-contract"];
    let helps = programs.map(|program| (program, Help::of(&PROGRAMS.join(program), &[])));
    let helps = helps.into();
    let strange = |guide| checks::strange_words(guide, &helps);
    complain(guides().iter().flat_map(strange));
}

#[tokio::test]
async fn the_metrics_that_are_named_are_there() {
    let folder = tempfile::tempdir().unwrap();
    let atlas = MockAtlas::builder().data(folder.path()).start().await;
    let atlas = atlas.unwrap();
    let ask = async |command: &str| {
        let mut asked = tokio::process::Command::new(PROGRAMS.join("mock-atlas"));
        let asked = asked.args([
            command,
            "--atlas-url",
            atlas.url(),
            "--token",
            atlas.token(),
        ]);
        String::from_utf8(asked.output().await.unwrap().stdout).unwrap()
    };
    // A metric of requests is there once there was one.
    ask("orphans").await;
    let metrics = ask("metrics").await;
    let known = |name: &&str| {
        metrics
            .lines()
            .any(|line| checks::begins_with_metric(line, name))
    };
    let named = |guide| checks::metrics(guide).filter(|name| !known(name));
    let guides = guides();
    let strange: BTreeSet<&str> = guides.iter().flat_map(named).collect();
    assert!(strange.is_empty(), "{strange:?}\n{metrics}");
}

#[test]
fn the_exit_codes_are_those_of_the_programs() {
    let codes = [
        ("atlas-upload", "uploader/src/base/exit_code.rs"),
        ("atlas-contract", "contract-tests/src/exit_code.rs"),
    ]
    .map(|(program, source)| (program, checks::exit_codes(source)));
    let guides = guides();
    for (program, codes) in &codes {
        let table = format!("| exit code of `{program}` |");
        let told = guides.iter().any(|guide| guide.text.contains(&table));
        assert!(told && !codes.is_empty(), "{program}");
    }
    let codes = codes.into();
    let wrong = |guide| checks::wrong_exit_codes(guide, &codes);
    complain(guides.iter().flat_map(wrong));
}

#[test]
fn the_emulators_calls_and_routes_are_those_of_its_source() {
    let endpoints = Endpoints::read(&root().join(endpoints::SOURCES));
    let guide = std::fs::read_to_string(root().join("docs/emulator.md")).unwrap();
    let below = "/_mock/";
    let own = endpoints.calls.iter().filter(|call| call.contains(below));
    let own: BTreeSet<String> = own.cloned().collect();
    assert!(!own.is_empty() && !endpoints.names.is_empty());
    assert_eq!(endpoints::documented_calls(&guide, below), own);
    assert_eq!(endpoints::documented_names(&guide), endpoints.names);
    let help = Command::new(PROGRAMS.join("mock-atlas"))
        .arg("--help")
        .output();
    let help = String::from_utf8(help.unwrap().stdout).unwrap();
    assert_eq!(endpoints::names_in_help(&help), endpoints.names);
}
