//! Finds the builder, by its name as the template writes it, whose interpolated name is a build's name.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use time::OffsetDateTime;

use super::evaluate::render;
use super::packer_functions::Context;

/// The names of the builders, as the template writes them.
pub(super) struct BuilderNames<'a> {
    /// The names that need no interpolation.
    plain: BTreeSet<&'a str>,
    interpolated: Vec<&'a str>,
    /// The cached result of the latest interpolation, with the time that it used.
    known: RefCell<Option<(OffsetDateTime, BTreeMap<String, &'a str>)>>,
}

impl<'a> BuilderNames<'a> {
    pub(super) fn new(names: impl Iterator<Item = &'a str>) -> Self {
        let (interpolated, plain): (Vec<_>, Vec<_>) = names.partition(|name| name.contains("{{"));
        Self {
            plain: plain.into_iter().collect(),
            interpolated,
            known: RefCell::default(),
        }
    }

    /// Returns the written name that is interpolated to `build`.
    pub(super) fn written_for(&self, build: &str, context: &Context<'_>) -> Option<&'a str> {
        if let Some(name) = self.plain.get(build) {
            return Some(name);
        }
        let mut known = self.known.borrow_mut();
        let (_, names) = match known.take() {
            Some(names) if names.0 == context.now => known.insert(names),
            _ => known.insert((context.now, self.at(context))),
        };
        names.get(build).copied()
    }

    fn at(&self, context: &Context<'_>) -> BTreeMap<String, &'a str> {
        let names = self.interpolated.iter().rev();
        let rendered = names.map(|name| Some((render(name, context).ok()?.text, *name)));
        rendered.flatten().collect()
    }
}
