//! [`Places`] maps each behaviour to the items of the emulator's source that implement it.
//!
//! A comment `// Contract: ID, …` above an item names the behaviours. `places.toml` lists these comments for the
//! program, which does not contain the sources; a test of this suite generates the file when `UPDATE_LEDGER` is set,
//! and fails when it is stale.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::LedgerError;

const OWN: &str = include_str!("places.toml");

/// The places of each behaviour, by its id.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Places(BTreeMap<String, Vec<Place>>);

/// An item of a source file, written `file#item`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize)]
#[serde(try_from = "String")]
pub struct Place {
    /// The file's path from the root of the workspace.
    pub file: String,
    /// The name of a function, a type, a variant, a constant or a field in it.
    pub item: String,
}

impl Places {
    /// Returns the places in the emulator of this version.
    ///
    /// # Errors
    /// Fails as [`Places::parse`] does; a test of this suite ensures that it does not.
    pub fn own() -> Result<Self, LedgerError> {
        Self::parse(OWN)
    }

    /// Parses the output of [`Places::to_toml`].
    ///
    /// # Errors
    /// Fails when the text is not TOML, or when a place is not of the form `file#item`.
    pub fn parse(text: &str) -> Result<Self, LedgerError> {
        Ok(toml::from_str(text)?)
    }

    /// Adds a place of a behaviour, unless it is known already.
    pub fn add(&mut self, id: &str, place: Place) {
        let places = self.0.entry(id.to_owned()).or_default();
        if let Err(at) = places.binary_search(&place) {
            places.insert(at, place);
        }
    }

    /// Returns the places of a behaviour, in the order of their files.
    pub fn of(&self, id: &str) -> &[Place] {
        self.0.get(id).map_or(&[], Vec::as_slice)
    }

    /// Returns the ids of all behaviours that have a place.
    pub fn ids(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// Writes a line of TOML for each behaviour.
    pub fn to_toml(&self) -> String {
        let line = |(id, places): (&String, &Vec<Place>)| {
            let places = places
                .iter()
                .map(|Place { file, item }| format!("{file}#{item}"));
            format!("{id:?} = {:?}\n", places.collect::<Vec<_>>())
        };
        self.0.iter().map(line).collect()
    }
}

impl TryFrom<String> for Place {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        match text.split_once('#') {
            Some((file, item)) if !file.is_empty() && !item.is_empty() => Ok(Self {
                file: file.to_owned(),
                item: item.to_owned(),
            }),
            _ => Err(format!("{text:?} is not of the form file#item")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_without_an_item_is_told_with_its_line() {
        let error = Places::parse("\"a.b\" = [\"a.rs#item\"]\n\"a.c\" = [\"a.rs\"]\n").unwrap_err();
        let error = error.to_string();
        let told = "\"a.rs\" is not of the form file#item";
        assert!(error.contains(told) && error.contains("line 2"), "{error}");
    }

    #[test]
    fn places_are_written_once_and_in_order_and_read_back() {
        let place = |file: &str| Place {
            file: file.to_owned(),
            item: "item".to_owned(),
        };
        let mut places = Places::default();
        for (id, file) in [("b", "b.rs"), ("b", "a.rs"), ("a", "c.rs"), ("b", "a.rs")] {
            places.add(id, place(file));
        }
        let written = "\"a\" = [\"c.rs#item\"]\n\"b\" = [\"a.rs#item\", \"b.rs#item\"]\n";
        assert_eq!(places.to_toml(), written);
        assert_eq!(Places::parse(written).unwrap(), places);
        assert_eq!(places.of("b"), [place("a.rs"), place("b.rs")]);
        assert_eq!(places.of("c"), []);
    }
}
