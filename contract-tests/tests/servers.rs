//! The same clauses against correct servers that are set up in other ways.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "in a test a panic is the verdict"
)]

mod support;

use std::{fs, net::SocketAddr, path::Path};

use atlas_contract_tests::{
    report::{Status, Summary},
    run::{Options, Run, settings::Settings, target::Target},
    safety::{
        policy::{Conduct, UploadOrigin},
        trust::Trust,
    },
};
use mock_atlas::{Builder, MockAtlas, User};
use support::program::{aimed_at, output, program};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, copy},
    net::{TcpListener, TcpStream},
};

const PORT: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 0);

/// An emulator that has all that the clauses need.
fn emulator() -> Builder {
    let rival = User::new("rival")
        .password("open sesame")
        .token("rival-token");
    MockAtlas::builder()
        .user(rival)
        .public_artifact("acme/public")
        .max_id_length(255)
}

fn settings(url: &str, token: &str, conduct: Conduct) -> Settings {
    Settings {
        url: url.to_owned(),
        token: token.to_owned(),
        namespace: "acme".to_owned(),
        login: Some("rival".to_owned()),
        password: Some("open sesame".to_owned()),
        other_token: Some("rival-token".to_owned()),
        public_artifact: Some("acme/public".to_owned()),
        max_id_length: Some(255),
        conduct,
    }
}

/// Every clause must hold, however strictly it is judged.
async fn holds(settings: Settings) {
    let options = Options {
        strict: true,
        ..Options::default()
    };
    let run = Run::start(Target::new(settings).unwrap(), options).await;
    let reports = run.unwrap().judge_all(|_| {}).await;
    let bad: Vec<_> = reports
        .iter()
        .filter(|it| it.status != Status::Pass)
        .map(ToString::to_string)
        .collect();
    assert!(
        bad.is_empty(),
        "{}\n{}",
        Summary::of(&reports),
        bad.join("\n")
    );
}

fn trusting(ca_file: &Path) -> Conduct {
    Conduct {
        trust: Trust {
            ca_file: Some(ca_file.to_owned()),
            ..Trust::default()
        },
        ..Conduct::default()
    }
}

#[tokio::test]
async fn over_tls_by_a_private_ca_with_uploads_on_another_origin() {
    let atlas = emulator()
        .tls()
        .binstore_listen(PORT)
        .start()
        .await
        .unwrap();
    assert!(atlas.url().starts_with("https://"));
    assert!(atlas.binstore_url().unwrap().starts_with("https://"));
    let folder = tempfile::tempdir().unwrap();
    let ca_file = folder.path().join("ca.pem");
    fs::write(&ca_file, atlas.ca_pem().unwrap()).unwrap();
    let conduct = Conduct {
        upload_origins: UploadOrigin::list(atlas.binstore_url().unwrap()).unwrap(),
        ..trusting(&ca_file)
    };
    holds(settings(atlas.url(), atlas.token(), conduct)).await;
}

#[tokio::test]
async fn a_certificate_is_believed_only_by_an_option_or_its_variable() {
    let atlas = emulator().tls().start().await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let ca_file = folder.path().join("ca.pem");
    fs::write(&ca_file, atlas.ca_pem().unwrap()).unwrap();
    let (file, dir) = (ca_file.to_str().unwrap(), folder.path().to_str().unwrap());
    let settings = settings(atlas.url(), atlas.token(), Conduct::default());
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
    let atlas = emulator().start().await.unwrap();
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
    holds(settings(&url, atlas.token(), Conduct::default())).await;
    serving.abort();
}

/// An nginx before an address, with nothing set but what a proxy must have; killed on drop.
#[cfg(all(feature = "real-clients", target_os = "linux"))]
struct Nginx {
    url: String,
    _folder: tempfile::TempDir,
    _server: tokio::process::Child,
}

#[cfg(all(feature = "real-clients", target_os = "linux"))]
impl Nginx {
    async fn before(url: &str) -> Self {
        // It takes a number and no socket, so a port that was free a moment ago must do.
        let free = TcpListener::bind(PORT).await.unwrap();
        let port = free.local_addr().unwrap().port();
        drop(free);
        let folder = tempfile::tempdir().unwrap();
        let paths = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
        let paths = paths
            .map(|name| format!("{name}_temp_path {name};\n"))
            .concat();
        let configuration = format!(
            "daemon off; master_process off; pid pid; error_log stderr; events {{}}\n\
             http {{ access_log off; client_max_body_size 0;\n{paths}\
             server {{ listen 127.0.0.1:{port}; location / {{\n\
             proxy_pass {url}; proxy_set_header Host $http_host; }} }} }}\n"
        );
        let file = folder.path().join("nginx.conf");
        fs::write(&file, configuration).unwrap();
        let server = tokio::process::Command::new("nginx")
            .arg("-p")
            .arg(folder.path())
            .arg("-c")
            .arg(&file)
            .kill_on_drop(true)
            .spawn()
            .expect("nginx is needed");
        while TcpStream::connect(("127.0.0.1", port)).await.is_err() {
            tokio::task::yield_now().await;
        }
        Self {
            url: format!("http://127.0.0.1:{port}"),
            _folder: folder,
            _server: server,
        }
    }
}

#[cfg(all(feature = "real-clients", target_os = "linux"))]
#[tokio::test]
async fn behind_nginx() {
    let atlas = emulator().start().await.unwrap();
    let nginx = Nginx::before(atlas.url()).await;
    holds(settings(&nginx.url, atlas.token(), Conduct::default())).await;
}

/// Passes one request on, as one whose client asks for no other, and closes after its reply.
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
        // The reply ends where the server closes: so does this connection.
        replied = copy(&mut from_server, &mut to_client) => replied.map(drop),
        broken = async {
            copy(&mut from_client, &mut to_server).await?;
            to_server.shutdown().await?;
            std::future::pending().await
        } => broken,
    }
}
