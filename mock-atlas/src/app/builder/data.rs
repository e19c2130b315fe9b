//! Opens what an emulator keeps its data in: a folder, or a database and a store of files.

use std::path::PathBuf;
use std::thread;
use std::time::Duration;

use super::{Builder, StartError};
use crate::domain::Clock;
use crate::storage::{
    CheckReport, DurableCatalog, Location, LocationError, MemoryCatalog, OpenError,
};

/// The memory for the bytes of uploads under way, in bytes: larger uploads go to the folder as they
/// arrive.
pub(super) const MEMORY: u64 = 32 * 1024 * 1024;

/// The time for which deleted files are still there for downloads under way.
pub(super) const GRACE: Duration = Duration::from_secs(60 * 60);

/// The place where an emulator keeps its data.
pub(super) enum Home {
    /// A folder, with the place for the bytes of files if that is not the folder.
    Folder {
        folder: PathBuf,
        blobs: Option<Location>,
    },
    /// A database, by its URL, and a place for the bytes of files, both of which several servers may share.
    Shared { database: String, blobs: Location },
}

impl Home {
    /// Returns the place that a builder names; `None` for an emulator in memory.
    ///
    /// # Errors
    /// When the settings contradict each other, or a URL names no place for files.
    pub(super) fn of(builder: &mut Builder) -> Result<Option<Self>, StartError> {
        let refused = |reason: &str| Err(StartError::Data(reason.to_owned()));
        let blobs = builder.blobs.take().map(|url| url.parse()).transpose();
        let blobs = blobs.map_err(|error: LocationError| StartError::Data(error.to_string()))?;
        if builder.http.redirects_downloads && !matches!(blobs, Some(Location::S3(_))) {
            return refused(
                "downloads can be redirected only to a bucket of S3: name one with --blobs s3://bucket/prefix, or \
                 leave --redirect-downloads out",
            );
        }
        match (builder.data.take(), builder.database.take(), blobs) {
            (None, None, None) => Ok(None),
            (Some(folder), None, blobs) => Ok(Some(Self::Folder { folder, blobs })),
            (None, Some(database), Some(blobs)) => Ok(Some(Self::Shared { database, blobs })),
            (Some(_), Some(_), _) => {
                refused("data are kept either in a folder or in a database, not in both")
            }
            (None, ..) => refused(
                "a database needs a place for files, and a place for files needs a database or a folder",
            ),
        }
    }

    /// Returns the place that a builder names, which must name one.
    ///
    /// # Errors
    /// The errors of [`Home::of`], and when the builder names none.
    pub(super) fn required(builder: &mut Builder) -> Result<Self, StartError> {
        let none =
            "there is no place for data: name it with --data, or with --database and --blobs";
        Self::of(builder)?.ok_or_else(|| StartError::Data(none.to_owned()))
    }

    /// Returns the folder for the bytes of uploads under way.
    pub(super) fn scratch(&self) -> PathBuf {
        match self {
            Self::Folder { folder, .. } => folder.clone(),
            Self::Shared { blobs, .. } => blobs.scratch(),
        }
    }

    /// Opens the place beside a server that may have it.
    ///
    /// # Errors
    /// When it cannot be used, or was never used.
    pub(super) async fn open_beside(&self, clock: Clock) -> Result<DurableCatalog, OpenError> {
        match self {
            Self::Folder { folder, blobs } => {
                DurableCatalog::open_beside(folder, blobs.as_ref(), clock).await
            }
            Self::Shared { .. } => self.open(clock).await,
        }
    }

    /// Makes the database of the place anew, of what lies beside the files.
    ///
    /// # Errors
    /// When there is a database, or the place cannot be used.
    pub(super) async fn rebuild(
        &self,
        clock: Clock,
        token: String,
    ) -> Result<CheckReport, OpenError> {
        match self {
            Self::Folder { folder, blobs } => {
                DurableCatalog::rebuild_in(folder, blobs.as_ref(), clock, token).await
            }
            Self::Shared { database, blobs } => {
                DurableCatalog::rebuild_shared(database, blobs, clock, token).await
            }
        }
    }

    /// Returns the place as a tool that is no server uses it: servers can be told from it by the name of their
    /// connections.
    pub(super) fn of_tool(self) -> Self {
        match self {
            Self::Shared { database, blobs } if !database.contains("application_name") => {
                let before = if database.contains('?') { '&' } else { '?' };
                let database = format!("{database}{before}application_name=mock-atlas-move");
                Self::Shared { database, blobs }
            }
            other => other,
        }
    }

