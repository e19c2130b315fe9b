//! Builds the router: maps each endpoint to its handler.

use axum::Router;
use axum::handler::Handler;
use axum::routing::{MethodFilter, MethodRouter, any, on};

use super::admin::{
    artifacts as admin_artifacts, audit, channels, faults, health, imports, lints, metrics,
    openapi, quotas, requests, snapshot, state, tokens, verify, webhooks,
};
use super::api_v1::{artifacts, authenticate, download, unserved, upload, versions};
use super::boxes::{
    documents, files, namespaces, providers, search, uploads, vagrant_boxes,
    versions as box_versions,
};
use super::error::ApiError;
use super::hcp;
use super::middleware::{Wrapped, wrap};
use super::state::AppState;
use super::web::{self, Negotiated};
use crate::endpoint::{
    AccountCall, Admin, Api, ArtifactCall, BoxCall, Endpoint, HcpCall, Method, Page, Unserved,
};

/// Returns the router of all endpoints, for one listener.
pub(crate) fn router(state: AppState) -> Router {
    finish(served(&state), state)
}

/// Returns the routers of two listeners: one of all endpoints but uploads, and one of uploads.
pub(crate) fn routers(state: AppState) -> (Router, Router) {
    let takes_uploads =
        |endpoint: &Endpoint| ArtifactCall::Upload.paths().contains(&endpoint.label());
    let others = served(&state).filter(|endpoint| !takes_uploads(endpoint));
    let uploads = Endpoint::all().filter(takes_uploads);
    // Elsewhere, the path of an upload is none, and not that of a box.
    let elsewhere = ArtifactCall::Upload.paths().iter();
    let first = elsewhere.fold(build(others), |router, path| router.route(path, unknown()));
    (
        first.with_state(state.clone()),
        finish(uploads.chain([Endpoint::Unknown]), state),
    )
}

/// Returns the endpoints that are served.
fn served(state: &AppState) -> impl Iterator<Item = Endpoint> + use<> {
    let has_pages = state.has_pages();
    Endpoint::all().filter(move |endpoint| has_pages || !endpoint.is_of_pages())
}

fn finish(endpoints: impl Iterator<Item = Endpoint>, state: AppState) -> Router {
    build(endpoints).with_state(state)
}

fn build(endpoints: impl Iterator<Item = Endpoint>) -> Router<AppState> {
    endpoints.fold(Router::new(), add)
}

/// Adds an endpoint to a router, which may have others with the same path. Routers are not nested, since axum
/// would then rewrite the path of each request.
// Contract: silent.methods-and-paths, silent.file-without-version
fn add(router: Router<AppState>, endpoint: Endpoint) -> Router<AppState> {
    match endpoint {
        Endpoint::Api(call, path) => router.route(path, api(call, path)),
        Endpoint::Admin(of) => router.route(of.path(), admin(of)),
        Endpoint::Page(of) => page(router, of),
        Endpoint::Unserved(part, path) => router.route(path, refused(part, endpoint)),
        Endpoint::WrongMethod(path) => {
            let refuse = wrap(endpoint, async || ApiError::MethodNotAllowed);
            router.route(path, MethodRouter::new().fallback(refuse))
        }
        Endpoint::Unknown => {
            let router = router.fallback(wrap(endpoint, unserved::refuse_or_not_found));
            // Without these, the emulator's own paths would be those of boxes, `/{username}/{name}`.
            let own = [
                "/_mock/{*path}",
                "/api/{*path}",
                "/oauth2/{*path}",
                "/operation/{*path}",
                "/vagrant/{*path}",
            ];
            let add = |router: Router<AppState>, path| router.route(path, unknown());
            own.into_iter().fold(router, add)
        }
    }
}

