//! This module finds circles of imports between the folders of a crate.

use std::collections::{BTreeMap, BTreeSet};

use super::source::Import;

/// The folders that each folder imports.
type Graph<'a> = BTreeMap<&'a [String], BTreeSet<&'a [String]>>;

/// Returns a line for each folder that reaches itself through others, and names the way.
///
/// An import between a folder and a folder inside it does not count: a module and its parts may use each other.
pub(super) fn circles(imports: &[Import]) -> Vec<String> {
    let mut graph = Graph::new();
    for Import { from, to, .. } in imports {
        let (from, to) = (from.folder(), to.folder());
        if !from.starts_with(to) && !to.starts_with(from) {
            graph.entry(from).or_default().insert(to);
        }
    }
    let mut told = Vec::new();
    let mut known = BTreeSet::new();
    for start in graph.keys() {
        if let Some(way) = way_back(&graph, start)
            && known.insert(way.iter().copied().collect::<BTreeSet<_>>())
        {
            let names: Vec<String> = way.iter().map(|folder| folder.join("/")).collect();
            told.push(format!("a circle: {}", names.join(" -> ")));
        }
    }
    told
}

/// Returns the shortest way from a folder back to itself.
fn way_back<'a>(graph: &Graph<'a>, start: &'a [String]) -> Option<Vec<&'a [String]>> {
    let mut seen = BTreeSet::new();
    let mut ways = std::collections::VecDeque::from([vec![start]]);
    while let Some(way) = ways.pop_front() {
        for next in graph.get(way.last()?).into_iter().flatten() {
            if *next == start {
                return Some(way);
            }
            if seen.insert(*next) {
                ways.push_back([way.as_slice(), &[*next]].concat());
            }
        }
    }
    None
}
