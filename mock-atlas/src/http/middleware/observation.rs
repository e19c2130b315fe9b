//! Observes a request from its head to the last byte of its reply, for the log, the journal and the metrics.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Instant;

use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::http::{Method, StatusCode, header};
use axum::response::Response;
use hyper::body::{Body as HttpBody, Frame, SizeHint};

use super::audit::AuditHead;
use super::journal_entry::{Entry, EntryEnd};
use super::request_id::{self, RequestId};
use crate::http::context::RequestContext;
use crate::http::extract::presented_token;
use crate::http::state::AppState;
use crate::net::Connection;
use crate::observe::{CounterCache, Outcome, Redactor, known_method};

/// Gives a request its id and begins its observation, which ends when its reply is sent.
///
/// All log messages of the request carry the id. The route is logged instead of the path, since an upload path
/// authorises whoever reads it, and a query string may hold a token.
pub(crate) fn observe(
    state: AppState,
    counters: CounterCache,
    connection: Option<Connection>,
    mut request: Request,
) -> (Request, Observation) {
    let context = RequestContext::new(presented_token(request.headers(), request.uri()));
    request.extensions_mut().insert(context.clone());
    let redactor = Redactor::new(context.token());
    let id = RequestId::of(request.headers(), redactor);
    let observation = Observation {
        // The span has the level of a request's log messages: where that level is off, it costs nothing.
        span: tracing::info_span!("request", request_id = id.as_str()),
        entry: Entry::begin(
            state.observer().journal(),
            &request,
            counters.endpoint(),
            &id,
            redactor,
        ),
        audit: AuditHead::begin(&request, counters.endpoint(), connection.as_ref(), redactor),
        id,
        state,
        start: Instant::now(),
        method: request.method().clone(),
        counters,
        context: context.clone(),
        connection,
        status: None,
        sent: 0,
    };
    if request.body().is_end_stream() {
        return (request, observation);
    }
    let request = request.map(|body| {
        Body::new(ObservedBody {
            body,
            on_part: move |bytes, _| context.add_received(bytes),
        })
    });
    (request, observation)
}

/// The largest reply in memory, in bytes, that is sent in one piece.
const ONE_PIECE: u64 = 64 * 1024;

/// Moves the observation into the body of the reply, and ends it before the last byte is sent: a client that
/// has the whole reply finds its request in the journal.
fn observe_reply(response: Response, mut observation: Observation) -> Response {
    let at_hand = response.body().size_hint().exact();
    if let Some(length) = at_hand.filter(|length| *length <= ONE_PIECE) {
        let has_body = observation.method != Method::HEAD;
        observation.sent = if has_body { length } else { 0 };
        observation.finish();
        return response;
    }
    let announced = response.headers().get(header::CONTENT_LENGTH);
    let announced: Option<u64> = announced.and_then(|length| length.to_str().ok()?.parse().ok());
    let mut observation = Some(observation);
    response.map(|body| {
        let on_part = move |bytes, is_end| {
            let Some(current) = &mut observation else {
                return;
            };
            current.sent += bytes;
            if (is_end || announced == Some(current.sent))
                && let Some(whole) = observation.take()
            {
                whole.finish();
            }
        };
        Body::new(ObservedBody { body, on_part })
    })
}

/// The observation of a request under way. It is written to the log, the journal and the metrics when it is
/// dropped: with the end of the reply, or when the client is gone.
pub(crate) struct Observation {
    state: AppState,
    id: RequestId,
    entry: Option<Entry>,
    audit: Option<AuditHead>,
    span: tracing::Span,
    start: Instant,
    method: Method,
    counters: CounterCache,
    context: RequestContext,
    /// The connection, until there is a reply, and after that only while it is in doubt whether the client is
    /// present.
    connection: Option<Connection>,
    /// The status of the reply; `None` until there is a reply.
    status: Option<StatusCode>,
    sent: u64,
}

impl Drop for Observation {
    fn drop(&mut self) {
        let connection = self.connection.take();
        if connection.is_some_and(|connection| connection.presence().is_present() != Some(true)) {
            self.status = None;
        }
        let outcome = Outcome {
            status: self.status.as_ref().map(StatusCode::as_u16),
            received: self.context.received(),
            sent: self.sent,
            duration: self.start.elapsed(),
        };
        self.log(&outcome);
        let observer = self.state.observer();
        let method = known_method(self.method.as_str());
        if let Some(entry) = self.entry.take() {
            let end = EntryEnd {
                method,
                context: &self.context,
                outcome: &outcome,
            };
            entry.end(observer.journal(), &end);
        }
        if let Some(head) = self.audit.take() {
            let catalog = self.state.datasets().current();
            let end = (&self.id, outcome.status);
            let entry = head.end(self.state.clock(), method, &self.context, end);
            if let Some(entry) = entry {
                catalog.record(entry);
            }
        }
        observer.metrics().count(&self.counters, method, &outcome);
    }
}

impl Observation {
    /// Returns the span for the log messages of the request.
    pub(crate) fn span(&self) -> tracing::Span {
        self.span.clone()
    }

    /// Returns whether the request is logged.
    pub(crate) fn is_logged(&self) -> bool {
        !self.span.is_disabled()
    }

    /// Adds the id to the reply, and goes on to observe the reply's body.
    pub(crate) fn end(mut self, mut response: Response) -> Response {
        if let Some(id) = self.id.header() {
            response.headers_mut().insert(request_id::HEADER, id);
        }
        self.status = Some(response.status());
        // Most clients have not ended their side, and need no probe.
        self.connection = self
            .connection
            .take()
            .filter(|connection| connection.presence().request_probe());
        observe_reply(response, self)
    }

    /// Ends the observation, once it is known whether the client is present to take the reply.
    fn finish(mut self) {
        let Some(connection) = self.connection.take() else {
            return;
        };
        let status = self.status.take();
        connection
            .presence()
            .on_resolved(Box::new(move |is_present| {
                let mut observation = self;
                if is_present {
                    observation.status = status;
                }
            }));
    }

    fn log(&self, outcome: &Outcome) {
        let _entered = self.span.enter();
        let route = self.counters.endpoint().label();
        let (method, received, sent) = (
            known_method(self.method.as_str()),
            outcome.received,
            outcome.sent,
        );
        // `u64`, since the JSON log writes a `u128` as a string.
        let milliseconds = outcome.duration.as_millis() as u64;
        match outcome.status {
            Some(status) => tracing::info!(
                method,
                route,
                status,
                received,
                sent,
                milliseconds,
                "answered"
            ),
            None => tracing::info!(method, route, received, milliseconds, "broke off"),
        }
    }
}

/// A body that reports the length of each part, and whether it is the last.
struct ObservedBody<F> {
    body: Body,
    on_part: F,
}

impl<F: FnMut(u64, bool) + Unpin> HttpBody for ObservedBody<F> {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(context));
        let data = frame
            .as_ref()
            .and_then(|frame| frame.as_ref().ok()?.data_ref());
        let bytes = data.map_or(0, |data| data.len() as u64);
        let is_end = !matches!(frame, Some(Ok(_))) || self.body.is_end_stream();
        (self.on_part)(bytes, is_end);
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
