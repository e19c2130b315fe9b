//! Tests that the program's commands end in time when a server sends nothing, too little, or too much.

use std::process::Output;
use std::time::Duration;

use futures_util::future::join_all;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::process::Command;
use tokio::time::timeout;

use crate::support::program;

/// A time that no command here needs unless it hangs.
const LONG: Duration = Duration::from_secs(60);

/// Starts a server and returns its address. On each connection it reads the head of a request, sends
/// `beginning`, and then repeats `again` if that is not empty.
async fn server(beginning: &'static str, again: &'static [u8]) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            tokio::spawn(answer(stream, beginning, again));
        }
    });
    address
}

async fn answer(mut stream: TcpStream, beginning: &str, again: &[u8]) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.unwrap());
    }
    stream.write_all(beginning.as_bytes()).await.unwrap();
    // The write fails once the client is gone.
    while !again.is_empty() && stream.write_all(again).await.is_ok() {}
    let _ = stream.read_to_end(&mut Vec::new()).await;
}

fn command(address: &str, line: &str) -> Command {
    let mut command = program();
    command
        .args(line.split(' '))
        .env("ATLAS_ADDRESS", address)
        .env("ATLAS_TOKEN", "ROOT");
    if !line.contains("--timeout") {
        command.args(["--timeout", "1"]);
    }
    command
}

/// Runs a command, checks that it fails in time, and returns its message.
async fn failure(mut command: Command, name: &str) -> String {
    let output = timeout(LONG, command.output()).await;
    let Output { status, stderr, .. } = output.unwrap_or_else(|_| panic!("{name} hangs")).unwrap();
    let stderr = String::from_utf8(stderr).unwrap();
    assert_eq!(status.code(), Some(1), "{name}: {stderr}");
    stderr
}

/// Writes a file with this content into the folder, and returns its path.
fn file(folder: &tempfile::TempDir, name: &str, content: &str) -> String {
    let path = folder.path().join(name);
    std::fs::write(&path, content).unwrap();
    path.to_str().unwrap().to_owned()
}

#[tokio::test]
async fn each_command_ends_before_a_server_that_says_nothing() {
    let address = server("", b"").await;
    let folder = tempfile::tempdir().unwrap();
    let seed = file(&folder, "seed.json", "{}");
    let archive = folder.path().join("new.tar").display().to_string();
    let id = "00000000-0000-0000-0000-000000000000";
    let lines = [
        "token create amy".to_owned(),
        "token list".to_owned(),
        format!("token revoke {id}"),
        "fault add upload:reset".to_owned(),
        "fault list".to_owned(),
        "fault clear".to_owned(),
        "reset".to_owned(),
        format!("seed {seed}"),
        format!("backup {archive}"),
        format!("restore {seed}"),
        "delete acme/web".to_owned(),
        "orphans".to_owned(),
        "requests".to_owned(),
        "requests --clear".to_owned(),
        "lints".to_owned(),
        "metrics".to_owned(),
        "verify --lint".to_owned(),
    ];
    let said = lines
        .iter()
        .map(|line| failure(command(&address, line), line));
    for (line, said) in lines.iter().zip(join_all(said).await) {
        let expected = format!(
            "mock-atlas: {address}: no byte moved for 1s while waiting for the beginning of \
             the reply; --timeout SECONDS waits longer\n"
        );
        assert_eq!(said, expected, "{line}");
    }
    let said = failure(command(&address, "health"), "health").await;
    let is_told = said.contains("no byte moved for 1s") || said.contains("within 1 seconds");
    assert!(is_told, "{said}");
}

#[tokio::test]
async fn a_reply_that_stops_is_not_waited_for() {
    for (beginning, message) in [
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{",
            "while waiting for the rest of the reply",
        ),
        (
            "HTTP/1.1 404 Not Found\r\nContent-Length: 100\r\n\r\nabc",
            "answered 404 Not Found: the body could not be read",
        ),
        (
            "HTTP/1.1 200",
            "while waiting for the beginning of the reply",
        ),
    ] {
        let address = server(beginning, b"").await;
        let folder = tempfile::tempdir().unwrap();
        let archive = folder.path().join("new.tar");
        let backup = format!("backup {}", archive.display());
        for line in ["reset", &backup] {
            let said = failure(command(&address, line), line).await;
            assert!(said.contains(&address) && said.contains(message), "{said}");
        }
        assert!(!archive.exists());
    }
}

#[tokio::test]
async fn neither_a_connection_nor_a_handshake_is_waited_for_longer() {
    let folder = tempfile::tempdir().unwrap();
    let (_, ca) = rcgen::generate_simple_self_signed(Vec::new())
        .map(|made| ((), made.cert.pem()))
        .unwrap();
    let ca = file(&folder, "ca.pem", &ca);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("https://{}", listener.local_addr().unwrap());
    let mut over_tls = command(&address, "reset");
    over_tls.env("ATLAS_CAFILE", ca);
    let said = failure(over_tls, "reset").await;
    assert!(
        said.contains("while waiting for the TLS handshake"),
        "{said}"
    );

    // The backlog is full, so that the next client gets no answer.
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let listener = socket.listen(1).unwrap();
    let host = listener.local_addr().unwrap();
    let mut waiting = Vec::new();
    while let Ok(stream) = timeout(Duration::from_millis(200), TcpStream::connect(host)).await {
        waiting.push(stream.unwrap());
    }
    let said = failure(command(&format!("http://{host}"), "reset"), "reset").await;
    assert!(said.contains("while waiting for a connection"), "{said}");
}

