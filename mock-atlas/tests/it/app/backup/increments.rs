//! Increments: backups that leave out the files that earlier ones have.

use std::path::{Path, PathBuf};

use reqwest::Method;

use super::{backup, restore};
use crate::support::archive::entries;
use crate::support::{FILE, Fixture, printed, run};

async fn increment(of: &Fixture, name: &str, since: &Path) -> PathBuf {
    let file = since.with_file_name(name);
    let paths = [&*file, since].map(|path| path.to_str().unwrap());
    let arguments = ["backup", paths[0], "--since", paths[1]];
    assert_eq!(printed(&of.atlas, &arguments).await, "");
    file
}

/// Returns the contents of the files in an archive.
fn files(archive: &Path) -> Vec<Vec<u8>> {
    let entries = entries(&std::fs::read(archive).unwrap()).into_iter();
    entries.skip(1).map(|(_, bytes)| bytes).collect()
}

/// Runs a command that fails, and returns what it complained of.
async fn refused(by: &Fixture, arguments: &[&Path]) -> String {
    let arguments = arguments.iter().map(|path| path.to_str().unwrap());
    let output = run(&by.atlas, "ROOT", &arguments.collect::<Vec<_>>()).await;
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    String::from_utf8(output.stderr).unwrap()
}

/// An emulator with a backup and two increments, the second of which builds on the first.
struct Chain {
    fixture: Fixture,
    folder: tempfile::TempDir,
    archives: [PathBuf; 3],
}

async fn chain() -> Chain {
    let (fixture, folder) = (Fixture::new().await, tempfile::tempdir().unwrap());
    fixture.make_artifact("acme", "web").await;
    fixture.push(b"first").await;
    fixture.push(b"deleted").await;
    let whole = backup(&fixture, folder.path(), "whole.tar").await;
    fixture.push(b"second").await;
    let deleted = fixture.mock(Method::DELETE, "/artifacts/acme/web/custom.image/2", None);
    assert_eq!(deleted.await.status, 204);
    let first = increment(&fixture, "first.tar", &whole).await;
    fixture.push(b"third").await;
    fixture.push(b"first").await;
    let second = increment(&fixture, "second.tar", &first).await;
    Chain {
        fixture,
        folder,
        archives: [whole, first, second],
    }
}

#[tokio::test]
async fn a_backup_and_its_increments_bring_back_the_newest_state() {
    let Chain {
        fixture,
        folder,
        archives: [whole, first, second],
    } = chain().await;
    assert_eq!(files(&first), [b"second"]);
    assert_eq!(files(&second), [b"third"]);
    let data = folder.path().join("data");
    let kept = Fixture::with(|builder| builder.data(data).allow_reset()).await;
    restore(&kept, &[&whole, &first]).await;
    assert_eq!(kept.found("").await, [3, 1]);
    for other in [&kept, &Fixture::new().await, &fixture] {
        restore(other, &[&whole, &first, &second]).await;
        assert_eq!(other.found("").await, [5, 4, 3, 1]);
        for (number, bytes) in [(1, "first"), (3, "second"), (4, "third"), (5, "first")] {
            let file = other.get(&format!("{FILE}/{number}/file")).await;
            assert_eq!(file.body, bytes, "{number}");
        }
    }
    // Nothing new is an increment without files, also on an emulator without any.
    let same = increment(&kept, "same.tar", &second).await;
    assert!(files(&same).is_empty());
    restore(&kept, &[&whole, &first, &second, &same]).await;
    assert_eq!(kept.found("").await, [5, 4, 3, 1]);
    let empty = Fixture::new().await;
    let nothing = backup(&empty, folder.path(), "nothing.tar").await;
    let still = increment(&empty, "still.tar", &nothing).await;
    restore(&kept, &[&nothing, &still]).await;
    assert_eq!(kept.get("/api/v1/artifacts/acme/web").await.status, 404);
}

#[tokio::test]
async fn what_is_missing_or_in_another_order_is_named_and_nothing_is_changed() {
    let Chain {
        fixture,
        folder,
        archives: [whole, first, second],
    } = chain().await;
    let before = fixture.found("").await;
    let restore = Path::new("restore");
    let slug = " of acme/web/custom.image/3";
    for (archives, told) in [
        // The emulator says so itself of a single archive.
        (vec![&second], "the bytes of files are missing: blake3-"),
        (
            vec![&whole, &second],
            "the bytes of files are missing: blake3-",
        ),
        (
            vec![&first, &second],
            "it is an increment: name the whole backup",
        ),
        (vec![&whole, &whole], "it is a whole backup: name it alone"),
    ] {
        let arguments: Vec<&Path> = [restore]
            .into_iter()
            .chain(archives.iter().map(|path| &***path))
            .collect();
        let stderr = refused(&fixture, &arguments).await;
        assert!(stderr.contains(told), "{told}: {stderr}");
        if told.starts_with("the bytes") {
            assert!(stderr.contains(slug), "{stderr}");
        }
        assert_eq!(fixture.found("").await, before);
    }
    // An archive that breaks off is refused before anything is sent, and is nothing to build on.
    let cut = folder.path().join("cut.tar");
    let bytes = std::fs::read(&whole).unwrap();
    for len in [100, 700, bytes.len() - 1024] {
        std::fs::write(&cut, &bytes[..len]).unwrap();
        let new = folder.path().join("new.tar");
        for arguments in [
            vec![restore, &cut, &first],
            vec![Path::new("backup"), &new, Path::new("--since"), &cut],
        ] {
            let stderr = refused(&fixture, &arguments).await;
            assert!(stderr.contains("breaks off before its end"), "{stderr}");
        }
        assert!(!new.exists());
    }
    assert_eq!(fixture.found("").await, before);
}

#[tokio::test]
async fn a_list_of_digests_that_is_none_is_refused() {
    let fixture = Fixture::new().await;
    let request = fixture.request(Method::POST, "/_mock/snapshot");
    let reply = request.body("\nblake3-00\n").send().await.unwrap();
    assert_eq!(reply.status(), 422);
    let told = reply.text().await.unwrap();
    assert!(told.contains("line 2 of the body is no digest"), "{told}");
}
