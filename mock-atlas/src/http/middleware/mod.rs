//! Wraps each handler. From the outside in, the wrapper observes the request, limits the time between parts of
//! its body, injects faults, and reads the rest of an unread body.
//!
//! - `observation`: follows a request from its head to the last byte of its reply, for the log, the
//!   journal, the audit and the metrics; `journal_entry`, `audit`, `request_id`: parts of it
//! - `body_timeout`: ends a body of which nothing arrives for too long
//! - `fault_injection`: applies the fault that a request meets
//! - `drain_body`: reads the rest of a body that a handler left unread
//!
//! The wrapper is a handler itself instead of a layer: for each request, axum clones and boxes everything
//! within a layer, and moves the request once more.

mod audit;
pub(super) mod body_timeout;
mod drain_body;
pub(super) mod fault_injection;
mod journal_entry;
mod observation;
mod request_id;

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use axum::extract::Request;
use axum::handler::Handler;
use axum::response::{IntoResponse, Response};
use hyper::body::Body;
use tracing::Instrument;

use super::state::AppState;
use crate::endpoint::Endpoint;
use crate::http::error::ApiError;
use crate::http::error_format::ErrorFormat;
use crate::net::Connection;
use crate::observe::CounterCache;
use observation::{Observation, observe};

/// Wraps the handler of an endpoint in the middleware.
pub(crate) fn wrap<H>(endpoint: Endpoint, handler: H) -> Wrapped<H> {
    Wrapped {
        handler,
        counters: CounterCache::new(endpoint),
        checks_host: endpoint.checks_host(),
    }
}

#[derive(Clone)]
pub(crate) struct Wrapped<H> {
    handler: H,
    counters: CounterCache,
    checks_host: bool,
}

impl<H, T> Handler<T, AppState> for Wrapped<H>
where
    H: Handler<T, AppState, Future: Unpin>,
    T: 'static,
{
    type Future = ResponseFuture<H::Future>;

    fn call(self, mut request: Request, state: AppState) -> Self::Future {
        // Removed because no handler needs it: up to three extensions fit in the map's first allocation.
        let connection = request.extensions_mut().remove::<Connection>();
        let format = ErrorFormat::of(request.uri().path());
        let fault = fault_injection::due_fault(&state, self.counters.endpoint(), &request);
        let (request, observation) =
            observe(state.clone(), self.counters, connection.clone(), request);
        let handler = self.handler;
        if self.checks_host && !state.hosts().know(request.uri(), request.headers()) {
            let request = body_timeout::limit(&state, request);
            let refuse = async |_| ApiError::Misdirected.into_response();
            return ResponseFuture {
                state,
                inner: Inner::Intercepted(Box::pin(drain_body::drain_unread(request, refuse))),
                format,
                observation: Some(observation),
            };
        }
        let inner = if fault.is_none() && request.body().is_end_stream() && !observation.is_logged()
        {
            Inner::Direct(handler.call(request, state.clone()))
        } else {
            let span = observation.span();
            let request = body_timeout::limit(&state, request);
            let state = state.clone();
            let response = async move {
                let next = |request| handler.call(request, state.clone());
                fault_injection::respond(&state, fault, connection, request, next).await
            };
            Inner::Intercepted(Box::pin(response.instrument(span)))
        };
        ResponseFuture {
            state,
            inner,
            format,
            observation: Some(observation),
        }
    }
}

/// The future of a wrapped handler's response.
pub(crate) struct ResponseFuture<F> {
    state: AppState,
    // Dropped before `observation`: once the journal shows that a request broke off, its resources are free.
    inner: Inner<F>,
    /// The form of an error reply.
    format: ErrorFormat,
    observation: Option<Observation>,
}

enum Inner<F> {
    /// The handler alone: the request has no body, meets no fault and is not logged.
    Direct(F),
    /// The handler with body timeout, fault injection, the reading of unread bodies, and the log's span.
    Intercepted(Pin<Box<dyn Future<Output = Response> + Send>>),
}

impl<F: Future<Output = Response> + Unpin> Future for ResponseFuture<F> {
    type Output = Response;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Response> {
        let response = match &mut self.inner {
            Inner::Direct(future) => ready!(Pin::new(future).poll(context)),
            Inner::Intercepted(future) => ready!(future.as_mut().poll(context)),
        };
        let mut response = self.format.apply(response);
        fault_injection::add_chaos_header(&self.state, &mut response);
        Poll::Ready(match self.observation.take() {
            Some(observation) => observation.end(response),
            None => response,
        })
    }
}
