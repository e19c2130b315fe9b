//! A journal records on disk what a run is about to make, before the request is sent, so that a run that ends early
//! leaves a list of what it made.
//!
//! Each event is a line of JSON. The first line names the run and its server. Each write is announced before it is
//! sent, and a second line records the reply. The journal never contains a token or an upload path.

pub mod place;
mod record;

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write},
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use serde::{Deserialize, Serialize};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};
use tokio::task::spawn_blocking;

use crate::safety::run_prefix::RunPrefix;
use place::Place;

pub use record::{Record, RecordError};

/// An object that a write creates on the server, unless the server refuses the write.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CreatedObject {
    /// An artifact with this slug, `USER/NAME`.
    Artifact(String),
    /// A version of a type.
    Version {
        /// The artifact's slug.
        artifact: String,
        /// The artifact type.
        #[serde(rename = "type")]
        kind: String,
    },
    /// A box with this name, `USER/NAME`, or an object within it.
    Box(String),
    /// A token with this description.
    Token(String),
    /// An access token of the operator's client, which expires by itself.
    AccessToken,
    /// The file of the version announced before it, with this number of bytes. The upload path is a secret, so it is
    /// not recorded.
    File(usize),
}

/// The first line of a journal, which identifies the run and its server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    /// The prefix of every name that the run makes.
    pub run: RunPrefix,
    /// The server's address, without `/api/v1`.
    pub server: String,
    /// The user or organisation whose artifacts the run makes.
    pub namespace: String,
    /// The name of the public artifact in which the run makes versions of its own types.
    pub public_artifact: Option<String>,
}

/// A line of a journal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// The run began.
    Begin(Header),
    /// A request is about to be sent.
    Write {
        /// The number of the write, from 1.
        number: u64,
        /// The object that the request makes.
        makes: CreatedObject,
    },
    /// The server answered a write.
    Reply {
        /// The number of the write.
        number: u64,
        /// The status of the reply.
        status: u16,
        /// The number of the version that was made.
        #[serde(skip_serializing_if = "Option::is_none")]
        version: Option<u64>,
    },
    /// The run ended.
    End,
}

#[derive(Serialize)]
struct Line<'a> {
    time: String,
    #[serde(flatten)]
    event: &'a Event,
}

/// The file of a journal, to which only complete lines are appended.
struct Lines {
    file: File,
    broken: bool,
}

/// The journal of a run in progress. A journal without a write is removed on drop, however the run ends.
pub struct Journal {
    path: PathBuf,
    lines: Arc<Mutex<Lines>>,
    writes: Arc<AtomicU64>,
}

/// The reason why a journal cannot be created.
#[derive(Debug, thiserror::Error)]
#[error("{}: {error}", .path.display())]
pub struct JournalError {
    /// The file, or the folder that cannot be created for it.
    pub path: PathBuf,
    /// The cause.
    pub error: io::Error,
}

impl Journal {
    /// Creates the journal of a run in a new file that only its owner may read.
    ///
    /// # Errors
    /// Fails when the file exists, or cannot be written.
    pub async fn create(place: Place, begin: Header) -> Result<Self, JournalError> {
        let named = place.path().to_owned();
        let created = spawn_blocking(move || {
            let failed = |path: &Path, error| JournalError {
                path: path.to_owned(),
                error,
            };
            let path = place.file(&begin.run);
            let path = path.map_err(|error| failed(place.path(), error))?;
            Self::begin(path.clone(), begin).map_err(|error| failed(&path, error))
        });
        created.await.unwrap_or_else(|error| {
            Err(JournalError {
                path: named,
                error: io::Error::other(error),
            })
        })
    }

    fn begin(path: PathBuf, begin: Header) -> io::Result<Self> {
        let file = private(&path)?;
        let lines = Lines {
            file,
            broken: false,
        };
        // The journal is constructed now, so that its drop removes the file if a step below fails.
        let journal = Self {
            path,
            lines: Arc::new(Mutex::new(lines)),
            writes: Arc::default(),
        };
        journal.lock().append(&Event::Begin(begin))?;
        // The entry of a new file is durable only once its folder is synced.
        let folder = journal.path.parent();
        let folder = folder.filter(|folder| !folder.as_os_str().is_empty());
        File::open(folder.unwrap_or(Path::new(".")))?.sync_all()?;
        Ok(journal)
    }

