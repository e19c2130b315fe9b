//! Timeouts bound the wait for a reply, and the number of attempts to reach a silent server.
//!
//! Every wait ends: after the timeout while nothing arrives, and after a multiple of the timeout while bytes trickle. A
//! server that has not answered for several timeouts is given up, so that the remaining requests need not wait for it.

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

/// The number of bytes for whose transfer the total time grows by one timeout.
const PART: usize = 512 * 1024;
/// The longest wait for a connection: connecting takes one packet each way, so it needs less time than a reply.
const MAX_CONNECT_TIME: Duration = Duration::from_secs(10);
/// The number of timeouts without an answer after which a server is given up.
const MAX_SILENT_TIMEOUTS: u32 = 3;

/// The reason why there is no reply. It contains no address, since an address may contain a token.
#[derive(Debug)]
pub(super) enum NoReply {
    /// The server sent no byte for this time.
    Silent(Duration),
    /// The reply was incomplete after this time.
    Slow(Duration),
    /// The request was not sent, because no complete reply to any request had come for this time.
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

/// The timeouts of one server.
pub(super) struct Timeouts {
    timeout: Duration,
    /// The time since which no request has been answered.
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

    /// Returns the longest time that connecting may take.
    pub(super) fn connect(&self) -> Duration {
        self.timeout.min(MAX_CONNECT_TIME)
    }

    /// Checks that the server has not been given up.
    ///
    /// # Errors
    /// Fails when the server has been given up.
    pub(super) fn check(&self) -> Result<(), NoReply> {
        match self.with_state(|unanswered| *unanswered) {
            Unanswered::GivenUp => Err(NoReply::GivenUp(self.max_silence())),
            _ => Ok(()),
        }
    }

    /// Sends a request, and reads at most `most` bytes of the reply's body.
    ///
    /// # Errors
    /// Fails when no complete reply comes in time.
    pub(super) async fn reply(
        &self,
        client: &Client,
        request: Request,
        most: usize,
    ) -> Result<Reply, NoReply> {
        self.with_state(|unanswered| {
            if let Unanswered::Nothing = unanswered {
                *unanswered = Unanswered::Since(Instant::now());
            }
        });
        // The head may take as long as the upload, although a server may send it before the upload ends.
        let sending = self.transfer_time(request.size());
        let whole = sending.saturating_add(self.transfer_time(most));
        let reply = async {
            let head = request.builder(client).send();
            let response = at_most(sending, head).await??;
            self.read(response, most).await
        };
        let reply = timeout(whole, reply).await;
        let reply = reply.unwrap_or(Err(NoReply::Slow(whole)));
        self.with_state(|unanswered| *unanswered = self.after(*unanswered, &reply));
        reply
    }

    async fn read(&self, mut response: Response, most: usize) -> Result<Reply, NoReply> {
        let mut reply = Reply {
            status: response.status().as_u16(),
            headers: response.headers().clone(),
            ..Reply::default()
        };
        while let Some(part) = at_most(self.timeout, response.chunk()).await?? {
            let remaining = most.saturating_sub(reply.body.len());
            reply.body.extend(part.iter().take(remaining));
            if part.len() > remaining {
                reply.excess = Some(format!("more than {most} bytes"));
                break;
            }
        }
        Ok(reply)
    }

    /// Returns the longest time that a transfer of `bytes` may take: one timeout, and one more for each full part.
    fn transfer_time(&self, bytes: usize) -> Duration {
        let parts = u32::try_from(bytes / PART).unwrap_or(u32::MAX);
        self.timeout.saturating_mul(parts.saturating_add(1))
    }

    fn max_silence(&self) -> Duration {
        self.timeout.saturating_mul(MAX_SILENT_TIMEOUTS)
    }

    fn after(&self, unanswered: Unanswered, reply: &Result<Reply, NoReply>) -> Unanswered {
        match (unanswered, reply) {
            (Unanswered::GivenUp, _) => Unanswered::GivenUp,
            (Unanswered::Since(since), Err(NoReply::Silent(_) | NoReply::Slow(_)))
                if since.elapsed() >= self.max_silence() =>
            {
                Unanswered::GivenUp
            }
            (unanswered, Err(NoReply::Silent(_) | NoReply::Slow(_))) => unanswered,
            // A connection that fails at once costs no time, so it does not count towards giving up.
            (_, Ok(_) | Err(_)) => Unanswered::Nothing,
        }
    }

    fn with_state<T>(&self, work: impl FnOnce(&mut Unanswered) -> T) -> T {
        let mut unanswered = self
            .unanswered
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        work(&mut unanswered)
    }
}

/// Awaits a future, and fails when it takes longer than `time`.
async fn at_most<T>(time: Duration, future: impl Future<Output = T>) -> Result<T, NoReply> {
    timeout(time, future)
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
