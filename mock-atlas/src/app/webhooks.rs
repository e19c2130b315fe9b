//! Delivers what webhooks are to be told, in the background.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::task::{Id, JoinHandle, JoinSet};
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::domain::{Claim, Outcome, Try, Verdict};
use crate::http::json::payload;
use crate::http::state::AppState;
use crate::observe::TryOutcome;
use crate::service::Dataset;
use crate::service::webhooks::{Message, Sender, Sent, WebhookTiming};

/// The greatest number of tries of one webhook at a time. There is no greatest number of all: a webhook that hangs must
/// not take the place of another, and there are at most 64.
const MOST_OF_ONE: usize = 2;

/// The longest time until this looks again whether something is due, which other servers may have added.
const POLL: Duration = Duration::from_secs(5);

/// The time between two removals of old deliveries.
const TIDY: Duration = Duration::from_secs(10 * 60);

/// The longest wait for tries under way when an emulator stops.
const LAST_WAIT: Duration = Duration::from_secs(3);

/// A worker that delivers.
pub(crate) struct Worker {
    pub(crate) state: AppState,
    /// The address of this Atlas in deliveries.
    pub(crate) base: String,
    pub(crate) timing: WebhookTiming,
    pub(crate) stop: CancellationToken,
}

/// The tries under way, with the webhooks that they are for.
#[derive(Default)]
struct Tries {
    tasks: JoinSet<()>,
    of: HashMap<Id, Uuid>,
}

impl Tries {
    fn busy(&self) -> HashMap<Uuid, usize> {
        let mut busy = HashMap::new();
        for webhook in self.of.values() {
            *busy.entry(*webhook).or_default() += 1;
        }
        busy
    }

    /// Waits until a try ends; for ever if none is under way.
    async fn one_ends(&mut self) {
        let id = match self.tasks.join_next_with_id().await {
            Some(Ok((id, ()))) => id,
            Some(Err(error)) => error.id(),
            None => return std::future::pending().await,
        };
        self.of.remove(&id);
    }
}

impl Worker {
    pub(crate) fn start(self) -> JoinHandle<()> {
        tokio::spawn(self.run())
    }

    async fn run(self) {
        let worker = Arc::new(self);
        let mut tries = Tries::default();
        let stop = worker.stop.clone();
        // A database that hangs must not hold up the stop. What is claimed by then is tried after the lease.
        let deliver = worker.deliver(&mut tries);
        stop.run_until_cancelled(deliver).await;
        // What is aborted here is tried again by whoever comes next.
        let _ = timeout(LAST_WAIT, async {
            while tries.tasks.join_next().await.is_some() {}
        })
        .await;
    }

    /// Delivers what is due, for ever.
    async fn deliver(self: &Arc<Self>, tries: &mut Tries) {
        let (mut tidied, mut sender) = (None, None);
        self.free_lost().await;
        loop {
            let dataset = self.state.datasets().current();
            let is_due = |tidied: Instant| tidied.elapsed() >= TIDY;
            if tidied.is_none_or(is_due) {
                tidied = Some(Instant::now());
                self.tidy(&dataset).await;
            }
            let wait = self.begin(&dataset, tries, &mut sender).await;
            let told = Arc::clone(dataset.catalog().told());
            // A dataset that a reset has replaced is gone at once, and its files with it.
            drop(dataset);
            tokio::select! {
                () = told.notified() => {}
                () = tries.one_ends() => {}
                () = sleep(wait) => {}
            }
        }
    }

    async fn free_lost(&self) {
        let dataset = self.state.datasets().current();
        let freed = dataset.catalog().free_deliveries(self.now()).await;
        if let Err(error) = freed {
            tracing::warn!(%error, "deliveries to webhooks that broke off wait for a while");
        }
    }

    async fn tidy(&self, dataset: &Dataset) {
        if let Err(error) = dataset.catalog().tidy_deliveries(self.now()).await {
            tracing::info!(%error, "old deliveries to webhooks were not removed");
        }
    }

