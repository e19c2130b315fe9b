//! These tests plant imports that run upwards, and prove that each form of them is found.

use std::fs;
use std::path::Path;

use super::problems;

const LAYERS: &[&[&str]] = &[&["http"], &["service"], &["storage", "faults"], &["domain"]];

/// Returns what is found in a small crate, one of whose files is another.
fn found(file: &str, text: &str) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    let write = |file: &str, text: &str| {
        let path = folder.path().join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    write(
        "lib.rs",
        "mod http; mod service; mod storage; mod faults; mod domain;\npub use http::Router;",
    );
    write("http/mod.rs", "mod api; mod json;\npub struct Router;");
    write(
        "http/api.rs",
        "use crate::service::Versions;\nuse super::json::reply;",
    );
    write("http/json/mod.rs", "pub fn reply() {}");
    write(
        "service.rs",
        "use crate::{domain::Name, storage::Catalog};\npub struct Versions(Catalog);",
    );
    write("storage/mod.rs", "mod memory;\npub use memory::Catalog;");
    write(
        "storage/memory.rs",
        "pub struct Catalog;\n#[cfg(test)]\nmod tests { use crate::http::Router; }",
    );
    write("faults.rs", "use crate::domain::Name;");
    write("domain.rs", "pub struct Name;");
    write(file, text);
    let root = folder.path().to_owned();
    let strip = |line: String| line.replace(&format!("{}/", root.display()), "");
    problems(Path::new(&root), LAYERS)
        .into_iter()
        .map(strip)
        .collect()
}

#[test]
fn layers_that_are_kept_have_no_problems() {
    assert_eq!(found("domain.rs", "pub struct Name;"), [""; 0]);
}

#[test]
fn an_import_that_runs_back_is_found_in_every_form() {
    for (text, place) in [
        (
            "use crate::service::Versions;",
            "domain.rs:1: service::Versions",
        ),
        (
            "use crate::{storage::{Catalog}};",
            "domain.rs:1: storage::Catalog",
        ),
        ("\nuse super::service as s;", "domain.rs:2: service"),
        (
            "fn f(_: crate::http::Router) {}",
            "domain.rs:1: http::Router",
        ),
        (
            "fn f() { println!(\"{}\", crate::http::x()) }",
            "domain.rs:1: http::x",
        ),
        ("use crate::Router;", "domain.rs:1: Router"),
        (
            "mod inner { use super::super::faults::F; }",
            "domain.rs:1: faults::F",
        ),
    ] {
        let expected = format!("{place} does not run downwards");
        assert!(
            found("domain.rs", text).contains(&expected),
            "{text}: {:?}",
            found("domain.rs", text)
        );
    }
}

#[test]
fn modules_of_one_layer_do_not_import_each_other() {
    let found = found("faults.rs", "use crate::storage::Catalog;");
    assert_eq!(
        found,
        ["faults.rs:1: storage::Catalog does not run downwards"]
    );
}

#[test]
fn a_circle_of_folders_within_a_layer_is_found() {
    let found = found(
        "http/mod.rs",
        "mod json; pub struct Router; mod api { pub mod a { use crate::http::json::reply; pub struct A; } }",
    );
    assert_eq!(found, [""; 0]);
    let folder = tempfile::tempdir().unwrap();
    for (file, text) in [
        ("lib.rs", "mod http;"),
        ("http/mod.rs", "mod api; mod json;"),
        ("http/api/mod.rs", "mod a;"),
        (
            "http/api/a.rs",
            "use crate::http::json::b::B; pub struct A;",
        ),
        ("http/json/mod.rs", "pub mod b;"),
        (
            "http/json/b.rs",
            "use crate::http::api::a::A; pub struct B;",
        ),
    ] {
        let path = folder.path().join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    let found = problems(folder.path(), &[&["http"]]);
    assert_eq!(found, ["a circle: http/api -> http/json"]);
}

#[test]
fn a_module_without_a_layer_is_found() {
    let found = found("attic.rs", "");
    assert_eq!(found, ["attic has no layer"]);
}
