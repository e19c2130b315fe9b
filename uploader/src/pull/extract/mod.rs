//! Pulls an archive and unpacks it into a folder. Nothing is visible there before the whole archive has
//! arrived, was checked and is unpacked. No entry can leave the folder, and `limits` bounds the resources
//! that an archive can use.

mod cancellation;
mod gzip;
mod limits;
mod staging;
mod write;

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{self, BufReader, Read, Seek as _};
use std::path::{Component, Path, PathBuf};

use tar::{Archive, Entry, EntryType};

use crate::api::Client;
use crate::base::error::{Cause, Error, Phase};
use crate::files::io_error;
use crate::files::space;
use crate::pull::{Pull, Pulled, Target, pull};
pub use cancellation::wait_for_cleanup;
use cancellation::{CancelOnDrop, Cancellable, CancellationToken};
use gzip::GzipReader;
use limits::{Allowance, LimitedReader};
use staging::Staging;
use write::WriteError;

/// The hint of an error: other programs may be able to use an archive that is refused here.
const KEPT: &str = "without --extract, the file is kept as it is";

/// Pulls the file of a version, a gzip-compressed tar, and unpacks it into `folder`. The folder and those
/// above it need not exist. Existing files are never overwritten.
///
/// # Errors
/// Fails as [`pull()`] does, and with [`Phase::Save`] for an entry that would leave the folder, or already
/// exists. After any error, except one in the last step, which moves the unpacked files, everything is as
/// before. This also holds if the future is dropped at an await, once [`wait_for_cleanup`] has returned.
pub async fn pull_into(client: &Client, request: &Pull, folder: &Path) -> Result<Pulled, Error> {
    let not_saved = |cause| Error::new(Phase::Save, cause);
    // A path that ends in a dot cannot be the name of a new folder.
    let folder = &*folder.components().collect::<PathBuf>();
    let staging = Staging::of(folder).map_err(not_saved)?;
    let failed = |error| not_saved(Cause::file(folder, io_error::plain(&error)));
    let (spool, arriving) = spool(&staging).map_err(failed)?;
    let target = Target::Open(arriving, folder.to_owned());
    let pulled = pull(client, request, target).await?;
    let place = folder.to_owned();
    let guard = CancelOnDrop::default();
    let token = guard.token();
    let work = tokio::task::spawn_blocking(move || unpack_and_move(spool, staging, &place, &token));
    let done = work
        .await
        .unwrap_or_else(|error| Err(Cause::Internal(error.to_string())));
    done.map_err(not_saved)?;
    let file = Some(folder.to_owned());
    Ok(Pulled { file, ..pulled })
}

/// Opens two handles of an unnamed temporary file.
fn spool(staging: &Staging) -> io::Result<(File, File)> {
    let spool = tempfile::tempfile_in(staging.path())?;
    let other = spool.try_clone()?;
    Ok((spool, other))
}

fn unpack_and_move(
    mut spool: File,
    staging: Staging,
    folder: &Path,
    token: &CancellationToken,
) -> Result<(), Cause> {
    let failed = |error| Cause::file(folder, error);
    spool.rewind().map_err(failed)?;
    let content = staging.path().join("content");
    fs::create_dir(&content).map_err(failed)?;
    unpack(Cancellable(spool, token), &content)?;
    // The unpacking may have been cancelled after the last read.
    token.check().map_err(failed)?;
    move_to(folder, &content)?;
    staging.keep_parents();
    Ok(())
}

/// Moves a folder to its place, or only its content if a folder is already there.
fn move_to(folder: &Path, content: &Path) -> Result<(), Cause> {
    let failed = |error| Cause::file(folder, error);
    if !folder.is_dir() {
        return fs::rename(content, folder).map_err(failed);
    }
    let entries = fs::read_dir(content).map_err(failed)?;
    let names = entries.map(|entry| Ok(entry?.file_name()));
    let names = names.collect::<io::Result<BTreeSet<_>>>().map_err(failed)?;
    for name in &names {
        let place = folder.join(name);
        if place.symlink_metadata().is_ok() {
            let reason = "exists already, and is not overwritten";
            let error = io::Error::new(io::ErrorKind::AlreadyExists, reason);
            return Err(Cause::file(&place, error));
        }
    }
    for name in &names {
        fs::rename(content.join(name), folder.join(name)).map_err(failed)?;
    }
    Ok(())
}

