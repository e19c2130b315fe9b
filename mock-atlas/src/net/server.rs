//! Serves a router on a bound listener, until it is told to stop.

use std::error::Error;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

use super::client_presence::PresenceStream;
use super::write_timeout::WriteTimeout;
use super::{Abort, Connection, Executor};

/// The time that requests under way have to end after the server was told to stop.
const GRACE: Duration = Duration::from_secs(10);

/// The time that a request under way has instead when its client has ended its side: most such clients are
/// gone.
const HALF_CLOSED_GRACE: Duration = Duration::from_secs(1);

/// The time that a client has for its part of a TLS handshake.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// The time that a connection has to send the head of a request, or may stay idle before it.
const HEADER_TIMEOUT: Duration = Duration::from_secs(30);

/// The default time for which a client may send nothing of a body, or read nothing of a reply.
pub(crate) const BODY_TIMEOUT: Duration = Duration::from_secs(60);

/// The number of bytes that are read from a connection at a time, and the largest head of a request. Other
/// connections of the thread wait while that much is processed. Hyper's default, four times as much, was no
/// faster.
const BUFFER: usize = 128 * 1024;

/// The pause after a failed accept, for example for want of file descriptors.
const ACCEPT_RETRY: Duration = Duration::from_millis(50);

/// The least time between two log messages about failed accepts.
const LOG_INTERVAL: Duration = Duration::from_secs(30);

/// The settings with which connections are served.
#[derive(Clone)]
pub(crate) struct ConnectionSettings {
    pub(crate) router: Router,
    /// The TLS acceptor; `None` serves plain HTTP.
    pub(crate) tls: Option<TlsAcceptor>,
    /// The time to wait for a client that reads nothing of a reply.
    pub(crate) timeout: Duration,
}

/// Serves HTTP/1.1 on a listener until `shutdown` completes. Then it accepts no more connections, closes idle
/// ones, and gives requests under way ten seconds to end, or one second where the client has ended its side
/// of the connection and is most likely gone. It also ends a connection whose client reads nothing of a reply
/// for a minute.
///
/// Dropping the future stops the server and its connections at once.
///
/// # Errors
/// When the listener has no local address, which a bound one always has.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    shutdown: impl Future<Output = ()>,
) -> io::Result<()> {
    let settings = ConnectionSettings {
        router,
        tls: None,
        timeout: BODY_TIMEOUT,
    };
    serve_on(listener, settings, None, shutdown).await
}

/// Serves connections with `settings`, on the threads of `executor` if there is one.
pub(crate) async fn serve_on(
    listener: TcpListener,
    settings: ConnectionSettings,
    executor: Option<Arc<Executor>>,
    shutdown: impl Future<Output = ()>,
) -> io::Result<()> {
    let stop = CancellationToken::new();
    let mut connections = JoinSet::new();
    let mut failures = AcceptFailures::default();
    let mut shutdown = pin!(shutdown);
    tracing::info!(address = %listener.local_addr()?, "listening");
    loop {
        tokio::select! {
            () = &mut shutdown => break,
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    let (settings, stop) = (settings.clone(), stop.clone());
                    match &executor {
                        None => connections.spawn(handle(stream, settings, stop)),
                        Some(executor) => {
                            let moved = handle_moved(stream, settings, stop);
                            connections.spawn_on(moved, executor.next())
                        }
                    };
                }
                Err(error) => {
                    failures.log(&error);
                    tokio::time::sleep(ACCEPT_RETRY).await;
                }
            },
            // Frees the tasks of connections that have ended.
            Some(_) = connections.join_next() => {}
        }
    }
    drop(listener);
    stop.cancel();
    let ended = async { while connections.join_next().await.is_some() {} };
    if timeout(GRACE, ended).await.is_err() {
        tracing::warn!("requests under way were cut off");
    }
    Ok(())
}

/// An `AcceptFailures` counts failed accepts and logs the count at most once per `LOG_INTERVAL`.
#[derive(Default)]
struct AcceptFailures {
    logged: Option<Instant>,
    /// The number of failures since the last log message.
    times: u64,
}

impl AcceptFailures {
    fn log(&mut self, error: &io::Error) {
        self.times += 1;
        if self
            .logged
            .is_none_or(|logged| logged.elapsed() >= LOG_INTERVAL)
        {
            let times = self.times;
            tracing::warn!(%error, times, "cannot accept a connection");
            *self = Self {
                logged: Some(Instant::now()),
                times: 0,
            };
        }
    }
}

/// The greatest number of connections that wait to be accepted, if the system allows as many. With the usual
/// 128, clients that connect at the same moment would wait for a second.
const BACKLOG: u32 = 4096;

/// Listens on an address, and returns the listener and its bound address.
///
/// # Errors
/// The error of the system, for example when the address is in use.
pub(crate) fn listen(address: SocketAddr) -> io::Result<(TcpListener, SocketAddr)> {
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4(),
        SocketAddr::V6(_) => TcpSocket::new_v6(),
    }?;
    // `SO_REUSEADDR`: connections of a stopped emulator in `TIME_WAIT` do not block its address.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    let listener = socket.listen(BACKLOG)?;
    let bound = listener.local_addr()?;
    Ok((listener, bound))
}

