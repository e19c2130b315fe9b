//! Detects clients that are gone: one that has ended its side of a connection and waits for its reply looks
//! the same as one that is gone. The first byte of the reply tells: a system without the client's end
//! refuses it.

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

use super::Connection;
use super::write_timeout::WriteTimeout;

/// A refusal of the first byte is waited for so long. It comes as soon as the byte has arrived: on one
/// machine at once.
const PROBE_TIMEOUT: Duration = Duration::from_millis(50);

/// A client that was there is taken to be there for this time: of replies that follow one another at once, only
/// the first asks.
const PRESENCE_TTL: Duration = Duration::from_millis(100);

/// A reset is looked for after each such time while unread bytes are there, since it wakes nobody then.
const RESET_POLL_INTERVAL: Duration = Duration::from_millis(250);

/// A `Callback` is told whether the client is there.
type Callback = Box<dyn FnOnce(bool) + Send>;

/// A `ClientPresence` holds what is known of whether the client of a connection is there.
#[derive(Default)]
pub(crate) struct ClientPresence {
    /// This is set once it has ended its side. Most never are in doubt, and then nothing else is looked at.
    is_half_closed: AtomicBool,
    probe: Mutex<ProbeState>,
}

#[derive(Default)]
struct ProbeState {
    is_probe_due: bool,
    is_present: Option<bool>,
    /// It was there then.
    last_seen: Option<Instant>,
    waiting: Vec<Callback>,
}

impl fmt::Debug for ClientPresence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientPresence").finish_non_exhaustive()
    }
}

impl ClientPresence {
    /// Asks whether it is there, if there is a doubt: the next reply is to find out. Returns whether there
    /// is. One that took a reply may be gone before the next.
    pub(crate) fn request_probe(&self) -> bool {
        if !self.is_half_closed() {
            return false;
        }
        let mut probe = self.probe();
        if probe
            .last_seen
            .is_some_and(|then| then.elapsed() < PRESENCE_TTL)
        {
            return false;
        }
        (probe.is_probe_due, probe.is_present) = (true, None);
        true
    }

    /// Returns whether it has ended its side: it waits for its reply, or is gone.
    pub(crate) fn is_half_closed(&self) -> bool {
        self.is_half_closed.load(Ordering::Relaxed)
    }

    /// Returns whether it is there; `None` where it is not known yet.
    pub(crate) fn is_present(&self) -> Option<bool> {
        self.probe().is_present
    }

    /// Calls back with whether it is there, once that is known. If it never is, `callback` is dropped with the
    /// connection.
    pub(crate) fn on_resolved(&self, callback: Callback) {
        let mut probe = self.probe();
        match probe.is_present {
            None => probe.waiting.push(callback),
            Some(is_present) => {
                drop(probe);
                callback(is_present);
            }
        }
    }

    /// Notes that it has ended its side.
    fn set_half_closed(&self) {
        self.is_half_closed.store(true, Ordering::Relaxed);
    }

    /// Returns whether the next byte of a reply is to find out.
    fn is_probe_due(&self) -> bool {
        self.is_half_closed() && self.probe().is_probe_due
    }

    /// Notes what was found out, and tells whoever waits for it.
    fn resolve(&self, is_present: bool) {
        let mut probe = self.probe();
        (probe.is_probe_due, probe.is_present) = (false, Some(is_present));
        probe.last_seen = is_present.then(Instant::now);
        let waiting = take(&mut probe.waiting);
        drop(probe);
        waiting
            .into_iter()
            .for_each(|callback| callback(is_present));
    }

    fn probe(&self) -> MutexGuard<'_, ProbeState> {
        self.probe.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A connection that sees when its client ends its side, and of a reply sends the first byte alone where
/// somebody asks whether the client is there.
pub(crate) struct PresenceStream<'a> {
    stream: &'a mut WriteTimeout<TcpStream>,
    connection: &'a Connection,
    /// The wait for a refusal runs from when the first byte left.
    probe_wait: Option<Pin<Box<Sleep>>>,
    /// The wait runs as long as there are bytes that nobody reads.
    reset_poll: Option<Pin<Box<Sleep>>>,
}

/// A look at a connection from which nobody reads shows one of these.
#[derive(PartialEq, Eq)]
enum ReadState {
    Nothing,
    Bytes,
    /// The client has ended its side, or reset the connection.
    End,
}

impl<'a> PresenceStream<'a> {
    pub(crate) fn new(stream: &'a mut WriteTimeout<TcpStream>, connection: &'a Connection) -> Self {
        Self {
            stream,
            connection,
            probe_wait: None,
            reset_poll: None,
        }
    }

    /// Looks whether the client has ended its side, and lets the task be woken when it does, unless there
    /// are bytes.
    fn inspect(&self, context: &mut Context<'_>) -> ReadState {
        let stream = self.stream.stream();
        if stream.poll_read_ready(context).is_pending() {
            return ReadState::Nothing;
        }
        // There may be another request as well.
        let found = pin!(stream.ready(Interest::READABLE)).poll(context);
        match found {
            Poll::Ready(Ok(ready)) if ready.is_read_closed() => {
                self.connection.presence().set_half_closed();
                ReadState::End
            }
            _ => ReadState::Bytes,
        }
    }

    /// Lets the task be woken after a while.
    fn wake_later(&mut self, context: &mut Context<'_>) {
        let again = self
            .reset_poll
            .get_or_insert_with(|| Box::pin(sleep(RESET_POLL_INTERVAL)));
        while again.as_mut().poll(context).is_ready() {
            again.as_mut().reset(Instant::now() + RESET_POLL_INTERVAL);
        }
    }

    /// Sends a single byte, and begins to wait for its refusal.
    fn poll_probe(&mut self, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let first = &bytes[..bytes.len().min(1)];
        let written = ready!(Pin::new(&mut *self.stream).poll_write(context, first));
        match written {
            Ok(_) => self.probe_wait = Some(Box::pin(sleep(PROBE_TIMEOUT))),
            Err(_) => self.connection.presence().resolve(false),
        }
        Poll::Ready(written)
    }

    /// Waits until a refusal would have come.
    ///
    /// # Errors
    /// When it came.
    fn poll_probe_result(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if let Some(refusal) = &mut self.probe_wait {
            ready!(refusal.as_mut().poll(context));
            self.probe_wait = None;
            let refused = self.stream.stream().take_error()?;
            self.connection.presence().resolve(refused.is_none());
            refused.map_or(Ok(()), Err)?;
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncRead for PresenceStream<'_> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut *self.stream).poll_read(context, buffer);
        if buffer.filled().len() > before {
            // The reply may be written before anything else is asked of this.
            self.inspect(context);
        }
        read
    }
}

impl AsyncWrite for PresenceStream<'_> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        ready!(self.poll_probe_result(context))?;
        if self.connection.presence().is_probe_due() {
            return self.poll_probe(context, bytes);
        }
        Pin::new(&mut *self.stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        ready!(self.poll_probe_result(context))?;
        if self.connection.presence().is_probe_due() {
            let first = parts.iter().find(|part| !part.is_empty());
            return self.poll_probe(context, first.map_or(&[], |part| part));
        }
        Pin::new(&mut *self.stream).poll_write_vectored(context, parts)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    /// Hyper calls this while a request is handled, too, and then reads nothing: only here is seen that the
    /// client ends its side meanwhile, or resets the connection.
    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.probe_wait.is_none() {
            match self.inspect(context) {
                ReadState::Nothing => {}
                ReadState::Bytes => self.wake_later(context),
                ReadState::End => {
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
