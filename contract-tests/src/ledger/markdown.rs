//! This module writes the ledger as `LEDGER.md`. Its links are relative to the folder of `ledger.toml`.

use super::{
    Proof,
    behaviour::{Behaviour, summary},
    places::Place,
};

const INTRODUCTION: &str = "\
# The ledger

The ledger lists each behaviour of [the contract](../docs/contract.md) with its evidence, its check, its place in the
emulator, and the last time that a real server was seen to do it. The marks are those of the contract. This file is
generated from `ledger.toml`, which explains how to add an entry, and from the comments `// Contract: …` in the
emulator's source: edit those, not this file.
";

const HEADER: &str = "\
| behaviour | evidence | checked by | in the emulator | last seen |
| --- | --- | --- | --- | --- |
";

/// Returns the ledger in Markdown, with a table for each section.
pub fn markdown(behaviours: &[Behaviour<'_>]) -> String {
    let mut text = format!("{INTRODUCTION}\n{}\n", summary(behaviours));
    for section in behaviours.chunk_by(|a, b| a.section == b.section) {
        let title = section.first().map_or("", |it| it.section);
        text.push_str(&format!("\n## {title}\n\n{HEADER}"));
        section.iter().for_each(|it| text.push_str(&row(it)));
    }
    text
}

fn row(behaviour: &Behaviour<'_>) -> String {
    let note = behaviour.note.map(|note| format!("<br>Note: {note}"));
    let check = match behaviour.unchecked {
        Some(reason) => reason.to_string(),
        None => code(&behaviour.checked_by),
    };
    let cells = [
        format!(
            "`{}`<br>{}{}",
            behaviour.id,
            behaviour.statement,
            note.unwrap_or_default()
        ),
        lines(behaviour.evidence.iter().map(proof)),
        check,
        lines(behaviour.emulator.iter().map(place)),
        behaviour.seen(),
    ];
    format!(
        "| {} |\n",
        cells.map(|cell| cell.replace('|', "\\|")).join(" | ")
    )
}

fn proof(proof: &Proof) -> String {
    let files = proof
        .files
        .iter()
        .map(|file| format!("[{file}](testdata/{file})"));
    let source = format!("**{}**: {}", proof.mark, proof.described());
    lines(std::iter::once(source).chain(files))
}

fn place(place: &Place) -> String {
    let Place { file, item } = place;
    format!("[{file}](../{file}) `{item}`")
}

fn code(ids: &[&str]) -> String {
    lines(ids.iter().map(|id| format!("`{id}`")))
}

fn lines(lines: impl Iterator<Item = String>) -> String {
    lines.collect::<Vec<_>>().join("<br>")
}
