//! Starts an emulator: binds its listeners and serves.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::http::Uri;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

use super::data::GRACE;
use super::{Builder, StartError, assemble};
use crate::app::MockAtlas;
use crate::app::webhooks::Worker;
use crate::http::router::{router, routers};
use crate::http::state::ListenerInfo;
use crate::net::{self, ConnectionSettings, Executor, Tls, serve_on, url};

/// Starts an emulator.
///
/// # Errors
/// When a setting cannot be used, an address cannot be bound, or the system refuses a thread.
pub(super) fn start(builder: Builder) -> Result<MockAtlas, StartError> {
    let any_port = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let (address, binstore) = (builder.address.unwrap_or(any_port), builder.binstore);
    let (acceptor, ca_pem) = match tls(&builder)? {
        Some(Tls { acceptor, ca_pem }) => (Some(acceptor), ca_pem),
        None => (None, None),
    };
    let executor = builder.threads.map(Executor::start).transpose();
    let executor = executor.map_err(StartError::Threads)?.map(Arc::new);
    let grace = builder.grace.unwrap_or(GRACE);
    let timing = builder.webhooks;
    let (state, token) = assemble(builder)?;
    // If the emulator has threads, the listeners are registered with the runtime of the first
    // thread.
    let _entered = executor.as_ref().map(|executor| executor.first().enter());
    state.datasets().current().catalog().start_sweeping(grace);
    let (listener, bound) = listen(address)?;
    let binstore = binstore.map(listen).transpose()?;
    let listeners = ListenerInfo {
        tls: acceptor.is_some(),
        binstore: binstore.as_ref().map(|(_, bound)| *bound),
    };
    state.set_listener_info(listeners);
    let server = Server {
        acceptor,
        executor,
        timeout: state.body_timeout(),
        stop: state.stop().clone(),
    };
    let servers = match binstore {
        Some((uploads, _)) => {
            let (all_else, only_uploads) = routers(state.clone());
            vec![
                server.spawn(listener, all_else),
                server.spawn(uploads, only_uploads),
            ]
        }
        None => vec![server.spawn(listener, router(state.clone()))],
    };
    let url_of = |bound| url(listeners.tls, bound);
    let stop_worker = CancellationToken::new();
    let worker = Worker {
        base: state
            .public_url()
            .map_or_else(|| url_of(bound), str::to_owned),
        state: state.clone(),
        timing,
        stop: stop_worker.clone(),
    };
    Ok(MockAtlas {
        worker: worker.start(),
        stop_worker,
        _executor: server.executor,
        state,
        url: url_of(bound),
        binstore_url: listeners.binstore.map(url_of),
        ca_pem,
        token,
        stop: server.stop,
        servers,
    })
}

/// The settings that all listeners of an emulator share.
struct Server {
    acceptor: Option<TlsAcceptor>,
    executor: Option<Arc<Executor>>,
    timeout: Duration,
    stop: CancellationToken,
}

impl Server {
    fn spawn(&self, listener: TcpListener, router: Router) -> JoinHandle<io::Result<()>> {
        let settings = ConnectionSettings {
            router,
            tls: self.acceptor.clone(),
            timeout: self.timeout,
        };
        let stopped = self.stop.clone().cancelled_owned();
        tokio::spawn(serve_on(listener, settings, self.executor.clone(), stopped))
    }
}

fn listen(address: SocketAddr) -> Result<(TcpListener, SocketAddr), StartError> {
    net::listen(address).map_err(|error| StartError::Listen { address, error })
}

/// Returns the TLS configuration, if TLS is switched on.
fn tls(builder: &Builder) -> Result<Option<Tls>, StartError> {
    let Some(certificate) = &builder.tls else {
        return Ok(None);
    };
    let addresses = [builder.address, builder.binstore].into_iter().flatten();
    let mut names: Vec<String> = addresses.map(|one| one.ip().to_string()).collect();
    let public = builder.http.public_url.as_deref();
    let public = public.and_then(|url| url.parse::<Uri>().ok());
    if let Some(host) = public.as_ref().and_then(Uri::host) {
        names.push(host.trim_matches(['[', ']']).to_owned());
    }
    Ok(Some(Tls::new(certificate, names)?))
}
