//! Makes the version, once. Its POST is repeated only when that cannot make a second one that
//! somebody sees.
//!
//! A version that awaits its file is invisible until the file has come, so that an orphan harms
//! nobody, and is counted. One without a file is there at once: after a reply that was lost it is
//! looked for by the mark in its metadata. Without a mark nobody can know, and that is said.

use std::time::Duration;

use tokio::time::Instant;

use super::marks::MARK_KEY;
use super::run::Run;
use crate::client::SearchQuery;
use crate::error::{Cause, Effect, Error, Phase};
use crate::receipt::State;
use crate::reporter::Event;
use crate::retry::Attempts;
use crate::wire::{CreatedVersion, NewVersion, Version};

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
        let Some(mark) = self.push.mark.clone() else {
            let cause = Cause::Missing("an earlier run ended before it had the reply".to_owned());
            return Err(self.doubt(Error::new(Phase::CreateVersion, cause)));
        };
        let found = find(self, &mark, false).await;
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
        let Some(mark) = self.push.mark.clone() else {
            return Err(self.doubt(error));
        };
        loop {
            let more = attempts.again_slowly(error.cause()).await;
            match find(self, &mark, error.cause().is_transient()).await {
                Ok(Some(made)) => return Ok(Some(made)),
                Ok(None) if !pending => {
                    self.unmade(0).await;
                    let error = error.after(attempts.made());
                    return if more { Ok(None) } else { Err(error) };
                }
                _ if more => {}
                _ => return Err(self.doubt(error.after(attempts.made()))),
            }
        }
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
        let mark = self.push.mark.as_ref();
        let filter = mark.map_or_else(String::new, |mark| format!(" -m {MARK_KEY}={mark}"));
        error.in_doubt().advise(format!(
            "look whether it is there before you push again: atlas-upload search {name} --type {artifact_type}{filter}"
        ))
    }
}

/// Whether a server may still do what it was asked so long ago.
fn is_pending(effect: Effect, waited: Duration) -> bool {
    effect == Effect::Pending || (effect == Effect::Unknown && waited > PROMPT)
}

/// The version with this mark.
async fn find(run: &Run<'_>, mark: &str, once: bool) -> Result<Option<CreatedVersion>, Error> {
    let query = SearchQuery {
        metadata: vec![(MARK_KEY.to_owned(), Some(mark.to_owned()))],
        ..SearchQuery::default()
    };
    let client = if once {
        run.client.once()
    } else {
        run.client.clone()
    };
    let (name, artifact_type) = (&run.push.name, &run.push.artifact_type);
    let found = client.search(name, artifact_type, &query).await?;
    // A server may overlook the filter.
    let ours = |version: &&Version| version.metadata.get(MARK_KEY) == Some(mark);
    Ok(found.iter().find(ours).map(|found| {
        let slug = run.slug(found.version);
        let there = Event::AlreadyThere { slug: &slug };
        run.client.reporter().report(there);
        CreatedVersion {
            version: found.version,
            upload_path: None,
            upload_token: None,
        }
    }))
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
