//! This module writes the ledger as text for a terminal.

use super::behaviour::{Behaviour, summary};

/// Returns the ledger as text, with a paragraph for each behaviour below the heading of its section.
pub fn text(behaviours: &[Behaviour<'_>]) -> String {
    let mut text = summary(behaviours);
    text.push('\n');
    for section in behaviours.chunk_by(|a, b| a.section == b.section) {
        let title = section.first().map_or("", |it| it.section);
        text.push_str(&format!(
            "\n{title}\n{}\n",
            "=".repeat(title.chars().count())
        ));
        for behaviour in section {
            text.push_str(&format!("\n{}\n  {}\n", behaviour.id, behaviour.statement));
            for (name, value) in facts(behaviour) {
                text.push_str(&format!("    {name:<10}  {value}\n"));
            }
        }
    }
    text
}

fn facts<'a>(behaviour: &Behaviour<'a>) -> Vec<(String, String)> {
    let fact = |name: &str, value: String| (name.to_owned(), value);
    let mut facts = Vec::new();
    for proof in behaviour.evidence {
        facts.push(fact(&proof.mark.to_string(), proof.described().to_owned()));
        facts.extend(proof.files.iter().map(|file| fact("", file.clone())));
    }
    facts.push(fact("checked by", behaviour.check()));
    for place in behaviour.emulator {
        facts.push(fact("emulator", format!("{} {}", place.file, place.item)));
    }
    facts.extend(behaviour.note.map(|note| fact("note", note.to_owned())));
    facts.push(fact("last seen", behaviour.seen()));
    facts
}
