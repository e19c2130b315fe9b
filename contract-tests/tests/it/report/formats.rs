//! Each format of a report matches its snapshot, and a report in JSON is read back unchanged.

use std::fs;

use atlas_contract_tests::report::{Form, draft::Draft, json};

use crate::support::sample_report;

#[test]
fn a_terminal_shows_a_line_a_clause_its_detail_and_a_conclusion() {
    let report = sample_report::report();
    let clauses = report.clauses.iter().map(|clause| format!("{clause}\n"));
    let shown = clauses.collect::<String>() + "\n" + &report.conclusion();
    insta::assert_snapshot!("terminal", shown);
}

#[test]
fn json_has_everything() {
    insta::assert_snapshot!("json", Form::Json.write(&sample_report::report()).unwrap());
}

#[test]
fn junit_keeps_failures_errors_and_what_did_not_run_apart() {
    insta::assert_snapshot!(
        "junit",
        Form::Junit.write(&sample_report::report()).unwrap()
    );
}

#[test]
fn html_is_one_page_in_which_nothing_is_loaded_run_or_left_unescaped() {
    let page = Form::Html.write(&sample_report::report()).unwrap();
    for foreign in [
        "<script", "<link", "<img", "src=", "href=", "url(", "@import",
    ] {
        assert!(!page.contains(foreign), "{foreign}");
    }
    insta::assert_snapshot!("html", page);
}

#[test]
fn a_report_in_json_is_read_back_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("report.json");
    let report = sample_report::report();
    for (form, draft) in Draft::open_all([(Form::Json, file.clone())]).unwrap() {
        draft.write(form.write(&report)).unwrap();
    }
    assert_eq!(json::read(&file).unwrap(), report);
}

#[test]
fn a_file_that_is_no_report_is_named_with_what_is_wrong() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("report.json");
    let other = Form::Json.write(&sample_report::report()).unwrap();
    let other = other.replacen("\"format\": 1", "\"format\": 2", 1);
    for (text, why) in [
        (None, "No such file"),
        (
            Some("<html>"),
            "not a report of `atlas-contract run --json`",
        ),
        (Some("{}"), "it names no format"),
        (Some("{\"format\": 1}"), "missing field"),
        (
            Some(&*other),
            "a report of format 2, and this program reads 1",
        ),
    ] {
        if let Some(text) = text {
            fs::write(&file, text).unwrap();
        }
        let error = json::read(&file).unwrap_err().to_string();
        assert!(error.starts_with(file.to_str().unwrap()), "{error}");
        assert!(error.contains(why), "{error}");
    }
}