/// Adds a page, and what its forms send. Pages at addresses that programs read are only for those who prefer them.
fn page(router: Router<AppState>, of: Page) -> Router<AppState> {
    let route = Route(of.method(), Endpoint::Page(of));
    let added = match of {
        Page::Home => negotiated(route.wrapped(web::browse::home)),
        Page::Owner => negotiated(route.wrapped(web::browse::owner)),
        // It is added with what programs read there.
        Page::Artifact => return router,
        Page::Download => route.to(web::browse::download),
        Page::ShowSignIn => route.to(web::show_sign_in),
        Page::SignIn => route.to(web::sign_in),
        Page::SignOut => route.to(web::sign_out),
        Page::ChangeBox => route.to(web::browse::change_box),
        Page::ChangeChannel => route.to(web::browse::change_channel),
        Page::Asset => route.to(web::asset),
        Page::Api => route.to(web::description),
        Page::Requests => route.to(web::control::requests),
        Page::Request => route.to(web::control::request),
        Page::Live => route.to(web::control::live),
        Page::Faults => route.to(web::control::faults),
        Page::ChangeFaults => route.to(web::control::change_faults),
        Page::Data => route.to(web::control::data),
        Page::ChangeData => route.to(web::control::change_data),
        Page::Restore => route.to(web::control::restore),
        Page::Access => route.to(web::control::access),
        Page::ChangeAccess => route.to(web::control::change_access),
        Page::Webhooks => route.to(web::control::webhooks),
        Page::ChangeWebhooks => route.to(web::control::change_webhooks),
        Page::Audit => route.to(web::control::audit),
        Page::Metrics => route.to(web::control::metrics),
    };
    router.route(of.path(), added)
}

/// Returns the route of a page at a path that is none for programs.
fn negotiated<P, T>(page: P) -> MethodRouter<AppState>
where
    P: Handler<T, AppState>,
    T: Send + Sync + 'static,
{
    let api = wrap(Endpoint::Unknown, unserved::refuse_or_not_found);
    any(Negotiated { page, api })
}

/// Returns the route of the page of an artifact, and of the document of a box that programs read there.
fn document(endpoint: Endpoint) -> MethodRouter<AppState> {
    let page = wrap(Endpoint::Page(Page::Artifact), web::browse::artifact);
    let api = wrap(endpoint, documents::show_old);
    on(MethodFilter::GET, Negotiated { page, api })
}

/// Returns the route of paths that match no endpoint.
fn unknown() -> MethodRouter<AppState> {
    any(wrap(Endpoint::Unknown, unserved::refuse_or_not_found))
}

/// Returns the route of an endpoint of Atlas's API.
fn api(call: Api, path: &'static str) -> MethodRouter<AppState> {
    let route = Route(call.method(), Endpoint::Api(call, path));
    match call {
        Api::Account(call) => account(call, route),
        Api::Artifact(call) => artifact(call, route),
        Api::Box(call) => vagrant_box(call, route),
        Api::Hcp(call) => hcp_registry(call, route),
    }
}

fn account(call: AccountCall, route: Route) -> MethodRouter<AppState> {
    match call {
        AccountCall::ShowCaller | AccountCall::ShowTokenOwner => route.to(authenticate::whoami),
        AccountCall::LogIn => route.to(authenticate::log_in),
        AccountCall::LogOut => route.to(authenticate::log_out),
        AccountCall::RequestCode => route.to(authenticate::request_code),
    }
}

fn artifact(call: ArtifactCall, route: Route) -> MethodRouter<AppState> {
    match call {
        ArtifactCall::CreateArtifact => route.to(artifacts::create),
        ArtifactCall::ShowArtifact => route.to(artifacts::show),
        ArtifactCall::CreateVersion => route.to(versions::create),
        ArtifactCall::Search => route.to(versions::search),
        ArtifactCall::Download => route.to(download::send),
        ArtifactCall::Upload => route.to(upload::receive),
    }
}

