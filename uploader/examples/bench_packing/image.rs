//! Makes the image to send: real files, one after the other, as on a disk.

use std::fs::File;
use std::io::{self, Read as _, Seek as _};
use std::path::Path;
use std::process::Command;

use crate::Result;

/// Fills `image` with the content of the files below `source`, in the order of their names.
pub(crate) fn make(source: &Path, size: u64, image: &Path) -> Result {
    let mut out = File::create(image)?;
    let files = walkdir::WalkDir::new(source).sort_by_file_name();
    let mut left = size;
    for entry in files.into_iter().filter_map(std::result::Result::ok) {
        if entry.file_type().is_file()
            && let Ok(file) = File::open(entry.path())
        {
            left -= io::copy(&mut file.take(left), &mut out)?;
        }
        if left == 0 {
            return Ok(());
        }
    }
    let (source, there) = (source.display(), out.stream_position()?);
    Err(format!("{source} holds {there} bytes only, and {size} are wanted").into())
}

pub(crate) fn zip(image: &Path, zipped: &Path) -> Result {
    let pigz = Command::new("pigz")
        .args(["-6", "--stdout"])
        .arg(image)
        .stdout(File::create(zipped)?)
        .status()?;
    if pigz.success() {
        Ok(())
    } else {
        Err(format!("pigz: {pigz}").into())
    }
}
