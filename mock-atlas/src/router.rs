//! The route table, and nothing else.

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware;
use axum::routing::{delete, get, post, put};

use crate::atlas::Atlas;
use crate::error::ApiError;
use crate::inject;
use crate::patience;
use crate::rest;
use crate::routes::mock::{
    artifacts as mock_artifacts, faults, health, lints, metrics, requests, snapshot, state, tokens,
    verify,
};
use crate::routes::{artifacts, authenticate, download, upload, versions};
use crate::witness::observe;

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
    Router::new().nest("/api/v1", api()).nest("/_mock", mock())
}

fn uploads() -> Router<Atlas> {
    Router::new().route(upload::ROUTE, put(upload::receive))
}

/// Adds what all requests have in common.
fn finish(router: Router<Atlas>, atlas: Atlas) -> Router {
    router
        .fallback(async || ApiError::NotFound)
        .method_not_allowed_fallback(async || ApiError::MethodNotAllowed)
        // Each body has a limit of its own kind: parameters a fixed one, files a configured one.
        .layer(DefaultBodyLimit::disable())
        .layer(middleware::from_fn(rest::read_on))
        .layer(middleware::from_fn_with_state(
            atlas.clone(),
            inject::faults,
        ))
        .layer(middleware::from_fn_with_state(
            atlas.clone(),
            patience::limit,
        ))
        .layer(middleware::from_fn_with_state(atlas.clone(), observe))
        .with_state(atlas)
}

/// What Atlas had.
fn api() -> Router<Atlas> {
    Router::new()
        .route(
            "/authenticate",
            get(authenticate::whoami).post(authenticate::log_in),
        )
        .route("/token", get(authenticate::whoami))
        .route("/artifacts", post(artifacts::create))
        .route("/artifacts/{username}/{name}", get(artifacts::show))
        .route(
            "/artifacts/{username}/{name}/{type}",
            post(versions::create),
        )
        .route(
            "/artifacts/{username}/{name}/{type}/search",
            get(versions::search),
        )
        .route(
            "/artifacts/{username}/{name}/{type}/{version}/file",
            get(download::send),
        )
}

/// What this emulator has besides.
fn mock() -> Router<Atlas> {
    Router::new()
        .route("/health", get(health::show))
        .route("/metrics", get(metrics::show))
        .route("/requests", get(requests::list).delete(requests::clear))
        .route("/verify", post(verify::verify))
        .route("/lints", get(lints::list))
        .route("/reset", post(state::reset))
        .route("/snapshot", post(snapshot::create))
        .route("/restore", post(snapshot::restore))
        .route("/seed", post(state::seed))
        .route(
            "/artifacts/{username}/{name}",
            delete(mock_artifacts::delete),
        )
        .route(
            "/artifacts/{username}/{name}/{type}/{version}",
            delete(mock_artifacts::delete_version),
        )
        .route("/orphans", get(mock_artifacts::orphans))
        .route(
            "/faults",
            get(faults::list).post(faults::create).delete(faults::clear),
        )
        .route("/faults/{id}", delete(faults::remove))
        .route("/tokens", get(tokens::list).post(tokens::create))
        .route("/tokens/{id}", delete(tokens::revoke))
}
