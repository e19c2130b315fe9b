//! Reads the rest of a body that a handler left unread.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::http::{HeaderMap, header};
use axum::response::Response;
use futures_util::StreamExt;
use hyper::body::{Body as HttpBody, Frame, SizeHint};
use tokio::sync::oneshot;

/// Reads on for a while where a request was answered before its body was read to the end, as one is
/// whose token is unknown.
pub(crate) async fn read_on<F: Future<Output = Response>>(
    request: Request,
    next: impl FnOnce(Request) -> F,
) -> Response {
    if request.body().is_end_stream() || expects_continue(request.headers()) {
        return next(request).await;
    }
    let (unread, mut returned) = oneshot::channel();
    let unread = Some(unread);
    let request = request.map(|body| Body::new(ReturningBody { body, unread }));
    let response = next(request).await;
    if let Ok(rest) = returned.try_recv() {
        discard(rest).await;
    }
    response
}

/// Whether a client waits to be told to go on (`Expect: 100-continue`). Nothing of its body is to be
/// discarded: reading would tell it to go on.
pub(crate) fn expects_continue(headers: &HeaderMap) -> bool {
    headers.contains_key(header::EXPECT)
}

/// Reads on for a while. Closing a connection while its client still writes makes the kernel reset
/// it, and the client never sees why it was refused.
pub(crate) async fn discard(rest: Body) {
    const MOST: usize = 64 * 1024 * 1024;
    const LONGEST: Duration = Duration::from_secs(2);
    let mut rest = rest.into_data_stream();
    let read = async {
        let mut len = 0;
        while let Some(Ok(part)) = rest.next().await {
            len += part.len();
            if len > MOST {
                break;
            }
        }
    };
    // Whether it ended in time makes no difference.
    let _ = tokio::time::timeout(LONGEST, read).await;
}

/// A body of which the rest is given back when nobody wants more of it.
struct ReturningBody {
    body: Body,
    unread: Option<oneshot::Sender<Body>>,
}

impl HttpBody for ReturningBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(context));
        if !matches!(frame, Some(Ok(_))) {
            // It has ended, or broken off: there is no rest.
            self.unread = None;
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for ReturningBody {
    fn drop(&mut self) {
        if let Some(unread) = self.unread.take() {
            // Whoever lent it may be gone, with the connection.
            let _ = unread.send(std::mem::take(&mut self.body));
        }
    }
}
