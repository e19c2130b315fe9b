//! These tests judge documents that are wrong: proof that the tests of the real ones can fail.

use std::path::Path;

use super::checks::{broken_links, files_not_shown, strange_words, wrong_exit_codes};
use super::document::Document;
use super::endpoints::{Endpoints, documented_calls, documented_names, names_in_help};
use super::help::Help;
use super::session;
use crate::workspace::PROGRAMS;

fn document(text: &str) -> Document {
    Document::parse("docs/made-up.md", text)
}

async fn run(text: &str, real_clients: bool) -> Result<(), String> {
    session::run(&document(text), Path::new("/nowhere"), real_clients).await
}

fn loose(text: &str) -> usize {
    document(text).loose().count()
}

#[tokio::test]
async fn a_command_that_fails_is_told_with_its_line_and_what_was_printed() {
    let text = "# Title\n\n```sh\necho before\n```\n\nWords.\n\n```sh\ntrue\nls /not-there\necho after\n```\n";
    let told = run(text, false).await.unwrap_err();
    assert!(told.contains("docs/made-up.md:11: exit code 2"), "{told}");
    assert!(
        told.contains("before\n") && told.contains("/not-there"),
        "{told}"
    );
    assert!(!told.contains("after"), "{told}");
}

#[tokio::test]
async fn what_one_block_exports_the_next_one_has() {
    let text = |value: &str| {
        format!("```sh\nexport LEFT=1\n```\n\n```sh\ntest \"$LEFT\" = {value}\n```\n")
    };
    assert_eq!(run(&text("1"), false).await, Ok(()));
    assert!(run(&text("2"), false).await.is_err());
}

#[tokio::test]
async fn what_stands_for_something_else_is_replaced() {
    let listens = "```sh\nexport A=https://atlas.example.com/ T=…\n: > \"/dev/tcp/127.0.0.1/$(expr \"$A\" : '.*:\\([0-9]*\\)/')\"\ntest ${#T} -gt 8\n```\n";
    assert_eq!(run(listens, false).await, Ok(()));
    let port = "```sh\ntest 127.0.0.1:28527 = 127.0.0.1:\"28527\"\n```\n";
    assert!(run(port, false).await.is_err());
}

#[tokio::test]
async fn a_block_is_left_out_for_a_reason_only() {
    let marked = |comment: &str| format!("{comment}\n```sh\nfalse\n```\n");
    assert_eq!(
        run(&marked("<!-- not run: it takes an hour -->"), true).await,
        Ok(())
    );
    assert!(run(&marked("<!-- not run -->"), false).await.is_err());
    let elsewhere = marked("<!-- not run: it takes an hour -->\n\nWords.\n");
    assert!(run(&elsewhere, false).await.is_err());
    let real = marked("<!-- real client: packer -->");
    assert_eq!(run(&real, false).await, Ok(()));
    assert!(run(&real, true).await.is_err());
}

#[test]
fn a_command_in_any_other_block_is_found() {
    assert_eq!(loose("Words:\n\n    mock-atlas exec -- true\n"), 1);
    assert_eq!(loose("```console\n$ atlas-upload whoami\n```\n"), 1);
    assert_eq!(loose("```yaml\n  - run: atlas-upload whoami\n```\n"), 1);
    assert_eq!(
        loose("<!-- not run: no -->\n```console\n$ atlas-upload whoami\n```\n"),
        0
    );
    assert_eq!(
        loose("```hcl\npacker {\n}\n```\n\n```sh\natlas-upload whoami\n```\n"),
        0
    );
    let both = "```sh\natlas-upload whoami\n```\n\n```yaml\nrun: atlas-upload whoami\nsh 'cargo test'\n```\n";
    assert_eq!(
        document(both).loose().collect::<Vec<_>>(),
        [(7, "cargo test")]
    );
}

