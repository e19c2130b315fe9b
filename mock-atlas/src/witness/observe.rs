//! The one place from which every request is watched, from its head to the last byte of its reply.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Instant;

use axum::body::{Body, Bytes};
use axum::extract::{MatchedPath, Request};
use axum::http::{Method, StatusCode, header};
use axum::response::Response;
use hyper::body::{Body as HttpBody, Frame, SizeHint};

use super::Notes;
use super::entry::{Entry, Rest};
use super::hide::Hide;
use super::metrics::{Counted, Ended, Template};
use super::request_id::{self, RequestId};
use crate::atlas::Atlas;
use crate::extract::presented_token;
use crate::line::Line;

/// Gives a request its id and begins to watch it, until its reply has left. It may be one of no route.
///
/// Everything that is logged meanwhile carries the id. The route is logged instead of the path,
/// since an upload path authorises whoever reads it, and a query string may hold a token.
pub(crate) fn observe(
    atlas: Atlas,
    counted: Counted,
    route: Option<MatchedPath>,
    line: Option<Line>,
    mut request: Request,
) -> (Request, Observation) {
    let notes = Notes::new(presented_token(request.headers(), request.uri()));
    request.extensions_mut().insert(notes.clone());
    let hide = Hide::new(notes.token());
    let id = RequestId::of(request.headers(), hide);
    let template = route.as_ref().map(MatchedPath::as_str);
    let observation = Observation {
        // Of the level of all that is logged of a request: where that is off, it costs nothing.
        span: tracing::info_span!("request", request_id = id.as_str()),
        entry: Entry::begin(atlas.witness().journal(), &request, template, &id, hide),
        id,
        atlas,
        start: Instant::now(),
        method: request.method().clone(),
        route,
        counted,
        notes: notes.clone(),
        line,
        status: None,
        sent: 0,
    };
    if request.body().is_end_stream() {
        return (request, observation);
    }
    let request = request.map(|body| {
        Body::new(Watched {
            body,
            see: move |bytes, _| notes.has_received(bytes),
        })
    });
    (request, observation)
}

/// A reply of no more bytes that are all at hand leaves in one piece.
const ONE_PIECE: u64 = 64 * 1024;

/// Keeps the observation with the body of the reply, and ends it before the last byte leaves: who
/// has a reply finds its request in the journal.
fn watch_reply(response: Response, mut observation: Observation) -> Response {
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
        let see = move |bytes, is_end| {
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
        Body::new(Watched { body, see })
    })
}

/// A request under way. It ends when this is dropped: its reply has left, or its client.
pub(crate) struct Observation {
    atlas: Atlas,
    id: RequestId,
    entry: Option<Entry>,
    span: tracing::Span,
    start: Instant,
    method: Method,
    route: Option<MatchedPath>,
    counted: Counted,
    notes: Notes,
    /// The connection stands here as long as there is no reply, and then only while it is in doubt whether
    /// the client is there.
    line: Option<Line>,
    /// None as long as there is no reply.
    status: Option<StatusCode>,
    sent: u64,
}

impl Drop for Observation {
    fn drop(&mut self) {
        let line = self.line.take();
        if line.is_some_and(|line| line.client().is_there() != Some(true)) {
            self.status = None;
        }
        let ended = Ended {
            status: self.status.as_ref().map(StatusCode::as_u16),
            received: self.notes.received(),
            sent: self.sent,
            duration: self.start.elapsed(),
        };
        let route = Template(self.route.take());
        self.log(route.as_str(), &ended);
        let witness = self.atlas.witness();
        let method = known_method(&self.method);
        if let Some(entry) = self.entry.take() {
            let rest = Rest {
                method,
                route: route.0.as_ref().map(MatchedPath::as_str),
                notes: &self.notes,
                ended: &ended,
            };
            entry.end(witness.journal(), &rest);
        }
        witness
            .metrics()
            .count(&self.counted, method, &route, &ended);
    }
}

impl Observation {
    /// What is logged meanwhile is to be in this.
    pub(crate) fn span(&self) -> tracing::Span {
        self.span.clone()
    }

    /// Whether anything of the request is logged.
    pub(crate) fn is_logged(&self) -> bool {
        !self.span.is_disabled()
    }

    /// Goes on to watch the reply.
    pub(crate) fn end(mut self, mut response: Response) -> Response {
        if let Some(id) = self.id.header() {
            response.headers_mut().insert(request_id::HEADER, id);
        }
        self.status = Some(response.status());
        // Of most clients there is no doubt.
        self.line = self.line.take().filter(|line| line.client().ask());
        watch_reply(response, self)
    }

    /// Ends it with its reply, once it is known whether the client is there to take that.
    fn finish(mut self) {
        let Some(line) = self.line.take() else {
            return;
        };
        let status = self.status.take();
        line.client().when_known(Box::new(move |is_there| {
            let mut observation = self;
            if is_there {
                observation.status = status;
            }
        }));
    }

    fn log(&self, route: &str, ended: &Ended) {
        let _entered = self.span.enter();
        let (method, received, sent) = (known_method(&self.method), ended.received, ended.sent);
        // A whole number in JSON too, which no 128 bits are.
        let milliseconds = ended.duration.as_millis() as u64;
        match ended.status {
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

/// The methods that are told apart.
pub(super) const METHODS: [&str; 7] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];

/// A method as it is shown: there must not be as many as clients can think of.
pub(super) fn known_method(method: &Method) -> &'static str {
    let known = METHODS.into_iter().find(|known| method == known);
    known.unwrap_or("other")
}

/// A body of which is seen how many bytes each part has, and whether it is the end.
struct Watched<F> {
    body: Body,
    see: F,
}

impl<F: FnMut(u64, bool) + Unpin> HttpBody for Watched<F> {
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
        (self.see)(bytes, is_end);
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
