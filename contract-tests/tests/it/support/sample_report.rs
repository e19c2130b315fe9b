//! Makes a sample report, with every status and with text that must be escaped.

use atlas_contract_tests::{
    failure::{Sent, Violation},
    report::{ClauseReport, Detail, Report, Status, Summary, json},
};

pub(crate) fn report() -> Report {
    let clauses = vec![
        clause("auth.base-path", Status::Pass, 12, Detail::Nothing),
        clause("search.newest-first", Status::Fail, 1204, broken()),
        clause(
            "artifacts.taken",
            Status::Difference,
            40,
            Detail::Note("more than the contract knows: /artifact/<b>".to_owned()),
        ),
        clause(
            "uploads.sized",
            Status::Error,
            311,
            Detail::Note(
                "server unstable: a repeated check had another result\nfirst     500 \u{1b}[2J]]>\nthen      the clause holds"
                    .to_owned(),
            ),
        ),
        clause(
            "auth.login",
            Status::Disabled,
            0,
            Detail::Note("needs --login and --password".to_owned()),
        ),
        clause("download.latest", Status::Skip, 0, Detail::Nothing),
    ];
    Report {
        format: json::FORMAT,
        suite: "0.1.0".to_owned(),
        server: "https://atlas.test/<atlas>".to_owned(),
        namespace: "acme".to_owned(),
        run_prefix: "contract-0a1b2c3d-".to_owned(),
        started: "2026-01-31T12:00:00Z".to_owned(),
        milliseconds: 1567,
        strict: false,
        summary: Summary::of(&clauses),
        clauses,
    }
}

fn clause(id: &str, status: Status, milliseconds: u64, detail: Detail) -> ClauseReport {
    ClauseReport {
        id: id.to_owned(),
        title: format!("what {id} says, in \"words\" & <signs>"),
        evidence: vec!["docs".to_owned(), "inferred".to_owned()],
        status,
        milliseconds,
        detail,
    }
}

fn broken() -> Detail {
    Detail::Violation(Box::new(Violation {
        expected: "versions [2, 1]".to_owned(),
        came: r#"200 {"versions":["</pre><script>alert('x')</script>"]}"#.to_owned(),
        status: Some(200),
        sent: Some(Sent {
            request: "GET https://atlas.test/api/v1/artifacts/acme/contract-0a1b2c3d-a/t/search"
                .to_owned(),
            curl: r#"curl -i --globoff -H "X-Atlas-Token: $ATLAS_TOKEN" 'https://atlas.test/api/v1/artifacts/acme/contract-0a1b2c3d-a/t/search'"#
                .to_owned(),
        }),
    }))
}
