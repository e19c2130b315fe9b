//! Serving a router on a bound listener, until told to stop.

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
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

use crate::atlas::BODY_TIMEOUT;
use crate::half::Half;
use crate::late::Late;
use crate::line::{End, Line};
use crate::threads::Threads;
use crate::unread::Unread;

/// How long requests under way may take to end after the server was told to stop.
const GRACE: Duration = Duration::from_secs(10);

/// A request under way whose client has ended its side may take this long then: most of them are gone.
const DOUBTFUL_GRACE: Duration = Duration::from_secs(1);

/// How long a client may take for its part of a TLS handshake.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// How long a connection may take to send the head of a request, or stay idle before it.
const HEADER_TIMEOUT: Duration = Duration::from_secs(30);

/// How much is read of a connection at a time, and how large the head of a request may be. Others wait
/// while it is taken in, and each upload under way has its turn; of the four times as much that hyper
/// reads by itself nothing was faster.
const BUFFER: usize = 128 * 1024;

/// How long to wait after accepting failed, for want of file descriptors say.
const PAUSE: Duration = Duration::from_millis(50);

/// How long nothing more is said of accepting that fails: it is tried again after each pause.
const SILENCE: Duration = Duration::from_secs(30);

/// What a connection is served with.
#[derive(Clone)]
pub(crate) struct Serving {
    pub(crate) router: Router,
    /// TLS, if it is to be spoken.
    pub(crate) tls: Option<TlsAcceptor>,
    /// How long to wait for a client that reads nothing of what is written to it.
    pub(crate) timeout: Duration,
}

/// Serves HTTP/1.1 on a listener until `shutdown` completes: then nothing new is accepted, idle
/// connections are closed, and requests under way may take up to ten seconds to end, or one where the
/// client has ended its side of the connection: it is most likely gone. A connection
/// whose client reads nothing of a reply for a minute ends, too.
///
/// Dropping the future stops everything at once, its connections included.
///
/// # Errors
/// When the listener has no local address, which a bound one always has.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    shutdown: impl Future<Output = ()>,
) -> io::Result<()> {
    let serving = Serving {
        router,
        tls: None,
        timeout: BODY_TIMEOUT,
    };
    serve_on(listener, serving, None, shutdown).await
}

/// The same with more choice, and with connections on threads of their own if there are any.
pub(crate) async fn serve_on(
    listener: TcpListener,
    serving: Serving,
    threads: Option<Arc<Threads>>,
    shutdown: impl Future<Output = ()>,
) -> io::Result<()> {
    let stop = CancellationToken::new();
    let mut connections = JoinSet::new();
    let mut failures = Failures::default();
    let mut shutdown = pin!(shutdown);
    tracing::info!(address = %listener.local_addr()?, "listening");
    loop {
        tokio::select! {
            () = &mut shutdown => break,
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    let (serving, stop) = (serving.clone(), stop.clone());
                    match &threads {
                        None => connections.spawn(connection(stream, serving, stop)),
                        Some(threads) => {
                            let moved = moved_connection(stream, serving, stop);
                            connections.spawn_on(moved, threads.next())
                        }
                    };
                }
                Err(error) => {
                    failures.tell(&error);
                    tokio::time::sleep(PAUSE).await;
                }
            },
            // Only to let go of what has ended.
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

/// How often accepting failed, told once in a while.
#[derive(Default)]
struct Failures {
    told: Option<Instant>,
    /// Since it was told.
    times: u64,
}

impl Failures {
    fn tell(&mut self, error: &io::Error) {
        self.times += 1;
        if self.told.is_none_or(|told| told.elapsed() >= SILENCE) {
            let times = self.times;
            tracing::warn!(%error, times, "cannot accept a connection");
            *self = Self {
                told: Some(Instant::now()),
                times: 0,
            };
        }
    }
}

/// The URL at which this machine reaches a listener that is bound to an address: a listener on all
/// addresses is reached on its own machine's.
pub fn local_url(bound: SocketAddr) -> String {
    url(false, bound)
}

/// The same, over TLS or not.
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

/// A connection that was accepted by one thread and is served by another.
async fn moved_connection(stream: TcpStream, serving: Serving, stop: CancellationToken) {
    match stream.into_std().and_then(TcpStream::from_std) {
        Ok(stream) => connection(stream, serving, stop).await,
        Err(error) => tracing::warn!(%error, "cannot serve a connection"),
    }
}

async fn connection(stream: TcpStream, serving: Serving, stop: CancellationToken) {
    // Replies are written whole, so waiting to fill a packet only costs time.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "the connection is gone already");
        return;
    }
    let line = Line::default();
    let mut stream = Unread::new(stream, serving.timeout);
    let is_reset = tokio::select! {
        served = converse(&mut stream, serving, &line, &stop) => {
            if let Err(error) = served {
                tracing::debug!(%error, "a connection broke");
            }
            // Closed, it would keep what nobody reads for a while longer.
            stream.is_over()
        }
        end = line.ended() => end == End::Reset,
    };
    if is_reset && let Err(error) = stream.stream().set_zero_linger() {
        tracing::debug!(%error, "a connection is closed instead of reset");
    }
}

/// Agrees on TLS first, if that is spoken. It borrows the stream, so that whoever ends the connection
/// still has it, and what is below TLS.
async fn converse(
    stream: &mut Unread<TcpStream>,
    Serving { router, tls, .. }: Serving,
    line: &Line,
    stop: &CancellationToken,
) -> Result<(), Box<dyn Error + Send + Sync>> {
    let stream = Half::new(stream, line);
    let Some(tls) = tls else {
        return Ok(exchange(stream, router, line, stop).await?);
    };
    tokio::select! {
        agreed = timeout(HANDSHAKE, tls.accept(stream)) => {
            Ok(exchange(agreed??, router, line, stop).await?)
        }
        // Nothing has been asked yet.
        () = stop.cancelled() => Ok(()),
    }
}

/// Answers the requests of a connection, until it ends or is to stop.
async fn exchange(
    stream: impl AsyncRead + AsyncWrite + Unpin,
    router: Router,
    line: &Line,
    stop: &CancellationToken,
) -> hyper::Result<()> {
    let router = TowerToHyperService::new(router);
    let service = service_fn(|mut request: Request<Incoming>| {
        request.extensions_mut().insert(line.clone());
        router.call(request)
    });
    let mut connection = pin!(
        http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEADER_TIMEOUT)
            .max_buf_size(BUFFER)
            // Who has said all may wait for the reply: `Half` tells whether it does.
            .half_close(true)
            .serve_connection(TokioIo::new(Late::new(stream)), service)
    );
    tokio::select! {
        served = connection.as_mut() => served,
        () = stop.cancelled() => {
            connection.as_mut().graceful_shutdown();
            tokio::select! {
                served = connection => served,
                () = in_doubt(line) => Ok(()),
            }
        }
    }
}

/// Waits until a client is in doubt, and has been given its time.
async fn in_doubt(line: &Line) {
    loop {
        sleep(DOUBTFUL_GRACE).await;
        if line.client().is_in_doubt() {
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
            // What has not been read when it is closed makes it a reset.
            let _ = stream.read_to_end(&mut reply).await;
            assert_eq!(reply, b"");
            assert!(start.elapsed() >= HEADER_TIMEOUT);
        }
    }
}
