//! The suite before servers that are wrong in one thing: what is wrong is found, and nothing else is touched.

#![allow(clippy::unwrap_used, reason = "in a test a panic is the verdict")]

mod support;

use atlas_contract_tests::proxy::{Replies, Reply, Request, Requests, Right, Wrong};

use atlas_contract_tests::report::Status;
use axum::http::{HeaderValue, Method};
use support::{proxy, reports};

/// What becomes of one clause at a wrong server, in a lenient and in a strict run.
async fn outcomes(clause: &str, wrong: impl Wrong) -> (Status, Status) {
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

fn makes_version(request: &Request, reply: &Reply) -> bool {
    request.method == Method::POST
        && request.path().matches('/').count() == 6
        && reply.status == 200
}

#[tokio::test]
async fn a_proxy_that_spoils_nothing_changes_no_verdict() {
    let proxy = proxy(Right).await;
    let reports = reports(&proxy, &[], true).await;
    let bad: Vec<_> = reports
        .iter()
        .filter(|it| it.status != Status::Pass)
        .collect();
    assert!(bad.is_empty(), "{bad:#?}");
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
    for proxy in [proxy(Replies(yes)).await, proxy(Replies(no)).await] {
        let reports = reports(&proxy, &[], false).await;
        let kept: Vec<_> = reports
            .iter()
            .filter(|it| it.status == Status::Pass)
            .map(|it| it.id.as_str())
            .collect();
        assert_eq!(kept, [""; 0]);
        assert_eq!(reports.len(), atlas_contract_tests::clauses::all().count());
    }
}

#[tokio::test]
async fn a_server_that_takes_any_token_fails() {
    let accept = |request: &mut Request| {
        let token = HeaderValue::from_static("root-token-of-the-suite");
        request.headers.insert("X-Atlas-Token", token);
    };
    assert_eq!(
        outcomes("auth.authenticate-refuses", Requests(accept)).await,
        FAILS
    );
    assert_eq!(
        outcomes("auth.no-token-writes", Requests(accept)).await,
        FAILS
    );
    assert_eq!(
        outcomes("auth.no-token-reads", Requests(accept)).await,
        DIFFERS
    );
    assert_eq!(
        outcomes("auth.hidden-like-missing", Requests(accept)).await,
        FAILS
    );
}

#[tokio::test]
async fn a_server_that_knows_no_token_in_the_query_fails() {
    let forget =
        |request: &mut Request| request.target = request.target.replace("access_token=", "token=");
    assert_eq!(outcomes("auth.token-places", Requests(forget)).await, FAILS);
}

#[tokio::test]
async fn a_misspelt_field_fails() {
    let misspell = |request: &Request, reply: &mut Reply| {
        if is_search(request) {
            reply.replace("artifact_type", "artifactType");
        }
    };
    assert_eq!(
        outcomes("search.element-fields", Replies(misspell)).await,
        FAILS
    );
}

#[tokio::test]
async fn a_lost_field_fails() {
    let lose = |request: &Request, reply: &mut Reply| {
        if makes_version(request, reply) {
            reply.change(|version| drop(version.as_object_mut().unwrap().remove("upload_token")));
        }
    };
    assert_eq!(
        outcomes("versions.reply-fields", Replies(lose)).await,
        FAILS
    );
    assert_eq!(
        outcomes("versions.upload-always", Replies(lose)).await,
        FAILS
    );
}

#[tokio::test]
async fn a_version_that_is_wrapped_fails() {
    let wrap = |request: &Request, reply: &mut Reply| {
        if makes_version(request, reply) {
            reply.change(|version| *version = serde_json::json!({"artifact_version": version}));
        }
    };
    assert_eq!(
        outcomes("versions.reply-fields", Replies(wrap)).await,
        FAILS
    );
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
        outcomes("search.element-fields", Replies(reverse)).await,
        FAILS
    );
    assert_eq!(
        outcomes("versions.reply-fields", Replies(reverse)).await,
        PASSES
    );
    assert_eq!(
        outcomes("versions.reply-order", Replies(reverse)).await,
        DIFFERS
    );
}

#[tokio::test]
async fn an_extra_key_differs_and_breaks_nobody() {
    let add = |_: &Request, reply: &mut Reply| {
        reply.change(|body| body["created_at"] = "2015-01-01".into());
    };
    assert_eq!(
        outcomes("versions.reply-fields", Replies(add)).await,
        DIFFERS
    );
    assert_eq!(outcomes("artifacts.get", Replies(add)).await, DIFFERS);
}

#[tokio::test]
async fn a_search_that_answers_the_oldest_first_fails() {
    let reverse = |request: &Request, reply: &mut Reply| {
        if is_search(request) {
            reply.change(|body| {
                body["versions"]
                    .as_array_mut()
                    .into_iter()
                    .for_each(|it| it.reverse())
            });
        }
    };
    assert_eq!(
        outcomes("search.newest-first", Replies(reverse)).await,
        FAILS
    );
}

