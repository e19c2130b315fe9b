//! An interceptor turns the emulator into a wrong server: it changes requests and replies, or answers itself.

use futures_util::future::BoxFuture;

use super::{Emulator, Reply, Request};

/// An `Interceptor` is the difference between a wrong server and the emulator.
pub trait Interceptor: Send + Sync + 'static {
    /// Changes a request before the emulator sees it.
    fn request(&self, _request: &mut Request) {}
    /// Changes a reply before the client sees it.
    fn reply(&self, _request: &Request, _reply: &mut Reply) {}
    /// Tells whether the connection is closed instead of the reply.
    fn drops_reply(&self, _request: &Request, _reply: &Reply) -> bool {
        false
    }
    /// Answers a request, with one, no or several requests to the emulator.
    fn answer<'a>(&'a self, request: &'a Request, emulator: &'a Emulator) -> BoxFuture<'a, Reply> {
        Box::pin(emulator.answer(request))
    }
}

impl Interceptor for Box<dyn Interceptor> {
    fn request(&self, request: &mut Request) {
        (**self).request(request);
    }

    fn reply(&self, request: &Request, reply: &mut Reply) {
        (**self).reply(request, reply);
    }

    fn drops_reply(&self, request: &Request, reply: &Reply) -> bool {
        (**self).drops_reply(request, reply)
    }

    fn answer<'a>(&'a self, request: &'a Request, emulator: &'a Emulator) -> BoxFuture<'a, Reply> {
        (**self).answer(request, emulator)
    }
}

/// A `PassThrough` changes nothing.
pub struct PassThrough;

impl Interceptor for PassThrough {}

/// A `ReplyInterceptor` changes only replies.
pub struct ReplyInterceptor<F>(pub F);

impl<F: Fn(&Request, &mut Reply) + Send + Sync + 'static> Interceptor for ReplyInterceptor<F> {
    fn reply(&self, request: &Request, reply: &mut Reply) {
        self.0(request, reply);
    }
}

/// A `RequestInterceptor` changes only requests.
pub struct RequestInterceptor<F>(pub F);

impl<F: Fn(&mut Request) + Send + Sync + 'static> Interceptor for RequestInterceptor<F> {
    fn request(&self, request: &mut Request) {
        self.0(request);
    }
}

/// An `AnswerInterceptor` answers a request itself, with any number of requests to the emulator.
pub struct AnswerInterceptor<F>(pub F);

impl<F> Interceptor for AnswerInterceptor<F>
where
    F: for<'a> Fn(&'a Request, &'a Emulator) -> BoxFuture<'a, Reply> + Send + Sync + 'static,
{
    fn answer<'a>(&'a self, request: &'a Request, emulator: &'a Emulator) -> BoxFuture<'a, Reply> {
        self.0(request, emulator)
    }
}
