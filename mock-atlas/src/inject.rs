//! Makes the faults that an emulator was told to make: before a request is handled, on its way in,
//! or on the way of its reply. What is below `/_mock`, what no route takes,
//! and what is not served, meets none.

use std::io;

use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures_util::{StreamExt, stream};
use tokio::time::sleep;

use crate::atlas::Atlas;
use crate::error::ApiError;
use crate::faults::{Asked, Effect, Met, Refusal, Route};
use crate::line::{End, Line};
use crate::rest;
use crate::routes::upload;

/// Which fault a reply met.
const FAULT: &str = "x-mock-atlas-fault";

/// What chaos, and faults with a probability, are drawn from.
const CHAOS_SEED: &str = "x-mock-atlas-chaos-seed";

/// What an upload is to be answered with once all its bytes have come. They are not stored.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Discarded(pub(crate) Refusal);

/// The fault that a request of a route meets, which counts as met from then on.
pub(crate) fn met(atlas: &Atlas, route: &str, request: &Request) -> Option<Met> {
    let route = known_route(request.method(), route)?;
    let upload_age = || {
        let upload = upload::named_by(request.uri().path())?;
        atlas.world().store().upload_age(upload)
    };
    atlas.faults().meet(&Asked {
        route,
        method: request.method().as_str(),
        upload_age: &upload_age,
    })
}

/// Answers a request that came on a line, with the fault that it met.
pub(crate) async fn answer<F: Future<Output = Response>>(
    atlas: &Atlas,
    met: Option<Met>,
    line: Option<Line>,
    request: Request,
    next: impl FnOnce(Request) -> F,
) -> Response {
    let Some(Met { effect, fault }) = met else {
        return rest::read_on(request, next).await;
    };
    tracing::info!(fault, "a request meets a fault");
    let mut response = make(effect, atlas, line, request, next).await;
    tell(response.headers_mut(), FAULT, &fault);
    response
}

/// Tells what chaos is drawn from, where there is any.
pub(crate) fn tell_chaos(atlas: &Atlas, response: &mut Response) {
    if let Some(seed) = atlas.faults().chaos_seed() {
        tell(response.headers_mut(), CHAOS_SEED, &seed.to_string());
    }
}

/// What is asked for, where a fault can be told to happen.
fn known_route(method: &Method, path: &str) -> Option<Route> {
    let path = path.strip_prefix("/api/v1").unwrap_or(path);
    match (method.as_str(), path) {
        ("GET" | "HEAD", "/authenticate" | "/token") | ("POST", "/authenticate") => {
            Some(Route::Authenticate)
        }
        ("POST", "/artifacts") => Some(Route::ArtifactCreate),
        ("GET" | "HEAD", "/artifacts/{username}/{name}") => Some(Route::ArtifactShow),
        ("POST", "/artifacts/{username}/{name}/{type}") => Some(Route::VersionCreate),
        ("GET" | "HEAD", "/artifacts/{username}/{name}/{type}/search") => Some(Route::Search),
        ("GET" | "HEAD", "/artifacts/{username}/{name}/{type}/{version}/file") => {
            Some(Route::Download)
        }
        ("PUT", upload::ROUTE) => Some(Route::Upload),
        _ => None,
    }
}

async fn make<F: Future<Output = Response>>(
    effect: Effect,
    atlas: &Atlas,
    line: Option<Line>,
    mut request: Request,
    next: impl FnOnce(Request) -> F,
) -> Response {
    match effect {
        Effect::Latency(time) => {
            sleep(time).await;
            rest::read_on(request, next).await
        }
        Effect::Status(refusal) => refuse(request, refusal).await,
        Effect::Malformed => malformed(rest::read_on(request, next).await).await,
        Effect::Reset => hang_up(line, End::Reset).await,
        Effect::NoReply => {
            rest::read_on(request, next).await;
            hang_up(line, End::Close).await
        }
        Effect::DelayReply(time) => {
            let response = rest::read_on(request, next).await;
            sleep(time).await;
            response
        }
        Effect::CutAfter(bytes) => {
            rest::read_on(request.map(|body| cut(body, bytes, line)), next).await
        }
        Effect::Discard(refusal) => {
            request.extensions_mut().insert(Discarded(refusal));
            rest::read_on(request, next).await
        }
        Effect::Expire(_) => {
            if let Some(upload) = upload::named_by(request.uri().path()) {
                atlas.world().store().expire_upload(upload);
            }
            rest::read_on(request, next).await
        }
    }
}

async fn refuse(request: Request, refusal: Refusal) -> Response {
    if !rest::waits(request.headers()) {
        rest::discard(request.into_body()).await;
    }
    ApiError::Fault(refusal).into_response()
}

/// Half of a reply's JSON, which is never JSON itself: it does not end.
async fn malformed(response: Response) -> Response {
    let is_json = response
        .headers()
        .get(header::CONTENT_TYPE)
        .is_some_and(|value| value.as_bytes().starts_with(b"application/json"));
    if !is_json {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    // It is in memory already, so there is nothing to limit, and no way to fail.
    let body = to_bytes(body, usize::MAX).await.unwrap_or_default();
    parts.headers.remove(header::CONTENT_LENGTH);
    Response::from_parts(parts, Body::from(body.slice(..body.len() / 2)))
}

/// A body that comes to so many bytes; then the connection is gone.
fn cut(body: Body, bytes: u64, line: Option<Line>) -> Body {
    let start = (body.into_data_stream(), bytes, line);
    let parts = stream::unfold(start, async |(mut body, left, line)| {
        let part = if left > 0 { body.next().await } else { None };
        let Some(Ok(mut part)) = part else {
            let error = broken(line.as_ref(), End::Reset).await;
            return Some((Err(error), (body, 0, line)));
        };
        part.truncate(usize::try_from(left).unwrap_or(usize::MAX));
        let left = left - part.len() as u64;
        Some((Ok(part), (body, left, line)))
    });
    Body::from_stream(parts)
}

/// No reply at all: the connection ends. Under another server than `serve` it cannot be reached
/// from here, and a reply that breaks off is as near as one comes.
async fn hang_up(line: Option<Line>, end: End) -> Response {
    let error = broken(line.as_ref(), end).await;
    let body = Body::from_stream(stream::once(async { Err::<&[u8], _>(error) }));
    (StatusCode::INTERNAL_SERVER_ERROR, body).into_response()
}

/// Ends the connection and does not return, where that is possible.
async fn broken(line: Option<&Line>, end: End) -> io::Error {
    if let Some(line) = line {
        match line.hang_up(end).await {}
    }
    io::ErrorKind::ConnectionReset.into()
}

fn tell(headers: &mut HeaderMap, name: &'static str, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}