#[tokio::test]
async fn an_archive_that_nobody_takes_is_not_sent_for_ever() {
    let address = server("", b"").await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let archive = file(&folder, "large.tar", "");
    std::fs::File::options()
        .write(true)
        .open(&archive)
        .unwrap()
        .set_len(1 << 30)
        .unwrap();
    let unread = format!("http://{}", listener.local_addr().unwrap());
    for address in [&unread, &address] {
        let said = failure(command(address, &format!("restore {archive}")), "restore").await;
        assert!(said.contains("no byte moved for 1s"), "{said}");
    }
}

#[tokio::test]
async fn of_a_reply_without_end_no_more_is_taken_than_a_reply_has() {
    let chunk = format!("10000\r\n{}\r\n", " ".repeat(0x10000));
    let chunks: &'static [u8] = chunk.into_bytes().leak();
    for (head, message) in [
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
            "is larger than the 64 MiB that are read of a reply",
        ),
        (
            "HTTP/1.1 404 Not Found\r\nTransfer-Encoding: chunked\r\n\r\n",
            "answered 404 Not Found: the body is too large for an error",
        ),
        (
            "HTTP/1.1 500 Internal Server Error\r\nTransfer-Encoding: chunked\r\n\r\n",
            "answered 500 Internal Server Error: the body is too large for an error",
        ),
    ] {
        let address = server(head, chunks).await;
        for line in ["requests", "metrics", "health", "verify --lint"] {
            let said = failure(command(&address, line), line);
            let said = said.await;
            let is_slow = line == "health" && said.contains("no answer within");
            assert!(is_slow || said.contains(message), "{line}: {said}");
        }
    }
    // The length of an error is limited for `backup` too, which writes the body of a success to disk.
    let address = server(
        "HTTP/1.1 500 No\r\nTransfer-Encoding: chunked\r\n\r\n",
        chunks,
    )
    .await;
    let said = failure(command(&address, "backup /nowhere/new.tar"), "backup").await;
    assert!(said.contains("too large for an error"), "{said}");
}

#[tokio::test]
async fn what_a_killed_backup_leaves_has_not_its_name_and_is_removed_by_the_next() {
    let folder = tempfile::tempdir().unwrap();
    // The archive's name is as long as a name can be, and beside it lies a file of the user's own.
    let name = "n".repeat(255);
    let archive = folder.path().join(&name);
    let own = folder.path().join(".own.partial");
    std::fs::write(&own, "mine").unwrap();
    let partial = || {
        let entries = folder.path().read_dir().unwrap();
        let mut paths = entries.map(|entry| entry.unwrap().path());
        paths.find(|path| *path != own && *path != archive)
    };
    let line = format!("backup {}", archive.display());
    let half = server("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf", b"").await;
    let mut killed = command(&half, &format!("{line} --timeout 600"))
        .spawn()
        .unwrap();
    let written = async {
        while partial().is_none_or(|path| std::fs::read(path).unwrap() != b"half") {
            tokio::task::yield_now().await;
        }
    };
    timeout(LONG, written).await.expect("it is begun");
    // While the file is being written, another command does not remove it.
    let whole = server("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nwhole", b"").await;
    let busy = failure(command(&whole, &line), "backup").await;
    assert!(
        busy.ends_with("another backup is being written to this file\n"),
        "{busy}"
    );
    killed.kill().await.unwrap();
    assert!(!archive.exists());

    let output = command(&whole, &line).output().await.unwrap();
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert_eq!(std::fs::read(&archive).unwrap(), b"whole");
    assert_eq!(partial(), None);
    let again = failure(command(&whole, &line), "backup").await;
    assert!(again.ends_with("n: File exists (os error 17)\n"), "{again}");
    assert_eq!(partial(), None);

    let line = format!("backup {}", folder.path().join("own").display());
    let output = command(&whole, &line).output().await.unwrap();
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert_eq!(std::fs::read(&own).unwrap(), b"mine");
}

/// Starts a server that sends a head and then, at intervals, single bytes of the body.
async fn dripping() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            tokio::spawn(async move {
                let mut asked = Vec::new();
                while !asked.ends_with(b"\r\n\r\n") {
                    asked.push(stream.read_u8().await.unwrap());
                }
                let head = b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n";
                let mut sent = stream.write_all(head).await;
                while sent.is_ok() {
                    tokio::time::sleep(Duration::from_millis(100)).await;
                    sent = stream.write_all(b" ").await;
                }
            });
        }
    });
    address
}

#[tokio::test]
async fn a_reply_that_comes_a_byte_at_a_time_is_not_waited_for_to_its_end() {
    let address = dripping().await;
    let lines = ["reset", "orphans", "token list"];
    let messages = lines.map(|line| failure(command(&address, line), line));
    for message in join_all(messages).await {
        assert!(
            message.contains("no complete reply within 10s"),
            "{message}"
        );
    }
}
