//! What happens around each handler, from the outside in: its request is watched, the body must go on
//! coming, it may meet a fault, and what is left of the body is read.
//!
//! It is a handler itself, and no layer: of a layer axum clones and boxes for each request all that is
//! within it, and moves the request once more.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use axum::extract::{MatchedPath, Request};
use axum::handler::Handler;
use axum::response::Response;
use hyper::body::Body;
use tracing::Instrument;

use crate::atlas::Atlas;
use crate::inject;
use crate::line::Line;
use crate::patience;
use crate::witness::{Counted, Observation, observe};

/// A handler for one route, with all that happens around it.
pub(crate) fn around<H>(handler: H) -> Around<H> {
    Around {
        handler,
        counted: Counted::default(),
    }
}

#[derive(Clone)]
pub(crate) struct Around<H> {
    handler: H,
    counted: Counted,
}

impl<H, T> Handler<T, Atlas> for Around<H>
where
    H: Handler<T, Atlas, Future: Unpin>,
    T: 'static,
{
    type Future = Answer<H::Future>;

    fn call(self, mut request: Request, atlas: Atlas) -> Self::Future {
        // Taken away, since no handler needs them: there is room for three extensions without asking for
        // memory twice.
        let line = request.extensions_mut().remove::<Line>();
        let route = request.extensions_mut().remove::<MatchedPath>();
        let met = route
            .as_ref()
            .and_then(|route| inject::met(&atlas, route.as_str(), &request));
        let watched = line.clone();
        let (request, observation) = observe(atlas.clone(), self.counted, route, watched, request);
        let handler = self.handler;
        let way = if met.is_none() && request.body().is_end_stream() && !observation.is_logged() {
            Way::Straight(handler.call(request, atlas.clone()))
        } else {
            let span = observation.span();
            let request = patience::limit(&atlas, request);
            let atlas = atlas.clone();
            let answer = async move {
                let next = |request| handler.call(request, atlas.clone());
                inject::answer(&atlas, met, line, request, next).await
            };
            Way::Round(Box::pin(answer.instrument(span)))
        };
        Answer {
            atlas,
            way,
            observation: Some(observation),
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

impl<F: Future<Output = Response> + Unpin> Future for Answer<F> {
    type Output = Response;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Response> {
        let mut response = match &mut self.way {
            Way::Straight(answer) => ready!(Pin::new(answer).poll(context)),
            Way::Round(answer) => ready!(answer.as_mut().poll(context)),
        };
        inject::tell_chaos(&self.atlas, &mut response);
        Poll::Ready(match self.observation.take() {
            Some(observation) => observation.end(response),
            None => response,
        })
    }
}
