//! A file that is there whole or not at all, and whose place is known to be good before there is anything to write.

use std::{
    fs, io,
    io::Write,
    path::{Path, PathBuf},
};

use tempfile::NamedTempFile;

use super::Form;

/// A draft is a report that is to be written, at a place that was tried. Until then no file of it stands anywhere, so
/// that a program that is stopped leaves none.
#[derive(Debug)]
pub struct Draft {
    file: PathBuf,
}

/// Why a file cannot be written.
#[derive(Debug, thiserror::Error)]
#[error("the report {} cannot be written: {source}", file.display())]
pub struct DraftError {
    file: PathBuf,
    source: io::Error,
}

impl Draft {
    /// Makes sure that reports in these forms can be written there.
    ///
    /// # Errors
    /// A folder does not exist or cannot be written, something else than a file has the place, or two have the same.
    pub fn open_all(
        places: impl IntoIterator<Item = (Form, PathBuf)>,
    ) -> Result<Vec<(Form, Self)>, DraftError> {
        let (mut drafts, mut taken) = (Vec::new(), Vec::new());
        for (form, file) in places {
            let draft = Self::open(file)?;
            match place(&draft.file) {
                Ok(place) if !taken.contains(&place) => taken.push(place),
                found => {
                    let another = io::Error::other("another report is to stand there");
                    let source = found.err().unwrap_or(another);
                    let file = draft.file;
                    return Err(DraftError { file, source });
                }
            }
            drafts.push((form, draft));
        }
        Ok(drafts)
    }

    /// Makes sure that a report can be written there.
    ///
    /// # Errors
    /// As [`Draft::open_all`].
    pub fn open(file: PathBuf) -> Result<Self, DraftError> {
        match begin(&file) {
            Ok(_) => Ok(Self { file }),
            Err(source) => Err(DraftError { file, source }),
        }
    }

    /// Puts the text in the place, or leaves there what was.
    ///
    /// # Errors
    /// There is no text, or the place is no longer good.
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
    // A rename would put the report in the place of a device or a pipe.
    if fs::metadata(file).is_ok_and(|there| !there.is_file()) {
        return Err(io::Error::other("it is there, and is no file"));
    }
    let mut draft = tempfile::Builder::new();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        // As any file of the user, less what the umask takes: reports are for others to read.
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

/// Returns where a file stands, however its path is written. A link to another file is a place of its own: the
/// report replaces the link.
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
    fn a_place_that_is_none_is_known_at_once_and_named() {
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
                error.ends_with("another report is to stand there"),
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
