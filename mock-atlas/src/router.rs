//! The route table, and nothing else.

use axum::Router;
use axum::routing::{delete, get, post, put};

use crate::around::Around;
use crate::atlas::Atlas;
use crate::error::ApiError;
use crate::routes::mock::{
    artifacts as mock_artifacts, faults, health, lints, metrics, requests, snapshot, state, tokens,
    verify,
};
use crate::routes::{artifacts, authenticate, download, upload, versions};

/// All on one listener.
pub(crate) fn router(atlas: Atlas) -> Router {
    finish(all_but_uploads().merge(uploads()), atlas)
}

/// On two listeners: all but the uploads, and the uploads.
pub(crate) fn routers(atlas: Atlas) -> (Router, Router) {
    (
        finish(all_but_uploads(), atlas.clone()),
        finish(uploads(), atlas),
    )
}

fn all_but_uploads() -> Router<Atlas> {
    api().merge(mock())
}

fn uploads() -> Router<Atlas> {
    Router::new().route(upload::ROUTE, put(upload::receive))
}

/// Adds what all requests have in common.
fn finish(router: Router<Atlas>, atlas: Atlas) -> Router {
    router
        .fallback(async || ApiError::NotFound)
        .method_not_allowed_fallback(async || ApiError::MethodNotAllowed)
        .layer(Around(atlas.clone()))
        .with_state(atlas)
}

/// What Atlas had. It is not nested: axum would write the path of each request anew.
fn api() -> Router<Atlas> {
    let at = |path: &str| format!("/api/v1{path}");
    Router::new()
        .route(
            &at("/authenticate"),
            get(authenticate::whoami).post(authenticate::log_in),
        )
        .route(&at("/token"), get(authenticate::whoami))
        .route(&at("/artifacts"), post(artifacts::create))
        .route(&at("/artifacts/{username}/{name}"), get(artifacts::show))
        .route(
            &at("/artifacts/{username}/{name}/{type}"),
            post(versions::create),
        )
        .route(
            &at("/artifacts/{username}/{name}/{type}/search"),
            get(versions::search),
        )
        .route(
            &at("/artifacts/{username}/{name}/{type}/{version}/file"),
            get(download::send),
        )
}

/// What this emulator has besides.
fn mock() -> Router<Atlas> {
    let at = |path: &str| format!("/_mock{path}");
    Router::new()
        .route(&at("/health"), get(health::show))
        .route(&at("/metrics"), get(metrics::show))
        .route(
            &at("/requests"),
            get(requests::list).delete(requests::clear),
        )
        .route(&at("/verify"), post(verify::verify))
        .route(&at("/lints"), get(lints::list))
        .route(&at("/reset"), post(state::reset))
        .route(&at("/snapshot"), post(snapshot::create))
        .route(&at("/restore"), post(snapshot::restore))
        .route(&at("/seed"), post(state::seed))
        .route(
            &at("/artifacts/{username}/{name}"),
            delete(mock_artifacts::delete),
        )
        .route(
            &at("/artifacts/{username}/{name}/{type}/{version}"),
            delete(mock_artifacts::delete_version),
        )
        .route(&at("/orphans"), get(mock_artifacts::orphans))
        .route(
            &at("/faults"),
            get(faults::list).post(faults::create).delete(faults::clear),
        )
        .route(&at("/faults/{id}"), delete(faults::remove))
        .route(&at("/tokens"), get(tokens::list).post(tokens::create))
        .route(&at("/tokens/{id}"), delete(tokens::revoke))
}
