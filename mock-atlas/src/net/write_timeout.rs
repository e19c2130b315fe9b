//! Ends a connection whose client reads nothing: a write that makes no progress fails after a time.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};

/// A stream on which a write fails when no byte could be written for `timeout`. Each part that is written
/// restarts the time, so a slow reader is served to the end.
pub(crate) struct WriteTimeout<T> {
    stream: T,
    timeout: Duration,
    /// The timer of a pending write. A write that completes at once costs no timer.
    wait: Option<Pin<Box<Sleep>>>,
    has_timed_out: bool,
}

impl<T> WriteTimeout<T> {
    pub(crate) fn new(stream: T, timeout: Duration) -> Self {
        Self {
            stream,
            timeout,
            wait: None,
            has_timed_out: false,
        }
    }

    /// Returns the underlying stream.
    pub(crate) fn stream(&self) -> &T {
        &self.stream
    }

    /// Returns whether a write timed out.
    pub(crate) fn has_timed_out(&self) -> bool {
        self.has_timed_out
    }

    /// Returns the result of a write, or an error when the write has been pending for `timeout`.
    fn limit<R>(
        &mut self,
        written: Poll<io::Result<R>>,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<R>> {
        if written.is_ready() {
            self.wait = None;
            return written;
        }
        let timeout = self.timeout;
        let wait = self.wait.get_or_insert_with(|| Box::pin(sleep(timeout)));
        if wait.as_mut().poll(context).is_pending() {
            return Poll::Pending;
        }
        self.wait = None;
        self.has_timed_out = true;
        let message = format!("the client read nothing for {timeout:?}");
        Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, message)))
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for WriteTimeout<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for WriteTimeout<T> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.limit(written, context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, parts);
        self.limit(written, context)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    // The underlying stream buffers nothing, so neither of these waits for the client.
    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};
    use tokio::time::Instant;

    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    #[tokio::test(start_paused = true)]
    async fn a_write_that_nobody_reads_fails_after_the_time() {
        let (near, _far) = duplex(4);
        let mut near = WriteTimeout::new(near, MINUTE);
        let start = Instant::now();
        let failed = near.write_all(b"12345").await.unwrap_err();
        assert_eq!(failed.to_string(), "the client read nothing for 60s");
        assert_eq!((start.elapsed(), near.has_timed_out()), (MINUTE, true));
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_read_slowly_is_written_to_its_end() {
        let (near, mut far) = duplex(1);
        let mut near = WriteTimeout::new(near, MINUTE);
        let start = Instant::now();
        let slow = tokio::spawn(async move {
            let mut read = Vec::new();
            for _ in 0..5 {
                sleep(MINUTE - Duration::from_secs(1)).await;
                read.push(far.read_u8().await.unwrap());
            }
            read
        });
        near.write_all(b"12345").await.unwrap();
        assert_eq!(slow.await.unwrap(), b"12345");
        assert!(start.elapsed() > 4 * MINUTE && !near.has_timed_out());
    }
}
