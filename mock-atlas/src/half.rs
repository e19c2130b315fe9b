//! Clients that have ended their side of a connection: one that waits for its reply looks the same as one
//! that is gone. The first byte of the reply tells: a system without the client's end refuses it.

use std::fmt;
use std::io::{self, IoSlice};
use std::mem::take;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep, sleep};

use crate::line::Line;
use crate::unread::Unread;

/// A refusal of the first byte is waited for so long. It comes as soon as the byte has arrived: on one
/// machine at once.
const REFUSAL: Duration = Duration::from_millis(50);

/// A client that was there is taken to be there for this time: of replies that follow one another at once, only
/// the first asks.
const FRESH: Duration = Duration::from_millis(100);

/// A reset is looked for after each such time while unread bytes are there, since it wakes nobody then.
const AGAIN: Duration = Duration::from_millis(250);

/// A `Tell` hears whether the client is there.
type Tell = Box<dyn FnOnce(bool) + Send>;

/// A `Client` holds what is known of whether the client of a connection is there.
#[derive(Default)]
pub(crate) struct Client {
    /// This is set once it has ended its side. Most never are in doubt, and then nothing else is looked at.
    is_in_doubt: AtomicBool,
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    is_asked: bool,
    is_there: Option<bool>,
    /// It was there then.
    was_there: Option<Instant>,
    waiting: Vec<Tell>,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").finish_non_exhaustive()
    }
}

impl Client {
    /// Asks whether it is there, if there is a doubt: the next reply is to find out. Returns whether there
    /// is. One that took a reply may be gone before the next.
    pub(crate) fn ask(&self) -> bool {
        if !self.is_in_doubt() {
            return false;
        }
        let mut known = self.known();
        if known.was_there.is_some_and(|then| then.elapsed() < FRESH) {
            return false;
        }
        (known.is_asked, known.is_there) = (true, None);
        true
    }

    /// Returns whether it has ended its side: it waits for its reply, or is gone.
    pub(crate) fn is_in_doubt(&self) -> bool {
        self.is_in_doubt.load(Ordering::Relaxed)
    }

    /// Returns whether it is there; `None` where it is not known yet.
    pub(crate) fn is_there(&self) -> Option<bool> {
        self.known().is_there
    }

    /// Tells whether it is there, once that is known. If it never is, `tell` is dropped with the
    /// connection.
    pub(crate) fn when_known(&self, tell: Tell) {
        let mut known = self.known();
        match known.is_there {
            None => known.waiting.push(tell),
            Some(is_there) => {
                drop(known);
                tell(is_there);
            }
        }
    }

    /// Notes that it has ended its side.
    fn has_ended(&self) {
        self.is_in_doubt.store(true, Ordering::Relaxed);
    }

    /// Returns whether the next byte of a reply is to find out.
    fn is_asked(&self) -> bool {
        self.is_in_doubt() && self.known().is_asked
    }

    /// Notes what was found out, and tells whoever waits for it.
    fn is_known(&self, is_there: bool) {
        let mut known = self.known();
        (known.is_asked, known.is_there) = (false, Some(is_there));
        known.was_there = is_there.then(Instant::now);
        let waiting = take(&mut known.waiting);
        drop(known);
        waiting.into_iter().for_each(|tell| tell(is_there));
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A connection that sees when its client ends its side, and of a reply sends the first byte alone where
/// somebody asks whether the client is there.
pub(crate) struct Half<'a> {
    stream: &'a mut Unread<TcpStream>,
    line: &'a Line,
    /// The wait for a refusal runs from when the first byte left.
    refusal: Option<Pin<Box<Sleep>>>,
    /// The wait runs as long as there are bytes that nobody reads.
    again: Option<Pin<Box<Sleep>>>,
}

/// A look at a connection from which nobody reads shows one of these.
#[derive(PartialEq, Eq)]
enum Seen {
    Nothing,
    Bytes,
    /// The client has ended its side, or reset the connection.
    End,
}

impl<'a> Half<'a> {
    pub(crate) fn new(stream: &'a mut Unread<TcpStream>, line: &'a Line) -> Self {
        Self {
            stream,
            line,
            refusal: None,
            again: None,
        }
    }

    /// Looks whether the client has ended its side, and lets the task be woken when it does, unless there
    /// are bytes.
    fn look(&self, context: &mut Context<'_>) -> Seen {
        let stream = self.stream.stream();
        if stream.poll_read_ready(context).is_pending() {
            return Seen::Nothing;
        }
        // There may be another request as well.
        let found = pin!(stream.ready(Interest::READABLE)).poll(context);
        match found {
            Poll::Ready(Ok(ready)) if ready.is_read_closed() => {
                self.line.client().has_ended();
                Seen::End
            }
            _ => Seen::Bytes,
        }
    }

    /// Lets the task be woken after a while.
    fn wake_later(&mut self, context: &mut Context<'_>) {
        let again = self.again.get_or_insert_with(|| Box::pin(sleep(AGAIN)));
        while again.as_mut().poll(context).is_ready() {
            again.as_mut().reset(Instant::now() + AGAIN);
        }
    }

    /// Sends a single byte, and begins to wait for its refusal.
    fn poll_ask(&mut self, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let first = &bytes[..bytes.len().min(1)];
        let written = ready!(Pin::new(&mut *self.stream).poll_write(context, first));
        match written {
            Ok(_) => self.refusal = Some(Box::pin(sleep(REFUSAL))),
            Err(_) => self.line.client().is_known(false),
        }
        Poll::Ready(written)
    }

    /// Waits until a refusal would have come.
    ///
    /// # Errors
    /// When it came.
    fn poll_refusal(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if let Some(refusal) = &mut self.refusal {
            ready!(refusal.as_mut().poll(context));
            self.refusal = None;
            let refused = self.stream.stream().take_error()?;
            self.line.client().is_known(refused.is_none());
            refused.map_or(Ok(()), Err)?;
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncRead for Half<'_> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut *self.stream).poll_read(context, buffer);
        if buffer.filled().len() > before {
            // The reply may be written before anything else is asked of this.
            self.look(context);
        }
        read
    }
}

impl AsyncWrite for Half<'_> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        ready!(self.poll_refusal(context))?;
        if self.line.client().is_asked() {
            return self.poll_ask(context, bytes);
        }
        Pin::new(&mut *self.stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        ready!(self.poll_refusal(context))?;
        if self.line.client().is_asked() {
            let first = parts.iter().find(|part| !part.is_empty());
            return self.poll_ask(context, first.map_or(&[], |part| part));
        }
        Pin::new(&mut *self.stream).poll_write_vectored(context, parts)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    /// Hyper calls this while a request is handled, too, and then reads nothing: only here is seen that the
    /// client ends its side meanwhile, or resets the connection.
    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.refusal.is_none() {
            match self.look(context) {
                Seen::Nothing => {}
                Seen::Bytes => self.wake_later(context),
                Seen::End => {
                    if let Some(error) = self.stream.stream().take_error()? {
                        return Poll::Ready(Err(error));
                    }
                }
            }
        }
        Pin::new(&mut *self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.stream).poll_shutdown(context)
    }
}
