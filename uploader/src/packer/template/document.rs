//! Splits the JSON of a template into its parts, as Packer does.

use std::collections::BTreeMap;
use std::io::{Error, ErrorKind};
use std::path::Path;

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::json;

/// The parts of a template that a push needs; only Packer needs the others.
#[derive(Debug)]
pub(super) struct Document {
    pub(super) variables: BTreeMap<String, Value>,
    pub(super) sensitive: Vec<String>,
    pub(super) builders: Vec<Map<String, Value>>,
    pub(super) post_processors: Vec<Value>,
}

impl Document {
    /// Reads a template. The call blocks.
    ///
    /// # Errors
    /// Fails as [`json::read`] does, and for a part that has another type.
    pub(super) fn read(path: &Path) -> Result<Self, Error> {
        let mut root = json::read_template(path)?;
        let hcl2 = |key| root.contains_key(key);
        if get(&root, "builders").is_none() && (hcl2("build") || hcl2("source")) {
            return Err(json::hcl2(
                "is HCL2 written as JSON; only a template with \"builders\" can be read",
            ));
        }
        Ok(Self {
            variables: part(&mut root, "variables")?,
            sensitive: part(&mut root, "sensitive-variables")?,
            builders: part(&mut root, "builders")?,
            post_processors: part(&mut root, "post-processors")?,
        })
    }
}

fn part<T: DeserializeOwned + Default>(
    root: &mut Map<String, Value>,
    key: &str,
) -> Result<T, Error> {
    take_spelling(root, key);
    match root.remove(key) {
        None | Some(Value::Null) => Ok(T::default()),
        Some(value) => serde_json::from_value(value)
            .map_err(|error| Error::new(ErrorKind::InvalidData, format!("{key}: {error}"))),
    }
}

/// Returns the value of a key, or of a key that differs only in case, as Packer's mapstructure does.
pub(super) fn get<'a>(map: &'a Map<String, Value>, key: &str) -> Option<&'a Value> {
    map.get(key).or_else(|| map.get(spelling(map, key)?))
}

/// Renames a key that differs from `key` only in case, unless the map holds `key` too.
pub(super) fn take_spelling(map: &mut Map<String, Value>, key: &str) {
    if map.contains_key(key) {
        return;
    }
    let spelt = spelling(map, key).cloned();
    if let Some(value) = spelt.and_then(|spelt| map.remove(&spelt)) {
        map.insert(key.to_owned(), value);
    }
}

fn spelling<'a>(map: &'a Map<String, Value>, key: &str) -> Option<&'a String> {
    map.keys().find(|spelt| spelt.eq_ignore_ascii_case(key))
}
