//! Timeouts bound the wait for a reply, and the attempts to reach a server that stays silent.
//!
//! Every wait ends: after the timeout while nothing arrives, and after a multiple of it where bytes trickle. A server
//! that has answered nothing for several timeouts is given up, so that the remaining requests do not wait for it, too.

use std::{
    fmt,
    future::Future,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use reqwest::{Client, Response};
use tokio::time::{Instant, timeout};

use super::reply::Reply;
use crate::http::request::Request;

/// So many bytes may take as long as nothing may move.
const PART: usize = 512 * 1024;
/// To connect takes a packet each way, so that less time will do.
const MAX_CONNECT_TIME: Duration = Duration::from_secs(10);
/// For so many timeouts a server must not have answered, before it is given up.
const MAX_SILENT_TIMEOUTS: u32 = 3;

/// Why there is no reply. It holds no address, which may have a token in it.
#[derive(Debug)]
pub(super) enum NoReply {
    /// Nothing moved for so long.
    Silent(Duration),
    /// It came, but so slowly that it was not whole after so long.
    Slow(Duration),
    /// No whole answer to anything had come for so long, and the server was not asked.
    GivenUp(Duration),
    /// The connection failed.
    Failed(reqwest::Error),
}

impl From<reqwest::Error> for NoReply {
    fn from(error: reqwest::Error) -> Self {
        Self::Failed(error.without_url())
    }
}

impl fmt::Display for NoReply {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Silent(time) => write!(out, "nothing came for {time:?} (--timeout)"),
            Self::Slow(time) => write!(out, "the reply was not whole after {time:?} (--timeout)"),
            Self::GivenUp(time) => {
                write!(
                    out,
                    "not asked: no whole answer came for {time:?} (--timeout)"
                )
            }
            Self::Failed(error) => write!(out, "{}", with_causes(error)),
        }
    }
}

/// How long one server is waited for.
pub(super) struct Timeouts {
    timeout: Duration,
    /// Since when all that is asked has been without an answer.
    unanswered: Mutex<Unanswered>,
}

#[derive(Clone, Copy)]
enum Unanswered {
    Nothing,
    Since(Instant),
    GivenUp,
}

impl Timeouts {
    pub(super) fn new(timeout: Duration) -> Self {
        Self {
            timeout,
            unanswered: Mutex::new(Unanswered::Nothing),
        }
    }

    /// How long a connection may take to come about.
    pub(super) fn connect(&self) -> Duration {
        self.timeout.min(MAX_CONNECT_TIME)
    }

    /// The server is still asked.
    ///
    /// # Errors
    /// It was given up.
    pub(super) fn check(&self) -> Result<(), NoReply> {
        match self.open(|unanswered| *unanswered) {
            Unanswered::GivenUp => Err(NoReply::GivenUp(self.most_silence())),
            _ => Ok(()),
        }
    }

    /// Sends a request, and takes at most so many bytes of the reply's body.
    ///
    /// # Errors
    /// There is no whole reply in time.
    pub(super) async fn reply(
        &self,
        client: &Client,
        request: Request,
        most: usize,
    ) -> Result<Reply, NoReply> {
        self.open(|unanswered| {
            if let Unanswered::Nothing = unanswered {
                *unanswered = Unanswered::Since(Instant::now());
            }
        });
        // A reply that begins early does not wait for the upload to end.
        let sending = self.within(request.size());
        let whole = sending.saturating_add(self.within(most));
        let reply = async {
            let head = request.builder(client).send();
            let response = silent(sending, head).await??;
            self.gathered(response, most).await
        };
        let reply = timeout(whole, reply).await;
        let reply = reply.unwrap_or(Err(NoReply::Slow(whole)));
        self.open(|unanswered| *unanswered = self.learned(*unanswered, &reply));
        reply
    }

    async fn gathered(&self, mut response: Response, most: usize) -> Result<Reply, NoReply> {
        let mut reply = Reply {
            status: response.status().as_u16(),
            headers: response.headers().clone(),
            ..Reply::default()
        };
        while let Some(part) = silent(self.timeout, response.chunk()).await?? {
            let room = most.saturating_sub(reply.body.len());
            reply.body.extend(part.iter().take(room));
            if part.len() > room {
                reply.excess = Some(format!("more than {most} bytes"));
                break;
            }
        }
        Ok(reply)
    }

    /// So many bytes may take so long: one timeout in any case, and one for each part that they fill.
    fn within(&self, bytes: usize) -> Duration {
        let parts = u32::try_from(bytes / PART).unwrap_or(u32::MAX);
        self.timeout.saturating_mul(parts.saturating_add(1))
    }

    fn most_silence(&self) -> Duration {
        self.timeout.saturating_mul(MAX_SILENT_TIMEOUTS)
    }

    fn learned(&self, unanswered: Unanswered, reply: &Result<Reply, NoReply>) -> Unanswered {
        match (unanswered, reply) {
            (Unanswered::GivenUp, _) => Unanswered::GivenUp,
            (Unanswered::Since(since), Err(NoReply::Silent(_) | NoReply::Slow(_)))
                if since.elapsed() >= self.most_silence() =>
            {
                Unanswered::GivenUp
            }
            (unanswered, Err(NoReply::Silent(_) | NoReply::Slow(_))) => unanswered,
            // A connection that fails at once costs no time.
            (_, Ok(_) | Err(_)) => Unanswered::Nothing,
        }
    }

    fn open<T>(&self, work: impl FnOnce(&mut Unanswered) -> T) -> T {
        let mut unanswered = self
            .unanswered
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        work(&mut unanswered)
    }
}

/// What comes, if it comes in time.
async fn silent<T>(time: Duration, coming: impl Future<Output = T>) -> Result<T, NoReply> {
    timeout(time, coming)
        .await
        .map_err(|_| NoReply::Silent(time))
}

fn with_causes(error: &reqwest::Error) -> String {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}
