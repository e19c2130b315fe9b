//! Sends requests as they come in, as rows of the page, in a stream of server-sent events. The stream ends after a
//! while, and browsers open the next one by themselves.

use std::convert::Infallible;
use std::time::Duration;

use askama::Template;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use futures_util::stream::unfold;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, sleep};

use super::request::RequestRow;
use super::requests::Wanted;
use crate::http::error::ApiError;
use crate::http::state::AppState;
use crate::http::web::form::Fields;
use crate::http::web::page::{PageError, protect};
use crate::http::web::visitor::RootVisitor;

/// The time between looks at the journal.
const PAUSE: Duration = Duration::from_millis(250);

/// The time after which something is sent though nothing has come in: the client may be gone.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// The longest time that a stream lasts: whoever watches must still have a session.
const LONGEST: Duration = Duration::from_secs(600);

/// The greatest number of requests that are sent at once.
const MOST: usize = 500;

const LAST_EVENT: HeaderName = HeaderName::from_static("last-event-id");

/// Handles `GET /_mock/control/live`. The query filters requests, and `seen` says how many were recorded before.
pub(crate) async fn send(
    State(state): State<AppState>,
    RootVisitor(visitor): RootVisitor,
    headers: HeaderMap,
    query: Fields,
) -> Result<Response, PageError> {
    let last = headers.get(LAST_EVENT).and_then(|id| id.to_str().ok());
    let seen = last.or(query.given("seen"));
    let Ok(permit) = state.watchers().try_acquire_owned() else {
        return Err(visitor.failed()(ApiError::Busy));
    };
    let watch = Watch {
        seen: seen.and_then(|seen| seen.parse().ok()).unwrap_or(0),
        wanted: Wanted::of(&query),
        end: Instant::now() + LONGEST,
        state,
        _permit: permit,
    };
    let beginning = Bytes::from_static(b"retry: 2000\n\n");
    let stream = unfold((watch, Some(beginning)), async |(mut watch, ready)| {
        let part = match ready {
            Some(ready) => ready,
            None => watch.next().await?,
        };
        Some((Ok::<_, Infallible>(part), (watch, None)))
    });
    let kind = HeaderValue::from_static("text/event-stream");
    let body = Body::from_stream(stream);
    Ok(protect(
        ([(header::CONTENT_TYPE, kind)], body).into_response(),
    ))
}

/// A stream under way.
struct Watch {
    state: AppState,
    /// The number of requests that had been recorded at the last look.
    seen: u64,
    wanted: Wanted,
    end: Instant,
    _permit: OwnedSemaphorePermit,
}

impl Watch {
    /// Waits for requests, and returns the next part of the stream; `None` at its end.
    async fn next(&mut self) -> Option<Bytes> {
        let silent = Instant::now() + KEEP_ALIVE;
        loop {
            tokio::select! {
                () = sleep(PAUSE) => {}
                () = self.state.stop().cancelled() => return None,
            }
            let now = Instant::now();
            if now >= self.end {
                return None;
            }
            if let Some(events) = self.events() {
                return Some(events);
            }
            if now >= silent {
                return Some(Bytes::from_static(b": waiting\n\n"));
            }
        }
    }

    /// Returns an event for each new request that the filter accepts; `None` if there is none.
    fn events(&mut self) -> Option<Bytes> {
        let (requests, recorded) = self.state.observer().journal().since(self.seen);
        self.seen = recorded;
        let skipped = requests.len().saturating_sub(MOST);
        let wanted = requests[skipped..]
            .iter()
            .filter(|one| self.wanted.accepts(one));
        let mut events = String::new();
        for request in wanted {
            let row = RequestRow::new(request).render().unwrap_or_default();
            // An event ends at an empty line.
            let row = row.replace(['\r', '\n'], " ");
            events.push_str(&format!("id: {recorded}\ndata: {row}\n\n"));
        }
        (!events.is_empty()).then(|| events.into())
    }
}
