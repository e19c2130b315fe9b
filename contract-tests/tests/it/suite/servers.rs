//! All clauses hold at correct servers with other configurations.

use std::{fs, net::SocketAddr, path::Path};

use atlas_contract_tests::safety::{
    policy::{Policy, UploadOrigin},
    trust::Trust,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, copy},
    net::{TcpListener, TcpStream},
};

use crate::support::{
    emulator::{assert_all_hold, builder, settings},
    program::{aimed_at, output, program},
};

const PORT: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 0);

fn trusting(ca_file: &Path) -> Policy {
    Policy {
        trust: Trust {
            ca_file: Some(ca_file.to_owned()),
            ..Trust::default()
        },
        ..Policy::default()
    }
}

#[tokio::test]
async fn over_tls_by_a_private_ca_with_uploads_on_another_origin() {
    let atlas = builder().tls().binstore_listen(PORT).start().await.unwrap();
    assert!(atlas.url().starts_with("https://"));
    assert!(atlas.binstore_url().unwrap().starts_with("https://"));
    let folder = tempfile::tempdir().unwrap();
    let ca_file = folder.path().join("ca.pem");
    fs::write(&ca_file, atlas.ca_pem().unwrap()).unwrap();
    let policy = Policy {
        upload_origins: UploadOrigin::list(atlas.binstore_url().unwrap()).unwrap(),
        ..trusting(&ca_file)
    };
    assert_all_hold(settings(atlas.url(), atlas.token(), policy)).await;
}

#[tokio::test]
async fn a_certificate_is_believed_only_by_an_option_or_its_variable() {
    let atlas = builder().tls().start().await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let ca_file = folder.path().join("ca.pem");
    fs::write(&ca_file, atlas.ca_pem().unwrap()).unwrap();
    let (file, dir) = (ca_file.to_str().unwrap(), folder.path().to_str().unwrap());
    let settings = settings(atlas.url(), atlas.token(), Policy::default());
    let code = async |flags: &[&str], variable: Option<(&str, &str)>| {
        let filter = ["--filter", "uploads.path-authorises"];
        let mut command = program(&aimed_at(&settings, &[&filter[..], flags].concat()));
        command.envs(variable);
        let output = output(command).await;
        (output.code, output.stderr)
    };
    let (unknown, said) = code(&[], None).await;
    assert_eq!(unknown, 4);
    assert!(said.contains("certificate"), "{said}");
    for flags in [["--ca-file", file], ["--ca-path", dir]] {
        assert_eq!(code(&flags, None).await, (0, String::new()));
    }
    assert_eq!(code(&["--insecure"], None).await.0, 0);
    for variable in [
        ("ATLAS_CAFILE", file),
        ("ATLAS_CAPATH", dir),
        ("ATLAS_TLS_NOVERIFY", "1"),
    ] {
        assert_eq!(code(&[], Some(variable)).await, (0, String::new()));
    }
    let missing = folder.path().join("missing.pem");
    let (bad, said) = code(&["--ca-file", missing.to_str().unwrap()], None).await;
    assert_eq!(bad, 2);
    assert!(
        said.contains("--ca-file") && said.contains("missing.pem"),
        "{said}"
    );
}

#[tokio::test]
async fn a_server_that_closes_each_connection_after_its_reply() {
    let atlas = builder().start().await.unwrap();
    let listener = TcpListener::bind(PORT).await.unwrap();
    let front = listener.local_addr().unwrap();
    let behind = atlas.url().strip_prefix("http://").unwrap().to_owned();
    let serving = tokio::spawn(async move {
        loop {
            let (client, _) = listener.accept().await.unwrap();
            tokio::spawn(once(client, behind.clone()));
        }
    });
    let url = format!("http://{front}");
    assert_all_hold(settings(&url, atlas.token(), Policy::default())).await;
    serving.abort();
}

/// Forwards one request with `Connection: close`, and closes the connection after the reply.
async fn once(mut client: TcpStream, behind: String) -> std::io::Result<()> {
    let (mut head, mut byte) = (Vec::new(), [0]);
    while !head.ends_with(b"\r\n\r\n") {
        client.read_exact(&mut byte).await?;
        head.push(byte[0]);
    }
    let text = String::from_utf8_lossy(&head).into_owned();
    let lines = text.trim_end().split("\r\n");
    let kept = lines.filter(|line| !line.to_ascii_lowercase().starts_with("connection:"));
    let head = kept.collect::<Vec<_>>().join("\r\n") + "\r\nConnection: close\r\n\r\n";
    let mut server = TcpStream::connect(behind).await?;
    server.write_all(head.as_bytes()).await?;
    let (mut from_client, mut to_client) = client.split();
    let (mut from_server, mut to_server) = server.split();
    tokio::select! {
        // The server closes the connection after its reply, which ends the copy and this connection.
        replied = copy(&mut from_server, &mut to_client) => replied.map(drop),
        broken = async {
            copy(&mut from_client, &mut to_server).await?;
            to_server.shutdown().await?;
            std::future::pending().await
        } => broken,
    }
}
