//! Limits on the size of a version.

/// The largest number of metadata keys of a version. Real builders send far fewer, and a request
/// with this many keys is still quick.
const MOST_KEYS: usize = 1000;

/// Limits on the size of a version; unlimited by default.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Limits {
    /// The longest `id`, in characters.
    pub(crate) id_length: Option<usize>,
    /// The largest file, in bytes.
    pub(crate) file_bytes: Option<u64>,
}

/// An error that names the exceeded limit and its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum OverLimit {
    #[error("the id is longer than the {0} characters that max-id-length allows")]
    Id(usize),
    #[error("the id has the character NUL, which not every database can hold: leave it out")]
    Nul,
    #[error("the file is larger than the {0} bytes that max-file-bytes allows")]
    File(u64),
    #[error("metadata has more than the {MOST_KEYS} keys that this emulator takes")]
    Keys,
}

impl Limits {
    /// Checks a version's id.
    ///
    /// # Errors
    /// [`OverLimit::Id`] and [`OverLimit::Nul`].
    // Contract: versions.longest-id
    pub(crate) fn check_id(self, id: &str) -> Result<(), OverLimit> {
        if id.contains('\0') {
            return Err(OverLimit::Nul);
        }
        match self.id_length {
            Some(limit) if id.chars().count() > limit => Err(OverLimit::Id(limit)),
            _ => Ok(()),
        }
    }

    /// Checks the number of metadata keys that a client sent against a fixed limit, which is the
    /// same for every emulator.
    ///
    /// # Errors
    /// [`OverLimit::Keys`].
    pub(crate) fn check_keys(count: usize) -> Result<(), OverLimit> {
        if count > MOST_KEYS {
            return Err(OverLimit::Keys);
        }
        Ok(())
    }

    /// Checks the size of a file.
    ///
    /// # Errors
    /// [`OverLimit::File`].
    pub(crate) fn check_file(self, bytes: u64) -> Result<(), OverLimit> {
        match self.file_bytes {
            Some(limit) if bytes > limit => Err(OverLimit::File(limit)),
            _ => Ok(()),
        }
    }
}
