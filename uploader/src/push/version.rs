//! Creates the version exactly once. The POST is repeated only when that cannot create a second visible
//! version.
//!
//! A version that awaits its file is invisible until the file has arrived, so an orphan harms nobody, and is
//! only counted. A version without a file is visible at once: after a lost reply, a search looks for its
//! idempotency key in the metadata, repeatedly, since the server may still be creating it. Without a key the
//! outcome cannot be determined, and the error says so.

use std::time::Duration;

use tokio::time::Instant;

use super::idempotency_key::IDEMPOTENCY_KEY;
use super::run::Run;
use crate::api::retry::Attempts;
use crate::api::wire::{CreatedVersion, NewVersion, Version};
use crate::api::{Client, SearchQuery};
use crate::base::error::{Cause, Effect, Error, Phase};
use crate::base::reporter::Event;
use crate::push::receipt::State;

/// A server that was silent for longer than this before the connection broke may still be processing the
/// request.
const PROMPT: Duration = Duration::from_secs(5);

impl Run<'_> {
    /// Creates the version, or returns the one that an earlier run created.
    ///
    /// # Errors
    /// [`Phase::CreateVersion`]. With [`Cause::InDoubt`] a visible version may exist; with any other cause none
    /// does.
    pub(super) async fn create_once(
        &mut self,
        new: &NewVersion<'_>,
    ) -> Result<CreatedVersion, Error> {
        if let Some(made) = self.result_of_earlier_run(new.file).await? {
            return Ok(made);
        }
        let client = self.client;
        let mut attempts = client.attempts();
        loop {
            let content = self.content.clone();
            self.save(|entry| {
                entry.state = State::Making;
                entry.content = content;
            })
            .await?;
            let (name, artifact_type) = (&self.push.name, &self.push.artifact_type);
            let asked = Instant::now();
            let created = client.create_version(name, artifact_type, new).await;
            let Err(error) = created else {
                return created;
            };
            match (error.cause().effect(), new.file) {
                (Effect::None, _) => self.reset_to_planned(0).await,
                (_, true) => self.reset_to_planned(1).await,
                (effect, false) => {
                    let pending = is_pending(effect, asked.elapsed());
                    if let Some(made) = self
                        .search_after_failure(error, pending, &mut attempts)
                        .await?
                    {
                        return Ok(made);
                    }
                    continue;
                }
            }
            if !attempts.wait_before_retry(error.cause()).await {
                return Err(error.after(attempts.made()));
            }
        }
    }

    /// Determines the result of an earlier run's POST whose reply was not received.
    async fn result_of_earlier_run(&mut self, file: bool) -> Result<Option<CreatedVersion>, Error> {
        if self.entry().state != State::Making {
            return Ok(None);
        }
        if file {
            self.reset_to_planned(1).await;
            return Ok(None);
        }
        let Some(key) = self.push.idempotency_key.clone() else {
            let cause =
                Cause::Missing("an earlier run ended before it received the reply".to_owned());
            return Err(self.in_doubt(Error::new(Phase::CreateVersion, cause)));
        };
        // The earlier run may have ended a moment ago, so the server gets time to settle.
        let settle = self.client.attempts().policy().settle;
        let found = self.search_repeatedly(&key, settle).await;
        found.map_err(|error| self.in_doubt(error))
    }

    /// Searches for a version without a file whose POST failed with `error`. Returns `None` when it was not
    /// created and may be tried again, which is never certain while the server may still be processing
    /// (`pending`).
    async fn search_after_failure(
        &mut self,
        error: Error,
        pending: bool,
        attempts: &mut Attempts<'_>,
    ) -> Result<Option<CreatedVersion>, Error> {
        let Some(key) = self.push.idempotency_key.clone() else {
            return Err(self.in_doubt(error));
        };
        // A server that has stopped answering may still be processing for a while.
        let settle = attempts.policy().settle;
        let mut rest = settle;
        loop {
            let longest = attempts.policy().longest_delay_after(attempts.made());
            let delay = attempts.announce(error.cause(), settle.max(longest));
            let time = delay.unwrap_or(rest);
            match self.search_repeatedly(&key, time).await {
                Ok(Some(made)) => return Ok(Some(made)),
                Ok(None) if !pending => {
                    self.reset_to_planned(0).await;
                    let error = error.after(attempts.made());
                    return delay.map_or(Err(error), |_| Ok(None));
                }
                _ if delay.is_some() => {}
                _ => return Err(self.in_doubt(error.after(attempts.made()))),
            }
            rest = Duration::ZERO;
        }
    }

    /// Searches for the version with this idempotency key for at most `time`, with growing pauses. Returns
    /// `None` when the last search did not find it.
    async fn search_repeatedly(
        &self,
        key: &str,
        time: Duration,
    ) -> Result<Option<CreatedVersion>, Error> {
        let client = self.client.once();
        let attempts = self.client.attempts();
        let start = Instant::now();
        for look in 1_u32.. {
            let left = time.saturating_sub(start.elapsed());
            let pause = attempts.policy().longest_delay_after(look);
            tokio::time::sleep(pause.min(left)).await;
            let found = self.search_once(&client, key).await;
            if matches!(found, Ok(Some(_))) || pause >= left {
                return found;
            }
        }
        Ok(None)
    }

    /// Searches once for the version with this idempotency key.
    async fn search_once(
        &self,
        client: &Client,
        key: &str,
    ) -> Result<Option<CreatedVersion>, Error> {
        let query = SearchQuery {
            metadata: vec![(IDEMPOTENCY_KEY.to_owned(), Some(key.to_owned()))],
            ..SearchQuery::default()
        };
        let (name, artifact_type) = (&self.push.name, &self.push.artifact_type);
        let found = client.search(name, artifact_type, &query).await?;
        // A server may ignore the filter of the query.
        let ours = |version: &&Version| version.metadata.get(IDEMPOTENCY_KEY) == Some(key);
        Ok(found.iter().find(ours).map(|found| {
            let slug = self.slug(found.version);
            let there = Event::AlreadyThere { slug: &slug };
            self.client.reporter().report(there);
            CreatedVersion {
                version: found.version,
                upload_path: None,
                upload_token: None,
            }
        }))
    }

    /// Resets the push to planned: no version exists, except for `orphans` possible ones that stay invisible.
    pub(super) async fn reset_to_planned(&mut self, orphans: u32) {
        self.save_or_report(|entry| {
            entry.state = State::Planned;
            entry.content = None;
            entry.possible_orphans += orphans;
        })
        .await;
    }

    /// Marks an error as in doubt, and adds a hint that says how to search for the version.
    fn in_doubt(&self, error: Error) -> Error {
        let (name, artifact_type) = (&self.push.name, &self.push.artifact_type);
        let key = self.push.idempotency_key.as_ref();
        let filter = key.map_or_else(String::new, |key| format!(" -m {IDEMPOTENCY_KEY}={key}"));
        error.in_doubt().with_hint(format!(
            "check whether the version exists before you push again: atlas-upload search {name} --type {artifact_type}{filter}"
        ))
    }
}

/// Returns whether a server may still act on a request that was sent `waited` ago.
fn is_pending(effect: Effect, waited: Duration) -> bool {
    effect == Effect::Pending || (effect == Effect::Unknown && waited > PROMPT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_that_was_long_at_work_when_the_connection_broke_may_still_be() {
        let (soon, late) = (Duration::from_millis(20), Duration::from_secs(60));
        assert!(!is_pending(Effect::Unknown, soon));
        assert!(is_pending(Effect::Unknown, late));
        assert!(is_pending(Effect::Pending, soon));
        assert!(!is_pending(Effect::None, late));
    }
}
