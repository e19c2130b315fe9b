//! This module reads the comments `// Contract: ID, …` in the emulator's source, and compares their ids with the
//! ledger.
//!
//! Such a comment is directly above an item: a function, a type, an implementation of a trait for a type, a variant, a
//! constant or a field. It may be below other comments and above attributes, and it may be repeated.

use std::{fs, path::Path};

use atlas_contract_tests::ledger::{
    Ledger,
    places::{Place, Places},
};

/// Words that begin a line of code that names no item.
const NO_ITEM: [&str; 9] = [
    "else", "for", "if", "impl", "let", "match", "return", "use", "while",
];

/// Words that may stand before the name of an item.
const BEFORE_NAMES: [&str; 12] = [
    "async", "const", "enum", "fn", "mod", "mut", "pub", "static", "struct", "trait", "type",
    "unsafe",
];

/// Returns the places of all comments in a folder, and a line for each comment that is above no item.
///
/// The paths are relative to `root`.
pub(crate) fn places(root: &Path, folder: &Path) -> (Places, Vec<String>) {
    let (mut places, mut astray) = (Places::default(), Vec::new());
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            let (below, wrong) = self::places(root, &path);
            below.ids().for_each(|id| {
                let found = below.of(id).iter();
                found.for_each(|place| places.add(id, place.clone()));
            });
            astray.extend(wrong);
        } else if path.extension().is_some_and(|it| it == "rs") {
            let file = path.strip_prefix(root).unwrap().to_str().unwrap();
            let source = fs::read_to_string(&path).unwrap();
            of_file(file, &source, &mut places, &mut astray);
        }
    }
    (places, astray)
}

fn of_file(file: &str, source: &str, places: &mut Places, astray: &mut Vec<String>) {
    let lines: Vec<_> = source.lines().map(str::trim).collect();
    for (number, line) in lines.iter().enumerate() {
        let Some(ids) = ids(line) else { continue };
        let below = lines.get(number + 1..).unwrap_or_default();
        let Some(item) = code(below).and_then(name) else {
            astray.push(format!("{file}:{}: no item is below {line}", number + 1));
            continue;
        };
        for id in ids {
            let (file, item) = (file.to_owned(), item.to_owned());
            places.add(id, Place { file, item });
        }
    }
}

/// Returns the ids of a comment that names behaviours; a doc comment counts too, so that none is overlooked.
fn ids(line: &str) -> Option<impl Iterator<Item = &str>> {
    let comment = line.strip_prefix("//")?.trim_start_matches(['/', '!', ' ']);
    let ids = comment.strip_prefix("Contract:")?;
    Some(ids.split(',').map(str::trim))
}

/// Returns the first line that is neither a comment nor a part of an attribute.
fn code<'a>(lines: &[&'a str]) -> Option<&'a str> {
    let mut open_brackets = 0;
    for line in lines {
        if open_brackets > 0 || line.starts_with("#[") {
            let count = |bracket| isize::try_from(line.matches(bracket).count()).unwrap();
            open_brackets += count('[') - count(']');
        } else if !line.starts_with("//") {
            return Some(line);
        }
    }
    None
}

/// Returns the name of the item that begins with this line.
fn name(line: &str) -> Option<&str> {
    let line = match (line.strip_prefix("pub("), line.split_once(" for ")) {
        (Some(visibility), _) => visibility.split_once(')')?.1.trim_start(),
        (None, Some((start, of))) if start.starts_with("impl") => of,
        _ => line,
    };
    let mut words = line.split(|c: char| !c.is_alphanumeric() && c != '_');
    let name = words.find(|word| !BEFORE_NAMES.contains(word))?;
    (!name.is_empty() && !NO_ITEM.contains(&name)).then_some(name)
}