/// Unpacks an archive into a new folder.
fn unpack(archive: impl Read, root: &Path) -> Result<(), Cause> {
    let (bounded, allowance) = LimitedReader::new(GzipReader::new(BufReader::new(archive)));
    let mut archive = Archive::new(bounded);
    archive.set_mask(write::mask(root).map_err(|error| Cause::file(root, error))?);
    let damaged = |error: io::Error| no_archive(&error, &allowance);
    let mut unpacking = Unpacking {
        root,
        seen: BTreeMap::new(),
        budget: limits::Budget::default(),
        damaged: &damaged,
    };
    let mut entries = archive.entries().map_err(damaged)?;
    loop {
        allowance.before_an_entry();
        let Some(entry) = entries.next().transpose().map_err(damaged)? else {
            break;
        };
        allowance.within_an_entry();
        unpacking.entry(entry)?;
    }
    allowance.behind_the_last();
    // Reads to the end, where the checksum is verified.
    io::copy(&mut archive.into_inner(), &mut io::sink()).map_err(damaged)?;
    Ok(())
}

fn no_archive(error: &io::Error, allowance: &Allowance) -> Cause {
    let reason = io_error::reason(error);
    let what = if allowance.has_ended() {
        "this archive is cut off, or is not a gzip-compressed tar"
    } else {
        "this is not a gzip-compressed tar, or it is damaged"
    };
    Cause::Unpackable(format!("{what} ({reason}); {KEPT}"))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Folder,
    File,
    Link,
    HardLink,
}

fn kind(entry: &Entry<'_, impl Read>) -> Option<Kind> {
    let header = entry.header();
    // The oldest archives mark a folder only by the slash at the end of its name.
    let is_old = header.as_ustar().is_none();
    match header.entry_type() {
        EntryType::Regular if is_old && entry.path_bytes().ends_with(b"/") => Some(Kind::Folder),
        EntryType::Regular | EntryType::Continuous | EntryType::GNUSparse => Some(Kind::File),
        EntryType::Directory => Some(Kind::Folder),
        EntryType::Symlink => Some(Kind::Link),
        EntryType::Link => Some(Kind::HardLink),
        _ => None,
    }
}

/// Skips extended records for the whole archive: `git archive` writes the name of the commit there.
fn skip_records(mut entry: Entry<'_, impl Read>) -> io::Result<Result<(), &'static str>> {
    if entry.size() > limits::RECORDS as u64 {
        return Ok(Err("has extended records that are too long"));
    }
    io::copy(&mut entry, &mut io::sink())?;
    Ok(Ok(()))
}

/// The state of an unpacking. Since no entry lies below a link, each lies where its name says.
struct Unpacking<'a> {
    root: &'a Path,
    seen: BTreeMap<PathBuf, Kind>,
    budget: limits::Budget,
    /// A function that makes the cause for an archive that cannot be read.
    damaged: &'a dyn Fn(io::Error) -> Cause,
}

