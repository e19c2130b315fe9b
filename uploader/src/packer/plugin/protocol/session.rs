//! Runs a yamux session, which carries many streams over one connection.
//!
//! A session has two tasks. The reader waits only for the connection: it stores arriving bytes in their
//! stream, whose window bounds them. The writer sends the frames that streams queue; their windows bound
//! this queue too.

use std::collections::HashMap;
use std::io;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};

use super::frame::{Flags, FrameError, HEADER, Header, Kind, WINDOW};
use super::stream::{Stream, StreamState};

/// The most open streams of a session; further ones are refused. Packer opens three for a
/// post-processor.
const MOST_STREAMS: usize = 256;

/// The end of the connection that a session serves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// Packer, whose streams have odd numbers.
    Client,
    /// The plugin, whose streams have even numbers.
    Server,
}

/// A running session that opens streams. Clones share its state.
#[derive(Clone)]
pub struct Session(Arc<Shared>);

/// The streams that the other side opens.
pub struct Incoming(UnboundedReceiver<Stream>);

impl Incoming {
    /// Returns the next stream, or `None` once the session is over.
    pub async fn next(&mut self) -> Option<Stream> {
        self.0.recv().await
    }
}

/// The state that the streams of a session share.
pub(super) struct Shared {
    side: Side,
    streams: Mutex<Streams>,
    next: AtomicU32,
    out: UnboundedSender<Bytes>,
}

#[derive(Default)]
struct Streams {
    open: HashMap<u32, Arc<StreamState>>,
    /// The largest stream number that the other side has used: it uses each number once.
    latest: u32,
    over: bool,
}

impl Session {
    /// Starts a session on a connection; its tasks end when the connection does.
    pub fn start<C>(connection: C, side: Side) -> (Self, Incoming)
    where
        C: AsyncRead + AsyncWrite + Send + 'static,
    {
        let (read, write) = tokio::io::split(connection);
        let (out, frames) = mpsc::unbounded_channel();
        let (arrivals, incoming) = mpsc::unbounded_channel();
        let first = if side == Side::Client { 1 } else { 2 };
        let shared = Arc::new(Shared {
            side,
            streams: Mutex::default(),
            next: AtomicU32::new(first),
            out,
        });
        tokio::spawn(write_frames(write, frames));
        let reading = Arc::clone(&shared);
        tokio::spawn(async move {
            if let Err(error) = read_frames(read, &reading, &arrivals).await {
                tracing::debug!(%error, "the session with Packer broke off");
            }
            // The order matters: when a stream breaks, `Incoming` has already ended, which shows that
            // the session is over.
            drop(arrivals);
            reading.over();
        });
        (Self(shared), Incoming(incoming))
    }

    /// Opens a stream.
    ///
    /// # Errors
    /// Fails when the session is over.
    pub fn open(&self) -> io::Result<Stream> {
        let shared = &self.0;
        // No session lives long enough to use up 2³¹ streams.
        let id = shared.next.fetch_add(2, Ordering::Relaxed);
        let stream = shared.begin(id)?;
        shared.send_header(of_stream(id, Flags::SYN))?;
        Ok(stream)
    }
}

impl Shared {
    fn streams(&self) -> MutexGuard<'_, Streams> {
        self.streams.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn begin(self: &Arc<Self>, id: u32) -> io::Result<Stream> {
        let mut streams = self.streams();
        if streams.over {
            return Err(io::ErrorKind::NotConnected.into());
        }
        let state = Arc::new(StreamState::new());
        streams.open.insert(id, Arc::clone(&state));
        Ok(Stream::new(id, state, Arc::clone(self)))
    }

    pub(super) fn send(&self, frame: Bytes) -> io::Result<()> {
        self.out
            .send(frame)
            .map_err(|_| io::ErrorKind::BrokenPipe.into())
    }

    /// Removes a stream; data that still arrives for it is discarded.
    pub(super) fn forget(&self, id: u32) {
        self.streams().open.remove(&id);
    }

    fn state(&self, id: u32) -> Option<Arc<StreamState>> {
        self.streams().open.get(&id).cloned()
    }

    fn over(&self) {
        let mut streams = self.streams();
        streams.over = true;
        for state in streams.open.values() {
            state.break_off();
        }
    }

    /// Registers a stream that the other side opens.
    fn arrive(self: &Arc<Self>, id: u32, arrivals: &UnboundedSender<Stream>) -> io::Result<()> {
        let theirs = if self.side == Side::Client { 0 } else { 1 };
        let mut streams = self.streams();
        if id == 0 || id % 2 != theirs || id <= streams.latest {
            return Err(FrameError::WrongStream(id).into());
        }
        streams.latest = id;
        let full = streams.open.len() >= MOST_STREAMS;
        drop(streams);
        if full {
            return self.send_header(of_stream(id, Flags::RST));
        }
        let stream = self.begin(id)?;
        self.send_header(of_stream(id, Flags::ACK))?;
        // If nobody accepts streams any more, dropping the stream closes it.
        let _ = arrivals.send(stream);
        Ok(())
    }
}

