//! The documents hold what they say: their shell blocks are run, their links lead somewhere, and the
//! flags, subcommands and exit codes that they name are those of the programs.
//!
//! A block in `sh` is run; one that cannot be has `<!-- not run: REASON -->` before it, and one that needs
//! a genuine client `<!-- real client: PROGRAM -->`, for the feature `real-clients`.
#![cfg(unix)]
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "tests, helpers included"
)]

mod document;
mod help;
mod made_up;
mod session;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use document::{Document, Leave};
use futures_util::future::join_all;
use help::Help;

const PROGRAMS: [&str; 3] = ["atlas-upload", "mock-atlas", "atlas-contract"];

/// The folder with all three programs. For a test of this crate, Cargo builds that of this crate alone;
/// with the examples, it takes the features that `cargo test --workspace` takes.
static BUILT: LazyLock<PathBuf> = LazyLock::new(|| {
    let mut build = Command::new(env!("CARGO"));
    build.args(["build", "--quiet", "--workspace", "--bins", "--examples"]);
    build.args((!cfg!(debug_assertions)).then_some("--release"));
    assert!(build.current_dir(root()).status().unwrap().success());
    let own = Path::new(env!("CARGO_BIN_EXE_atlas-upload"));
    own.parent().unwrap().to_owned()
});

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

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
fn guides() -> Vec<Document> {
    let mut guides = documents(&["", "docs"]);
    guides.retain(|document| document.path == "README.md" || document.path.starts_with("docs/"));
    guides
}

fn complain(problems: &[String]) {
    assert!(problems.is_empty(), "\n{}\n", problems.join("\n"));
}

async fn run_all(documents: &[Document], real_clients: bool) {
    let sessions = documents
        .iter()
        .map(|document| session::run(document, &BUILT, real_clients));
    let ended = join_all(sessions).await;
    complain(
        &ended
            .into_iter()
            .filter_map(Result::err)
            .collect::<Vec<_>>(),
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn every_document_does_what_it_shows() {
    run_all(&guides(), false).await;
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(feature = "real-clients"), ignore = "needs the genuine clients")]
async fn every_document_does_what_it_shows_with_genuine_clients() {
    let mut documents = guides();
    let is_real = |leave: &Option<Leave>| *leave == Some(Leave::RealClient);
    documents.retain(|document| document.blocks.iter().any(|block| is_real(&block.leave)));
    assert!(!documents.is_empty());
    run_all(&documents, true).await;
}

#[test]
fn no_command_is_shown_that_nothing_runs() {
    let loose = |document: &Document| {
        let place = |(line, command)| format!("{}:{line}: nothing runs: {command}", document.path);
        document.loose().map(place).collect::<Vec<_>>()
    };
    complain(&guides().iter().flat_map(loose).collect::<Vec<_>>());
}

#[test]
fn every_link_leads_somewhere() {
    let all = documents(&["", "docs", "uploader", "mock-atlas", "contract-tests"]);
    let broken = all.iter().flat_map(|document| broken_links(document, &all));
    complain(&broken.collect::<Vec<_>>());
}

/// The links of a document to files or headings that are not there.
fn broken_links<'a>(from: &'a Document, all: &'a [Document]) -> impl Iterator<Item = String> + 'a {
    let folder = Path::new(&from.path).parent().unwrap();
    let links = from.links.iter().filter(|(_, link)| !link.contains("://"));
    links.filter_map(move |(line, link)| {
        let (file, anchor) = link.split_once('#').unwrap_or((link, ""));
        let there = root().join(folder).join(file).canonicalize();
        let same = |to: &&Document| {
            there
                .as_ref()
                .is_ok_and(|path| *path == root().join(&to.path))
        };
        let to = if file.is_empty() {
            Some(from)
        } else {
            all.iter().find(same)
        };
        let found = anchor.is_empty() || to.is_some_and(|to| to.anchors.contains(anchor));
        let is_there = file.is_empty() || there.is_ok();
        (!(is_there && found)).then(|| format!("{}:{line}: no such place: {link}", from.path))
    })
}

#[test]
fn every_flag_and_subcommand_that_is_named_is_there() {
    let helps = PROGRAMS.map(|program| (program, Help::of(&BUILT.join(program), &[])));
    let strange = |document: &Document| {
        let spans = document
            .spans
            .iter()
            .map(|(line, span)| (*line, span.as_str()));
        let named = spans.chain(document.commands());
        let strange = named.filter_map(|(line, text)| Some((line, unknown(text, &helps)?)));
        let tell = |(line, word)| format!("{}:{line}: no program takes {word}", document.path);
        strange.map(tell).collect::<Vec<_>>()
    };
    complain(&guides().iter().flat_map(strange).collect::<Vec<_>>());
}

/// What of a text no program takes: of a command line of one of them, that one; of a flag or a
/// subcommand alone, any of them.
fn unknown<'a>(text: &'a str, helps: &[(&str, Help)]) -> Option<&'a str> {
    let first = text.split_whitespace().next()?;
    if let Some((_, help)) = helps.iter().find(|(program, _)| *program == first) {
        return help.unknown(text);
    }
    let of_any = first.starts_with("--") || helps.iter().any(|(_, help)| help.has_command(first));
    let known = |flag: &&str| helps.iter().any(|(_, help)| help.has(flag));
    help::flags(text).find(|flag| of_any && !known(flag))
}

#[test]
fn the_exit_codes_are_those_of_the_programs() {
    let guides = guides();
    for (program, source) in [
        ("atlas-upload", "uploader/src/exit_code.rs"),
        ("atlas-contract", "contract-tests/src/exit_code.rs"),
    ] {
        let source = std::fs::read_to_string(root().join(source)).unwrap();
        let in_code = source
            .lines()
            .filter_map(|line| line.trim().strip_suffix(','));
        let in_code = in_code.filter_map(|line| line.split_once(" = ")?.1.parse().ok());
        let in_code: BTreeSet<u8> = in_code.collect();
        let tables: Vec<_> = guides
            .iter()
            .flat_map(|guide| exit_codes(guide, program))
            .collect();
        assert!(
            !tables.is_empty(),
            "no document tells the exit codes of {program}"
        );
        for (place, codes) in tables {
            assert_eq!(codes, in_code, "{place}");
        }
    }
}

/// The tables `| exit code of … |`, each with its place and its numbers.
fn exit_codes<'a>(
    document: &'a Document,
    program: &str,
) -> impl Iterator<Item = (String, BTreeSet<u8>)> + 'a {
    let header = format!("| exit code of `{program}` |");
    let lines: Vec<&str> = document.text.lines().collect();
    let begins = |line: &usize| lines[*line].starts_with(&header);
    let tables: Vec<_> = (0..lines.len())
        .filter(begins)
        .map(|header| {
            let rows = lines[header + 2..]
                .iter()
                .map_while(|row| row.strip_prefix("| "));
            let codes = rows.filter_map(|row| row.split(' ').next()?.parse().ok());
            (format!("{}:{}", document.path, header + 1), codes.collect())
        })
        .collect();
    tables.into_iter()
}