    fn lock(&self) -> MutexGuard<'_, Lines> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the path of the file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the number of writes that were announced.
    pub fn writes(&self) -> u64 {
        self.writes.load(Ordering::Relaxed)
    }

    /// Records on disk what the next request makes, and returns the number of the write. The request may be sent only
    /// afterwards.
    ///
    /// # Errors
    /// Fails when the journal cannot be written.
    pub(crate) async fn announce(&self, object: CreatedObject) -> io::Result<u64> {
        let (lines, writes) = (self.lines.clone(), self.writes.clone());
        blocking(move || {
            // The number is assigned under the lock: several clauses write at a time, and the lines must be in the
            // order of their numbers.
            let mut lines = lines.lock().unwrap_or_else(PoisonError::into_inner);
            let number = writes.load(Ordering::Relaxed) + 1;
            lines.append(&Event::Write {
                number,
                makes: object,
            })?;
            writes.store(number, Ordering::Relaxed);
            Ok(number)
        })
        .await
    }

    /// Records the reply to the write of that number.
    ///
    /// # Errors
    /// Fails when the journal cannot be written.
    pub(crate) async fn answered(
        &self,
        number: u64,
        status: u16,
        version: Option<u64>,
    ) -> io::Result<()> {
        self.append(Event::Reply {
            number,
            status,
            version,
        })
        .await
    }

    /// Ends the journal. A journal without a write is removed.
    ///
    /// # Errors
    /// Fails when the file cannot be written or removed.
    pub async fn end(&self) -> io::Result<()> {
        if self.writes() > 0 {
            return self.append(Event::End).await;
        }
        let path = self.path.clone();
        blocking(move || fs::remove_file(path)).await
    }

    /// Redirects all further lines to a device that is always full.
    #[cfg(test)]
    pub(crate) fn on_a_full_disk(self) -> Self {
        self.put_on("/dev/full");
        self
    }

    #[cfg(test)]
    fn put_on(&self, path: impl AsRef<Path>) {
        let file = OpenOptions::new().append(true).open(path);
        self.lock().file = file.unwrap();
    }

    async fn append(&self, event: Event) -> io::Result<()> {
        let lines = self.lines.clone();
        blocking(move || {
            let mut lines = lines.lock().unwrap_or_else(PoisonError::into_inner);
            lines.append(&event)
        })
        .await
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        if self.writes() == 0 {
            // The file may be removed already; a file that cannot be removed does no harm, since it records no write.
            let _ = fs::remove_file(&self.path);
        }
    }
}

impl Header {
    /// Tells whether an object has a name of this run. A run makes no other objects, and a cleanup removes no others.
    pub fn is_of_the_run(&self, object: &CreatedObject) -> bool {
        let own = |name: &str| name.starts_with(self.run.as_str());
        match object {
            CreatedObject::Artifact(slug) | CreatedObject::Box(slug) => {
                self.name_in(slug).is_some_and(own)
            }
            CreatedObject::Version { artifact, kind } => {
                self.name_in(artifact).is_some_and(|name| {
                    own(name) || (self.public_artifact.as_deref() == Some(name) && own(kind))
                })
            }
            CreatedObject::Token(description) => own(description),
            CreatedObject::File(_) | CreatedObject::AccessToken => true,
        }
    }

    fn name_in<'s>(&self, slug: &'s str) -> Option<&'s str> {
        let (user, name) = slug.split_once('/')?;
        (user == self.namespace).then_some(name)
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    spawn_blocking(work).await.map_err(io::Error::other)?
}