fn of_stream(stream: u32, flags: Flags) -> Header {
    let (kind, length) = (Kind::WindowUpdate, 0);
    Header {
        kind,
        flags,
        stream,
        length,
    }
}

async fn write_frames(
    mut connection: impl AsyncWrite + Unpin,
    mut frames: UnboundedReceiver<Bytes>,
) {
    while let Some(frame) = frames.recv().await {
        // The reader notices the broken connection too, and logs it.
        if connection.write_all(&frame).await.is_err() || connection.flush().await.is_err() {
            return;
        }
    }
}

async fn read_frames(
    mut connection: impl AsyncRead + Unpin,
    shared: &Arc<Shared>,
    arrivals: &UnboundedSender<Stream>,
) -> io::Result<()> {
    let mut body = Vec::new();
    while let Some(header) = next_header(&mut connection).await? {
        match header.kind {
            Kind::Ping if header.flags.has(Flags::SYN) => {
                let flags = Flags::ACK;
                shared.send_header(Header { flags, ..header })?;
            }
            Kind::Ping => {}
            Kind::GoAway => return Ok(()),
            Kind::Data | Kind::WindowUpdate => {
                if header.flags.has(Flags::SYN) {
                    shared.arrive(header.stream, arrivals)?;
                }
                let state = shared.state(header.stream);
                if header.kind == Kind::Data {
                    take_body(&mut connection, header, state.as_deref(), &mut body).await?;
                } else if let Some(state) = &state {
                    state.make_room(header.length);
                }
                if let Some(state) = &state {
                    ended(state, header.flags);
                }
            }
        }
    }
    Ok(())
}

/// Reads the next frame's header; returns `None` when the connection ends between two frames.
async fn next_header(connection: &mut (impl AsyncRead + Unpin)) -> io::Result<Option<Header>> {
    let mut bytes = [0; HEADER];
    if connection.read(&mut bytes[..1]).await? == 0 {
        return Ok(None);
    }
    connection.read_exact(&mut bytes[1..]).await?;
    Ok(Some(Header::decode(bytes)?))
}

async fn take_body(
    connection: &mut (impl AsyncRead + Unpin),
    header: Header,
    state: Option<&StreamState>,
    body: &mut Vec<u8>,
) -> io::Result<()> {
    match state {
        Some(state) => state.allow(header.stream, header.length)?,
        // The other side sent this before it received the notice that the stream is closed.
        None if header.length <= WINDOW => {}
        None => return Err(FrameError::Overrun(header.stream).into()),
    }
    body.resize(header.length as usize, 0);
    connection.read_exact(body).await?;
    if let Some(state) = state {
        state.receive(body);
    }
    Ok(())
}

