//! Answers the calls of gRPC: it finds the method by its path, reads the request, and writes the reply.

use std::future::{Future, Ready, ready};

use futures_util::FutureExt as _;
use futures_util::future::{Either, Map};
use hyper::body::Incoming;
use prost::Message;
use tokio::sync::watch;
use tonic::body::Body;
use tonic::server::{Grpc, UnaryService};
use tonic::{Request, Response, Status};
use tonic_prost::ProstCodec;

use super::protocol::{Empty, StopReply};
use super::provider::Provider;
use crate::base::secret::Redactor;

/// The largest message in bytes, which is also Terraform's own limit for replies.
const LARGEST: usize = 64 * 1024 * 1024;

/// The provider, and the signal to end.
pub(super) struct Calls {
    provider: Provider,
    end: watch::Sender<bool>,
}

impl Calls {
    pub(super) fn new(redactor: Redactor) -> Self {
        Self {
            provider: Provider::new(redactor),
            end: watch::Sender::new(false),
        }
    }

    /// Waits for `Shutdown`.
    pub(super) async fn shut_down(&self) {
        let mut end = self.end.subscribe();
        // The sender is a field, so it lives as long.
        let _ = end.wait_for(|end| *end).await;
    }

    /// Cancels the calls under way.
    pub(super) fn stop(&self) {
        self.provider.stop();
    }

    /// Answers one call.
    pub(super) async fn answer(&self, request: hyper::Request<Incoming>) -> hyper::Response<Body> {
        let path = request.uri().path().to_owned();
        let provider = &self.provider;
        match path.as_str() {
            "/plugin.GRPCController/Shutdown" => unary(request, |_: Empty| self.end()).await,
            "/tfplugin5.Provider/GetSchema" => {
                unary(request, |_: Empty| ready(Provider::schemas())).await
            }
            "/tfplugin5.Provider/PrepareProviderConfig" => {
                unary(request, |m| ready(provider.prepare(m))).await
            }
            "/tfplugin5.Provider/Configure" => {
                unary(request, |m| ready(provider.configure(&m))).await
            }
            "/tfplugin5.Provider/Stop" => unary(request, |_: Empty| self.cancel()).await,
            "/tfplugin5.Provider/ValidateDataSourceConfig" => {
                unary(request, |m| ready(provider.validate_data_source(&m))).await
            }
            "/tfplugin5.Provider/ValidateResourceTypeConfig" => {
                unary(request, |m| ready(provider.validate_resource(&m))).await
            }
            "/tfplugin5.Provider/ReadDataSource" => {
                unary(request, |m| provider.read_data_source(m)).await
            }
            "/tfplugin5.Provider/UpgradeResourceState" => {
                unary(request, |m| ready(provider.upgrade(&m))).await
            }
            "/tfplugin5.Provider/ReadResource" => {
                unary(request, |m| provider.read_resource(m)).await
            }
            "/tfplugin5.Provider/PlanResourceChange" => unary(request, |m| provider.plan(m)).await,
            "/tfplugin5.Provider/ApplyResourceChange" => {
                unary(request, |m| provider.apply(m)).await
            }
            "/tfplugin5.Provider/ImportResourceState" => {
                unary(request, |m| ready(provider.import(&m))).await
            }
            _ => Status::unimplemented(format!("{path} is not served here")).into_http(),
        }
    }

    fn end(&self) -> Ready<Empty> {
        self.end.send_replace(true);
        ready(Empty {})
    }

    fn cancel(&self) -> Ready<StopReply> {
        self.stop();
        ready(StopReply::default())
    }
}

/// Reads the request of a call, and writes the reply of its method.
async fn unary<Q, R, F, W>(request: hyper::Request<Incoming>, method: F) -> hyper::Response<Body>
where
    Q: Message + Default + 'static,
    R: Message + 'static,
    F: FnOnce(Q) -> W,
    W: Future<Output = R>,
{
    let codec = ProstCodec::<R, Q>::default();
    let mut call = Grpc::new(codec).max_decoding_message_size(LARGEST);
    call.unary(Method(Some(method)), request).await
}

/// A method, which answers one request.
struct Method<F>(Option<F>);

impl<Q, R, F, W> UnaryService<Q> for Method<F>
where
    F: FnOnce(Q) -> W,
    W: Future<Output = R>,
{
    type Response = R;
    type Future =
        Either<Map<W, fn(R) -> Result<Response<R>, Status>>, Ready<Result<Response<R>, Status>>>;

    fn call(&mut self, request: Request<Q>) -> Self::Future {
        match self.0.take() {
            Some(method) => {
                let answered: fn(R) -> Result<Response<R>, Status> =
                    |reply| Ok(Response::new(reply));
                Either::Left(method(request.into_inner()).map(answered))
            }
            None => Either::Right(ready(Err(Status::internal("a call has one request")))),
        }
    }
}
