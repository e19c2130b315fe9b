//! A draft writes the file of a report atomically, at a path that was tested before the run.

use std::{
    fs, io,
    io::Write,
    path::{Path, PathBuf},
};

use tempfile::NamedTempFile;

use super::Form;

/// A `Draft` holds the path of a report that is still to be written. The path was tested, but there is no file yet, so
/// that a program that is stopped leaves none behind.
#[derive(Debug)]
pub struct Draft {
    file: PathBuf,
}

/// The reason why a report cannot be written.
#[derive(Debug, thiserror::Error)]
#[error("the report {} cannot be written: {source}", file.display())]
pub struct DraftError {
    file: PathBuf,
    source: io::Error,
}

impl Draft {
    /// Checks that a report can be written to each of these paths.
    ///
    /// # Errors
    /// Fails when a folder does not exist or cannot be written, when a path names something other than a file, or when
    /// two paths name the same file.
    pub fn open_all(
        places: impl IntoIterator<Item = (Form, PathBuf)>,
    ) -> Result<Vec<(Form, Self)>, DraftError> {
        let (mut drafts, mut taken) = (Vec::new(), Vec::new());
        for (form, file) in places {
            let draft = Self::open(file)?;
            match place(&draft.file) {
                Ok(place) if !taken.contains(&place) => taken.push(place),
                found => {
                    let another = io::Error::other("another report has the same path");
                    let source = found.err().unwrap_or(another);
                    let file = draft.file;
                    return Err(DraftError { file, source });
                }
            }
            drafts.push((form, draft));
        }
        Ok(drafts)
    }

    /// Checks that a report can be written to this path.
    ///
    /// # Errors
    /// Fails as [`Draft::open_all`] does.
    pub fn open(file: PathBuf) -> Result<Self, DraftError> {
        match begin(&file) {
            Ok(_) => Ok(Self { file }),
            Err(source) => Err(DraftError { file, source }),
        }
    }

    /// Replaces the file by the text, or leaves it unchanged.
    ///
    /// # Errors
    /// Fails when `text` is an error, or when the file cannot be written any more.
    pub fn write(self, text: io::Result<String>) -> Result<(), DraftError> {
        let Self { file } = self;
        text.and_then(|text| put(&file, &text))
            .map_err(|source| DraftError { file, source })
    }
}

fn put(file: &Path, text: &str) -> io::Result<()> {
    let mut draft = begin(file)?;
    draft.write_all(text.as_bytes())?;
    draft.persist(file).map_err(|lost| lost.error)?;
    Ok(())
}

fn begin(file: &Path) -> io::Result<NamedTempFile> {
    // The final rename would replace a device or a pipe.
    if fs::metadata(file).is_ok_and(|metadata| !metadata.is_file()) {
        return Err(io::Error::other("it exists and is not a regular file"));
    }
    let mut draft = tempfile::Builder::new();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        // Temporary files are private by default; reports get the usual permissions, less the umask.
        draft.permissions(fs::Permissions::from_mode(0o666));
    }
    draft
        .prefix(".atlas-contract-")
        .tempfile_in(folder_of(file)?)
}

fn folder_of(file: &Path) -> io::Result<&Path> {
    match file.parent() {
        None => Err(io::ErrorKind::InvalidInput.into()),
        Some(here) if here.as_os_str().is_empty() => Ok(Path::new(".")),
        Some(folder) => Ok(folder),
    }
}

/// Returns the canonical path of a file. A link to another file keeps its own path: the report replaces the link.
fn place(file: &Path) -> io::Result<PathBuf> {
    let folder = folder_of(file)?.canonicalize()?;
    Ok(folder.join(file.file_name().unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_takes_the_place_of_another_and_leaves_no_draft() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("report.json");
        for text in ["a longer one", "short"] {
            put(&file, text).unwrap();
            assert_eq!(fs::read_to_string(&file).unwrap(), text);
        }
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn until_a_report_is_written_nothing_stands_at_its_place_nor_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        let draft = Draft::open(folder.path().join("report.json")).unwrap();
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
        draft.write(Ok("text".to_owned())).unwrap();
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_path_that_cannot_be_written_is_named_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let missing = folder.path().join("missing/report.json");
        for file in [missing.as_path(), folder.path(), Path::new("/dev/null")] {
            let error = Draft::open_all([(Form::Html, file.to_owned())]).unwrap_err();
            let error = error.to_string();
            assert!(error.contains(&file.display().to_string()), "{error}");
        }
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn two_reports_have_not_the_same_place_however_it_is_written() {
        let folder = tempfile::tempdir().unwrap();
        let inner = folder.path().join("inner");
        fs::create_dir(&inner).unwrap();
        let file = folder.path().join("report");
        let other = folder.path().join("other");
        let open = |second: &Path| {
            let files = [(Form::Json, file.clone()), (Form::Html, second.to_owned())];
            Draft::open_all(files).map_err(|error| error.to_string())
        };
        for same in [file.clone(), inner.join("../report")] {
            let error = open(&same).unwrap_err();
            assert!(
                error.ends_with("another report has the same path"),
                "{error}"
            );
        }
        assert_eq!(open(&other).map(|drafts| drafts.len()), Ok(2));
    }

    #[test]
    fn a_folder_that_goes_away_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("report.json");
        let draft = Draft::open(file).unwrap();
        fs::remove_dir_all(folder.path()).unwrap();
        assert!(draft.write(Ok("text".to_owned())).is_err());
    }
}
