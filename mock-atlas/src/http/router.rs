//! The route table.

use axum::Router;
use axum::routing::{any, delete, get, post, put};

use super::admin::{
    artifacts as admin_artifacts, faults, health, lints, metrics, requests, snapshot, state,
    tokens, verify,
};
use super::api_v1::{artifacts, authenticate, download, unserved, upload, versions};
use super::error::ApiError;
use super::middleware::wrap;
use super::state::AppState;

/// All on one listener.
pub(crate) fn router(state: AppState) -> Router {
    finish(uploads(all_but_uploads()), state)
}

/// On two listeners: all but the uploads, and the uploads.
pub(crate) fn routers(state: AppState) -> (Router, Router) {
    (
        finish(all_but_uploads(), state.clone()),
        finish(uploads(Router::new()), state),
    )
}

/// One after the other in the same table: to merge two takes as long as to make both.
fn all_but_uploads() -> Router<AppState> {
    admin(unserved(api(Router::new())))
}

fn uploads(router: Router<AppState>) -> Router<AppState> {
    router.route(upload::ROUTE, put(wrap(upload::receive)))
}

/// Adds what all requests have in common.
// Contract: silent.methods-and-paths, silent.file-without-version
fn finish(router: Router<AppState>, state: AppState) -> Router {
    router
        .fallback(wrap(unserved::refuse_or_not_found))
        .method_not_allowed_fallback(wrap(async || ApiError::MethodNotAllowed))
        .with_state(state)
}

/// What Atlas had. It is not nested: axum would write the path of each request anew.
// Contract: auth.base-path
fn api(router: Router<AppState>) -> Router<AppState> {
    let at = |path: &str| format!("/api/v1{path}");
    router
        .route(
            &at("/authenticate"),
            get(wrap(authenticate::whoami)).post(wrap(authenticate::log_in)),
        )
        .route(&at("/token"), get(wrap(authenticate::whoami)))
        .route(&at("/artifacts"), post(wrap(artifacts::create)))
        .route(
            &at("/artifacts/{username}/{name}"),
            get(wrap(artifacts::show)),
        )
        .route(
            &at("/artifacts/{username}/{name}/{type}"),
            post(wrap(versions::create)),
        )
        .route(
            &at("/artifacts/{username}/{name}/{type}/search"),
            get(wrap(versions::search)),
        )
        .route(
            &at("/artifacts/{username}/{name}/{type}/{version}/file"),
            get(wrap(download::send)),
        )
}

/// What Atlas had besides, with whatever is below it.
fn unserved(router: Router<AppState>) -> Router<AppState> {
    let refuse = any(wrap(unserved::refuse));
    let router = router.route(unserved::BOX_FILES, refuse.clone());
    unserved::PATHS.iter().fold(router, |router, (path, _)| {
        let below = [path, "/{*path}"].concat();
        let router = router.route(path, refuse.clone());
        router.route(&below, refuse.clone())
    })
}

/// What this emulator has besides.
fn admin(router: Router<AppState>) -> Router<AppState> {
    let at = |path: &str| format!("/_mock{path}");
    router
        .route(&at("/health"), get(wrap(health::show)))
        .route(&at("/metrics"), get(wrap(metrics::show)))
        .route(
            &at("/requests"),
            get(wrap(requests::list)).delete(wrap(requests::clear)),
        )
        .route(&at("/verify"), post(wrap(verify::verify)))
        .route(&at("/lints"), get(wrap(lints::list)))
        .route(&at("/reset"), post(wrap(state::reset)))
        .route(&at("/snapshot"), post(wrap(snapshot::create)))
        .route(&at("/restore"), post(wrap(snapshot::restore)))
        .route(&at("/seed"), post(wrap(state::seed)))
        .route(
            &at("/artifacts/{username}/{name}"),
            delete(wrap(admin_artifacts::delete)),
        )
        .route(
            &at("/artifacts/{username}/{name}/{type}/{version}"),
            delete(wrap(admin_artifacts::delete_version)),
        )
        .route(&at("/orphans"), get(wrap(admin_artifacts::orphans)))
        .route(
            &at("/faults"),
            get(wrap(faults::list))
                .post(wrap(faults::create))
                .delete(wrap(faults::clear)),
        )
        .route(&at("/faults/{id}"), delete(wrap(faults::remove)))
        .route(
            &at("/tokens"),
            get(wrap(tokens::list)).post(wrap(tokens::create)),
        )
        .route(&at("/tokens/{id}"), delete(wrap(tokens::revoke)))
}
