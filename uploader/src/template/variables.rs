//! User variables: what the command line gives goes over the template's defaults.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;
use time::OffsetDateTime;

use super::functions::{Context, Environment, render};
use super::weak;
use crate::disk::read_settings;
use crate::error::{Cause, Error, Phase};

/// As many as Packer follows.
const LONGEST_CHAIN: usize = 100;

/// What the command line gives.
#[derive(Debug, Clone, Default)]
pub struct Variables(BTreeMap<String, String>);

impl Variables {
    /// Reads files of variables, each over those before it, and then single ones, over all of them.
    /// Blocks.
    ///
    /// # Errors
    /// [`Phase::Template`] for a file that is no JSON object of texts; [`Phase::Configure`] for
    /// what is not `KEY=VALUE`. Neither repeats a value, which may be a secret.
    pub fn read<'a>(
        files: impl IntoIterator<Item = &'a Path>,
        single: &[String],
    ) -> Result<Self, Error> {
        let mut given = BTreeMap::new();
        for file in files {
            let failed = |source| Error::new(Phase::Template, Cause::file(file, source));
            let text = read_settings(file).map_err(failed)?;
            let values: BTreeMap<String, Value> =
                serde_json::from_slice(&text).map_err(|error| failed(error.into()))?;
            for (name, value) in values {
                let value = weak::text(&value)
                    .map_err(|reason| failed(std::io::Error::other(format!("{name}: {reason}"))))?;
                given.insert(name, value);
            }
        }
        for pair in single {
            let (name, value) = pair.split_once('=').ok_or_else(|| {
                let reason = "a variable is given as --var KEY=VALUE".to_owned();
                Error::new(Phase::Configure, Cause::Usage(reason))
            })?;
            given.insert(name.to_owned(), value.to_owned());
        }
        Ok(Self(given))
    }
}

/// The variables section of a template, and what was given.
pub(super) struct Defaults<'a> {
    pub(super) defaults: &'a BTreeMap<String, Value>,
    pub(super) given: &'a Variables,
    pub(super) environment: &'a Environment<'a>,
    pub(super) now: OffsetDateTime,
    pub(super) folder: &'a str,
}

impl Defaults<'_> {
    /// The value of each variable, or what is wrong with them.
    pub(super) fn resolve(&self) -> Result<BTreeMap<String, String>, Vec<String>> {
        let mut values = self.given.0.clone();
        let mut wrong = Vec::new();
        for name in self.defaults.keys() {
            match self.value(name, 0) {
                Ok(value) => {
                    values.insert(name.clone(), value);
                }
                Err(reason) => wrong.push(reason),
            }
        }
        if wrong.is_empty() {
            Ok(values)
        } else {
            Err(wrong)
        }
    }

    fn value(&self, name: &str, depth: usize) -> Result<String, String> {
        if let Some(given) = self.given.0.get(name) {
            return Ok(given.clone());
        }
        let default = match self.defaults.get(name) {
            // Packer, too, takes what nobody has defined for an empty text.
            None => return Ok(String::new()),
            Some(Value::Null) => return Err(format!("required variable not set: {name}")),
            Some(default) => weak::text(default),
        };
        let failed = |reason| format!("error interpolating default value for '{name}': {reason}");
        if depth == LONGEST_CHAIN {
            return Err("it leads back to itself".to_owned());
        }
        let user = |name: &str| self.value(name, depth + 1);
        let context = Context {
            now: self.now,
            folder: Some(self.folder),
            user: &user,
            environment: Some(self.environment),
            build: None,
            packer_version: None,
            generated: None,
        };
        default
            .and_then(|text| render(&text, &context))
            .map_err(|reason| match depth {
                0 => failed(reason),
                _ => reason,
            })
    }
}