/// Returns the URL at which this machine reaches a listener that is bound to an address. A listener on all
/// addresses is reached on the loopback address.
pub fn local_url(bound: SocketAddr) -> String {
    url(false, bound)
}

/// Returns the URL of [`local_url`], with the scheme `https` if `tls`.
pub(crate) fn url(tls: bool, mut bound: SocketAddr) -> String {
    if bound.ip().is_unspecified() {
        bound.set_ip(match bound.ip() {
            IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
            IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
        });
    }
    let scheme = if tls { "https" } else { "http" };
    format!("{scheme}://{bound}")
}

/// Serves a connection that another thread accepted: registers its socket with this thread's runtime.
async fn handle_moved(stream: TcpStream, settings: ConnectionSettings, stop: CancellationToken) {
    match stream.into_std().and_then(TcpStream::from_std) {
        Ok(stream) => handle(stream, settings, stop).await,
        Err(error) => tracing::warn!(%error, "cannot serve a connection"),
    }
}

async fn handle(stream: TcpStream, settings: ConnectionSettings, stop: CancellationToken) {
    // Replies are written whole, so waiting to fill a packet (Nagle's algorithm) only costs time.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "the connection is gone already");
        return;
    }
    let peer = stream.peer_addr().ok().map(|address| address.ip());
    let connection = Connection::new(peer);
    let mut stream = WriteTimeout::new(stream, settings.timeout);
    let is_reset = tokio::select! {
        served = serve_connection(&mut stream, settings, &connection, &stop) => {
            if let Err(error) = served {
                tracing::debug!(%error, "a connection broke");
            }
            // After an ordinary close, the kernel would keep the unread bytes for a while.
            stream.has_timed_out()
        }
        end = connection.ended() => end == Abort::Reset,
    };
    if is_reset && let Err(error) = stream.stream().set_zero_linger() {
        tracing::debug!(%error, "a connection is closed instead of reset");
    }
}

/// Serves the requests of a connection, after the TLS handshake if there is TLS. It borrows the stream, so
/// that `handle` can still reset the socket below TLS.
async fn serve_connection(
    stream: &mut WriteTimeout<TcpStream>,
    ConnectionSettings { router, tls, .. }: ConnectionSettings,
    connection: &Connection,
    stop: &CancellationToken,
) -> Result<(), Box<dyn Error + Send + Sync>> {
    let stream = PresenceStream::new(stream, connection);
    let Some(tls) = tls else {
        return Ok(serve_http(stream, router, connection, stop).await?);
    };
    tokio::select! {
        agreed = timeout(HANDSHAKE, tls.accept(stream)) => {
            Ok(serve_http(agreed??, router, connection, stop).await?)
        }
        // No request has been read yet.
        () = stop.cancelled() => Ok(()),
    }
}

/// Answers the requests of a connection until it ends or `stop` is cancelled.
async fn serve_http(
    stream: impl AsyncRead + AsyncWrite + Unpin,
    router: Router,
    connection: &Connection,
    stop: &CancellationToken,
) -> hyper::Result<()> {
    let router = TowerToHyperService::new(router);
    let service = service_fn(|mut request: Request<Incoming>| {
        request.extensions_mut().insert(connection.clone());
        router.call(request)
    });
    let mut http = pin!(
        http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEADER_TIMEOUT)
            .max_buf_size(BUFFER)
            // A client that has ended its side may still wait for the reply: `PresenceStream` probes that.
            .half_close(true)
            .serve_connection(TokioIo::new(stream), service)
    );
    tokio::select! {
        served = http.as_mut() => served,
        () = stop.cancelled() => {
            http.as_mut().graceful_shutdown();
            tokio::select! {
                served = http => served,
                () = half_closed_grace(connection) => Ok(()),
            }
        }
    }
}

/// Waits until the client has ended its side, for `HALF_CLOSED_GRACE` at least.
async fn half_closed_grace(connection: &Connection) {
    loop {
        sleep(HALF_CLOSED_GRACE).await;
        if connection.presence().is_half_closed() {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::time::Instant;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_connection_on_which_no_whole_head_comes_is_closed_after_the_time() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(serve(listener, Router::new(), std::future::pending()));
        for part in ["", "GET / HTTP/1.1\r\nHost"] {
            let start = Instant::now();
            let mut stream = TcpStream::connect(address).await.unwrap();
            stream.write_all(part.as_bytes()).await.unwrap();
            let mut reply = Vec::new();
            // The server closes with unread bytes, which may make the read end with a reset.
            let _ = stream.read_to_end(&mut reply).await;
            assert_eq!(reply, b"");
            assert!(start.elapsed() >= HEADER_TIMEOUT);
        }
    }
}
