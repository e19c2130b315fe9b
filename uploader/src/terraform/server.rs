//! Runs the provider's process: it listens, prints its address as its first line, and answers Terraform until that
//! tells it to go, or is gone itself.

use std::collections::VecDeque;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use hyper::body::Incoming;
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::calls::Calls;
use super::tls::Tls;
pub use super::tls::TlsError;
use crate::base::secret::Redactor;

/// The environment variable by which Terraform marks a provider's process, and its value: without it, a person has
/// started the provider by hand.
pub const COOKIE: (&str, &str) = (
    "TF_PLUGIN_MAGIC_COOKIE",
    "d602bf8f470bc67ca7faa0386276bbdd4330efaf76d1a219cb4d6991ca9872b2",
);
/// The variable with Terraform's certificate (PEM). Without it, `TF_DISABLE_PLUGIN_TLS` is set, and Terraform speaks
/// without TLS.
pub const CLIENT_CERTIFICATE: &str = "PLUGIN_CLIENT_CERT";

/// The longest wait for Terraform's first connection; Terraform waits as long for a provider.
const PATIENCE: Duration = Duration::from_secs(60);

/// The time until the next connection is accepted after one that failed.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// The longest wait for the proof of a client that it is Terraform.
const PROOF: Duration = Duration::from_secs(10);
/// The longest wait for replies under way when the provider ends; Terraform kills it after two seconds.
const GRACE: Duration = Duration::from_secs(1);
/// The most connections at a time: Terraform has one.
const MOST_CONNECTIONS: usize = 16;
/// The most connections at a time that have not proved yet to be Terraform's.
const MOST_UNPROVED: usize = 64;
/// The most calls of a connection at a time: Terraform makes ten, unless `-parallelism` says more.
const MOST_CALLS: u32 = 256;
/// The pause between two looks for the parent process.
#[cfg(unix)]
const WATCH: Duration = Duration::from_millis(500);

/// A provider that Terraform can connect to.
pub struct Plugin {
    listener: TcpListener,
    tls: Option<Tls>,
}

/// The reason why a provider cannot listen.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// The loopback interface cannot be used.
    #[error("the provider cannot listen: {0}")]
    Listen(#[from] io::Error),
    /// The connection cannot be encrypted.
    #[error(transparent)]
    Tls(#[from] TlsError),
}

impl Plugin {
    /// Listens on the loopback interface. `certificate` is Terraform's own (PEM); without it, connections are not
    /// encrypted, and every user of the machine can make them.
    ///
    /// # Errors
    /// Fails when it cannot listen, or when the certificate cannot be read.
    pub async fn listen(certificate: Option<&str>) -> Result<Self, ListenError> {
        let tls = certificate.map(Tls::new).transpose()?;
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        Ok(Self { listener, tls })
    }

    /// Returns the line that tells Terraform where to connect: `1|5|tcp|HOST:PORT|grpc|CERTIFICATE`. Nothing may be
    /// printed on stdout before it.
    ///
    /// # Errors
    /// Fails when the listener's address cannot be read.
    pub fn handshake(&self) -> io::Result<String> {
        let address = self.listener.local_addr()?;
        let certificate = self.tls.as_ref().map_or("", |tls| &tls.certificate);
        Ok(format!("1|5|tcp|{address}|grpc|{certificate}"))
    }

    /// Serves Terraform until it sends `Shutdown`, or has ended.
    ///
    /// # Errors
    /// Fails when Terraform does not connect within a minute.
    pub async fn serve(self, redactor: Redactor) -> io::Result<()> {
        let calls = Arc::new(Calls::new(redactor));
        let served = self.accept(&calls).await;
        calls.stop();
        served
    }

    async fn accept(self, calls: &Arc<Calls>) -> io::Result<()> {
        let mut clients = Clients::new(self.tls, calls);
        let mut gone = pin!(parent_gone());
        let late = sleep_until(Instant::now() + PATIENCE);
        let mut late = pin!(late);
        let mut is_late = false;
        loop {
            tokio::select! {
                accepted = self.listener.accept() => match accepted {
                    Ok((stream, _)) => clients.add(stream),
                    // A client that hangs up at once is none; a lack of descriptors may pass.
                    Err(_) => sleep(ACCEPT_PAUSE).await,
                },
                () = clients.proceed() => {}
                () = calls.shut_down() => break,
                () = &mut gone => return Ok(()),
                () = &mut late, if !is_late => {
                    is_late = true;
                    if !clients.came {
                        return Err(io::Error::from(io::ErrorKind::TimedOut));
                    }
                }
            }
        }
        // The reply to `Shutdown` is still under way.
        let _ = timeout(GRACE, clients.connections.join_all()).await;
        Ok(())
    }
}

/// The connections of a provider. Only those that have proved to be Terraform's are served, and the others never keep
/// Terraform out: the oldest of them makes room.
struct Clients<'a> {
    tls: Option<Tls>,
    calls: &'a Arc<Calls>,
    unproved: JoinSet<Option<TlsStream<TcpStream>>>,
    /// The unproved connections, oldest first.
    order: VecDeque<AbortHandle>,
    connections: JoinSet<()>,
    /// Whether Terraform has come.
    came: bool,
}