impl Unpacking<'_> {
    fn entry(&mut self, mut entry: Entry<'_, impl Read>) -> Result<(), Cause> {
        let damaged = self.damaged;
        let path = entry.path().map_err(damaged)?.into_owned();
        let refused = |reason| {
            Cause::Unpackable(format!(
                "the entry {} {reason}; {KEPT}",
                limits::shown(&path)
            ))
        };
        if entry.header().entry_type().is_pax_global_extensions() {
            return skip_records(entry).map_err(damaged)?.map_err(refused);
        }
        // The kind is checked first, because reading the other attributes of an entry may read all of its
        // content.
        let kind = kind(&entry).ok_or_else(|| refused("is neither file nor folder nor link"))?;
        let checked = limits::check(&mut entry).map_err(damaged)?;
        checked.map_err(refused)?;
        let name = relative(&path).ok_or_else(|| refused("would leave the folder"))?;
        self.budget.take(&name).map_err(refused)?;
        self.check(&name, kind).map_err(refused)?;
        let target = entry.link_name().map_err(damaged)?;
        let target = target.unwrap_or_default().into_owned();
        if kind == Kind::Link && target.as_os_str().is_empty() {
            return Err(refused("is a link without a target"));
        }
        let allowed = match kind {
            Kind::HardLink => relative(&target)
                .is_some_and(|target| matches!(self.seen.get(&target), Some(Kind::File))),
            Kind::Link => stays_inside(&name, &target),
            Kind::File | Kind::Folder => true,
        };
        if !allowed {
            return Err(refused("is a link that may lead out of the folder"));
        }
        let place = self.root.join(&name);
        // The folders above the entry exist from now on, too, and need not be checked again.
        let above = name.ancestors().skip(1);
        let unknown = above.take_while(|above| !self.seen.contains_key(*above));
        let unknown: Vec<PathBuf> = unknown.map(Path::to_owned).collect();
        self.seen
            .extend(unknown.into_iter().map(|above| (above, Kind::Folder)));
        self.seen.insert(name, kind);
        let written = self.write(&mut entry, kind, &place, &target);
        written.map_err(|error| match error {
            WriteError::Archive(error) => damaged(error),
            WriteError::Disk(error) => {
                let (entry, reason) = (limits::shown(&path), io_error::reason(&error));
                Cause::Unpackable(format!("the entry {entry} cannot be unpacked: {reason}"))
            }
        })?;
        // Skips the content of a link or a folder, so that only the headers of the next entry count as bytes
        // before it.
        io::copy(&mut entry, &mut io::sink()).map_err(damaged)?;
        Ok(())
    }

    fn write(
        &self,
        entry: &mut Entry<'_, impl Read>,
        kind: Kind,
        place: &Path,
        target: &Path,
    ) -> Result<(), WriteError> {
        fs::create_dir_all(place.parent().unwrap_or(self.root)).map_err(WriteError::Disk)?;
        match kind {
            Kind::File if !entry.header().entry_type().is_gnu_sparse() => {
                return write::file(entry, place, &|data| space::require(self.root, data));
            }
            Kind::Folder => {
                let mode = entry.header().mode().map_err(WriteError::Archive)?;
                write::folder(place, mode)
            }
            Kind::HardLink => {
                let target = relative(target).unwrap_or_default();
                fs::hard_link(self.root.join(target), place)
            }
            // A sparse file lists its holes, which take neither space nor time.
            Kind::File => entry
                .header()
                .entry_size()
                .and_then(|data| space::require(self.root, data))
                .and_then(|()| entry.unpack(place).map(drop)),
            Kind::Link => entry.unpack(place).map(drop),
        }
        .map_err(WriteError::Disk)
    }

    fn check(&self, name: &Path, kind: Kind) -> Result<(), &'static str> {
        // The folders above the nearest known one were checked before.
        let known = name
            .ancestors()
            .skip(1)
            .find_map(|above| self.seen.get(above));
        if known.is_some_and(|kind| *kind != Kind::Folder) {
            return Err("lies below a link or a file");
        }
        match self.seen.get(name) {
            Some(Kind::Folder) if kind == Kind::Folder => Ok(()),
            Some(_) => Err("occurs twice"),
            None => Ok(()),
        }
    }
}

/// Returns the name without dots; `None` for one that is absolute or contains `..`.
fn relative(path: &Path) -> Option<PathBuf> {
    let mut name = PathBuf::new();
    for component in path.components() {
        match component {
            Component::Normal(part) => name.push(part),
            Component::CurDir => {}
            _ => return None,
        }
    }
    Some(name)
}