/// Returns a line for each id that the ledger does not know, and for each entry that has no place and should have one.
pub(crate) fn disagreements(ledger: &Ledger, places: &Places) -> Vec<String> {
    let entries = || ledger.sections.iter().flat_map(|section| &section.entries);
    let unknown = places.ids().filter(|id| !entries().any(|it| it.id == *id));
    let mut found: Vec<_> = unknown
        .map(|id| {
            let Place { file, item } = &places.of(id)[0];
            format!("{file} names {id:?} above {item}, which is not in ledger.toml")
        })
        .collect();
    for id in entries().map(|entry| &entry.id) {
        // The emulator does not implement the behaviour of clients.
        let only_a_client = id.starts_with("client.");
        match (only_a_client, places.of(id)) {
            (false, []) => found.push(format!("{id}: no `// Contract: {id}` in mock-atlas/src")),
            (true, [Place { file, item }, ..]) => {
                found.push(format!(
                    "{id}: only a client does this, not {item} in {file}"
                ));
            }
            _ => {}
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    const SKY: &str = "\
/// Is blue.
// Contract: a.b
pub(crate) async fn blue() {}

pub enum Cloud {
    /// White.
    // Contract: silent.clouds, a.b
    // Contract: silent.rain
    #[error(
        \"[white]\"
    )]
    White { height: u8 },
}
";

    fn found(source: &str) -> (Places, Vec<String>) {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("sky/air");
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("sky.rs"), source).unwrap();
        fs::write(folder.join("notes.txt"), "// Contract: a.z").unwrap();
        places(root.path(), &root.path().join("sky"))
    }

    /// Returns what is wrong with a source, where `known` is the made-up ledger.
    fn wrong(source: &str) -> Vec<String> {
        let ledger = Ledger::parse(&super::super::compare::made_up("")).unwrap();
        let (places, mut wrong) = found(source);
        wrong.extend(disagreements(&ledger, &places));
        wrong
    }

    #[test]
    fn a_comment_names_the_item_below_it_whatever_stands_between() {
        let (places, astray) = found(SKY);
        assert_eq!(astray, [""; 0]);
        let expected = "\"a.b\" = [\"sky/air/sky.rs#White\", \"sky/air/sky.rs#blue\"]\n\
            \"silent.clouds\" = [\"sky/air/sky.rs#White\"]\n\
            \"silent.rain\" = [\"sky/air/sky.rs#White\"]\n";
        assert_eq!(places.to_toml(), expected);
        for (line, item) in [
            ("pub const MAX: usize = 3;", Some("MAX")),
            ("pub(in crate::sky) fn blue() {}", Some("blue")),
            ("pub(super) struct Sky<'a> {", Some("Sky")),
            ("const fn blue() {}", Some("blue")),
            ("height: u8,", Some("height")),
            ("Rain(u8),", Some("Rain")),
            ("impl<S: Sync> From<S> for Sky {", Some("Sky")),
            ("impl Sky {", None),
            ("let sky = Sky;", None),
            ("}", None),
        ] {
            assert_eq!(name(line), item, "{line}");
        }
    }

    #[test]
    fn what_agrees_is_left_alone() {
        assert_eq!(
            wrong(&SKY.replace("    // Contract: silent.rain\n", "")),
            [""; 0]
        );
    }

    #[test]
    fn an_id_that_the_ledger_does_not_know_is_found() {
        let unknown =
            "sky/air/sky.rs names \"silent.rain\" above White, which is not in ledger.toml";
        assert_eq!(wrong(SKY), [unknown]);
    }

    #[test]
    fn an_entry_without_a_place_is_found_and_a_client_with_one() {
        let source = "// Contract: silent.clouds, client.looks\nfn blue() {}\n";
        let expected = [
            "a.b: no `// Contract: a.b` in mock-atlas/src",
            "client.looks: only a client does this, not blue in sky/air/sky.rs",
        ];
        assert_eq!(wrong(source), expected);
    }

    #[test]
    fn a_comment_that_is_above_no_item_is_found() {
        for below in ["", "}\n", "let sky = 1;\n", "\nfn blue() {}\n"] {
            let source = format!("{}// Contract: a.b\n{below}", SKY.replace("rain", "clouds"));
            let expected = "sky/air/sky.rs:14: no item is below // Contract: a.b";
            assert_eq!(wrong(&source), [expected], "{below}");
        }
    }
}
