//! A [`Behaviour`] is an entry of the ledger with its checks and its places in the emulator.

use serde::Serialize;

use super::{
    Entry, LastSeen, Ledger, Proof, Section, Unchecked,
    checks::Check,
    places::{Place, Places},
};

/// An entry with its checks and its places in the emulator.
#[derive(Debug, Clone, Serialize)]
pub struct Behaviour<'a> {
    /// The entry's id.
    pub id: &'a str,
    /// The heading in the contract.
    pub section: &'a str,
    /// The statement: the title of the check of the same id, or else the words of the contract.
    pub statement: &'a str,
    /// The evidence.
    pub evidence: &'a [Proof],
    /// The ids of the checks.
    pub checked_by: Vec<&'a str>,
    /// The reason why there is no check.
    pub unchecked: Option<Unchecked>,
    /// The places in the emulator.
    pub emulator: &'a [Place],
    /// A remark.
    pub note: Option<&'a str>,
    /// The last time that a real server was seen to do it; `None` means never.
    pub last_seen: Option<&'a LastSeen>,
}

/// Returns every behaviour, in the order of the contract.
pub fn all<'a>(ledger: &'a Ledger, places: &'a Places, checks: &[Check]) -> Vec<Behaviour<'a>> {
    let entries = ledger.sections.iter().flat_map(|section| {
        let entries = section.entries.iter();
        entries.map(move |entry| (section, entry))
    });
    entries
        .map(|(section, entry)| Behaviour::of(section, entry, places, checks))
        .collect()
}

/// Returns the behaviours as `{"behaviours": [ … ]}`, with the fields of [`Behaviour`].
///
/// # Errors
/// Fails when a behaviour cannot be serialized; no such case is known.
pub fn json(behaviours: &[Behaviour<'_>]) -> serde_json::Result<String> {
    #[derive(Serialize)]
    struct Document<'a> {
        behaviours: &'a [Behaviour<'a>],
    }
    Ok(serde_json::to_string_pretty(&Document { behaviours })? + "\n")
}

/// Returns a sentence with the numbers of behaviours, of those with a check, and of those seen on a real server.
pub fn summary(behaviours: &[Behaviour<'_>]) -> String {
    let count =
        |holds: fn(&Behaviour<'_>) -> bool| behaviours.iter().filter(|it| holds(it)).count();
    format!(
        "{} behaviours: {} have a check, {} have none. Seen to hold against a real server: {}.",
        behaviours.len(),
        count(|it| !it.checked_by.is_empty()),
        count(|it| it.checked_by.is_empty()),
        match count(|it| it.last_seen.is_some()) {
            0 => "none, ever".to_owned(),
            seen => seen.to_string(),
        }
    )
}

impl<'a> Behaviour<'a> {
    fn of(section: &'a Section, entry: &'a Entry, places: &'a Places, checks: &[Check]) -> Self {
        let same_id = checks.iter().find(|check| check.id == entry.id);
        let own = same_id.map(|check| check.id);
        let others = entry.checked_by.iter().map(String::as_str);
        Self {
            id: &entry.id,
            section: &section.title,
            statement: same_id.map_or(&entry.contract, |check| check.title),
            evidence: &entry.evidence,
            checked_by: own.into_iter().chain(others).collect(),
            unchecked: entry.unchecked,
            emulator: places.of(&entry.id),
            note: entry.note.as_deref(),
            last_seen: entry.last_seen.as_ref(),
        }
    }

    /// Returns the ids of the checks, or the reason why there is none.
    pub(super) fn check(&self) -> String {
        match self.unchecked {
            Some(reason) => reason.to_string(),
            None => self.checked_by.join(", "),
        }
    }

    /// Returns the last sighting on a real server as a text.
    pub(super) fn seen(&self) -> String {
        self.last_seen
            .map_or("never".to_owned(), LastSeen::to_string)
    }
}
