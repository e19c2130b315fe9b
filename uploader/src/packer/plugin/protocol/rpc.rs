//! Makes and answers calls of Go's net/rpc in MessagePack. Each message is a header and a body; the
//! direction tells requests from replies, which may arrive in any order.

use std::collections::HashMap;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::BytesMut;
use rmpv::Value;
use tokio::io::{
    AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, ReadHalf, WriteHalf,
};
use tokio::sync::oneshot;
use tokio::task::{AbortHandle, JoinSet};

use super::msgpack::Scan;
use super::stream::Stream;

/// A service that answers the calls on a stream.
pub trait Service: Send + Sync + 'static {
    /// Answers a call, such as `PostProcessor.Configure`. Calls may overlap. An error is a text for the
    /// caller.
    fn call(
        &self,
        method: &str,
        argument: Value,
    ) -> impl Future<Output = Result<Value, String>> + Send;
}

/// The reason why a call has no reply.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    /// The other side returned this error.
    #[error("{0}")]
    Refused(String),
    /// The stream is closed.
    #[error("the connection to Packer is closed")]
    Gone,
}

/// Answers the calls that arrive on a stream, each on a task of its own, until the other side closes it.
/// Calls still under way then are dropped.
///
/// # Errors
/// Fails when the stream breaks, or carries no RPC.
pub async fn serve<S: Service>(stream: Stream, service: Arc<S>) -> io::Result<()> {
    let (read, write) = tokio::io::split(stream);
    let mut messages = Messages::new(read);
    let writer = Arc::new(Writer::new(write));
    let mut calls = JoinSet::new();
    while let Some((header, argument)) = messages.next().await? {
        let (service, writer) = (Arc::clone(&service), Arc::clone(&writer));
        calls.spawn(async move {
            let method = header.method.clone();
            let result = service.call(&method, argument).await;
            let (error, reply) = match result {
                Ok(reply) => (String::new(), reply),
                Err(words) => (words, Value::Map(Vec::new())),
            };
            // A caller that has disconnected does not need the reply.
            let _ = writer
                .write(&Header { error, ..header }.reply(), &reply)
                .await;
        });
        while calls.try_join_next().is_some() {}
    }
    Ok(())
}

/// A client that calls the other side of a stream. Dropping it closes the stream.
pub struct Client {
    writer: Writer<WriteHalf<Stream>>,
    waiting: Waiting,
    next: AtomicU64,
    reading: AbortHandle,
}

/// The pending calls by sequence number; `None` after the last reply.
type Waiting = Arc<Mutex<Option<HashMap<u64, oneshot::Sender<Result<Value, CallError>>>>>>;

impl Client {
    /// Creates a client on a stream that the other side serves.
    pub fn new(stream: Stream) -> Self {
        let (read, write) = tokio::io::split(stream);
        let waiting: Waiting = Arc::new(Mutex::new(Some(HashMap::new())));
        let for_replies = Arc::clone(&waiting);
        let reading = tokio::spawn(async move {
            if let Err(error) = hand_out(read, &for_replies).await {
                tracing::debug!(%error, "the replies of Packer have ended");
            }
            lock(&for_replies).take();
        });
        Self {
            writer: Writer::new(write),
            waiting,
            next: AtomicU64::new(0),
            reading: reading.abort_handle(),
        }
    }

