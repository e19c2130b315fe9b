//! Matches streams to numbers that both sides know: the dialling side opens a stream and writes the
//! number on it, and the accepting side echoes it.

use std::collections::HashMap;
use std::io;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::oneshot;
use tokio::time::timeout;

use super::session::{Incoming, Session};
use super::stream::Stream;

/// The longest time for which one side waits for the other, as in Packer's own broker.
const TIMEOUT: Duration = Duration::from_secs(5);

/// A broker on a session. Clones share its state.
#[derive(Clone)]
pub struct Broker(Arc<Inner>);

struct Inner {
    session: Session,
    next: AtomicU32,
    slots: Mutex<HashMap<u32, Slot>>,
}

/// The first of the two parties for a number, which waits for the other.
enum Slot {
    Dialled(Stream),
    Wanted(oneshot::Sender<Stream>),
}

impl Broker {
    /// Creates a broker on a session.
    pub fn new(session: Session) -> Self {
        Self(Arc::new(Inner {
            session,
            next: AtomicU32::new(1),
            slots: Mutex::default(),
        }))
    }

    /// Returns a number that this side has not used.
    pub fn next_id(&self) -> u32 {
        self.0.next.fetch_add(1, Ordering::Relaxed)
    }

    /// Hands arriving streams to the calls of `accept` that wait for them, until the session is over.
    pub async fn run(&self, mut incoming: Incoming) {
        while let Some(stream) = incoming.next().await {
            let broker = self.clone();
            tokio::spawn(async move {
                if let Err(error) = broker.take_in(stream).await {
                    tracing::debug!(%error, "a stream without a number");
                }
            });
        }
    }

    /// Opens a stream to the other side's `accept` of this number.
    ///
    /// # Errors
    /// Fails when the other side does not accept within five seconds, or when the session is over.
    pub async fn dial(&self, id: u32) -> io::Result<Stream> {
        let mut stream = self.0.session.open()?;
        stream.write_u32_le(id).await?;
        let echoed = timeout(TIMEOUT, stream.read_u32_le()).await??;
        if echoed == id {
            Ok(stream)
        } else {
            let reason = format!("stream {id} was answered as {echoed}");
            Err(io::Error::new(io::ErrorKind::InvalidData, reason))
        }
    }

    /// Waits for the other side to dial this number.
    ///
    /// # Errors
    /// Fails when the other side does not dial within five seconds, or when the session is over.
    pub async fn accept(&self, id: u32) -> io::Result<Stream> {
        let arrived = timeout(TIMEOUT, self.claim(id)).await;
        if arrived.is_err() {
            self.slots().remove(&id);
        }
        let lost = |_| io::Error::from(io::ErrorKind::NotConnected);
        let mut stream = arrived?.map_err(lost)?;
        stream.write_u32_le(id).await?;
        Ok(stream)
    }

    fn slots(&self) -> MutexGuard<'_, HashMap<u32, Slot>> {
        self.0.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn claim(&self, id: u32) -> oneshot::Receiver<Stream> {
        let (give, take) = oneshot::channel();
        let mut slots = self.slots();
        match slots.remove(&id) {
            // The send cannot fail, since `take` still exists.
            Some(Slot::Dialled(stream)) => drop(give.send(stream)),
            _ => drop(slots.insert(id, Slot::Wanted(give))),
        }
        take
    }

    async fn take_in(&self, mut stream: Stream) -> io::Result<()> {
        let id = timeout(TIMEOUT, stream.read_u32_le()).await??;
        let unclaimed = {
            let mut slots = self.slots();
            let stream = match slots.remove(&id) {
                Some(Slot::Wanted(give)) => give.send(stream).err(),
                _ => Some(stream),
            };
            let unclaimed = stream.is_some();
            if let Some(stream) = stream {
                slots.insert(id, Slot::Dialled(stream));
            }
            unclaimed
        };
        if unclaimed {
            tokio::time::sleep(TIMEOUT).await;
            self.give_up(id);
        }
        Ok(())
    }

    fn give_up(&self, id: u32) {
        let mut slots = self.slots();
        if matches!(slots.get(&id), Some(Slot::Dialled(_))) {
            slots.remove(&id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packer::plugin::protocol::Side;

    fn pair() -> (Broker, Broker) {
        let (ours, theirs) = tokio::io::duplex(1 << 16);
        let broker = |(session, incoming)| {
            let broker = Broker::new(session);
            let running = broker.clone();
            tokio::spawn(async move { running.run(incoming).await });
            broker
        };
        let packer = broker(Session::start(ours, Side::Client));
        (packer, broker(Session::start(theirs, Side::Server)))
    }

    #[tokio::test]
    async fn the_number_goes_over_the_wire_as_packer_writes_it_and_comes_back() {
        let (mut wire, theirs) = tokio::io::duplex(1 << 16);
        let (session, incoming) = Session::start(theirs, Side::Server);
        let broker = Broker::new(session);
        let running = broker.clone();
        tokio::spawn(async move { running.run(incoming).await });
        let accepting = tokio::spawn(async move { broker.accept(0).await });
        let packer = [
            &[0, 1, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0][..],
            &[0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 4, 0, 0, 0, 0],
        ];
        wire.write_all(&packer.concat()).await.unwrap();
        let mut answer = [0; 28];
        wire.read_exact(&mut answer).await.unwrap();
        let plugin = [
            &[0, 1, 0, 2, 0, 0, 0, 1, 0, 0, 0, 0][..],
            &[0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 4, 0, 0, 0, 0],
        ];
        assert_eq!(answer.to_vec(), plugin.concat());
        accepting.await.unwrap().unwrap();
    }

    #[tokio::test]
    async fn whoever_comes_first_waits_for_the_other() {
        let (packer, plugin) = pair();
        for accept_first in [true, false] {
            let id = plugin.next_id();
            let (dial, accept) = (packer.dial(id), plugin.accept(id));
            let (dialled, accepted) = if accept_first {
                let (accepted, dialled) = tokio::join!(accept, dial);
                (dialled, accepted)
            } else {
                tokio::join!(dial, accept)
            };
            let (mut dialled, mut accepted) = (dialled.unwrap(), accepted.unwrap());
            dialled.write_all(b"hello").await.unwrap();
            let mut heard = [0; 5];
            accepted.read_exact(&mut heard).await.unwrap();
            assert_eq!(&heard, b"hello");
        }
        assert!(plugin.slots().is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_waits_for_ever() {
        let (packer, plugin) = pair();
        assert!(plugin.accept(7).await.is_err());
        assert!(packer.dial(8).await.is_err());
        tokio::time::sleep(TIMEOUT).await;
        assert!(plugin.slots().is_empty());
    }
}
