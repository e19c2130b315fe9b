//! A proxy that resets, delays and truncates connections. It works on bytes, because no library for HTTP would allow
//! such errors.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// A proxy; it stops on drop.
pub(super) struct Proxy {
    url: String,
    shared: Arc<Shared>,
    accepting: JoinHandle<()>,
}

struct Shared {
    /// The host and port of the server.
    upstream: String,
    /// The number of bytes that were passed on in both directions.
    passed: watch::Sender<u64>,
    /// The number of connections that were disturbed.
    disturbed: AtomicU64,
    random: std::sync::Mutex<fastrand::Rng>,
}

/// The fate of a connection.
#[derive(Clone, Copy)]
enum Fate {
    Passed,
    /// The connection passes nothing on for a while at first.
    Delayed(Duration),
    /// It ends after so many bytes of one side: by a reset, or as if all was said.
    Broken {
        after: u64,
        by_reset: bool,
    },
}

impl Proxy {
    pub(super) async fn start(server: &str, seed: u64) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let shared = Arc::new(Shared {
            upstream: server.strip_prefix("http://").unwrap().to_owned(),
            passed: watch::Sender::new(0),
            disturbed: AtomicU64::new(0),
            random: std::sync::Mutex::new(fastrand::Rng::with_seed(seed)),
        });
        let accepting = tokio::spawn(accept(listener, Arc::clone(&shared)));
        Self {
            url,
            shared,
            accepting,
        }
    }

    pub(super) fn url(&self) -> &str {
        &self.url
    }

    /// Returns the number of connections that were disturbed.
    pub(super) fn disturbed(&self) -> u64 {
        self.shared.disturbed.load(Ordering::Relaxed)
    }

    pub(super) fn passed(&self) -> u64 {
        *self.shared.passed.borrow()
    }

    /// Waits until so many bytes were passed on.
    pub(super) async fn wait_for(&self, bytes: u64) {
        let mut passed = self.shared.passed.subscribe();
        passed.wait_for(|passed| *passed >= bytes).await.unwrap();
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    while let Ok((client, _)) = listener.accept().await {
        let shared = Arc::clone(&shared);
        // A client may disconnect at any time.
        tokio::spawn(async move { shared.serve(client).await });
    }
}

impl Shared {
    fn fate(&self) -> Fate {
        let mut random = self.random.lock().unwrap();
        match random.u32(..100) {
            0..4 => Fate::Broken {
                after: random.u64(..400_000),
                by_reset: true,
            },
            4..8 => Fate::Broken {
                after: random.u64(..400_000),
                by_reset: false,
            },
            8..12 => Fate::Delayed(Duration::from_millis(random.u64(1..50))),
            _ => Fate::Passed,
        }
    }

    async fn serve(&self, client: TcpStream) {
        let Ok(server) = TcpStream::connect(&self.upstream).await else {
            return;
        };
        let fate = self.fate();
        if !matches!(fate, Fate::Passed) {
            self.disturbed.fetch_add(1, Ordering::Relaxed);
        }
        let (limit, by_reset) = match fate {
            Fate::Broken { after, by_reset } => (after, by_reset),
            Fate::Delayed(delay) => {
                tokio::time::sleep(delay).await;
                (u64::MAX, false)
            }
            Fate::Passed => (u64::MAX, false),
        };
        let (mut from_client, mut to_client) = client.into_split();
        let (mut from_server, mut to_server) = server.into_split();
        tokio::select! {
            is_whole = self.pass(&mut from_client, &mut to_server, limit, true) => if is_whole {
                // The client has said all, and still waits for the rest of the reply.
                self.pass(&mut from_server, &mut to_client, limit, true).await;
            },
            _ = self.pass(&mut from_server, &mut to_client, limit, !by_reset) => {}
        }
        if by_reset && let Ok(client) = from_client.reunite(to_client) {
            let _ = client.set_zero_linger();
        }
    }

    /// Passes on at most `limit` bytes, and then, if `ends`, the end. Returns whether that was the sender's own end.
    async fn pass(
        &self,
        from: &mut (impl tokio::io::AsyncRead + Unpin),
        to: &mut (impl tokio::io::AsyncWrite + Unpin),
        limit: u64,
        ends: bool,
    ) -> bool {
        let mut buffer = vec![0; 64 * 1024];
        let mut left = limit;
        while left > 0 {
            let most = buffer
                .len()
                .min(usize::try_from(left).unwrap_or(usize::MAX));
            let Ok(len @ 1..) = from.read(&mut buffer[..most]).await else {
                break;
            };
            if to.write_all(&buffer[..len]).await.is_err() {
                return false;
            }
            left -= len as u64;
            self.passed.send_modify(|passed| *passed += len as u64);
        }
        if ends {
            let _ = to.shutdown().await;
        }
        left > 0
    }
}
