//! Forwards TCP connections, and can be cut as a network can: nothing arrives, and nobody is told.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, split};
use tokio::net::{TcpListener, TcpStream, UnixStream};
use tokio::sync::watch;

/// The other end of a link.
#[derive(Clone, Debug)]
pub(crate) enum Target {
    Tcp(SocketAddr),
    Unix(PathBuf),
}

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

impl Target {
    async fn connect(&self) -> io::Result<Box<dyn Stream>> {
        Ok(match self {
            Self::Tcp(address) => Box::new(TcpStream::connect(address).await?),
            Self::Unix(path) => Box::new(UnixStream::connect(path).await?),
        })
    }
}

pub(crate) struct Link {
    pub(crate) address: SocketAddr,
    is_cut: watch::Sender<bool>,
}

impl Link {
    pub(crate) async fn to(target: Target) -> Self {
        Self::stalling(target, u64::MAX).await
    }

    /// Makes a link each of whose connections takes so many bytes to the target, and then stalls.
    pub(crate) async fn stalling(target: Target, after: u64) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (is_cut, seen) = watch::channel(false);
        tokio::spawn(async move {
            while let Ok((from, _)) = listener.accept().await {
                tokio::spawn(forward(from, target.clone(), after, seen.clone()));
            }
        });
        Self { address, is_cut }
    }

    pub(crate) fn cut(&self) {
        self.is_cut.send_replace(true);
    }

    pub(crate) fn mend(&self) {
        self.is_cut.send_replace(false);
    }
}

async fn forward(
    from: TcpStream,
    target: Target,
    stalls_after: u64,
    mut is_cut: watch::Receiver<bool>,
) -> io::Result<()> {
    until_whole(&mut is_cut).await?;
    let to = target.connect().await?;
    let ((from_read, from_write), (to_read, to_write)) = (split(from), split(to));
    let there = copy(from_read, to_write, stalls_after, is_cut.clone());
    let back = copy(to_read, from_write, u64::MAX, is_cut);
    tokio::try_join!(there, back).map(drop)
}

async fn copy(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    mut left: u64,
    mut is_cut: watch::Receiver<bool>,
) -> io::Result<()> {
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let len = from.read(&mut buffer).await?;
        until_whole(&mut is_cut).await?;
        match left.checked_sub(len as u64) {
            Some(rest) => left = rest,
            // The connection stalls until the link is gone, and ends then.
            None => is_cut
                .wait_for(|_| false)
                .await
                .map(drop)
                .map_err(io::Error::other)?,
        }
        match len {
            0 => return to.shutdown().await,
            len => to.write_all(&buffer[..len]).await?,
        }
    }
}

/// Waits until the link is not cut; fails when it is gone.
async fn until_whole(is_cut: &mut watch::Receiver<bool>) -> io::Result<()> {
    let whole = is_cut.wait_for(|is_cut| !is_cut).await;
    whole.map(drop).map_err(io::Error::other)
}
