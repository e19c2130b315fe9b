//! Extracts the reason from an I/O error, to be shown.

use std::io;

/// Returns the innermost reason of an error, such as a full disk: some libraries wrap it in the operation
/// that failed, or append the name of a temporary file.
pub(crate) fn reason(error: &io::Error) -> String {
    let mut last: &dyn std::error::Error = error;
    while let Some(source) = last.source() {
        last = source;
    }
    let text = last.to_string();
    let (text, _) = text.split_once(" at path ").unwrap_or((&text, ""));
    // The text may repeat a name from an archive, which must not send codes to a terminal.
    let words = text.split(|c: char| c.is_control() || c.is_whitespace());
    let words: Vec<_> = words.filter(|word| !word.is_empty()).collect();
    words.join(" ")
}

/// Returns the error with only its innermost reason.
pub(crate) fn plain(error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), reason(error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reason_is_the_innermost_and_stays_on_its_line() {
        #[derive(Debug, thiserror::Error)]
        #[error("writing a file")]
        struct Outer(#[source] io::Error);
        let inner = io::Error::new(io::ErrorKind::StorageFull, "no\x1b[2J\nroom at path \"/t\"");
        let outer = io::Error::new(inner.kind(), Outer(inner));
        assert_eq!(reason(&outer), "no [2J room");
        let folder = tempfile::tempdir().unwrap();
        let missing = tempfile::tempdir_in(folder.path().join("missing")).unwrap_err();
        assert_eq!(reason(&missing), "No such file or directory (os error 2)");
    }
}
