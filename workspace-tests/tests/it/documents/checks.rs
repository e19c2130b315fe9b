//! Checks of a document that run nothing of it. Each returns the places where something is wrong.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::document::Document;
use super::help::{Help, flags};
use crate::workspace::root;

/// Commands that nothing runs.
pub(crate) fn loose_commands(document: &Document) -> Vec<String> {
    let loose = document.loose();
    let tell = |(line, command)| document.at(line, &format!("nothing runs: {command}"));
    loose.map(tell).collect()
}

/// Links to files that are not there, or to headings that none of these documents has.
pub(crate) fn broken_links(from: &Document, all: &[Document]) -> Vec<String> {
    let folder = root().join(&from.path).with_file_name("");
    let is_there = |link: &str| {
        let (file, anchor) = link.split_once('#').unwrap_or((link, ""));
        let path = match file {
            "" => root().join(&from.path),
            file => folder.join(file),
        };
        let has_it = |to: &Document| to.is_at(&path) && to.anchors.contains(anchor);
        let is_itself = file.is_empty() && from.anchors.contains(anchor);
        is_itself || (anchor.is_empty() && path.exists()) || all.iter().any(has_it)
    };
    let links = from.links.iter();
    let links = links.filter(|(_, link)| !link.contains("://") && !is_there(link));
    let tell = |(line, link): &(usize, String)| from.at(*line, &format!("no such place: {link}"));
    links.map(tell).collect()
}

/// Files of a folder that no block of the document shows, word for word and as a whole.
pub(crate) fn files_not_shown(document: &Document, folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    let is_shown = |path: &Path| {
        let content = std::fs::read_to_string(path).unwrap();
        document.blocks.iter().any(|block| block.code == content)
    };
    let hidden = paths.filter(|path| !is_shown(path));
    hidden
        .map(|path| format!("{} does not show {}", document.path, path.display()))
        .collect()
}

/// Flags and subcommands that no program takes. A command line is held to its program; a flag or a
/// subcommand that stands alone, to any of them.
pub(crate) fn strange_words(document: &Document, helps: &BTreeMap<&str, Help>) -> Vec<String> {
    let spans = document.spans.iter();
    let spans = spans.map(|(line, span)| (*line, span.as_str()));
    let named = spans.chain(document.commands());
    let strange = named.filter_map(|(line, text)| Some((line, strange_word(text, helps)?)));
    let tell = |(line, word)| document.at(line, &format!("no program takes {word}"));
    strange.map(tell).collect()
}

fn strange_word<'a>(text: &'a str, helps: &BTreeMap<&str, Help>) -> Option<&'a str> {
    let first = text.split_whitespace().next()?;
    if let Some(help) = helps.get(first) {
        return help.unknown(text);
    }
    let is_ours = first.starts_with("--") || helps.values().any(|help| help.has_command(first));
    let is_known = |flag: &&str| helps.values().any(|help| help.has(flag));
    flags(text).find(|flag| is_ours && !is_known(flag))
}

/// Tables `| exit code of `PROGRAM` | … |` that have other numbers than the program, or name none.
pub(crate) fn wrong_exit_codes(
    document: &Document,
    codes: &BTreeMap<&str, BTreeSet<u8>>,
) -> Vec<String> {
    let lines: Vec<&str> = document.text.lines().collect();
    let is_wrong = |header: &usize| {
        let program = lines[*header].split('`').nth(1);
        let rows = lines[header + 2..].iter();
        let rows = rows.map_while(|row| row.strip_prefix("| "));
        let told = rows.filter_map(|row| row.split(' ').next()?.parse().ok());
        program.and_then(|program| codes.get(program)) != Some(&told.collect())
    };
    let headers = (0..lines.len()).filter(|line| lines[*line].starts_with("| exit code"));
    let tell = |header| document.at(header + 1, "these are no program's exit codes");
    headers.filter(is_wrong).map(tell).collect()
}

/// The names of metrics in a document.
pub(crate) fn metrics(document: &Document) -> impl Iterator<Item = &str> {
    let words = document
        .text
        .split(|c: char| !c.is_ascii_lowercase() && c != '_');
    words.filter(|word| word.starts_with("mock_atlas_"))
}

/// Returns whether a line of all metrics is about this one, which may be a histogram.
pub(crate) fn begins_with_metric(line: &str, name: &str) -> bool {
    let rest = line.strip_prefix(name).unwrap_or_default();
    rest.starts_with([' ', '{']) || rest.starts_with("_bucket{")
}

/// The numbers of an enum of exit codes, from its source.
pub(crate) fn exit_codes(source: &str) -> BTreeSet<u8> {
    let source = std::fs::read_to_string(root().join(source)).unwrap();
    let lines = source.lines().filter_map(|line| line.strip_suffix(','));
    let numbers = lines.filter_map(|line| line.split_once(" = ")?.1.parse().ok());
    numbers.collect()
}

impl Document {
    fn at(&self, line: usize, what: &str) -> String {
        format!("{}:{line}: {what}", self.path)
    }

    fn is_at(&self, path: &Path) -> bool {
        let there = path.canonicalize();
        there.is_ok_and(|there| there == root().join(&self.path))
    }
}
