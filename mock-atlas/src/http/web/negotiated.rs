//! Answers a browser with a page, and a program as if there were no pages.

use std::pin::Pin;

use axum::extract::Request;
use axum::handler::Handler;
use axum::http::{HeaderValue, Method, header};
use axum::response::Response;

use super::accept::prefers_html;
use crate::http::state::AppState;

/// A page, and what programs get at the same address.
#[derive(Clone)]
pub(crate) struct Negotiated<P, A> {
    pub(crate) page: P,
    pub(crate) api: A,
}

impl<P, A, T, U> Handler<(T, U), AppState> for Negotiated<P, A>
where
    P: Handler<T, AppState>,
    A: Handler<U, AppState>,
    T: 'static,
    U: 'static,
{
    type Future = Pin<Box<dyn Future<Output = Response> + Send>>;

    fn call(self, request: Request, state: AppState) -> Self::Future {
        if !state.has_pages() {
            return Box::pin(self.api.call(request, state));
        }
        let reads = matches!(*request.method(), Method::GET | Method::HEAD);
        let wants_page = reads && prefers_html(request.headers());
        Box::pin(async move {
            let mut response = match wants_page {
                true => self.page.call(request, state).await,
                false => self.api.call(request, state).await,
            };
            let accept = HeaderValue::from_static("Accept");
            response.headers_mut().append(header::VARY, accept);
            response
        })
    }
}
