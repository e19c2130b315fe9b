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

/// Answers a request with `next`, and then reads the rest of its body for a while if `next` left it unread, as
/// it does when the token is unknown.
pub(crate) async fn drain_unread<F: Future<Output = Response>>(
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

/// Returns whether a client waits for `100 Continue` before it sends its body. Such a body must not be drained,
/// since hyper sends `100 Continue` on the first read.
pub(crate) fn expects_continue(headers: &HeaderMap) -> bool {
    headers.contains_key(header::EXPECT)
}

/// Reads and discards the rest of a body, up to 64 MiB and two seconds. Closing a connection while its client
/// still writes makes the kernel reset it, and the client would never see the reply.
pub(crate) async fn discard(rest: Body) {
    const MAX_BYTES: usize = 64 * 1024 * 1024;
    const MAX_TIME: Duration = Duration::from_secs(2);
    let mut rest = rest.into_data_stream();
    let read = async {
        let mut len = 0;
        while let Some(Ok(part)) = rest.next().await {
            len += part.len();
            if len > MAX_BYTES {
                break;
            }
        }
    };
    // The reply is sent whether or not the body ended in time.
    let _ = tokio::time::timeout(MAX_TIME, read).await;
}

/// A body that sends its unread rest back when it is dropped.
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
            // The body has ended or broken off, so there is no rest.
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
            // The receiver is gone if the connection has ended.
            let _ = unread.send(std::mem::take(&mut self.body));
        }
    }
}
