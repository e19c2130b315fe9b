//! Opens what an emulator keeps its data in: a folder, or a database and a store of files.

use std::path::{Path, PathBuf};
use std::thread;

use super::{Builder, StartError};
use crate::domain::Clock;
use crate::storage::{DurableCatalog, MemoryCatalog, OpenError};

/// The memory for the bytes of uploads under way, in bytes: larger uploads go to the folder as they
/// arrive.
pub(super) const MEMORY: u64 = 32 * 1024 * 1024;

/// The place where an emulator keeps its data.
pub(super) enum Home {
    Folder(PathBuf),
    /// A database, by its URL, and a folder of files, both of which several servers may share.
    Shared {
        database: String,
        files: PathBuf,
    },
}

impl Home {
    /// Returns the place that a builder names; `None` for an emulator in memory.
    ///
    /// # Errors
    /// When the settings contradict each other.
    pub(super) fn of(builder: &mut Builder) -> Result<Option<Self>, StartError> {
        let refused = |reason: &str| Err(StartError::Data(reason.to_owned()));
        let parts = (
            builder.data.take(),
            builder.database.take(),
            builder.blobs.take(),
        );
        match parts {
            (None, None, None) => Ok(None),
            (Some(folder), None, None) => Ok(Some(Self::Folder(folder))),
            (None, Some(database), Some(blobs)) => match folder_of(&blobs) {
                Some(files) => Ok(Some(Self::Shared { database, files })),
                None => refused("the place for files must be a URL like file:///shared/folder"),
            },
            (Some(_), _, _) => refused(
                "data are kept either in a folder or in a database with a place for files, not in both",
            ),
            _ => refused(
                "a database needs a place for files, and a place for files needs a database",
            ),
        }
    }

    /// Returns the folder for files, and for the bytes of uploads under way.
    pub(super) fn files(&self) -> &Path {
        match self {
            Self::Folder(folder) => folder,
            Self::Shared { files, .. } => files,
        }
    }
}

/// Returns the folder of a URL.
fn folder_of(url: &str) -> Option<PathBuf> {
    let path = Path::new(url.strip_prefix("file://")?);
    path.is_absolute().then(|| path.to_owned())
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
            let runtime = tokio::runtime::Builder::new_current_thread().build()?;
            runtime.block_on(async {
                let catalog = match home {
                    Home::Folder(folder) => DurableCatalog::open(folder, clock).await,
                    Home::Shared { database, files } => {
                        DurableCatalog::connect(database, files, clock).await
                    }
                }?;
                let catalog = catalog.keep_free(home.files(), least_free);
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
    use super::*;

    #[test]
    fn a_home_is_a_folder_or_a_database_with_a_place_for_files() {
        let home = |change: fn(Builder) -> Builder| Home::of(&mut change(Builder::default()));
        assert!(home(|builder| builder).unwrap().is_none());
        let folder = home(|builder| builder.data("/a")).unwrap().unwrap();
        assert_eq!(folder.files(), Path::new("/a"));
        let shared = home(|builder| builder.database("postgres://db/a").blobs("file:///b"));
        assert_eq!(shared.unwrap().unwrap().files(), Path::new("/b"));
        let wrong: [fn(Builder) -> Builder; 5] = [
            |builder| builder.database("postgres://db/a"),
            |builder| builder.blobs("file:///b"),
            |builder| builder.data("/a").blobs("file:///b"),
            |builder| builder.database("postgres://db/a").blobs("/b"),
            |builder| builder.database("postgres://db/a").blobs("file://b"),
        ];
        for wrong in wrong {
            assert!(matches!(home(wrong), Err(StartError::Data(_))));
        }
    }
}