/// A server that overlooks a part of the query.
fn overlooking(part: &'static str) -> impl Wrong {
    Requests(move |request: &mut Request| {
        request.target = request.target.replace(part, "overlooked")
    })
}

#[tokio::test]
async fn a_search_that_ignores_a_version_or_metadata_fails() {
    for (clause, part) in [
        ("search.version-latest", "metadata.1"),
        ("search.version-any", "version=any"),
        ("search.version-number", "version="),
        ("search.keys-and", "metadata.2"),
        ("search.key-without-value", "metadata.1"),
    ] {
        assert_eq!(outcomes(clause, overlooking(part)).await, FAILS, "{clause}");
    }
    assert_eq!(
        outcomes("search.index-gaps", overlooking("metadata.7")).await,
        DIFFERS
    );
}

#[tokio::test]
async fn a_search_that_ignores_a_build_fails() {
    assert_eq!(
        outcomes("search.build-latest", overlooking("build=latest")).await,
        FAILS
    );
    assert_eq!(
        outcomes("search.build-any", overlooking("build=any")).await,
        FAILS
    );
    assert_eq!(
        outcomes("search.build-number", overlooking("build=5")).await,
        FAILS
    );
    assert_eq!(
        outcomes("search.build-zero", overlooking("build=0")).await,
        DIFFERS
    );
}

#[tokio::test]
async fn a_byte_changed_on_the_way_down_fails() {
    let change = |request: &Request, reply: &mut Reply| {
        if request.is(Method::GET, "/file")
            && let Some(byte) = reply.body.last_mut()
        {
            *byte ^= 1;
        }
    };
    assert_eq!(outcomes("download.numbered", Replies(change)).await, FAILS);
    assert_eq!(
        outcomes("uploads.path-authorises", Replies(change)).await,
        FAILS
    );
    assert_eq!(
        outcomes("download.latest-with-file", Replies(change)).await,
        DIFFERS
    );
}

#[tokio::test]
async fn a_relative_upload_path_fails() {
    let shorten = |request: &Request, reply: &mut Reply| {
        if makes_version(request, reply) {
            reply.change(|version| {
                let path = version["upload_path"].as_str().unwrap().to_owned();
                version["upload_path"] = path.splitn(4, '/').last().unwrap().into();
            });
        }
    };
    assert_eq!(
        outcomes("uploads.path-absolute", Replies(shorten)).await,
        FAILS
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
        outcomes("artifacts.get-missing", Replies(forbid)).await,
        FAILS
    );
    assert_eq!(outcomes("download.no-file", Replies(forbid)).await, FAILS);
    assert_eq!(
        outcomes("versions.box-needs-provider", Replies(forbid)).await,
        FAILS
    );
    assert_eq!(outcomes("artifacts.taken", Replies(forbid)).await, DIFFERS);
    assert_eq!(
        outcomes("search.missing-artifact", Replies(forbid)).await,
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
    assert_eq!(outcomes("errors.readable", Replies(document)).await, PASSES);
    assert_eq!(outcomes("errors.envelope", Replies(document)).await, PASSES);
    assert_eq!(
        outcomes("versions.box-needs-provider", Replies(document)).await,
        PASSES
    );
    assert_eq!(
        outcomes("errors.go-decodable", Replies(document)).await,
        DIFFERS
    );
}

#[tokio::test]
async fn errors_in_a_success_and_success_in_an_error_fail() {
    let confuse = |_: &Request, reply: &mut Reply| {
        reply.change(|body| match body.get("success") {
            Some(_) => body["success"] = true.into(),
            None => body["errors"] = serde_json::json!([]),
        });
    };
    assert_eq!(
        outcomes("errors.none-on-success", Replies(confuse)).await,
        FAILS
    );
    assert_eq!(outcomes("errors.envelope", Replies(confuse)).await, FAILS);
    assert_eq!(outcomes("errors.not-found", Replies(confuse)).await, FAILS);
}

#[tokio::test]
async fn lists_of_regions_that_are_missing_or_unsorted_are_found() {
    let forget = |_: &Request, reply: &mut Reply| reply.replace("\"ami_id\"", "\"amis\"");
    assert_eq!(
        outcomes("regions.lists-added", Replies(forget)).await,
        FAILS
    );
    let unsorted = |_: &Request, reply: &mut Reply| {
        reply.replace("ap-southeast-1,eu-west-1", "eu-west-1,ap-southeast-1");
    };
    assert_eq!(outcomes("regions.sorted", Replies(unsorted)).await, DIFFERS);
}

#[tokio::test]
async fn a_gateway_without_a_server_is_an_error_and_no_failure() {
    let away = |request: &Request, reply: &mut Reply| {
        if is_search(request) {
            reply.status = 503;
        }
    };
    let error = (Status::Error, Status::Error);
    assert_eq!(outcomes("search.newest-first", Replies(away)).await, error);
    assert_eq!(outcomes("search.build-zero", Replies(away)).await, error);
}
