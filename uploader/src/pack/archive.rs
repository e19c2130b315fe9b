//! Writes a gzip-compressed tar into an unlinked temporary file.

use std::fs::{File, Metadata};
use std::io::{self, BufWriter, Read, Write};
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;
use tar::{Builder, EntryType, Header};

use super::entries::{self, Entries};
use super::payload::Payload;
use crate::digest::HashingWriter;
use crate::error::Cause;

type Tar = Builder<GzEncoder<HashingWriter<BufWriter<Spool>>>>;

pub(super) fn write(entries: &Entries) -> Result<Payload, Cause> {
    let mut tar = Spool::open().map(compressed).map_err(spool_failed)?;
    for (name, path) in entries {
        append(&mut tar, name, path)?;
    }
    finish(tar).map_err(spool_failed)
}

fn compressed(spool: Spool) -> Tar {
    let hashing = HashingWriter::new(BufWriter::with_capacity(256 * 1024, spool));
    Builder::new(GzEncoder::new(hashing, Compression::default()))
}

fn finish(tar: Tar) -> io::Result<Payload> {
    let (buffered, digest, length) = tar.into_inner()?.finish()?.finish();
    let spool = buffered
        .into_inner()
        .map_err(io::IntoInnerError::into_error)?;
    Ok(Payload::new(spool.0, length, digest))
}

fn append(tar: &mut Tar, name: &Path, path: &Path) -> Result<(), Cause> {
    let metadata = entries::kind(path)?;
    let done = if metadata.is_dir() {
        append_folder(tar, name, &metadata)
    } else {
        append_file(tar, name, path, &metadata)
    };
    done.map_err(|error| Cause::file(path, error))
}

fn append_folder(tar: &mut Tar, name: &Path, metadata: &Metadata) -> io::Result<()> {
    // The slash at the end is in every archive the original made.
    tar.append_data(
        &mut header(metadata, EntryType::Directory, 0),
        name.join(""),
        io::empty(),
    )
}

fn append_file(tar: &mut Tar, name: &Path, path: &Path, metadata: &Metadata) -> io::Result<()> {
    let size = metadata.len();
    // A file that grows meanwhile would shift all that follows it in the archive.
    let mut content = File::open(path)?.take(size);
    tar.append_data(
        &mut header(metadata, EntryType::Regular, size),
        name,
        &mut content,
    )?;
    if content.limit() > 0 {
        return Err(io::Error::other("became shorter while it was packed"));
    }
    Ok(())
}

fn header(metadata: &Metadata, kind: EntryType, size: u64) -> Header {
    let mut header = Header::new_gnu();
    header.set_metadata(metadata);
    header.set_entry_type(kind);
    header.set_size(size);
    header
}

fn spool_failed(error: io::Error) -> Cause {
    Cause::file(&std::env::temp_dir(), error)
}

/// The temporary file. Its errors say that they are its own, since they surface while some other
/// file is packed.
struct Spool(File);

impl Spool {
    fn open() -> io::Result<Self> {
        tempfile::tempfile().map(Self).map_err(own)
    }
}

impl Write for Spool {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes).map_err(own)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush().map_err(own)
    }
}

fn own(error: io::Error) -> io::Error {
    // Whoever writes must still be able to tell an interruption.
    io::Error::new(
        error.kind(),
        format!("writing the temporary archive: {error}"),
    )
}
