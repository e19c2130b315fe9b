//! Tests that an import goes on after a failure that passes, and ends where the emulator is gone.

use std::path::Path;
use std::process::Output;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy, copy_bidirectional, sink};
use tokio::net::{TcpListener, TcpStream};

use crate::support::{Fixture, program};

/// The fate of a connection.
enum Fate {
    /// It leads to the emulator.
    Passed,
    /// The request is answered with this status, and never arrives.
    Refused(&'static str),
    /// It is reset.
    Reset,
    /// The request arrives, and the reply to it is lost.
    ReplyLost,
}

/// Starts a proxy that gives each connection its fate, one after the other, and returns its address.
async fn proxy(atlas: &str, fates: impl IntoIterator<Item = Fate>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let upstream = atlas.strip_prefix("http://").unwrap().to_owned();
    let fates: Vec<Fate> = fates.into_iter().collect();
    tokio::spawn(async move {
        for fate in fates {
            let (client, _) = listener.accept().await.unwrap();
            let server = TcpStream::connect(&upstream).await.unwrap();
            meet(fate, client, server).await;
        }
    });
    address
}

async fn meet(fate: Fate, mut client: TcpStream, mut server: TcpStream) {
    match fate {
        Fate::Passed => {
            copy_bidirectional(&mut client, &mut server).await.unwrap();
        }
        Fate::Refused(status) => {
            // The body is one object of JSON, and the head has no brace.
            while client.read_u8().await.unwrap() != b'{' {}
            let reply = format!("HTTP/1.1 {status}\r\nRetry-After: 0\r\nContent-Length: 0\r\n\r\n");
            client.write_all(reply.as_bytes()).await.unwrap();
            client.shutdown().await.unwrap();
            client.read_to_end(&mut Vec::new()).await.unwrap();
        }
        Fate::Reset => client.set_zero_linger().unwrap(),
        Fate::ReplyLost => {
            let (mut from_client, _to_client) = client.split();
            let (mut from_server, mut to_server) = server.split();
            let sent = async {
                copy(&mut from_client, &mut to_server).await.unwrap();
                std::future::pending::<()>().await;
            };
            let mut lost = sink();
            tokio::select! {
                () = sent => {}
                _ = copy(&mut from_server, &mut lost) => {}
            }
        }
    }
}

/// Writes a tree with two versions, each with a file.
fn write_tree(folder: &Path) {
    let versions = [1_u64, 2].map(|number| {
        let bytes = format!("the file {number}");
        let path = format!("api/v1/artifacts/acme/web/custom.image/{number}/file");
        let file = folder.join(&path);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, &bytes).unwrap();
        let sha256 = Sha256::digest(&bytes);
        let sha256: String = sha256.iter().map(|byte| format!("{byte:02x}")).collect();
        let blake3 = blake3::hash(bytes.as_bytes()).to_string();
        json!({
            "number": number, "id": "x", "metadata": {}, "has_file": true,
            "created_at": "2017-07-14T02:40:00.123Z",
            "file": {"path": path, "size": bytes.len(), "blake3": blake3, "sha256": sha256},
        })
    });
    let manifest = json!({
        "format": "atlas-mirror", "format_version": 2, "base_url": null, "boxes": [],
        "artifacts": [{
            "owner": "acme", "name": "web", "private": true, "source": "",
            "types": [{"type": "custom.image", "last_number": 2, "versions": versions}],
        }],
    });
    std::fs::write(folder.join("mirror.json"), manifest.to_string()).unwrap();
}

/// Imports a tree of two versions into the emulator at this address.
async fn import(address: &str) -> Output {
    let folder = tempfile::tempdir().unwrap();
    write_tree(folder.path());
    let mut command = program();
    command.arg("import").arg(folder.path());
    command.args(["--output", "json"]);
    command
        .env("ATLAS_ADDRESS", address)
        .env("ATLAS_TOKEN", "ROOT");
    command.output().await.unwrap()
}

/// Returns the reasons for which an import tried again.
fn repeated(stderr: &str) -> Vec<&str> {
    let lines = stderr.lines();
    let repeated = lines.filter_map(|line| line.split_once("; trying again in "));
    repeated.map(|(reason, _)| reason).collect()
}

#[tokio::test]
async fn an_import_goes_on_after_refusals_resets_and_lost_replies() {
    let fixture = Fixture::new().await;
    // An import asks for each version first, and sends it then.
    let of_first = [
        Fate::Refused("503 Service Unavailable"),
        Fate::Reset,
        Fate::Passed,
        Fate::Passed,
    ];
    let of_second = [
        Fate::Refused("429 Too Many Requests"),
        Fate::Passed,
        Fate::ReplyLost,
        Fate::Passed,
    ];
    let fates = of_first.into_iter().chain(of_second);
    let output = import(&proxy(fixture.atlas.url(), fates).await).await;
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(0), "{stderr}");
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(
        (&report["added"], &report["present"]),
        (&2.into(), &0.into())
    );
    let reasons = repeated(&stderr);
    let told = [
        "answered 503",
        "cannot reach",
        "answered 429",
        "cannot reach",
    ];
    assert_eq!(reasons.len(), told.len(), "{stderr}");
    for (reason, told) in reasons.iter().zip(told) {
        assert!(reason.contains(told), "{stderr}");
    }
    assert_eq!(fixture.found("").await, [2, 1]);
}

#[tokio::test]
async fn an_import_into_nothing_ends_after_six_attempts_in_all() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let output = import(&address).await;
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert_eq!(repeated(&stderr).len(), 5, "{stderr}");
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["failed"], 2);
}
