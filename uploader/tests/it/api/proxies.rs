//! Tests the proxies that the environment names.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};

use crate::support::program::Program;
use crate::support::server::{Reply, Request, Server};
use crate::support::{CANARY, gzip, well};

const BOX: [&str; 6] = ["box", "mirror", "acme/web", "--to", "boxes", "--from"];

/// Returns the address of a port without a listener, with a user and a password.
fn dead() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    format!("http://user:hunter2@{}", listener.local_addr().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_variable_that_names_no_proxy_is_an_error_that_names_it() {
    let atlas = Server::start(well).await;
    for (variable, value) in [
        ("HTTP_PROXY", "http://user:hunter2@"),
        ("http_proxy", "user:hunter2@a proxy"),
        ("HTTPS_PROXY", "ftp://user:hunter2@proxy.test"),
        ("https_proxy", "http://user:hunter2@proxy.test:port"),
        ("ALL_PROXY", "socks://user:hunter2@proxy.test"),
        ("all_proxy", "http://user:hunter2@/"),
        ("http_proxy", "user:hunter2"),
        ("http_proxy", "?token=hunter2"),
        ("http_proxy", "direct"),
        ("http_proxy", "3128"),
    ] {
        let program = Program::at(atlas.url(), CANARY).with(variable, value);
        let mirror = [&BOX[..], &[atlas.url()]].concat();
        for command in [&["whoami"][..], &mirror] {
            let run = program.run(command).await;
            assert_eq!(run.code, 2, "{variable} {run}");
            let told = format!(
                "the variable {variable} does not hold a proxy's address: set it to one such as"
            );
            assert!(run.stderr.contains(&told), "{variable} {run}");
            assert!(!run.stderr.contains("hunter2"), "{run}");
        }
        // `config` still shows the wrong setting.
        let run = program.run(&["config"]).await;
        assert_eq!(run.code, 0, "{run}");
        assert!(run.stdout.contains(variable), "{run}");
        let told = "[REDACTED], which is not a proxy's address";
        assert!(run.stdout.contains(told), "{run}");
        assert!(!run.stdout.contains("hunter2"), "{run}");
    }
    assert!(atlas.requests().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proxy_that_cannot_be_reached_is_named_without_its_password() {
    let proxy = dead();
    let shown = proxy.replace("user:hunter2@", "");
    for (variable, url) in [
        ("HTTP_PROXY", "http://atlas.test"),
        ("https_proxy", "https://atlas.test"),
        ("ALL_PROXY", "https://atlas.test"),
    ] {
        let program = Program::at(url, CANARY).with(variable, &proxy);
        let mirror = [&BOX[..], &[url, "--retries", "0"]].concat();
        for command in [&["whoami", "--retries", "0"][..], &mirror] {
            let run = program.run(command).await;
            assert_eq!(run.code, 7, "{run}");
            let told = format!("(through the proxy {shown} of the variable {variable})");
            assert!(run.stderr.contains(&told), "{run}");
            assert!(!run.stderr.contains("hunter2"), "{run}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_proxy_for_everything_counts_for_addresses_too() {
    let atlas = Server::start(well).await;
    for list in ["*", "example.test, *"] {
        let program = Program::at(atlas.url(), CANARY)
            .with("HTTP_PROXY", &dead())
            .with("NO_PROXY", list);
        let run = program.run(&["whoami", "--retries", "0"]).await;
        assert_eq!(run.code, 0, "{run}");
    }
    // An error does not name a proxy that was not used.
    let closed = dead().replace("user:hunter2@", "");
    let program = Program::at(&closed, CANARY)
        .with("HTTP_PROXY", "http://proxy.test")
        .with("NO_PROXY", "127.0.0.1");
    let run = program.run(&["whoami", "--retries", "0"]).await;
    assert!(!run.stderr.contains("proxy"), "{run}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_password_of_a_proxy_goes_to_it() {
    let proxy = Server::start(|_, request| match request.header("proxy-authorization") {
        Some("Basic dXNlcjpodW50ZXIy") => Reply::json(200, json!({"user": {"username": "u"}})),
        _ => Reply::json(407, json!({})),
    })
    .await;
    let named = proxy.url().replace("http://", "http://user:hunter2@");
    let program = Program::at("http://atlas.test", CANARY).with("all_proxy", &named);
    assert_eq!(program.run(&["whoami"]).await.stdout, "u\n");
    assert_eq!(proxy.lines(), ["GET http://atlas.test/api/v1/authenticate"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_exempt_may_have_a_port() {
    let atlas = Server::start(well).await;
    let port = atlas.url().rsplit(':').next().unwrap();
    for (list, code) in [
        (format!("127.0.0.1:{port}"), 0),
        ("127.0.0.1:1".to_owned(), 7),
    ] {
        let program = Program::at(atlas.url(), CANARY)
            .with("HTTP_PROXY", &dead())
            .with("NO_PROXY", &list);
        let run = program.run(&["whoami", "--retries", "0"]).await;
        assert_eq!(run.code, code, "{list} {run}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proxy_that_does_not_answer_or_answers_itself_is_named() {
    let mirror = [&BOX[..], &["http://atlas.test"]].concat();
    for (reply, code, words) in [
        (Reply::Silence, 7, "no answer within"),
        (
            Reply::Stall(b"HTTP/1.1 200 OK\r\n\r\n{".to_vec()),
            7,
            "no answer within",
        ),
        (Reply::json(407, json!({})), 6, "407 Proxy Authentication"),
        (Reply::json(502, json!({})), 7, "502 Bad Gateway"),
    ] {
        let proxy = Server::start(move |_, _| reply.clone()).await;
        let program = Program::at("http://atlas.test", CANARY).with("HTTP_PROXY", proxy.url());
        let told = format!(
            "through the proxy {} of the variable HTTP_PROXY",
            proxy.url()
        );
        for command in [&["whoami"][..], &mirror] {
            let run = program
                .run(&[command, &["--retries", "0", "--timeout", "1"]].concat())
                .await;
            assert_eq!(run.code, code, "{run}");
            assert!(run.stderr.contains(words), "{run}");
            assert!(run.stderr.contains(&told), "{run}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proxy_that_takes_no_bytes_is_named() {
    let proxy = Server::start(|_, request| match request.method.as_str() {
        "PUT" => Reply::Silence,
        _ => {
            let target = request.target.replace("http://atlas.test", "");
            let request = Request {
                target,
                ..request.clone()
            };
            well("http://atlas.test", &request)
        }
    })
    .await;
    let program = Program::at("http://atlas.test", CANARY).with("HTTP_PROXY", proxy.url());
    program.write("disk.img.gz", gzip(b"disk"));
    let push = ["push", "acme/web", "--type", "t", "disk.img.gz"];
    let patience = ["--retries", "0", "--timeout", "1"];
    let run = program.run(&[&push[..], &patience].concat()).await;
    assert_eq!(run.code, 7, "{run}");
    let told = format!(
        "no bytes were transferred for 2s (through the proxy {}",
        proxy.url()
    );
    assert!(run.stderr.contains(&told), "{run}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_that_a_proxy_refuses_is_sent_once() {
    let proxy = Server::start(|_, _| Reply::json(407, json!({}))).await;
    let named = proxy.url().replace("http://", "http://user:hunter2@");
    let program = Program::at("https://atlas.test", CANARY).with("HTTPS_PROXY", &named);
    let run = program.run(&["whoami"]).await;
    assert_eq!(run.code, 6, "{run}");
    let told = format!(
        "proxy authorization required (through the proxy {} of the variable HTTPS_PROXY)",
        proxy.url()
    );
    assert!(run.stderr.contains(&told), "{run}");
    assert_eq!(proxy.lines(), ["CONNECT atlas.test:443"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_that_a_socks_proxy_refuses_is_sent_once() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let named = format!("socks5h://user:hunter2@{}", listener.local_addr().unwrap());
    let connections = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&connections);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            counted.fetch_add(1, Ordering::SeqCst);
            let mut methods = [0; 16];
            let _ = stream.read(&mut methods).await?;
            stream.write_all(&[5, 2]).await?;
            let mut password = [0; 64];
            let _ = stream.read(&mut password).await?;
            stream.write_all(&[1, 1]).await?;
        }
        std::io::Result::Ok(())
    });
    let program = Program::at("https://atlas.test", CANARY).with("ALL_PROXY", &named);
    let run = program.run(&["whoami"]).await;
    assert_eq!(run.code, 6, "{run}");
    assert!(run.stderr.contains("credentials not accepted"), "{run}");
    assert_eq!(connections.load(Ordering::SeqCst), 1);
}

/// Starts a SOCKS5 proxy that connects every client to one server.
async fn socks(behind: &str) -> String {
    let behind = behind.trim_start_matches("http://").to_owned();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let behind = behind.clone();
            tokio::spawn(async move {
                let mut methods = [0; 2];
                stream.read_exact(&mut methods).await?;
                let mut methods = vec![0; methods[1].into()];
                stream.read_exact(&mut methods).await?;
                stream.write_all(&[5, 0]).await?;
                // The request for a name: version, command, a reserved byte, the kind of address, and the
                // length of the name.
                let mut head = [0; 5];
                stream.read_exact(&mut head).await?;
                assert_eq!(head[3], 3, "the proxy looks names up");
                let mut name_and_port = vec![0; usize::from(head[4]) + 2];
                stream.read_exact(&mut name_and_port).await?;
                stream.write_all(&[5, 0, 0, 1, 0, 0, 0, 0, 0, 0]).await?;
                let mut behind = TcpStream::connect(behind).await?;
                copy_bidirectional(&mut stream, &mut behind).await
            });
        }
    });
    format!("socks5h://{address}")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_socks_proxy_is_used() {
    let atlas = Server::start(well).await;
    let proxy = socks(atlas.url()).await;
    let program = Program::at("http://atlas.test", CANARY).with("ALL_PROXY", &proxy);
    let run = program.run(&["whoami"]).await;
    assert_eq!(run.stdout, "acme\n", "{run}");
}
