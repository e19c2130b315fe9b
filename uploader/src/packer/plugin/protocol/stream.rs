//! Implements a stream of a session, which is read and written like a connection of its own.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use bytes::{Buf as _, Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::frame::{Flags, FrameError, Header, Kind, WINDOW};
use super::session::Shared;

/// The largest body of one frame, so that streams take turns.
const LARGEST_BODY: usize = 64 * 1024;

/// A stream of a session. It closes when it is shut down or dropped.
pub struct Stream {
    id: u32,
    state: Arc<StreamState>,
    session: Arc<Shared>,
}

/// The part of a stream that the session's reader changes.
pub(super) struct StreamState(Mutex<State>);

struct State {
    received: BytesMut,
    /// The bytes that the other side may send now.
    allowed: u32,
    /// The bytes that were read since the last window update to the other side.
    read: u32,
    /// The bytes that this side may send now.
    room: u32,
    /// The other side sends no more.
    ended: bool,
    /// This side sends no more.
    closed: bool,
    /// The stream was reset, or the session is over.
    broken: bool,
    reader: Option<Waker>,
    writer: Option<Waker>,
}

impl State {
    fn wake(&mut self) {
        for waker in [self.reader.take(), self.writer.take()]
            .into_iter()
            .flatten()
        {
            waker.wake();
        }
    }
}

impl StreamState {
    pub(super) fn new() -> Self {
        Self(Mutex::new(State {
            received: BytesMut::new(),
            allowed: WINDOW,
            read: 0,
            room: WINDOW,
            ended: false,
            closed: false,
            broken: false,
            reader: None,
            writer: None,
        }))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a body of this length from the stream's window, before memory is allocated for it; fails
    /// when the window is too small.
    pub(super) fn allow(&self, id: u32, length: u32) -> Result<(), FrameError> {
        let mut state = self.lock();
        state.allowed = state
            .allowed
            .checked_sub(length)
            .ok_or(FrameError::Overrun(id))?;
        Ok(())
    }

    pub(super) fn receive(&self, body: &[u8]) {
        let mut state = self.lock();
        state.received.extend_from_slice(body);
        state.wake();
    }

    pub(super) fn make_room(&self, more: u32) {
        let mut state = self.lock();
        state.room = state.room.saturating_add(more);
        state.wake();
    }

    pub(super) fn end(&self) {
        let mut state = self.lock();
        state.ended = true;
        state.wake();
    }

    pub(super) fn break_off(&self) {
        let mut state = self.lock();
        state.broken = true;
        state.wake();
    }
}

impl Stream {
    pub(super) fn new(id: u32, state: Arc<StreamState>, session: Arc<Shared>) -> Self {
        Self { id, state, session }
    }

    fn send(&self, kind: Kind, flags: Flags, length: u32, body: &[u8]) -> io::Result<()> {
        let stream = self.id;
        let header = Header {
            kind,
            flags,
            stream,
            length,
        };
        let mut frame = BytesMut::with_capacity(super::frame::HEADER + body.len());
        frame.extend_from_slice(&header.encode());
        frame.extend_from_slice(body);
        self.session.send(frame.freeze())
    }

    /// Sends FIN once: a second FIN is an error to the other side.
    fn close(&self) {
        if std::mem::replace(&mut self.state.lock().closed, true) {
            return;
        }
        // The send fails only if the session is over, which has closed the stream already.
        let _ = self.send(Kind::WindowUpdate, Flags::FIN, 0, &[]);
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.close();
        self.session.forget(self.id);
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let mut state = self.state.lock();
        if state.received.is_empty() {
            if state.ended {
                return Poll::Ready(Ok(()));
            }
            if state.broken {
                return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
            }
            state.reader = Some(context.waker().clone());
            return Poll::Pending;
        }
        let length = state.received.len().min(buffer.remaining());
        buffer.put_slice(&state.received[..length]);
        state.received.advance(length);
        // The received bytes never exceed the window, which is a u32.
        state.read += length as u32;
        if state.read < WINDOW / 2 || state.ended {
            return Poll::Ready(Ok(()));
        }
        let more = std::mem::take(&mut state.read);
        state.allowed += more;
        drop(state);
        Poll::Ready(self.send(Kind::WindowUpdate, Flags::NONE, more, &[]))
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let mut state = self.state.lock();
        if state.broken || state.closed {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        if state.room == 0 && !bytes.is_empty() {
            state.writer = Some(context.waker().clone());
            return Poll::Pending;
        }
        let length = bytes.len().min(LARGEST_BODY).min(state.room as usize);
        state.room -= length as u32;
        drop(state);
        let sent = self.send(Kind::Data, Flags::NONE, length as u32, &bytes[..length]);
        Poll::Ready(sent.map(|()| length))
    }

    /// Returns at once: the session's writer flushes each frame.
    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.close();
        Poll::Ready(Ok(()))
    }
}

impl Shared {
    pub(super) fn send_header(&self, header: Header) -> io::Result<()> {
        self.send(Bytes::copy_from_slice(&header.encode()))
    }
}