fn private(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.append(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

impl Lines {
    /// Appends one line. After a failed append the last line may be incomplete, and a further line could not be read,
    /// so every later append fails.
    fn append(&mut self, event: &Event) -> io::Result<()> {
        if self.broken {
            return Err(io::Error::other("an earlier line could not be written"));
        }
        let now = OffsetDateTime::now_utc();
        let time = now.format(&Rfc3339).map_err(io::Error::other)?;
        let mut line = serde_json::to_vec(&Line { time, event })?;
        line.push(b'\n');
        let written = self.file.write_all(&line);
        let written = written.and_then(|()| self.file.sync_data());
        self.broken = written.is_err();
        written
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn begin() -> Header {
        Header {
            run: RunPrefix::fresh(),
            server: "http://a.test".to_owned(),
            namespace: "acme".to_owned(),
            public_artifact: Some("public".to_owned()),
        }
    }

    async fn journal(folder: &Path, begin: &Header) -> Journal {
        let place = Place::Named(folder.join("run.jsonl"));
        Journal::create(place, begin.clone()).await.unwrap()
    }

    #[tokio::test]
    async fn what_was_announced_is_read_again_with_its_reply() {
        let (folder, begin) = (tempfile::tempdir().unwrap(), begin());
        let journal = journal(folder.path(), &begin).await;
        let slug = format!("acme/{}x", begin.run.as_str());
        let version = CreatedObject::Version {
            artifact: "acme/public".to_owned(),
            kind: format!("{}x", begin.run.as_str()),
        };
        let first = journal
            .announce(CreatedObject::Artifact(slug.clone()))
            .await
            .unwrap();
        journal.announce(version.clone()).await.unwrap();
        journal.answered(first, 200, None).await.unwrap();
        let record = Record::read(journal.path()).unwrap();
        assert_eq!(record.begin, begin);
        assert_eq!(
            record.writes,
            [(CreatedObject::Artifact(slug), Some(200)), (version, None)]
        );
    }

    #[tokio::test]
    async fn a_line_that_broke_off_is_no_event_and_any_other_is_named() {
        let (folder, begin) = (tempfile::tempdir().unwrap(), begin());
        let journal = journal(folder.path(), &begin).await;
        let mut text = fs::read_to_string(journal.path()).unwrap();
        text += r#"{"event":"write","num"#;
        fs::write(journal.path(), &text).unwrap();
        assert_eq!(Record::read(journal.path()).unwrap().writes, []);
        fs::write(journal.path(), format!("{text}\n")).unwrap();
        let error = Record::read(journal.path()).unwrap_err().to_string();
        assert!(error.contains("run.jsonl:2: "), "{error}");
    }

    #[tokio::test]
    async fn nothing_of_another_run_is_taken_for_this_ones() {
        let (folder, begin) = (tempfile::tempdir().unwrap(), begin());
        let journal = journal(folder.path(), &begin).await;
        journal
            .announce(CreatedObject::Artifact("acme/web".to_owned()))
            .await
            .unwrap();
        let error = Record::read(journal.path()).unwrap_err().to_string();
        assert!(
            error.ends_with(":2: the write does not belong to the run"),
            "{error}"
        );
        let own = |object| begin.is_of_the_run(&object);
        let name = format!("{}x", begin.run.as_str());
        assert!(!own(CreatedObject::Artifact(format!("other/{name}"))));
        assert!(!own(CreatedObject::Artifact("acme/public".to_owned())));
        assert!(!own(CreatedObject::Version {
            artifact: "acme/public".to_owned(),
            kind: "archive".to_owned()
        }));
        assert!(!own(CreatedObject::Token("laptop".to_owned())));
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn behind_a_line_that_could_not_be_written_there_is_no_other() {
        let (folder, begin) = (tempfile::tempdir().unwrap(), begin());
        let journal = journal(folder.path(), &begin).await.on_a_full_disk();
        assert!(journal.announce(CreatedObject::File(1)).await.is_err());
        journal.put_on(journal.path());
        let error = journal.announce(CreatedObject::File(2)).await.unwrap_err();
        assert!(error.to_string().contains("earlier line"), "{error}");
        assert_eq!(Record::read(journal.path()).unwrap().writes, []);
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn its_owner_alone_may_read_it_and_it_replaces_no_file() {
        use std::os::unix::fs::PermissionsExt;
        let (folder, begin) = (tempfile::tempdir().unwrap(), begin());
        let first = journal(folder.path(), &begin).await;
        let mode = fs::metadata(first.path()).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let second = Journal::create(Place::Named(first.path().to_owned()), begin).await;
        let refused = second.err().unwrap();
        assert_eq!(refused.error.kind(), io::ErrorKind::AlreadyExists);
        assert!(first.path().exists());
    }

    #[tokio::test]
    async fn a_journal_of_no_write_does_not_stay() {
        let (folder, begin) = (tempfile::tempdir().unwrap(), begin());
        for ended in [true, false] {
            let journal = journal(folder.path(), &begin).await;
            assert!(journal.path().exists());
            if ended {
                journal.end().await.unwrap();
            }
            drop(journal);
            assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
        }
    }
}
