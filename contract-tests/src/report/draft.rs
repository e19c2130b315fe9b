//! A file that is there whole or not at all, and whose place is known to be good before there is anything to write.

use std::{
    fs, io,
    io::Write,
    path::{Path, PathBuf},
};

use tempfile::NamedTempFile;

use super::{Form, Report};

/// A report that is to be written; until then, a hidden file stands beside its place.
#[derive(Debug)]
pub struct Draft {
    form: Form,
    file: PathBuf,
    draft: NamedTempFile,
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
    ) -> Result<Vec<Self>, DraftError> {
        let mut drafts: Vec<Self> = Vec::new();
        for (form, file) in places {
            let begun = if drafts.iter().any(|draft| draft.file == file) {
                Err(io::Error::other("another report is to stand there"))
            } else {
                begin(&file)
            };
            match begun {
                Ok(draft) => drafts.push(Self { form, file, draft }),
                Err(source) => return Err(DraftError { file, source }),
            }
        }
        Ok(drafts)
    }

    /// Puts the report in the place, or leaves there what was.
    ///
    /// # Errors
    /// The place is no longer good.
    pub fn write(self, report: &Report) -> Result<(), DraftError> {
        let Self { form, file, draft } = self;
        form.write(report)
            .and_then(|text| put(draft, &file, &text))
            .map_err(|source| DraftError { file, source })
    }
}

fn put(mut draft: NamedTempFile, file: &Path, text: &str) -> io::Result<()> {
    draft.write_all(text.as_bytes())?;
    draft.persist(file).map_err(|lost| lost.error)?;
    Ok(())
}

fn begin(file: &Path) -> io::Result<NamedTempFile> {
    // A rename would put the report in the place of a device or a pipe.
    if fs::metadata(file).is_ok_and(|there| !there.is_file()) {
        return Err(io::Error::other("it is there, and is no file"));
    }
    let folder = match file.parent() {
        None => return Err(io::ErrorKind::InvalidInput.into()),
        Some(here) if here.as_os_str().is_empty() => Path::new("."),
        Some(folder) => folder,
    };
    let mut draft = tempfile::Builder::new();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        // As any file of the user, less what the umask takes: reports are for others to read.
        draft.permissions(fs::Permissions::from_mode(0o666));
    }
    draft.prefix(".atlas-contract-").tempfile_in(folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_takes_the_place_of_another_and_leaves_no_draft() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("report.json");
        for text in ["a longer one", "short"] {
            put(begin(&file).unwrap(), &file, text).unwrap();
            assert_eq!(fs::read_to_string(&file).unwrap(), text);
        }
        drop(begin(&file).unwrap());
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
        let file = folder.path().join("report");
        let same = [Form::Json, Form::Html].map(|form| (form, file.clone()));
        assert!(Draft::open_all(same).is_err());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_folder_that_goes_away_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("report.json");
        let draft = begin(&file).unwrap();
        fs::remove_dir_all(folder.path()).unwrap();
        assert!(put(draft, &file, "text").is_err());
    }
}