fn vagrant_box(call: BoxCall, route: Route) -> MethodRouter<AppState> {
    match call {
        BoxCall::Search => route.to(search::search),
        BoxCall::ShowUser => route.to(namespaces::show),
        BoxCall::CreateBox => route.to(vagrant_boxes::create),
        BoxCall::ShowBox => route.to(vagrant_boxes::show),
        BoxCall::UpdateBox => route.to(vagrant_boxes::update),
        BoxCall::DeleteBox => route.to(vagrant_boxes::delete),
        BoxCall::CreateVersion => route.to(box_versions::create),
        BoxCall::ShowVersion => route.to(box_versions::show),
        BoxCall::UpdateVersion => route.to(box_versions::update),
        BoxCall::DeleteVersion => route.to(box_versions::delete),
        BoxCall::Release => route.to(box_versions::release),
        BoxCall::Revoke => route.to(box_versions::revoke),
        BoxCall::CreateProvider => route.to(providers::create),
        BoxCall::ShowProvider => route.to(providers::show),
        BoxCall::UpdateProvider => route.to(providers::update),
        BoxCall::DeleteProvider => route.to(providers::delete),
        BoxCall::BeginUpload => route.to(uploads::begin),
        BoxCall::BeginDirectUpload => route.to(uploads::begin_direct),
        BoxCall::CompleteUpload => route.to(uploads::complete),
        BoxCall::ShowDocument => route.to(documents::show),
        BoxCall::ShowOldDocument if route.1.path() == Some(Page::Artifact.path()) => {
            document(route.1)
        }
        BoxCall::ShowOldDocument => route.to(documents::show_old),
        BoxCall::FindFile => route.to(files::find),
        BoxCall::Download => route.to(files::send),
    }
}

fn hcp_registry(call: HcpCall, route: Route) -> MethodRouter<AppState> {
    match call {
        HcpCall::IssueToken => route.to(hcp::token::issue),
        HcpCall::ListRegistries => route.to(hcp::registries::list),
        HcpCall::CreateRegistry => route.to(hcp::registries::create),
        HcpCall::ShowRegistry => route.to(hcp::registries::show),
        HcpCall::UpdateRegistry => route.to(hcp::registries::update),
        HcpCall::DeleteRegistry => route.to(hcp::registries::delete),
        HcpCall::Activate => route.to(hcp::registries::activate),
        HcpCall::Deactivate => route.to(hcp::registries::deactivate),
        HcpCall::ListBoxes => route.to(hcp::boxes::list),
        HcpCall::CreateBox => route.to(hcp::boxes::create),
        HcpCall::ShowBox => route.to(hcp::boxes::show),
        HcpCall::UpdateBox => route.to(hcp::boxes::update),
        HcpCall::DeleteBox => route.to(hcp::boxes::delete),
        HcpCall::Search => route.to(hcp::search::search),
        HcpCall::ListVersions => route.to(hcp::versions::list),
        HcpCall::CreateVersion => route.to(hcp::versions::create),
        HcpCall::ShowVersion => route.to(hcp::versions::show),
        HcpCall::UpdateVersion => route.to(hcp::versions::update),
        HcpCall::DeleteVersion => route.to(hcp::versions::delete),
        HcpCall::Release => route.to(hcp::versions::release),
        HcpCall::Revoke => route.to(hcp::versions::revoke),
        HcpCall::ListProviders => route.to(hcp::providers::list),
        HcpCall::CreateProvider => route.to(hcp::providers::create),
        HcpCall::ShowProvider => route.to(hcp::providers::show),
        HcpCall::UpdateProvider => route.to(hcp::providers::update),
        HcpCall::DeleteProvider => route.to(hcp::providers::delete),
        HcpCall::ListArchitectures => route.to(hcp::architectures::list),
        HcpCall::CreateArchitecture => route.to(hcp::architectures::create),
        HcpCall::ShowArchitecture => route.to(hcp::architectures::show),
        HcpCall::UpdateArchitecture => route.to(hcp::architectures::update),
        HcpCall::DeleteArchitecture => route.to(hcp::architectures::delete),
        HcpCall::BeginUpload => route.to(hcp::uploads::begin),
        HcpCall::BeginDirectUpload => route.to(hcp::uploads::begin_direct),
        HcpCall::CompleteUpload => route.to(hcp::uploads::complete),
        HcpCall::ShowDownload => route.to(hcp::uploads::show),
        HcpCall::ShowOperation => route.to(hcp::operations::show),
    }
}

