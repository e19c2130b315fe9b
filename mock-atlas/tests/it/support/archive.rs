//! Takes and restores snapshots, and reads and writes their archives.

use std::io::Read;

use reqwest::Method;

use super::{Fixture, Reply};

pub(crate) async fn snapshot(fixture: &Fixture) -> Vec<u8> {
    let request = fixture.request(Method::POST, "/_mock/snapshot");
    let reply = request.send().await.unwrap();
    assert_eq!(reply.status(), 200);
    reply.bytes().await.unwrap().to_vec()
}

pub(crate) async fn restore(fixture: &Fixture, archive: Vec<u8>) -> Reply {
    let request = fixture
        .request(Method::POST, "/_mock/restore")
        .body(archive);
    Reply::of(request.send().await.unwrap()).await
}

/// Returns the entries of an archive: names and contents.
pub(crate) fn entries(archive: &[u8]) -> Vec<(String, Vec<u8>)> {
    let mut archive = tar::Archive::new(archive);
    let entries = archive.entries().unwrap().map(|entry| {
        let mut entry = entry.unwrap();
        let name = entry.path().unwrap().display().to_string();
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes).unwrap();
        (name, bytes)
    });
    entries.collect()
}

pub(crate) fn archive(entries: &[(String, Vec<u8>)]) -> Vec<u8> {
    let mut archive = tar::Builder::new(Vec::new());
    for (name, bytes) in entries {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        archive.append_data(&mut header, name, &bytes[..]).unwrap();
    }
    archive.into_inner().unwrap()
}