fn ended(state: &StreamState, flags: Flags) {
    if flags.has(Flags::FIN) {
        state.end();
    }
    if flags.has(Flags::RST) {
        state.break_off();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use tokio::io::DuplexStream;

    fn session() -> (DuplexStream, Session, Incoming) {
        let (ours, theirs) = tokio::io::duplex(1 << 20);
        let (session, incoming) = Session::start(theirs, Side::Server);
        (ours, session, incoming)
    }

    async fn expect(wire: &mut DuplexStream, hex: &str) {
        let mut bytes = vec![0; hex.len() / 2];
        wire.read_exact(&mut bytes).await.unwrap();
        let read: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(read, hex);
    }

    fn bytes(hex: &str) -> Vec<u8> {
        let pairs = (0..hex.len()).step_by(2);
        pairs
            .map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap())
            .collect()
    }

    async fn send(wire: &mut DuplexStream, hex: &str) {
        wire.write_all(&bytes(hex)).await.unwrap();
    }

    #[tokio::test]
    async fn a_stream_that_packer_opens_is_answered_and_carries_bytes_both_ways() {
        let (mut wire, _session, mut incoming) = session();
        send(&mut wire, "000100010000000100000000").await;
        expect(&mut wire, "000100020000000100000000").await;
        let mut stream = incoming.next().await.unwrap();
        send(&mut wire, "000000000000000100000004deadbeef").await;
        let mut four = [0; 4];
        stream.read_exact(&mut four).await.unwrap();
        assert_eq!(four, [0xde, 0xad, 0xbe, 0xef]);
        stream.write_all(&four).await.unwrap();
        expect(&mut wire, "000000000000000100000004deadbeef").await;
        drop(stream);
        expect(&mut wire, "000100040000000100000000").await;
    }

    #[tokio::test]
    async fn streams_of_a_plugin_have_even_numbers_and_end_with_one_fin() {
        let (mut wire, session, _incoming) = session();
        let mut stream = session.open().unwrap();
        expect(&mut wire, "000100010000000200000000").await;
        stream.shutdown().await.unwrap();
        drop(stream);
        drop(session.open().unwrap());
        let rest = "000100040000000200000000 000100010000000400000000 000100040000000400000000";
        expect(&mut wire, &rest.replace(' ', "")).await;
    }

    #[tokio::test]
    async fn a_ping_is_answered_while_nobody_reads_a_full_stream() {
        let (mut wire, _session, mut incoming) = session();
        send(&mut wire, "000100010000000100000000").await;
        expect(&mut wire, "000100020000000100000000").await;
        let _unread = incoming.next().await.unwrap();
        send(&mut wire, "000000000000000100040000").await;
        wire.write_all(&vec![1; WINDOW as usize]).await.unwrap();
        send(&mut wire, "000200010000000012345678").await;
        expect(&mut wire, "000200020000000012345678").await;
    }

    #[tokio::test]
    async fn room_is_given_again_after_half_the_window_and_more_than_that_ends_the_session() {
        let (mut wire, _session, mut incoming) = session();
        send(&mut wire, "000100010000000100000000").await;
        expect(&mut wire, "000100020000000100000000").await;
        let mut stream = incoming.next().await.unwrap();
        send(&mut wire, "000000000000000100040000").await;
        wire.write_all(&vec![1; WINDOW as usize]).await.unwrap();
        let mut half = vec![0; WINDOW as usize / 2];
        stream.read_exact(&mut half).await.unwrap();
        expect(&mut wire, "000100000000000100020000").await;
        send(&mut wire, "000000000000000100020001").await;
        assert!(incoming.next().await.is_none(), "one byte too many");
    }

    #[tokio::test]
    async fn a_writer_waits_for_room_and_goes_on_when_there_is_some() {
        let (mut wire, session, _incoming) = session();
        let mut stream = session.open().unwrap();
        let writing = tokio::spawn(async move {
            stream
                .write_all(&vec![7; WINDOW as usize + 5])
                .await
                .unwrap();
        });
        expect(&mut wire, "000100010000000200000000").await;
        let mut frames = vec![0; WINDOW as usize + 4 * HEADER];
        wire.read_exact(&mut frames).await.unwrap();
        assert!(!writing.is_finished());
        send(&mut wire, "000100020000000200000005").await;
        expect(&mut wire, "0000000000000002000000050707070707").await;
        writing.await.unwrap();
    }

    #[tokio::test]
    async fn the_end_of_the_connection_ends_all_that_waits() {
        let (mut wire, session, mut incoming) = session();
        send(&mut wire, "000100010000000100000000").await;
        let mut stream = incoming.next().await.unwrap();
        drop(wire);
        assert!(incoming.next().await.is_none());
        let mut byte = [0];
        let broken = stream.read(&mut byte).await.unwrap_err();
        assert_eq!(broken.kind(), io::ErrorKind::ConnectionReset);
        assert!(session.open().is_err());
    }

    #[tokio::test]
    async fn what_arrives_for_a_closed_stream_is_thrown_away_and_its_number_is_not_used_again() {
        let (mut wire, _session, mut incoming) = session();
        send(&mut wire, "000100010000000100000000").await;
        drop(incoming.next().await.unwrap());
        send(&mut wire, "000000000000000100000004deadbeef").await;
        send(&mut wire, "000100010000000300000000").await;
        assert!(incoming.next().await.is_some());
        send(&mut wire, "000100010000000100000000").await;
        assert!(incoming.next().await.is_none());
    }

    #[tokio::test]
    async fn more_streams_than_anybody_needs_are_refused() {
        let (mut wire, _session, mut incoming) = session();
        let mut held = Vec::new();
        for number in 0..MOST_STREAMS {
            send(
                &mut wire,
                &format!("00010001{:08x}00000000", 2 * number + 1),
            )
            .await;
            held.push(incoming.next().await.unwrap());
        }
        send(&mut wire, "000100010000100100000000").await;
        let mut acks = vec![0; MOST_STREAMS * HEADER];
        wire.read_exact(&mut acks).await.unwrap();
        expect(&mut wire, "000100080000100100000000").await;
    }

    proptest! {
        #[test]
        fn no_bytes_make_a_session_panic(pieces in prop::collection::vec(prop_oneof![
            prop::collection::vec(any::<u8>(), 0..40),
            (0u8..5, 0u8..16, 0u8..5, 0u8..9).prop_map(|(kind, flags, stream, length)| {
                let mut frame = vec![0, kind, 0, flags, 0, 0, 0, stream, 0, 0, 0, length];
                frame.extend(vec![9; if kind == 0 { length.into() } else { 0 }]);
                frame
            }),
        ], 0..20)) {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let (mut wire, _session, mut incoming) = session();
                // A session that has ended accepts no more bytes.
                let _ = wire.write_all(&pieces.concat()).await;
                drop(wire);
                while let Some(mut stream) = incoming.next().await {
                    let mut all = Vec::new();
                    let _ = stream.read_to_end(&mut all).await;
                }
            });
        }
    }
}