impl<'a> Clients<'a> {
    fn new(tls: Option<Tls>, calls: &'a Arc<Calls>) -> Self {
        Self {
            tls,
            calls,
            unproved: JoinSet::new(),
            order: VecDeque::new(),
            connections: JoinSet::new(),
            came: false,
        }
    }

    /// Takes a new connection, and waits in the background for its proof.
    fn add(&mut self, stream: TcpStream) {
        let Some(tls) = &self.tls else {
            return self.serve(stream);
        };
        self.order.retain(|unproved| !unproved.is_finished());
        if self.order.len() >= MOST_UNPROVED
            && let Some(oldest) = self.order.pop_front()
        {
            oldest.abort();
        }
        let proved = prove(tls.acceptor.clone(), stream);
        self.order.push_back(self.unproved.spawn(proved));
    }

    /// Waits until a connection proves to be Terraform's, or one ends; waits for ever where there is none.
    async fn proceed(&mut self) {
        tokio::select! {
            Some(proved) = self.unproved.join_next() => {
                if let Ok(Some(stream)) = proved {
                    self.serve(stream);
                }
            }
            Some(_) = self.connections.join_next() => {}
            else => std::future::pending().await,
        }
    }

    fn serve(&mut self, stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static) {
        self.came = true;
        if self.connections.len() < MOST_CONNECTIONS {
            self.connections
                .spawn(converse(stream, Arc::clone(self.calls)));
        }
    }
}

/// Waits until a client proves to be the Terraform of this run; returns `None` for any other.
async fn prove(acceptor: TlsAcceptor, stream: TcpStream) -> Option<TlsStream<TcpStream>> {
    match timeout(PROOF, acceptor.accept(stream)).await {
        Ok(Ok(stream)) => return Some(stream),
        Ok(Err(error)) => tracing::debug!(%error, "a client is not the Terraform of this run"),
        Err(_) => tracing::debug!("a client did not prove to be the Terraform of this run"),
    }
    None
}

/// Serves one client. Its errors concern nobody else.
async fn converse(stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static, calls: Arc<Calls>) {
    let service = {
        let calls = Arc::clone(&calls);
        service_fn(move |request: hyper::Request<Incoming>| {
            let calls = Arc::clone(&calls);
            async move { Ok::<_, std::convert::Infallible>(calls.answer(request).await) }
        })
    };
    let mut server = http2::Builder::new(TokioExecutor::new());
    server.max_concurrent_streams(MOST_CALLS);
    let mut connection = pin!(server.serve_connection(TokioIo::new(stream), service));
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = calls.shut_down() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection broke");
    }
}

/// Waits until the process that started this one has ended: a Terraform that is killed tells nobody.
#[cfg(unix)]
async fn parent_gone() {
    let parent = rustix::process::getppid();
    let mut watch = tokio::time::interval(WATCH);
    while rustix::process::getppid() == parent {
        watch.tick().await;
    }
}

#[cfg(not(unix))]
async fn parent_gone() {
    std::future::pending().await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_provider_waits_a_minute_for_terraform_and_then_as_long_as_that_stays() {
        let alone = Plugin::listen(None).await.unwrap();
        let ended = alone.serve(Redactor::new()).await.unwrap_err();
        assert_eq!(ended.kind(), io::ErrorKind::TimedOut);

        let provider = Plugin::listen(None).await.unwrap();
        let address = provider.listener.local_addr().unwrap();
        let _terraform = TcpStream::connect(address).await.unwrap();
        let served = timeout(PATIENCE * 3, provider.serve(Redactor::new())).await;
        assert!(served.is_err(), "the provider ended: {served:?}");
    }
}
