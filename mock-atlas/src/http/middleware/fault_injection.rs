//! Applies faults to requests: before the handler, to the body on its way in, or to the reply. Requests
//! below `/_mock`, of unknown paths and of unserved endpoints meet no faults.

use std::io;

use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures_util::{StreamExt, stream};
use tokio::time::sleep;
use uuid::Uuid;

use super::drain_body;
use crate::endpoint::{self, Api, Endpoint, upload_at};
use crate::faults::{Effect, ErrorReply, InjectedFault, RequestInfo};
use crate::http::context::{DiscardUpload, RequestContext};
use crate::http::error::ApiError;
use crate::http::error_format::ErrorMessage;
use crate::http::state::AppState;
use crate::net::{Abort, Connection};
use crate::service::uploads;

/// The header that names the fault of a reply.
const FAULT: &str = "x-mock-atlas-fault";

/// The header with the seed from which chaos and faults with a probability are drawn.
const CHAOS_SEED: &str = "x-mock-atlas-chaos-seed";

/// The fault that a request meets, or the upload by whose age it has to be determined.
pub(super) enum DueFault {
    Known(Option<InjectedFault>),
    /// The fault depends on the age of this upload.
    OfUpload(Api, Uuid),
}

/// Returns the fault that a request of an endpoint meets, and counts it as met; or the upload by whose age
/// the fault has to be determined.
pub(super) fn due_fault(state: &AppState, endpoint: Endpoint, request: &Request) -> DueFault {
    let Some(endpoint) = endpoint.api() else {
        return DueFault::Known(None);
    };
    if endpoint.body() == endpoint::Body::File && state.faults().need_upload_age() {
        let upload = upload_at(request.uri().path());
        if let Some(upload) = upload {
            return DueFault::OfUpload(endpoint, upload);
        }
    }
    DueFault::Known(state.faults().next_fault(&RequestInfo {
        endpoint,
        method: request.method().as_str(),
        upload_age: None,
    }))
}

impl DueFault {
    pub(super) fn is_none(&self) -> bool {
        matches!(self, Self::Known(None))
    }

    async fn find(self, state: &AppState, method: &Method) -> Option<InjectedFault> {
        match self {
            Self::Known(fault) => fault,
            Self::OfUpload(endpoint, upload) => {
                let upload_age = uploads::age(&state.datasets().current(), upload).await;
                state.faults().next_fault(&RequestInfo {
                    endpoint,
                    method: method.as_str(),
                    upload_age,
                })
            }
        }
    }
}

/// Answers a request with `next` and the effect of its fault.
pub(super) async fn respond<F: Future<Output = Response>>(
    state: &AppState,
    fault: DueFault,
    connection: Option<Connection>,
    request: Request,
    next: impl FnOnce(Request) -> F,
) -> Response {
    let fault = fault.find(state, request.method()).await;
    let Some(InjectedFault { effect, fault }) = fault else {
        return drain_body::drain_unread(request, next).await;
    };
    tracing::info!(fault, "a request meets a fault");
    RequestContext::of(request.extensions()).set_fault(&fault);
    let mut response = apply(effect, state, connection, request, next).await;
    set_header(response.headers_mut(), FAULT, &fault);
    response
}

/// Adds the header with the seed of chaos, if it is on.
pub(super) fn add_chaos_header(state: &AppState, response: &mut Response) {
    if let Some(seed) = state.faults().chaos_seed() {
        set_header(response.headers_mut(), CHAOS_SEED, &seed.to_string());
    }
}

async fn apply<F: Future<Output = Response>>(
    effect: Effect,
    state: &AppState,
    connection: Option<Connection>,
    mut request: Request,
    next: impl FnOnce(Request) -> F,
) -> Response {
    match effect {
        Effect::Latency(time) => {
            sleep(time).await;
            drain_body::drain_unread(request, next).await
        }
        Effect::Status(reply) => refuse(request, reply).await,
        Effect::Malformed => halve_json(drain_body::drain_unread(request, next).await).await,
        Effect::Reset => abort(connection, Abort::Reset).await,
        Effect::NoReply => {
            drain_body::drain_unread(request, next).await;
            abort(connection, Abort::Close).await
        }
        Effect::DelayReply(time) => {
            let response = drain_body::drain_unread(request, next).await;
            sleep(time).await;
            response
        }
        Effect::CutAfter(bytes) if request.method() == Method::PUT => {
            drain_body::drain_unread(request.map(|body| cut_body(body, bytes, connection)), next)
                .await
        }
        Effect::CutAfter(bytes) => {
            let response = drain_body::drain_unread(request, next).await;
            response.map(|body| cut_reply(body, bytes, connection))
        }
        Effect::Discard(reply) => {
            request.extensions_mut().insert(DiscardUpload(reply));
            drain_body::drain_unread(request, next).await
        }
        Effect::Expire(_) => {
            if let Some(upload) = upload_at(request.uri().path()) {
                let expired = uploads::expire(&state.datasets().current(), upload).await;
                if let Err(error) = expired {
                    return ApiError::from(error).into_response();
                }
            }
            drain_body::drain_unread(request, next).await
        }
    }
}

