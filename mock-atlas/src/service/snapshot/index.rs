//! Finds out what a backup in a file has, without reading the bytes of its files, and joins a backup and its
//! increments.

use std::io::{self, Read, Seek, SeekFrom};
use std::ops::Range;

use foldhash::{HashMap, HashMapExt};

use super::header::{BLOCK, Entry, Kind};
use super::read::{check_manifest, parse};
use super::{FILES, SnapshotError, is_sha256, lacking};
use crate::storage::{StoredFile, stored_files};

/// The reason for which a backup cannot be used.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct BackupError(#[from] SnapshotError);

impl From<io::Error> for BackupError {
    fn from(error: io::Error) -> Self {
        Self(error.into())
    }
}

/// An index of a backup: the files that its versions have, and where the bytes are in the archive.
#[derive(Debug)]
pub struct BackupIndex {
    manifest: Range<u64>,
    /// The entries of the files, by their digests.
    files: HashMap<String, Range<u64>>,
    end: Range<u64>,
    /// The files that versions have, by their digests. An increment has the bytes only of some.
    named: HashMap<String, StoredFile>,
    is_increment: bool,
}

/// A part of one of several archives.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct BackupPart {
    /// The position of the archive among the others.
    pub archive: usize,
    /// The bytes of the archive.
    pub bytes: Range<u64>,
}

impl BackupIndex {
    /// Reads the index of an archive. Blocks while it does, which is short: the bytes of files are passed over.
    ///
    /// # Errors
    /// When the archive is no backup, or is not whole.
    pub fn read(mut archive: impl Read + Seek) -> Result<Self, BackupError> {
        let archive_len = archive.seek(SeekFrom::End(0))?;
        archive.rewind()?;
        let mut entries = SeekableEntries {
            archive,
            archive_len,
            at: 0,
        };
        let (name, len, place) = entries.next()?.ok_or(SnapshotError::NoManifest)?;
        check_manifest(&name, len)?;
        let manifest = parse(&entries.bytes(&place, len)?)?;
        let mut index = Self {
            manifest: place,
            files: HashMap::new(),
            end: 0..0,
            named: stored_files(&manifest.artifacts),
            is_increment: manifest.increment,
        };
        while let Some((name, _, place)) = entries.next()? {
            let digest = name.strip_prefix(FILES).unwrap_or_default();
            index.files.insert(digest.to_owned(), place);
        }
        index.end = entries.at - BLOCK as u64..entries.at;
        match lacking(&index.named, |digest| index.files.contains_key(digest)) {
            Some(lacking) if !index.is_increment => Err(lacking.into()),
            _ => Ok(index),
        }
    }

    /// Returns whether the archive has the bytes only of files that an earlier backup lacks.
    #[must_use]
    pub fn is_increment(&self) -> bool {
        self.is_increment
    }

    /// Returns the digests of the files that this backup has, together with those that it builds on: one on each line.
    ///
    /// # Errors
    /// For a backup of the first format, which no increment can build on.
    pub fn digests(&self) -> Result<String, BackupError> {
        if self.named.keys().any(|digest| is_sha256(digest)) {
            return Err(SnapshotError::OldForm.into());
        }
        Ok(self
            .named
            .keys()
            .map(|digest| format!("{digest}\n"))
            .collect())
    }

    /// Returns the parts of a backup and of its increments, the newest last, that are one whole archive if they are read
    /// one after the other: with the state of the newest.
    ///
    /// # Errors
    /// When none of them has the bytes of some file; the error names it.
    pub fn join(archives: &[Self]) -> Result<Vec<BackupPart>, BackupError> {
        let Some((last, newest)) = archives.iter().enumerate().next_back() else {
            return Ok(Vec::new());
        };
        let part = |(archive, bytes): (usize, &Range<u64>)| BackupPart {
            archive,
            bytes: bytes.clone(),
        };
        let find = |digest: &str| {
            let archives = archives.iter().enumerate();
            let mut found = archives.filter_map(|(at, one)| Some((at, one.files.get(digest)?)));
            found.next().map(part)
        };
        if let Some(lacking) = lacking(&newest.named, |digest| find(digest).is_some()) {
            return Err(lacking.into());
        }
        let mut files: Vec<_> = newest
            .named
            .keys()
            .filter_map(|digest| find(digest))
            .collect();
        files.sort_by_key(|part| (part.archive, part.bytes.start));
        let mut parts = vec![part((last, &newest.manifest))];
        parts.append(&mut files);
        parts.push(part((last, &newest.end)));
        Ok(parts)
    }
}

/// The entries of an archive in a file.
struct SeekableEntries<R> {
    archive: R,
    archive_len: u64,
    /// The end of the last entry.
    at: u64,
}

impl<R: Read + Seek> SeekableEntries<R> {
    /// Returns the name, the length and the place of the next file; `None` at the end of the archive.
    fn next(&mut self) -> Result<Option<(String, u64, Range<u64>)>, SnapshotError> {
        loop {
            let mut block = [0; BLOCK];
            self.archive.seek(SeekFrom::Start(self.at))?;
            self.archive.read_exact(&mut block).map_err(of_end)?;
            let start = self.at;
            self.at += BLOCK as u64;
            let Some(entry) = Entry::read(&block)? else {
                return Ok(None);
            };
            let end = self.at.checked_add(entry.padded_len());
            let end = end.filter(|end| *end <= self.archive_len);
            let place = start..end.ok_or_else(SnapshotError::breaks_off)?;
            match entry.kind {
                Kind::File => {
                    self.at = place.end;
                    return Ok(Some((entry.name, entry.len, place)));
                }
                Kind::Folder => {}
                Kind::Extension => entry.check_extension(&self.bytes(&place, entry.len)?)?,
            }
            self.at = place.end;
        }
    }

    /// Reads the bytes of an entry, whose length the caller has checked.
    fn bytes(&mut self, place: &Range<u64>, len: u64) -> io::Result<Vec<u8>> {
        self.archive
            .seek(SeekFrom::Start(place.start + BLOCK as u64))?;
        let mut bytes = Vec::new();
        self.archive.by_ref().take(len).read_to_end(&mut bytes)?;
        Ok(bytes)
    }
}

fn of_end(error: io::Error) -> SnapshotError {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => SnapshotError::breaks_off(),
        _ => error.into(),
    }
}