/// Returns the route of an endpoint that Atlas had and the emulator does not serve.
fn refused(part: Unserved, endpoint: Endpoint) -> MethodRouter<AppState> {
    any(wrap(endpoint, move |caller| unserved::refuse(caller, part)))
}

/// Returns the route of an endpoint of the emulator's own API.
fn admin(endpoint: Admin) -> MethodRouter<AppState> {
    let route = Route(endpoint.method(), Endpoint::Admin(endpoint));
    match endpoint {
        Admin::Health => route.to(health::show),
        Admin::Metrics => route.to(metrics::show),
        Admin::OpenApi => route.to(openapi::show),
        Admin::ListRequests => route.to(requests::list),
        Admin::ClearRequests => route.to(requests::clear),
        Admin::Verify => route.to(verify::verify),
        Admin::Lints => route.to(lints::list),
        Admin::Reset => route.to(state::reset),
        Admin::Snapshot => route.to(snapshot::create),
        Admin::Restore => route.to(snapshot::restore),
        Admin::Seed => route.to(state::seed),
        Admin::ListContents => route.to(imports::list),
        Admin::ImportVersion => route.to(imports::version),
        Admin::ImportBox => route.to(imports::vagrant_box),
        Admin::DeleteArtifact => route.to(admin_artifacts::delete),
        Admin::DeleteVersion => route.to(admin_artifacts::delete_version),
        Admin::ListOrphans => route.to(admin_artifacts::orphans),
        Admin::ListFaults => route.to(faults::list),
        Admin::CreateFault => route.to(faults::create),
        Admin::ClearFaults => route.to(faults::clear),
        Admin::RemoveFault => route.to(faults::remove),
        Admin::ListTokens => route.to(tokens::list),
        Admin::CreateToken => route.to(tokens::create),
        Admin::RevokeToken => route.to(tokens::revoke),
        Admin::ListChannels => route.to(channels::list),
        Admin::ShowChannel => route.to(channels::show),
        Admin::SetChannel => route.to(channels::set),
        Admin::RollBackChannel => route.to(channels::roll_back),
        Admin::RemoveChannel => route.to(channels::remove),
        Admin::ListQuotas => route.to(quotas::list),
        Admin::SetQuota => route.to(quotas::set),
        Admin::RemoveQuota => route.to(quotas::remove),
        Admin::ListAudit => route.to(audit::list),
        Admin::ListWebhooks => route.to(webhooks::list),
        Admin::AddWebhook => route.to(webhooks::add),
        Admin::RemoveWebhook => route.to(webhooks::remove),
        Admin::TestWebhook => route.to(webhooks::test),
        Admin::ListDeliveries => route.to(webhooks::deliveries),
        Admin::Redeliver => route.to(webhooks::redeliver),
    }
}

/// The method and endpoint of a route, before it has its handler.
struct Route(Method, Endpoint);

impl Route {
    fn to<H, T>(self, handler: H) -> MethodRouter<AppState>
    where
        H: Handler<T, AppState, Future: Unpin>,
        T: 'static,
    {
        let method = match self.0 {
            Method::Get => MethodFilter::GET,
            Method::Post => MethodFilter::POST,
            Method::Put => MethodFilter::PUT,
            Method::Delete => MethodFilter::DELETE,
        };
        on(method, self.wrapped(handler))
    }

    fn wrapped<H>(self, handler: H) -> Wrapped<H> {
        wrap(self.1, handler)
    }
}
