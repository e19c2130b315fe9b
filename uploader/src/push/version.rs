//! Makes the version, once. Its POST is repeated only when that cannot make a second one that
//! somebody sees.
//!
//! A version that awaits its file is invisible until the file has come, so that an orphan harms
//! nobody, and is counted. One without a file is seen at once: after a reply that was lost it is
//! looked for by the mark in its metadata, more than once, since the server may be slower to make it
//! than we are to ask. Without a mark nobody can know, and that is said.

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

/// A server that was silent for longer before the connection broke was at work, and may still be.
const PROMPT: Duration = Duration::from_secs(5);

impl Run<'_> {
    /// # Errors
    /// [`Phase::CreateVersion`]. [`Cause::InDoubt`] when it is not known whether there is a version
    /// now that everybody sees; with any other cause there is none.
    pub(super) async fn make(&mut self, new: &NewVersion<'_>) -> Result<CreatedVersion, Error> {
        if let Some(made) = self.made_earlier(new.file).await? {
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
                (Effect::None, _) => self.unmade(0).await,
                (_, true) => self.unmade(1).await,
                (effect, false) => {
                    let pending = is_pending(effect, asked.elapsed());
                    if let Some(made) = self.look(error, pending, &mut attempts).await? {
                        return Ok(made);
                    }
                    continue;
                }
            }
            if !attempts.again(error.cause()).await {
                return Err(error.after(attempts.made()));
            }
        }
    }

    /// What became of the POST of an earlier run that ended without its reply.
    async fn made_earlier(&mut self, file: bool) -> Result<Option<CreatedVersion>, Error> {
        if self.entry().state != State::Making {
            return Ok(None);
        }
        if file {
            self.unmade(1).await;
            return Ok(None);
        }
        let Some(mark) = self.push.idempotency_key.clone() else {
            let cause = Cause::Missing("an earlier run ended before it had the reply".to_owned());
            return Err(self.doubt(Error::new(Phase::CreateVersion, cause)));
        };
        // It may have ended a moment ago.
        let settle = self.client.attempts().policy().settle;
        let found = self.look_for(&mark, settle).await;
        found.map_err(|error| self.doubt(error))
    }

    /// Looks for a version without a file whose POST failed with `error`. `None`: it was not made,
    /// and it may be tried again. While the server may still be at work, that is never certain.
    async fn look(
        &mut self,
        error: Error,
        pending: bool,
        attempts: &mut Attempts<'_>,
    ) -> Result<Option<CreatedVersion>, Error> {
        let Some(mark) = self.push.idempotency_key.clone() else {
            return Err(self.doubt(error));
        };
        // A server that does not answer any more may still be at work for a while.
        let settle = attempts.policy().settle;
        let mut rest = settle;
        loop {
            let longest = attempts.policy().longest_delay_after(attempts.made());
            let delay = attempts.announce(error.cause(), settle.max(longest));
            let time = delay.unwrap_or(rest);
            match self.look_for(&mark, time).await {
                Ok(Some(made)) => return Ok(Some(made)),
                Ok(None) if !pending => {
                    self.unmade(0).await;
                    let error = error.after(attempts.made());
                    return delay.map_or(Err(error), |_| Ok(None));
                }
                _ if delay.is_some() => {}
                _ => return Err(self.doubt(error.after(attempts.made()))),
            }
            rest = Duration::ZERO;
        }
    }

    /// Looks for the version with this mark until so much time has passed, with longer and longer
    /// pauses. `None`: it was not there even then.
    async fn look_for(&self, mark: &str, time: Duration) -> Result<Option<CreatedVersion>, Error> {
        let client = self.client.once();
        let attempts = self.client.attempts();
        let start = Instant::now();
        for look in 1_u32.. {
            let left = time.saturating_sub(start.elapsed());
            let pause = attempts.policy().longest_delay_after(look);
            tokio::time::sleep(pause.min(left)).await;
            let found = self.find(&client, mark).await;
            if matches!(found, Ok(Some(_))) || pause >= left {
                return found;
            }
        }
        Ok(None)
    }

    /// The version with this mark.
    async fn find(&self, client: &Client, mark: &str) -> Result<Option<CreatedVersion>, Error> {
        let query = SearchQuery {
            metadata: vec![(IDEMPOTENCY_KEY.to_owned(), Some(mark.to_owned()))],
            ..SearchQuery::default()
        };
        let (name, artifact_type) = (&self.push.name, &self.push.artifact_type);
        let found = client.search(name, artifact_type, &query).await?;
        // A server may overlook the filter.
        let ours = |version: &&Version| version.metadata.get(IDEMPOTENCY_KEY) == Some(mark);
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

    /// No version was made, but for so many that nobody will ever see.
    pub(super) async fn unmade(&mut self, orphans: u32) {
        self.note(|entry| {
            entry.state = State::Planned;
            entry.content = None;
            entry.possible_orphans += orphans;
        })
        .await;
    }

    fn doubt(&self, error: Error) -> Error {
        let (name, artifact_type) = (&self.push.name, &self.push.artifact_type);
        let mark = self.push.idempotency_key.as_ref();
        let filter = mark.map_or_else(String::new, |mark| format!(" -m {IDEMPOTENCY_KEY}={mark}"));
        error.in_doubt().with_hint(format!(
            "look whether it is there before you push again: atlas-upload search {name} --type {artifact_type}{filter}"
        ))
    }
}

/// Whether a server may still do what it was asked so long ago.
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