#[test]
fn a_link_to_nowhere_is_found() {
    let text = "# The `one` Heading!\n\n[a](#the-one-heading) [b](#other) [c](../README.md)\n[d](none.md) [e](https://none.test) [f](../README.md#none)\n";
    let places = [
        "3: no such place: #other",
        "4: no such place: none.md",
        "4: no such place: ../README.md#none",
    ];
    assert_eq!(
        broken_links(&document(text), &[]),
        places.map(|place| format!("docs/made-up.md:{place}"))
    );
}

#[test]
fn a_file_that_is_shown_otherwise_is_found() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("conf"), "one\n\n    two\n").unwrap();
    let hidden = |text: &str| files_not_shown(&document(text), folder.path()).len();
    assert_eq!(hidden("```text\none\n\n    two\n```\n"), 0);
    assert_eq!(hidden("```text\none\n\n  two\n```\n"), 1);
    assert_eq!(hidden("```text\none\n\n    two\nthree\n```\n"), 1);
}

#[test]
fn a_flag_and_a_subcommand_that_no_program_has_are_found() {
    let own = PROGRAMS.join("atlas-upload");
    let helps = [("atlas-upload", Help::of(&own, &[]))].into();
    for (text, strange) in [
        ("atlas-upload push acme/web --type x -- --none", None),
        ("atlas-upload push --none", Some("--none")),
        ("atlas-upload shove", Some("shove")),
        ("atlas-upload packer remove", Some("remove")),
        (
            "atlas-upload whoami --skip-existing",
            Some("--skip-existing"),
        ),
        ("--skip-existing", None),
        ("push --none", Some("--none")),
        ("--none", Some("--none")),
        ("cargo build --none", None),
    ] {
        let told = strange.map(|word| format!("docs/made-up.md:1: no program takes {word}"));
        let told: Vec<_> = told.into_iter().collect();
        assert_eq!(strange_words(&document(&format!("`{text}`")), &helps), told);
    }
}

#[test]
fn a_table_of_other_exit_codes_is_found() {
    let table = |header: &str, code: u8| {
        document(&format!(
            "{header}\n| --- | --- |\n| 0 | done |\n| {code} | not |\n\n| 7 | other |\n"
        ))
    };
    let codes = [("x", [0, 130].into())].into();
    let wrong = |header, code| !wrong_exit_codes(&table(header, code), &codes).is_empty();
    assert!(!wrong("| exit code of `x` | meaning |", 130));
    assert!(wrong("| exit code of `x` | meaning |", 1));
    assert!(wrong("| exit code of `y` | meaning |", 130));
    assert!(wrong("| exit code | meaning |", 130));
}

#[test]
fn a_call_or_a_route_that_is_not_documented_is_missed() {
    let endpoints = Endpoints::parse(
        r#"impl Admin {
            fn route(self) -> (Method, &'static str) {
                match self {
                    Self::Health => (Get, "/_mock/health"),
                    Self::RemoveFault => (Delete, "/_mock/faults/{id}"),
                }
            }
            fn name(self) -> &'static str {
                match self {
                    Self::A | Self::B => "one",
                    Self::C => "two.three",
                }
            }
        }"#,
    );
    let calls = "`GET /_mock/health`, `DELETE /_mock/faults/ID`, `/_mock` and `GET /x`";
    assert_eq!(documented_calls(calls, "/_mock/"), endpoints.calls);
    assert_ne!(documented_calls(&calls[21..], "/_mock/"), endpoints.calls);
    let routes = "| route | requests |\n| --- | --- |\n| `one`, `two.three` | `GET` |\n| `*` | `x` |\n\n| `no` |";
    assert_eq!(documented_names(routes), endpoints.names);
    assert_ne!(
        documented_names(&routes.replace("`one`, ", "")),
        endpoints.names
    );
    let help = "Text. Routes: one,\n    two.three, or * for any. More: text";
    assert_eq!(names_in_help(help), endpoints.names);
    assert_ne!(names_in_help(&help.replace("one,", "")), endpoints.names);
}
