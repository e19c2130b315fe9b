//! These tests prove that the modules of each crate import one way: a top-level module (a file or folder
//! directly in `src/`) uses only top-level modules of lower layers. A new one needs a place in [`CRATES`].

mod graph;
mod layers;
mod planted;
mod source;

use std::fs;
use std::path::Path;

use self::layers::Layers;
use self::source::{Import, imports};
use crate::workspace::root;

/// The layers of each crate, from the top to the bottom. Modules of one layer do not import each other.
const CRATES: &[(&str, &[&[&str]])] = &[
    (
        "common",
        &[&[
            "certificates",
            "decompress",
            "gem_version",
            "manual",
            "programs",
            "read",
            "redaction",
            "servers",
        ]],
    ),
    ("isal", &[&["deflate"]]),
    (
        "uploader",
        &[
            &["cli"],
            &["mirror", "packer", "terraform"],
            &["boxes"],
            &["push"],
            &["pull"],
            &["show"],
            &["config"],
            &["api"],
            &["files"],
            &["base"],
        ],
    ),
    (
        "mock-atlas",
        &[
            &["cli"],
            &["app"],
            &["http"],
            &["net", "service"],
            &["storage"],
            &["faults", "observe"],
            &["endpoint"],
            &["domain"],
        ],
    ),
    (
        "contract-tests",
        &[
            &["cli"],
            &["ledger"],
            &["client"],
            &["self_test"],
            &["run"],
            &["report"],
            &["suite"],
            &["http"],
            &["safety"],
            &["failure", "exit_code", "input", "text"],
        ],
    ),
];

/// More files than a newcomer takes in at a glance.
const MOST_FILES: usize = 8;

/// Returns a line for each import that runs against the layers, or in a circle.
fn problems(source: &Path, layers: &[&[&str]]) -> Vec<String> {
    let imports: Vec<Import> = ["lib.rs", "main.rs"]
        .iter()
        .map(|name| source.join(name))
        .filter(|file| file.exists())
        .flat_map(|file| imports(&file))
        .collect();
    let layers = Layers::new(layers);
    let mut problems = layers.unplaced(source);
    problems.extend(layers.violations(&imports));
    problems.extend(graph::circles(&imports));
    problems
}

#[test]
fn every_crate_imports_one_way() {
    let found = CRATES
        .iter()
        .flat_map(|(name, layers)| problems(&root().join(name).join("src"), layers));
    let found: Vec<String> = found.collect();
    assert!(found.is_empty(), "\n{}", found.join("\n"));
}

#[test]
fn few_files_lie_directly_in_each_source_folder() {
    for (name, _) in CRATES {
        let entries = fs::read_dir(root().join(name).join("src")).unwrap();
        let files = entries.filter(|entry| entry.as_ref().unwrap().path().is_file());
        let count = files.count();
        assert!(count <= MOST_FILES, "{name}/src holds {count} files");
    }
}

#[test]
fn every_crate_of_the_workspace_has_its_layers() {
    let manifest = fs::read_to_string(root().join("Cargo.toml")).unwrap();
    for name in source::members(&manifest) {
        let has_source = root().join(&name).join("src").exists();
        let has_layers = CRATES.iter().any(|(known, _)| *known == name);
        assert_eq!(has_source, has_layers, "{name}");
    }
}
