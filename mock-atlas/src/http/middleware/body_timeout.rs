//! Ends the body of a request with an error when nothing of it arrives for too long.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::Request;
use hyper::body::{Body as HttpBody, Frame, SizeHint};
use tokio::time::{Sleep, sleep};

use crate::http::state::AppState;

/// Ends the body of a request with [`TimedOut`] when nothing of it arrives for too long.
pub(crate) fn limit(state: &AppState, request: Request) -> Request {
    if request.body().is_end_stream() {
        return request;
    }
    let timeout = state.body_timeout();
    request.map(|body| Body::new(TimeoutBody::new(body, timeout)))
}

/// The error with which a body ends of which nothing arrived for this time.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("nothing of the body came for {0:?}")]
pub(crate) struct TimedOut(pub(crate) Duration);

struct TimeoutBody {
    body: Body,
    timeout: Duration,
    /// The timer, which runs while a requested part has not arrived.
    wait: Option<Pin<Box<Sleep>>>,
    is_over: bool,
}

impl TimeoutBody {
    fn new(body: Body, timeout: Duration) -> Self {
        Self {
            body,
            timeout,
            wait: None,
            is_over: false,
        }
    }
}

impl HttpBody for TimeoutBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        // `drain_body` reads on after the error, and must not wait once more.
        if self.is_over {
            return Poll::Ready(None);
        }
        if let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(context) {
            self.wait = None;
            return Poll::Ready(frame);
        }
        let timeout = self.timeout;
        let wait = self.wait.get_or_insert_with(|| Box::pin(sleep(timeout)));
        if wait.as_mut().poll(context).is_pending() {
            return Poll::Pending;
        }
        self.is_over = true;
        Poll::Ready(Some(Err(axum::Error::new(TimedOut(timeout)))))
    }

    fn is_end_stream(&self) -> bool {
        self.is_over || self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use futures_util::{StreamExt, stream};
    use tokio::time::Instant;

    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    /// Returns a body of which a part arrives after each `pause`.
    fn body(parts: u64, pause: Duration) -> Body {
        let parts = stream::iter(0..parts).then(move |_| async move {
            sleep(pause).await;
            Ok::<_, axum::Error>("part")
        });
        Body::new(TimeoutBody::new(Body::from_stream(parts), MINUTE))
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_body_that_goes_on_is_read_to_its_end() {
        let parts = body(5, MINUTE - Duration::from_secs(1)).into_data_stream();
        assert_eq!(parts.filter_map(async |part| part.ok()).count().await, 5);
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_stops_ends_with_an_error_after_the_time() {
        let start = Instant::now();
        let mut parts = body(1, MINUTE + Duration::from_secs(1)).into_data_stream();
        assert!(parts.next().await.unwrap().is_err());
        assert_eq!(start.elapsed().as_secs(), 60);
        assert!(parts.next().await.is_none());
    }
}