    /// Begins the tries that are due, and returns the time until the next one.
    async fn begin(
        self: &Arc<Self>,
        dataset: &Dataset,
        tries: &mut Tries,
        sender: &mut Option<Sender>,
    ) -> Duration {
        let now = self.now();
        let claim = Claim {
            now,
            until: now + self.timing.lease(),
            busy: tries.busy(),
            most: MOST_OF_ONE,
        };
        let claimed = match dataset.catalog().claim_deliveries(claim).await {
            Ok(claimed) => claimed,
            Err(error) => {
                // The requests that fail meanwhile tell it louder, and there may be no webhook.
                tracing::info!(%error, "deliveries to webhooks wait for the database");
                return POLL;
            }
        };
        for one in claimed.tries {
            // Most emulators have no webhooks, and need no client.
            let client = match sender {
                Some(sender) => sender.clone(),
                None => match Sender::new(self.timing.timeout) {
                    Ok(new) => sender.insert(new).clone(),
                    Err(error) => {
                        tracing::error!(%error, "nothing can be sent to webhooks");
                        return POLL;
                    }
                },
            };
            let (webhook, worker) = (one.webhook.id, Arc::clone(self));
            let task = async move { worker.try_once(client, one).await };
            let id = tries.tasks.spawn(task).id();
            tries.of.insert(id, webhook);
        }
        let next = claimed.next.map(|next| next.duration_since(now));
        next.map_or(POLL, |next| next.unwrap_or_default().min(POLL))
    }

    /// Tries a delivery once, and records the outcome.
    async fn try_once(&self, sender: Sender, one: Try) {
        let of = one.id();
        let Try { webhook, delivery } = one;
        let sent = match payload(&delivery.event, &self.base) {
            Ok(body) => {
                let message = Message {
                    url: &webhook.url,
                    secret: &webhook.secret,
                    id: delivery.event.id.to_string(),
                    event: delivery.event.kind.name(),
                    time: self.now(),
                    body,
                };
                sender.send(message).await
            }
            Err(error) => Sent {
                status: None,
                error: Some(error.to_string()),
            },
        };
        let now = self.now();
        let verdict = self.verdict(&sent, delivery.attempts, now);
        self.observe(&webhook.id, delivery.number, &sent, verdict);
        let outcome = Outcome {
            status: sent.status,
            error: sent.error,
            verdict,
        };
        // A reset may have replaced the dataset of the delivery; the present one then knows no such try.
        let dataset = self.state.datasets().current();
        if let Err(error) = dataset.catalog().end_try(of, outcome, now).await {
            tracing::warn!(
                %error,
                delivery = delivery.number,
                "the outcome of a delivery to a webhook was not recorded: it is tried again"
            );
        }
    }

    fn verdict(&self, sent: &Sent, attempts: u64, now: SystemTime) -> Verdict {
        if sent.error.is_none() {
            return Verdict::Delivered;
        }
        match self.timing.delay_after(attempts) {
            Some(delay) if !sent.is_gone() => Verdict::Again(now + delay),
            _ => Verdict::Failed,
        }
    }

    /// Counts a try, and logs one that failed. Neither the URL, which may hold a secret, nor the reply, which may
    /// repeat it, is logged.
    fn observe(&self, webhook: &Uuid, delivery: u64, sent: &Sent, verdict: Verdict) {
        let outcome = match verdict {
            Verdict::Delivered => TryOutcome::Delivered,
            Verdict::Again(_) => TryOutcome::Again,
            Verdict::Failed => TryOutcome::Failed,
        };
        self.state.observer().metrics().count_try(outcome);
        let error = match sent.status {
            Some(status) => format!("status {status}"),
            None => sent.error.clone().unwrap_or_default(),
        };
        match verdict {
            Verdict::Delivered => tracing::debug!(%webhook, delivery, "delivered to a webhook"),
            Verdict::Again(_) => {
                tracing::info!(%webhook, delivery, error, "a webhook failed, and is tried again");
            }
            Verdict::Failed => {
                tracing::warn!(%webhook, delivery, error, "a delivery to a webhook is given up");
            }
        }
    }

    fn now(&self) -> SystemTime {
        self.state.clock().now()
    }
}