    /// Calls a method and returns its reply.
    ///
    /// # Errors
    /// Fails with the other side's error, or when the stream is closed.
    pub async fn call(&self, method: &str, argument: Value) -> Result<Value, CallError> {
        let (give, take) = oneshot::channel();
        let sequence = self.next.fetch_add(1, Ordering::Relaxed);
        lock(&self.waiting)
            .as_mut()
            .ok_or(CallError::Gone)?
            .insert(sequence, give);
        let header = Header {
            method: method.to_owned(),
            sequence,
            error: String::new(),
        };
        let sent = self.writer.write(&header.request(), &argument).await;
        sent.map_err(|_| CallError::Gone)?;
        take.await.unwrap_or(Err(CallError::Gone))
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        self.reading.abort();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn hand_out(read: ReadHalf<Stream>, waiting: &Waiting) -> io::Result<()> {
    let mut messages = Messages::new(read);
    while let Some((header, reply)) = messages.next().await? {
        let waiter = lock(waiting)
            .as_mut()
            .and_then(|waiting| waiting.remove(&header.sequence));
        let result = match header.error.as_str() {
            "" => Ok(reply),
            _ => Err(CallError::Refused(header.error)),
        };
        if let Some(waiter) = waiter {
            // The caller may have stopped waiting.
            let _ = waiter.send(result);
        }
    }
    Ok(())
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Header {
    method: String,
    sequence: u64,
    /// The error of a reply, which is empty for a success.
    error: String,
}

impl Header {
    fn request(&self) -> Value {
        Value::Map(vec![
            ("ServiceMethod".into(), self.method.as_str().into()),
            ("Seq".into(), self.sequence.into()),
        ])
    }

    fn reply(&self) -> Value {
        Value::Map(vec![
            ("ServiceMethod".into(), self.method.as_str().into()),
            ("Seq".into(), self.sequence.into()),
            ("Error".into(), self.error.as_str().into()),
        ])
    }

    fn read(value: &Value) -> io::Result<Self> {
        let no_header = || io::Error::new(io::ErrorKind::InvalidData, "not the header of an RPC");
        let text = |value: &Value| {
            String::from_utf8_lossy(value.as_slice()?)
                .into_owned()
                .into()
        };
        let field = |name: &str| {
            let fields = value.as_map()?.iter();
            let mut named = fields.filter(|(key, _)| key.as_slice() == Some(name.as_bytes()));
            named.next().map(|(_, value)| value)
        };
        Ok(Self {
            method: field("ServiceMethod")
                .and_then(text)
                .ok_or_else(no_header)?,
            sequence: field("Seq").and_then(Value::as_u64).ok_or_else(no_header)?,
            error: field("Error").and_then(text).unwrap_or_default(),
        })
    }
}

/// A reader of messages, each of which is a header and a body.
struct Messages<R> {
    source: R,
    buffer: BytesMut,
}

impl<R: AsyncRead + Unpin> Messages<R> {
    fn new(source: R) -> Self {
        let buffer = BytesMut::new();
        Self { source, buffer }
    }

    /// Reads the next message; returns `None` when the other side has closed the stream between two
    /// messages.
    async fn next(&mut self) -> io::Result<Option<(Header, Value)>> {
        let Some(header) = self.value().await? else {
            return Ok(None);
        };
        let header = Header::read(&header)?;
        let body = self.value().await?;
        let body = body.ok_or(io::ErrorKind::UnexpectedEof)?;
        Ok(Some((header, body)))
    }

    async fn value(&mut self) -> io::Result<Option<Value>> {
        let mut scan = Scan::new();
        loop {
            if let Some(end) = scan.end(&self.buffer)? {
                let bytes = self.buffer.split_to(end);
                let value = rmpv::decode::read_value(&mut &bytes[..]);
                return value.map(Some).map_err(io::Error::other);
            }
            if self.source.read_buf(&mut self.buffer).await? == 0 {
                return match self.buffer.is_empty() {
                    true => Ok(None),
                    false => Err(io::ErrorKind::UnexpectedEof.into()),
                };
            }
        }
    }
}

/// A writer whose async mutex keeps each message whole. A caller that drops a pending `write` may leave
/// half a message, and must drop the stream as well; the plugin's calls are dropped together with their
/// client.
struct Writer<W>(tokio::sync::Mutex<W>);

impl<W: AsyncWrite + Unpin> Writer<W> {
    fn new(out: W) -> Self {
        Self(tokio::sync::Mutex::new(out))
    }

    async fn write(&self, header: &Value, body: &Value) -> io::Result<()> {
        let mut message = Vec::new();
        for value in [header, body] {
            rmpv::encode::write_value(&mut message, value).map_err(io::Error::other)?;
        }
        self.0.lock().await.write_all(&message).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packer::plugin::protocol::{Incoming, Session, Side};
    use tokio::sync::Notify;

    /// Returns both ends of one stream, with the plugin's session.
    async fn streams() -> (Stream, Stream, Session, Incoming) {
        let (ours, theirs) = tokio::io::duplex(1 << 16);
        let (packer, _) = Session::start(ours, Side::Client);
        let (plugin, mut incoming) = Session::start(theirs, Side::Server);
        let dialled = packer.open().unwrap();
        let accepted = incoming.next().await.unwrap();
        (dialled, accepted, plugin, incoming)
    }

    /// A service that returns its arguments, and answers `Hold` only after a `Free`.
    #[derive(Default)]
    struct Echo(Notify);

    impl Service for Echo {
        async fn call(&self, method: &str, argument: Value) -> Result<Value, String> {
            match method {
                "Echo.Hold" => self.0.notified().await,
                "Echo.Free" => self.0.notify_one(),
                "Echo.Refuse" => return Err("no, thanks".to_owned()),
                _ => {}
            }
            Ok(argument)
        }
    }

    async fn echo() -> (Client, Session, Incoming) {
        let (dialled, accepted, session, incoming) = streams().await;
        tokio::spawn(serve(accepted, Arc::new(Echo::default())));
        (Client::new(dialled), session, incoming)
    }

    #[tokio::test]
    async fn a_call_is_answered_while_another_one_waits() {
        let (client, ..) = echo().await;
        let (held, freed) = tokio::join!(
            client.call("Echo.Hold", 1.into()),
            client.call("Echo.Free", 2.into())
        );
        assert_eq!((held, freed), (Ok(1.into()), Ok(2.into())));
        let refused = client.call("Echo.Refuse", Value::Nil).await;
        assert_eq!(refused, Err(CallError::Refused("no, thanks".to_owned())));
    }

    #[tokio::test]
    async fn a_message_of_megabytes_arrives() {
        let (client, ..) = echo().await;
        let text = Value::from("x".repeat(5_000_000));
        assert_eq!(client.call("Echo.Echo", text.clone()).await, Ok(text));
    }

    #[tokio::test]
    async fn a_closed_stream_ends_every_call() {
        let (dialled, accepted, _session, _incoming) = streams().await;
        let client = Client::new(dialled);
        let (answer, ()) = tokio::join!(client.call("Echo.Hold", Value::Nil), async {
            drop(accepted)
        });
        assert_eq!(answer, Err(CallError::Gone));
        assert_eq!(
            client.call("Echo.Echo", Value::Nil).await,
            Err(CallError::Gone)
        );
    }

    #[tokio::test]
    async fn a_header_is_a_map_of_gos_field_names_in_any_order() {
        let (mut wire, accepted, _session, _incoming) = streams().await;
        tokio::spawn(serve(accepted, Arc::new(Echo::default())));
        wire.write_all(b"\x82\xa3Seq\x03\xadServiceMethod\xa9Echo.Echo\xa2hi")
            .await
            .unwrap();
        let expected = b"\x83\xadServiceMethod\xa9Echo.Echo\xa3Seq\x03\xa5Error\xa0\xa2hi";
        let mut reply = vec![0; expected.len()];
        wire.read_exact(&mut reply).await.unwrap();
        assert_eq!(reply, expected);
    }

    #[tokio::test]
    async fn what_is_no_rpc_ends_the_service() {
        for bytes in [
            &b"\xa5hello\xc0"[..],
            b"\xc1",
            b"\x81\xa3Seq\x01\xc0",
            b"\x82\xa3Seq",
        ] {
            let (mut wire, accepted, _session, _incoming) = streams().await;
            wire.write_all(bytes).await.unwrap();
            wire.shutdown().await.unwrap();
            let served = serve(accepted, Arc::new(Echo::default())).await;
            assert!(served.is_err(), "{bytes:?}");
        }
    }
}
