//! The route table, and nothing else.

use axum::Router;
use axum::routing::{any, delete, get, post, put};

use crate::around::around;
use crate::atlas::Atlas;
use crate::error::ApiError;
use crate::routes::mock::{
    artifacts as mock_artifacts, faults, health, lints, metrics, requests, snapshot, state, tokens,
    verify,
};
use crate::routes::{artifacts, authenticate, download, unserved, upload, versions};

/// All on one listener.
pub(crate) fn router(atlas: Atlas) -> Router {
    finish(uploads(all_but_uploads()), atlas)
}

/// On two listeners: all but the uploads, and the uploads.
pub(crate) fn routers(atlas: Atlas) -> (Router, Router) {
    (
        finish(all_but_uploads(), atlas.clone()),
        finish(uploads(Router::new()), atlas),
    )
}

/// One after the other in the same table: to merge two takes as long as to make both.
fn all_but_uploads() -> Router<Atlas> {
    mock(unserved(api(Router::new())))
}

fn uploads(router: Router<Atlas>) -> Router<Atlas> {
    router.route(upload::ROUTE, put(around(upload::receive)))
}

/// Adds what all requests have in common.
fn finish(router: Router<Atlas>, atlas: Atlas) -> Router {
    router
        .fallback(around(unserved::refuse_or_not_found))
        .method_not_allowed_fallback(around(async || ApiError::MethodNotAllowed))
        .with_state(atlas)
}

/// What Atlas had. It is not nested: axum would write the path of each request anew.
fn api(router: Router<Atlas>) -> Router<Atlas> {
    let at = |path: &str| format!("/api/v1{path}");
    router
        .route(
            &at("/authenticate"),
            get(around(authenticate::whoami)).post(around(authenticate::log_in)),
        )
        .route(&at("/token"), get(around(authenticate::whoami)))
        .route(&at("/artifacts"), post(around(artifacts::create)))
        .route(
            &at("/artifacts/{username}/{name}"),
            get(around(artifacts::show)),
        )
        .route(
            &at("/artifacts/{username}/{name}/{type}"),
            post(around(versions::create)),
        )
        .route(
            &at("/artifacts/{username}/{name}/{type}/search"),
            get(around(versions::search)),
        )
        .route(
            &at("/artifacts/{username}/{name}/{type}/{version}/file"),
            get(around(download::send)),
        )
}

/// What Atlas had besides, with whatever is below it.
fn unserved(router: Router<Atlas>) -> Router<Atlas> {
    let refuse = any(around(unserved::refuse));
    let router = router.route(unserved::BOX_FILES, refuse.clone());
    unserved::PATHS.iter().fold(router, |router, (path, _)| {
        let below = [path, "/{*path}"].concat();
        let router = router.route(path, refuse.clone());
        router.route(&below, refuse.clone())
    })
}

/// What this emulator has besides.
fn mock(router: Router<Atlas>) -> Router<Atlas> {
    let at = |path: &str| format!("/_mock{path}");
    router
        .route(&at("/health"), get(around(health::show)))
        .route(&at("/metrics"), get(around(metrics::show)))
        .route(
            &at("/requests"),
            get(around(requests::list)).delete(around(requests::clear)),
        )
        .route(&at("/verify"), post(around(verify::verify)))
        .route(&at("/lints"), get(around(lints::list)))
        .route(&at("/reset"), post(around(state::reset)))
        .route(&at("/snapshot"), post(around(snapshot::create)))
        .route(&at("/restore"), post(around(snapshot::restore)))
        .route(&at("/seed"), post(around(state::seed)))
        .route(
            &at("/artifacts/{username}/{name}"),
            delete(around(mock_artifacts::delete)),
        )
        .route(
            &at("/artifacts/{username}/{name}/{type}/{version}"),
            delete(around(mock_artifacts::delete_version)),
        )
        .route(&at("/orphans"), get(around(mock_artifacts::orphans)))
        .route(
            &at("/faults"),
            get(around(faults::list))
                .post(around(faults::create))
                .delete(around(faults::clear)),
        )
        .route(&at("/faults/{id}"), delete(around(faults::remove)))
        .route(
            &at("/tokens"),
            get(around(tokens::list)).post(around(tokens::create)),
        )
        .route(&at("/tokens/{id}"), delete(around(tokens::revoke)))
}