/// Returns whether a link leads to a place in the folder: it first climbs, not above the root, and then only
/// descends. If it passes other links, these stay inside, too.
fn stays_inside(name: &Path, target: &Path) -> bool {
    let depth = name.components().count().saturating_sub(1);
    let parts = target
        .components()
        .filter(|part| *part != Component::CurDir);
    let parts: Vec<_> = parts.collect();
    let climbs = parts
        .iter()
        .take_while(|part| **part == Component::ParentDir);
    let climbs = climbs.count();
    let down = parts[climbs..].iter();
    climbs <= depth
        && down
            .into_iter()
            .all(|part| matches!(part, Component::Normal(_)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;
    use tar::{Builder, Header};

    /// Writes an entry byte by byte, because the library would refuse the names that are tested here.
    fn entry(tar: &mut Builder<Vec<u8>>, kind: EntryType, name: &str, target: &str) {
        let mut header = Header::new_gnu();
        let old = header.as_old_mut();
        old.name[..name.len()].copy_from_slice(name.as_bytes());
        old.linkname[..target.len()].copy_from_slice(target.as_bytes());
        header.set_entry_type(kind);
        header.set_mode(0o555);
        let content: &[u8] = if kind.is_file() { b"content" } else { b"" };
        header.set_size(content.len() as u64);
        header.set_cksum();
        tar.append(&header, content).unwrap();
    }

    fn unpacked(entries: &[(EntryType, &str, &str)]) -> (tempfile::TempDir, Result<(), String>) {
        let mut tar = Builder::new(Vec::new());
        for (kind, name, target) in entries {
            entry(&mut tar, *kind, name, target);
        }
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("a/root");
        fs::create_dir_all(&root).unwrap();
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gzip.write_all(&tar.into_inner().unwrap()).unwrap();
        let result = unpack(gzip.finish().unwrap().as_slice(), &root);
        (folder, result.map_err(|cause| cause.to_string()))
    }

    use EntryType::{Directory, Fifo, Link, Regular, Symlink};

    #[test]
    fn files_folders_and_links_that_stay_inside_are_unpacked() {
        let (folder, result) = unpacked(&[
            (Directory, "./", ""),
            (Directory, "d/e/", ""),
            (Regular, "./d/e/f", ""),
            (Symlink, "d/up", "../x"),
            (Symlink, "down", "./d/e"),
            (Link, "d/hard", "d/e/f"),
            (Regular, "x", ""),
        ]);
        result.unwrap();
        let root = folder.path().join("a/root");
        for name in ["d/e/f", "d/up", "down/f", "d/hard"] {
            assert_eq!(fs::read(root.join(name)).unwrap(), b"content", "{name}");
        }
    }

    #[test]
    fn a_folder_of_the_oldest_archives_is_known_by_its_slash() {
        let (folder, result) = unpacked(&[(Regular, "d/", ""), (Regular, "d/f", "")]);
        result.unwrap();
        assert!(folder.path().join("a/root/d/f").is_file());
    }

    #[test]
    fn what_would_leave_the_folder_is_refused_and_named() {
        for (entries, reason) in [
            (&[(Regular, "../x", "")][..], "would leave the folder"),
            (&[(Regular, "/tmp/x", "")], "would leave the folder"),
            (&[(Directory, "d/../../x", "")], "would leave the folder"),
            (&[(Symlink, "x", "/etc")], "may lead out"),
            (&[(Symlink, "x", "..")], "may lead out"),
            (&[(Symlink, "d/x", "../../y")], "may lead out"),
            (&[(Symlink, "d/x", "e/../..")], "may lead out"),
            (
                &[(Symlink, "x", "")],
                "\"x\" is a link without a target; without",
            ),
            (&[(Link, "x", "../y")], "may lead out"),
            (&[(Link, "x", "/etc/passwd")], "may lead out"),
            (&[(Symlink, "s", "y"), (Link, "x", "s")], "may lead out"),
            (&[(Symlink, "s", "d"), (Regular, "s/x", "")], "lies below"),
            (&[(Symlink, "s", "d"), (Symlink, "s/x", "..")], "lies below"),
            (&[(Symlink, "s", "d"), (Regular, "s", "")], "occurs twice"),
            (&[(Regular, "s", ""), (Symlink, "./s", "d")], "occurs twice"),
            (&[(Fifo, "x", "")], "is neither file nor folder nor link"),
        ] {
            let (folder, result) = unpacked(entries);
            let error = result.unwrap_err();
            assert!(error.contains(reason), "{entries:?}: {error}");
            assert!(!folder.path().join("x").exists() && !folder.path().join("a/x").exists());
        }
    }
}