    /// Opens the place.
    ///
    /// # Errors
    /// When it cannot be used.
    pub(super) async fn open(&self, clock: Clock) -> Result<DurableCatalog, OpenError> {
        match self {
            Self::Folder { folder, blobs } => {
                DurableCatalog::open(folder, blobs.as_ref(), clock).await
            }
            Self::Shared { database, blobs } => {
                DurableCatalog::connect(database, blobs, clock).await
            }
        }
    }
}

/// The root token of a start.
pub(super) struct RootToken {
    /// The token that was set; `None` to go on with the one that is kept.
    pub(super) given: Option<String>,
    /// The token of a home that has none yet.
    pub(super) random: String,
}

/// Opens a home, and fills a new one with the initial contents. Returns the root token if one was
/// made. Blocks while it does, which is short unless the initial contents are large or a database does not
/// answer.
///
/// # Errors
/// [`StartError::Data`].
pub(super) fn open(
    home: &Home,
    least_free: u64,
    token: RootToken,
    initial: &MemoryCatalog,
    clock: Clock,
) -> Result<(DurableCatalog, Option<String>), StartError> {
    let opened = thread::scope(|scope| {
        let opening = scope.spawn(|| {
            // The caller may be a task of a runtime, which cannot run another on its thread.
            let runtime = tokio::runtime::Builder::new_current_thread();
            let runtime = { runtime }.enable_all().build()?;
            runtime.block_on(async {
                let catalog = home.open(clock).await?;
                let catalog = catalog.keep_free(&home.scratch(), least_free);
                let made = set_up(&catalog, token, initial).await?;
                Ok((catalog, made))
            })
        });
        opening.join()
    });
    let opened = opened.map_err(|_| StartError::Data("the data could not be opened".to_owned()))?;
    opened.map_err(|error: OpenError| StartError::Data(error.to_string()))
}

/// Fills a catalog that was never in use, or sets the root token of one that was. Returns the root token if
/// one was made.
async fn set_up(
    catalog: &DurableCatalog,
    token: RootToken,
    initial: &MemoryCatalog,
) -> Result<Option<String>, OpenError> {
    if catalog.is_new().await? {
        let root = token.given.clone().unwrap_or(token.random);
        let filled = catalog.fill(initial.export(), root.clone()).await;
        if filled.map_err(|error| OpenError::Fill(error.to_string()))? {
            return Ok(token.given.is_none().then_some(root));
        }
    }
    if let Some(given) = token.given {
        let set = catalog.set_root_token(given).await;
        set.map_err(|error| OpenError::RootToken(error.to_string()))?;
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn a_home_is_a_folder_or_a_database_with_a_place_for_files() {
        let home = |change: fn(Builder) -> Builder| Home::of(&mut change(Builder::default()));
        assert!(home(|builder| builder).unwrap().is_none());
        let folder = home(|builder| builder.data("/a")).unwrap().unwrap();
        assert_eq!(folder.scratch(), Path::new("/a"));
        let shared = home(|builder| builder.database("postgres://db/a").blobs("file:///b"));
        assert_eq!(shared.unwrap().unwrap().scratch(), Path::new("/b"));
        let both = home(|builder| builder.data("/a").blobs("s3://b"));
        assert_eq!(both.unwrap().unwrap().scratch(), Path::new("/a"));
        let redirects = home(|builder| builder.data("/a").blobs("s3://b").redirect_downloads());
        assert!(redirects.unwrap().is_some());
        let wrong: [fn(Builder) -> Builder; 8] = [
            |builder| builder.database("postgres://db/a"),
            |builder| builder.blobs("file:///b"),
            |builder| builder.data("/a").database("postgres://db/a"),
            |builder| builder.database("postgres://db/a").blobs("/b"),
            |builder| builder.database("postgres://db/a").blobs("file://b"),
            |builder| builder.redirect_downloads(),
            |builder| builder.data("/a").redirect_downloads(),
            |builder| builder.data("/a").blobs("file:///b").redirect_downloads(),
        ];
        for wrong in wrong {
            assert!(matches!(home(wrong), Err(StartError::Data(_))));
        }
    }
}
