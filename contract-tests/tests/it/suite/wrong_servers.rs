//! A violated clause is a failure or a difference, depending on its evidence and on the strictness of the run. The
//! mutants prove that every clause can fail.

use atlas_contract_tests::{
    report::Status,
    self_test::proxy::{Interceptor, Reply, ReplyInterceptor, Request},
};
use axum::http::Method;

use crate::support::{proxy, reports};

/// Returns the status of one clause at a wrong server, in a lenient and in a strict run.
async fn outcomes(clause: &str, wrong: impl Interceptor) -> (Status, Status) {
    let proxy = proxy(wrong).await;
    let mut outcome = Vec::new();
    for strict in [false, true] {
        let reports = reports(&proxy, &[clause], strict).await;
        let report = reports.iter().find(|it| it.id == clause).unwrap();
        assert_eq!(
            report.detail.is_empty(),
            report.status == Status::Pass,
            "{report}"
        );
        outcome.push(report.status);
    }
    (outcome[0], outcome[1])
}

const FAILS: (Status, Status) = (Status::Fail, Status::Fail);
const DIFFERS: (Status, Status) = (Status::Difference, Status::Fail);
const PASSES: (Status, Status) = (Status::Pass, Status::Pass);

fn is_search(request: &Request) -> bool {
    request.is(Method::GET, "/search")
}

#[tokio::test]
async fn no_clause_holds_at_a_server_that_answers_everything_alike() {
    let yes = |_: &Request, reply: &mut Reply| {
        reply.status = 200;
        reply.body = b"{}".to_vec();
    };
    let no = |_: &Request, reply: &mut Reply| {
        reply.status = 404;
        reply.body = br#"{"errors":["Resource not found!"],"success":false}"#.to_vec();
    };
    for proxy in [
        proxy(ReplyInterceptor(yes)).await,
        proxy(ReplyInterceptor(no)).await,
    ] {
        let reports = reports(&proxy, &[], false).await;
        let kept: Vec<_> = reports
            .iter()
            .filter(|it| it.status == Status::Pass)
            .map(|it| it.id.as_str())
            .collect();
        assert_eq!(kept, [""; 0]);
        assert_eq!(
            reports.len(),
            atlas_contract_tests::suite::clauses::all().count()
        );
    }
}

#[tokio::test]
async fn another_order_of_fields_fails_where_it_is_recorded_and_differs_where_it_is_inferred() {
    let reverse = |request: &Request, reply: &mut Reply| {
        reply.change(|body| {
            let fields = if is_search(request) {
                body.pointer_mut("/versions/0")
            } else {
                Some(body)
            };
            if let Some(fields) = fields.and_then(|it| it.as_object_mut()) {
                *fields = std::mem::take(fields).into_iter().rev().collect();
            }
        });
    };
    assert_eq!(
        outcomes("search.element-fields", ReplyInterceptor(reverse)).await,
        FAILS
    );
    assert_eq!(
        outcomes("versions.reply-fields", ReplyInterceptor(reverse)).await,
        PASSES
    );
    assert_eq!(
        outcomes("versions.reply-order", ReplyInterceptor(reverse)).await,
        DIFFERS
    );
}

#[tokio::test]
async fn an_extra_key_differs_and_breaks_nobody() {
    let add = |_: &Request, reply: &mut Reply| {
        reply.change(|body| body["created_at"] = "2015-01-01".into());
    };
    assert_eq!(
        outcomes("versions.reply-fields", ReplyInterceptor(add)).await,
        DIFFERS
    );
    assert_eq!(
        outcomes("artifacts.get", ReplyInterceptor(add)).await,
        DIFFERS
    );
}

#[tokio::test]
async fn another_status_fails_where_it_is_known_and_differs_where_it_is_inferred() {
    let forbid = |_: &Request, reply: &mut Reply| {
        if matches!(reply.status, 404 | 422) {
            reply.status = 403;
        }
    };
    assert_eq!(
        outcomes("artifacts.get-missing", ReplyInterceptor(forbid)).await,
        FAILS
    );
    assert_eq!(
        outcomes("download.no-file", ReplyInterceptor(forbid)).await,
        FAILS
    );
    assert_eq!(
        outcomes("versions.box-needs-provider", ReplyInterceptor(forbid)).await,
        FAILS
    );
    assert_eq!(
        outcomes("artifacts.taken", ReplyInterceptor(forbid)).await,
        DIFFERS
    );
    assert_eq!(
        outcomes("search.missing-artifact", ReplyInterceptor(forbid)).await,
        DIFFERS
    );
}

#[tokio::test]
async fn the_documented_errors_are_readable_though_the_go_client_cannot_decode_them() {
    let document = |_: &Request, reply: &mut Reply| {
        if matches!(reply.status, 400 | 422) {
            reply.change(|body| {
                let texts = body["errors"].take();
                body["errors"] = serde_json::json!({"base": texts});
            });
        }
    };
    assert_eq!(
        outcomes("errors.readable", ReplyInterceptor(document)).await,
        PASSES
    );
    assert_eq!(
        outcomes("errors.envelope", ReplyInterceptor(document)).await,
        PASSES
    );
    assert_eq!(
        outcomes("versions.box-needs-provider", ReplyInterceptor(document)).await,
        PASSES
    );
    assert_eq!(
        outcomes("errors.go-decodable", ReplyInterceptor(document)).await,
        DIFFERS
    );
}

#[tokio::test]
async fn a_gateway_without_a_server_is_an_error_and_no_failure() {
    let away = |request: &Request, reply: &mut Reply| {
        if is_search(request) {
            reply.status = 503;
        }
    };
    let error = (Status::Error, Status::Error);
    assert_eq!(
        outcomes("search.newest-first", ReplyInterceptor(away)).await,
        error
    );
    assert_eq!(
        outcomes("search.build-zero", ReplyInterceptor(away)).await,
        error
    );
}
