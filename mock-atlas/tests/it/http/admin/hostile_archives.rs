//! Tests that an archive that claims to expand beyond its own size is refused before anything of it is stored.

use reqwest::StatusCode;
use tar::{Builder, EntryType, Header};

use crate::support::Fixture;
use crate::support::archive::{archive, entries, restore, snapshot};

const MANIFEST: &str = "mock-atlas.json";

/// A file that is larger than a block of an archive.
static FILE: [u8; 1500] = [0; 1500];

/// Returns an emulator and the entries of its valid snapshot: the manifest, and a file of zeros.
async fn good() -> (Fixture, [(String, Vec<u8>); 2]) {
    let fixture = Fixture::new().await;
    fixture.make_artifact("acme", "web").await;
    fixture.push(&FILE).await;
    let entries = entries(&snapshot(&fixture).await);
    (fixture, entries.try_into().unwrap())
}

fn header(name: &str, kind: EntryType, size: u64) -> Header {
    let mut header = Header::new_gnu();
    header.set_path(name).unwrap();
    header.set_entry_type(kind);
    header.set_size(size);
    header.set_cksum();
    header
}

/// Returns an entry of a header and `bytes`, padded to a whole block, whatever size the header claims.
fn entry(header: &Header, bytes: &[u8]) -> Vec<u8> {
    let mut entry = header.as_bytes().to_vec();
    entry.extend_from_slice(bytes);
    entry.resize(entry.len().next_multiple_of(512), 0);
    entry
}

/// Returns the entry of a sparse file that is one hole.
fn hole(name: &str, size: u64) -> Vec<u8> {
    let mut header = header(name, EntryType::GNUSparse, 0);
    let gnu = header.as_gnu_mut().unwrap();
    let octal = format!("{size:011o}\0");
    gnu.realsize.copy_from_slice(octal.as_bytes());
    gnu.sparse[0].offset.copy_from_slice(octal.as_bytes());
    gnu.sparse[0].numbytes.copy_from_slice(b"00000000000\0");
    header.set_cksum();
    entry(&header, b"")
}

/// Returns a pax header, which describes the entry after it.
fn extension(pairs: &[(&str, &[u8])]) -> Vec<u8> {
    let mut builder = Builder::new(Vec::new());
    builder
        .append_pax_extensions(pairs.iter().copied())
        .unwrap();
    let mut archive = builder.into_inner().unwrap();
    // The end of the archive is cut off.
    archive.truncate(archive.len() - 1024);
    archive
}

/// Returns an archive of these entries.
fn ended(parts: &[&[u8]]) -> Vec<u8> {
    [&parts.concat()[..], &[0; 1024]].concat()
}

#[tokio::test]
async fn what_would_take_more_than_it_says_is_refused_by_its_name() {
    let (fixture, [(_, manifest), (name, file)]) = good().await;
    let plain = |name: &str, bytes: &[u8]| {
        entry(&header(name, EntryType::Regular, bytes.len() as u64), bytes)
    };
    let first = plain(MANIFEST, &manifest);
    let second = plain(&name, &file);
    let long = "x".repeat(1024 * 1024);
    let long_name = entry(
        &header("././@LongLink", EntryType::GNULongName, long.len() as u64),
        long.as_bytes(),
    );
    let of = |why: &str| format!("is {why}");
    for (archive, reason) in [
        (
            ended(&[&first, &hole(&name, 1500)]),
            of("a file with holes"),
        ),
        (
            ended(&[&first, &hole(&name, 1 << 32)]),
            of("a file with holes"),
        ),
        (
            ended(&[&hole(MANIFEST, 1 << 30), &second]),
            of("a file with holes"),
        ),
        (ended(&[&first, &long_name, &second]), of("a long name")),
        (ended(&[&long_name, &first, &second]), of("a long name")),
        (
            ended(&[&first, &entry(&header(&name, EntryType::Symlink, 0), b"")]),
            of("a link"),
        ),
        (
            ended(&[&first, &entry(&header(&name, EntryType::Char, 0), b"")]),
            of("neither a file nor a folder"),
        ),
        (
            ended(&[&extension(&[("comment", long.as_bytes())]), &first, &second]),
            of("a header that is too large"),
        ),
        (
            ended(&[&first, &extension(&[("path", name.as_bytes())]), &second]),
            of("a header that changes the name, length or form"),
        ),
        (
            ended(&[&first, &extension(&[("size", b"9999999999")]), &second]),
            of("a header that changes the name, length or form"),
        ),
        (
            ended(&[&first, &extension(&[("GNU.sparse.major", b"1")]), &second]),
            of("a header that changes the name, length or form"),
        ),
        (
            ended(&[&first, &second, &plain("files/other", b"x")]),
            of("a file that no version has"),
        ),
        (
            ended(&[&first, &plain(&name, b"other")]),
            of("a file that differs from the digest in its name"),
        ),
        // The manifest has no bytes: it is refused before it is read.
        (
            entry(&header(MANIFEST, EntryType::Regular, 1 << 40), b""),
            of("too large for this emulator"),
        ),
    ] {
        let reply = restore(&fixture, archive).await;
        assert_eq!(reply.status, 422, "{reason}: {reply:?}");
        assert!(reply.body.contains(&reason), "{reason}: {reply:?}");
        assert!(reply.body.len() < 400, "{reply:?}");
        assert_eq!(fixture.found("").await, [1]);
    }
}

#[tokio::test]
async fn a_file_is_held_to_the_limit_before_it_is_read() {
    let (_, [(_, manifest), (name, _)]) = good().await;
    let limited = Fixture::with(|builder| builder.max_file_bytes(5)).await;
    let first = entry(
        &header(MANIFEST, EntryType::Regular, manifest.len() as u64),
        &manifest,
    );
    let second = entry(&header(&name, EntryType::Regular, 1 << 40), b"");
    let reply = restore(&limited, [first, second].concat()).await;
    assert_eq!(reply.status, 422, "{reply:?}");
    let message =
        "acme/web/custom.image/1 cannot be restored here: the file is larger than the 5 bytes";
    assert!(reply.body.contains(message), "{reply:?}");
}

#[tokio::test]
async fn what_follows_the_end_of_an_archive_has_an_end() {
    let (fixture, good) = good().await;
    for (len, status) in [(10 * 1024, 204), (2 * 1024 * 1024, 400)] {
        let padded = [archive(&good), vec![0; len]].concat();
        let reply = restore(&fixture, padded).await;
        assert_eq!(reply.status.as_u16(), status, "{reply:?}");
    }
}

#[tokio::test]
async fn what_another_program_packed_again_is_restored() {
    let (fixture, [(_, manifest), (name, file)]) = good().await;
    let times: &[(&str, &[u8])] = &[("mtime", b"1500000000.123"), ("uname", b"amy")];
    let plain = |name: &str, bytes: &[u8]| {
        entry(&header(name, EntryType::Regular, bytes.len() as u64), bytes)
    };
    let packed = ended(&[
        &extension(times),
        &plain(MANIFEST, &manifest),
        &entry(&header("files/", EntryType::Directory, 0), b""),
        &extension(times),
        &plain(&name, &file),
    ]);
    assert_eq!(
        restore(&fixture, packed).await.status,
        StatusCode::NO_CONTENT
    );
    assert_eq!(fixture.found("").await, [1]);
}
