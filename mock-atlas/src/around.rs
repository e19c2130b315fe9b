//! What happens around each request, from the outside in: it is watched, its body must go on coming,
//! it may meet a fault, and what is left of its body is read.
//!
//! It is one layer, and a service by hand: of each layer axum clones and boxes for each request all that
//! is within it, and its layers of functions box the request and what is within once more.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use axum::extract::Request;
use axum::response::Response;
use hyper::body::Body;
use tower::{Layer, Service, ServiceExt};
use tracing::Instrument;

use crate::atlas::Atlas;
use crate::inject;
use crate::patience;
use crate::rest::Next;
use crate::witness::{Counted, Observation, observe};

/// Puts a service for one route inside.
#[derive(Clone)]
pub(crate) struct Around(pub(crate) Atlas);

impl<S> Layer<S> for Around {
    type Service = Within<S>;

    fn layer(&self, inner: S) -> Within<S> {
        Within {
            atlas: self.0.clone(),
            counted: Counted::default(),
            inner,
        }
    }
}

#[derive(Clone)]
pub(crate) struct Within<S> {
    atlas: Atlas,
    counted: Counted,
    inner: S,
}

impl<S> Service<Request> for Within<S>
where
    S: Service<Request, Response = Response, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send + Unpin,
{
    type Response = Response;
    type Error = Infallible;
    type Future = Answer<S::Future>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let atlas = self.atlas.clone();
        let (request, observation) = observe(atlas.clone(), self.counted.clone(), request);
        let met = inject::met(&atlas, &request);
        let way = if met.is_none() && request.body().is_end_stream() && !observation.is_logged() {
            Way::Straight(self.inner.call(request))
        } else {
            let inner = Inner(self.inner.clone());
            let span = observation.span();
            let request = patience::limit(&atlas, request);
            let atlas = atlas.clone();
            let answer = async move { inject::answer(&atlas, met, request, inner).await };
            Way::Round(Box::pin(answer.instrument(span)))
        };
        Answer {
            atlas,
            observation: Some(observation),
            way,
        }
    }
}

/// A reply on its way.
pub(crate) struct Answer<F> {
    atlas: Atlas,
    // Dropped first: who finds in the journal that a request broke off finds what it held free.
    way: Way<F>,
    observation: Option<Observation>,
}

enum Way<F> {
    /// Of a request that has no body, meets nothing and is not logged: there is nothing to do but to
    /// wait for the reply.
    Straight(F),
    Round(Pin<Box<dyn Future<Output = Response> + Send>>),
}

impl<F: Future<Output = Result<Response, Infallible>> + Unpin> Future for Answer<F> {
    type Output = Result<Response, Infallible>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let mut response = match &mut self.way {
            Way::Straight(answer) => ready!(Pin::new(answer).poll(context))?,
            Way::Round(answer) => ready!(answer.as_mut().poll(context)),
        };
        inject::tell_chaos(&self.atlas, &mut response);
        Poll::Ready(Ok(match self.observation.take() {
            Some(observation) => observation.end(response),
            None => response,
        }))
    }
}

/// The service for the route.
struct Inner<S>(S);

impl<S> Next for Inner<S>
where
    S: Service<Request, Response = Response, Error = Infallible> + Send,
    S::Future: Send,
{
    async fn answer(self, request: Request) -> Response {
        match self.0.oneshot(request).await {
            Ok(response) => response,
        }
    }
}