async fn refuse(request: Request, reply: ErrorReply) -> Response {
    if !drain_body::expects_continue(request.headers()) {
        drain_body::discard(request.into_body()).await;
    }
    ApiError::Fault(reply).into_response()
}

/// Truncates a reply's JSON to its first half, which is never valid JSON.
async fn halve_json(response: Response) -> Response {
    let is_json = response
        .headers()
        .get(header::CONTENT_TYPE)
        .is_some_and(|value| value.as_bytes().starts_with(b"application/json"));
    if !is_json {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    // The body is in memory already, so reading it needs no limit and cannot fail.
    let body = to_bytes(body, usize::MAX).await.unwrap_or_default();
    parts.headers.remove(header::CONTENT_LENGTH);
    // Otherwise an error would be written anew, and whole.
    parts.extensions.remove::<ErrorMessage>();
    Response::from_parts(parts, Body::from(body.slice(..body.len() / 2)))
}

/// Returns a body that yields the first `bytes` bytes and then resets the connection.
fn cut_body(body: Body, bytes: u64, connection: Option<Connection>) -> Body {
    let start = (body.into_data_stream(), bytes, connection);
    let parts = stream::unfold(start, async |(mut body, left, connection)| {
        let part = if left > 0 { body.next().await } else { None };
        let Some(Ok(mut part)) = part else {
            let error = abort_connection(connection.as_ref(), Abort::Reset).await;
            return Some((Err(error), (body, 0, connection)));
        };
        part.truncate(usize::try_from(left).unwrap_or(usize::MAX));
        let left = left - part.len() as u64;
        Some((Ok(part), (body, left, connection)))
    });
    Body::from_stream(parts)
}

/// Returns a body that yields the first `bytes` bytes, and then closes the connection. The client gets them
/// all, as after a server that has died.
fn cut_reply(body: Body, bytes: u64, connection: Option<Connection>) -> Body {
    let start = (body.into_data_stream(), Some(bytes));
    let parts = stream::unfold(start, move |(mut body, left)| {
        let connection = connection.clone();
        async move {
            let Some(left) = left else {
                if let Some(connection) = connection {
                    match connection.close_when_flushed().await {}
                }
                return Some((Err(io::ErrorKind::ConnectionReset.into()), (body, None)));
            };
            let mut part = match body.next().await? {
                Ok(part) => part,
                Err(error) => return Some((Err(io::Error::other(error)), (body, Some(left)))),
            };
            let rest = left.checked_sub(part.len() as u64);
            if rest.is_none() {
                part.truncate(usize::try_from(left).unwrap_or(usize::MAX));
            }
            Some((Ok(part), (body, rest)))
        }
    });
    Body::from_stream(parts)
}

/// Aborts the connection, without a reply. Under another server than `serve` there is no handle on the
/// connection, and the nearest effect is a reply whose body breaks off.
async fn abort(connection: Option<Connection>, how: Abort) -> Response {
    let error = abort_connection(connection.as_ref(), how).await;
    let body = Body::from_stream(stream::once(async { Err::<&[u8], _>(error) }));
    (StatusCode::INTERNAL_SERVER_ERROR, body).into_response()
}

/// Aborts the connection and never returns; without a handle, returns the error of a reset connection.
async fn abort_connection(connection: Option<&Connection>, how: Abort) -> io::Error {
    if let Some(connection) = connection {
        match connection.abort(how).await {}
    }
    io::ErrorKind::ConnectionReset.into()
}

fn set_header(headers: &mut HeaderMap, name: &'static str, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}
