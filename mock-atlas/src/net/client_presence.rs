//! Detects clients that are gone. A client that has ended its side of a connection and waits for its reply
//! looks the same as a client that is gone; the first byte of the reply tells them apart, since the kernel
//! of a client that is gone refuses the byte with a reset.

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

/// The time to wait for a refusal of the first byte. On one machine the refusal comes at once.
const PROBE_TIMEOUT: Duration = Duration::from_millis(50);

/// The time for which a client that was found present counts as present, so that only the first of several
/// quick replies probes.
const PRESENCE_TTL: Duration = Duration::from_millis(100);

/// The interval at which a connection with unread bytes is checked for a reset, which wakes no task then.
const RESET_POLL_INTERVAL: Duration = Duration::from_millis(250);

/// A callback that receives whether the client is present.
type Callback = Box<dyn FnOnce(bool) + Send>;

/// A `ClientPresence` records whether the client of a connection is present, as far as that is known.
#[derive(Default)]
pub(crate) struct ClientPresence {
    /// A flag that is set once the client has ended its side. While it is unset, as on most connections,
    /// the mutex below is never locked.
    is_half_closed: AtomicBool,
    probe: Mutex<ProbeState>,
}

#[derive(Default)]
struct ProbeState {
    is_probe_due: bool,
    is_present: Option<bool>,
    /// The time at which the client was last found present.
    last_seen: Option<Instant>,
    waiting: Vec<Callback>,
}

impl fmt::Debug for ClientPresence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientPresence").finish_non_exhaustive()
    }
}

impl ClientPresence {
    /// Requests that the next reply probes whether the client is present, if that is in doubt. Returns
    /// whether it is in doubt. A client that took one reply may be gone before the next.
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

    /// Returns whether the client has ended its side: it waits for its reply, or is gone.
    pub(crate) fn is_half_closed(&self) -> bool {
        self.is_half_closed.load(Ordering::Relaxed)
    }

    /// Returns whether the client is present; `None` while that is unknown.
    pub(crate) fn is_present(&self) -> Option<bool> {
        self.probe().is_present
    }

    /// Calls `callback` with whether the client is present, once that is known. If it never becomes known,
    /// `callback` is dropped with the connection.
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

    /// Records that the client has ended its side.
    fn set_half_closed(&self) {
        self.is_half_closed.store(true, Ordering::Relaxed);
    }

    /// Returns whether the next byte of a reply is to be sent alone, as a probe.
    fn is_probe_due(&self) -> bool {
        self.is_half_closed() && self.probe().is_probe_due
    }

    /// Records the result of a probe, and calls the waiting callbacks after the mutex is released.
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

/// A stream that notices when its client ends its side, and that sends the first byte of a reply alone when
/// a probe is due.
pub(crate) struct PresenceStream<'a> {
    stream: &'a mut WriteTimeout<TcpStream>,
    connection: &'a Connection,
    /// The wait for a refusal, which starts when the first byte is written.
    probe_wait: Option<Pin<Box<Sleep>>>,
    /// The timer that polls for a reset while there are unread bytes.
    reset_poll: Option<Pin<Box<Sleep>>>,
}

/// The state of a connection's read side, seen without reading from it.
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

    /// Returns the state of the read side, and registers the task to be woken when the client ends its side,
    /// unless there are unread bytes.
    fn inspect(&self, context: &mut Context<'_>) -> ReadState {
        let stream = self.stream.stream();
        if stream.poll_read_ready(context).is_pending() {
            return ReadState::Nothing;
        }
        // The end of the stream may stand behind the bytes of another request.
        let found = pin!(stream.ready(Interest::READABLE)).poll(context);
        match found {
            Poll::Ready(Ok(ready)) if ready.is_read_closed() => {
                self.connection.presence().set_half_closed();
                ReadState::End
            }
            _ => ReadState::Bytes,
        }
    }

    /// Registers the task to be woken after `RESET_POLL_INTERVAL`.
    fn wake_later(&mut self, context: &mut Context<'_>) {
        let again = self
            .reset_poll
            .get_or_insert_with(|| Box::pin(sleep(RESET_POLL_INTERVAL)));
        while again.as_mut().poll(context).is_ready() {
            again.as_mut().reset(Instant::now() + RESET_POLL_INTERVAL);
        }
    }

    /// Sends a single byte, and starts the wait for its refusal.
    fn poll_probe(&mut self, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let first = &bytes[..bytes.len().min(1)];
        let written = ready!(Pin::new(&mut *self.stream).poll_write(context, first));
        match written {
            Ok(_) => self.probe_wait = Some(Box::pin(sleep(PROBE_TIMEOUT))),
            Err(_) => self.connection.presence().resolve(false),
        }
        Poll::Ready(written)
    }

    /// Waits until a refusal of the probe's byte would have come.
    ///
    /// # Errors
    /// The error of the socket, when the byte was refused.
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
            // The reply may be written before `poll_flush` is called again.
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

    /// Flushes the stream, after checking whether the client has ended its side or reset the connection. Hyper
    /// calls this while a request is handled and reads nothing meanwhile, so only here can that be seen. It
    /// calls this only when its own buffer is empty.
    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.connection.set_flushed();
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
