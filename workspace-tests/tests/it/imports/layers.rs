//! This module holds the layer of each top-level module, and finds imports that do not run downwards.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use super::source::Import;

/// The layer of each top-level module; 0 is the top.
pub(super) struct Layers<'a>(BTreeMap<&'a str, usize>);

impl<'a> Layers<'a> {
    pub(super) fn new(layers: &[&[&'a str]]) -> Self {
        let layers = layers.iter().enumerate();
        let modules =
            layers.flat_map(|(layer, names)| names.iter().map(move |name| (*name, layer)));
        Self(modules.collect())
    }

    /// Returns a line for each module of a folder that no layer names, and for each name without a module.
    pub(super) fn unplaced(&self, source: &Path) -> Vec<String> {
        let mut modules: Vec<String> = fs::read_dir(source)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned())
            .filter(|module| module != "lib" && module != "main")
            .collect();
        modules.sort();
        modules.dedup();
        let strange = modules
            .iter()
            .filter(|module| !self.0.contains_key(module.as_str()));
        let strange = strange.map(|module| format!("{module} has no layer"));
        let gone = self
            .0
            .keys()
            .filter(|module| !modules.iter().any(|known| known == *module));
        let gone = gone.map(|module| format!("{module} has a layer, and is not there"));
        strange.chain(gone).collect()
    }

    /// Returns a line for each import that does not run downwards.
    pub(super) fn violations(&self, imports: &[Import]) -> Vec<String> {
        let runs_back = |import: &&Import| {
            let (from, to) = (import.source_top(), import.target_top());
            // The roots, `lib.rs` and `main.rs`, stand above all layers.
            from.is_some() && from != to && self.layer(to) <= self.layer(from)
        };
        let told = imports.iter().filter(runs_back);
        told.map(|import| format!("{import} does not run downwards"))
            .collect()
    }

    fn layer(&self, module: Option<&str>) -> Option<usize> {
        self.0.get(module?).copied()
    }
}
