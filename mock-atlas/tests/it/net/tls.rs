//! Tests that the emulator serves HTTPS, with a certificate that it makes or is given.

use std::error::Error as _;
use std::io::ErrorKind;

use mock_atlas::{Builder, MockAtlas, StartError, TlsError};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use rustix::process::Signal;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::program::Program;
use crate::support::{FILE, Fixture, http, program, trusting, upload_path};

async fn fixture(change: impl FnOnce(Builder) -> Builder) -> Fixture {
    let mut fixture = Fixture::with(|builder| change(builder).tls()).await;
    fixture.http = trusting(fixture.atlas.ca_pem().unwrap());
    fixture
}

/// Pushes a file and downloads it, on both listeners if there are two.
async fn push_and_fetch(fixture: &Fixture) {
    fixture.make_artifact("acme", "web").await;
    let version = fixture.push(b"bytes").await;
    let uploads = fixture.atlas.binstore_url().unwrap_or(fixture.atlas.url());
    assert!(uploads.starts_with("https://"), "{uploads}");
    assert!(upload_path(&version).starts_with(uploads), "{version}");
    assert_eq!(fixture.get(&format!("{FILE}/1/file")).await.body, "bytes");
}

fn host(fixture: &Fixture) -> &str {
    fixture.atlas.url().strip_prefix("https://").unwrap()
}

#[tokio::test]
async fn a_client_that_trusts_only_the_ca_pushes_and_fetches() {
    push_and_fetch(&fixture(|builder| builder).await).await;
    let anywhere = "127.0.0.1:0".parse().unwrap();
    push_and_fetch(&fixture(|builder| builder.binstore_listen(anywhere)).await).await;
    // The default names of the certificate do not include this address.
    let other = "127.0.0.2:0".parse().unwrap();
    push_and_fetch(&fixture(|builder| builder.listen(other)).await).await;
}

#[tokio::test]
async fn the_certificate_is_for_localhost_too() {
    let fixture = fixture(|builder| builder).await;
    let url = fixture.atlas.url().replace("127.0.0.1", "localhost");
    let reply = fixture.http.get(format!("{url}/_mock/health")).send();
    assert_eq!(reply.await.unwrap().status(), 200);
}

#[tokio::test]
async fn a_client_without_the_ca_refuses() {
    let fixture = fixture(|builder| builder).await;
    let url = format!("{}/_mock/health", fixture.atlas.url());
    assert!(http().get(&url).send().await.unwrap_err().is_connect());
    // Each emulator has a CA of its own.
    let other = MockAtlas::builder().tls().start().await.unwrap();
    let stranger = trusting(other.ca_pem().unwrap());
    assert!(stranger.get(&url).send().await.unwrap_err().is_connect());
}

/// Returns the PEM of a CA, and of a certificate of that CA and its key.
fn own() -> [String; 3] {
    let mut ca = CertificateParams::new(Vec::new()).unwrap();
    ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let ca = CertifiedIssuer::self_signed(ca, KeyPair::generate().unwrap()).unwrap();
    let mut server = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
    server.distinguished_name.push(DnType::CommonName, "own");
    let key = KeyPair::generate().unwrap();
    let certificate = server.signed_by(&key, &ca).unwrap();
    [ca.pem(), certificate.pem(), key.serialize_pem()]
}

#[tokio::test]
async fn a_certificate_of_ones_own_is_served() {
    let [ca, certificate, key] = own();
    let mut fixture = Fixture::with(|builder| builder.tls_with(certificate, key)).await;
    assert_eq!(fixture.atlas.ca_pem(), None);
    fixture.http = trusting(&ca);
    push_and_fetch(&fixture).await;
}

#[tokio::test]
async fn what_is_no_certificate_or_another_ones_key_says_so() {
    let [_, certificate, key] = own();
    let [_, _, other] = own();
    let start = async |certificate: &str, key: &str| {
        let builder = MockAtlas::builder().tls_with(certificate, key);
        match builder.start().await.unwrap_err() {
            StartError::Tls(error) => error,
            error => panic!("{error}"),
        }
    };
    assert!(matches!(start("", &key).await, TlsError::Certificate(_)));
    assert!(matches!(start(&certificate, "").await, TlsError::Key(_)));
    let unusable = start(&certificate, &other).await;
    assert!(matches!(unusable, TlsError::Unusable(_)), "{unusable}");
}

/// Returns the kind of the I/O error that is the innermost cause of a client's error.
fn io_kind(error: &reqwest::Error) -> Option<ErrorKind> {
    let mut kind = None;
    let mut next = error.source();
    while let Some(error) = next {
        let io = error.downcast_ref::<std::io::Error>();
        kind = io.map(std::io::Error::kind).or(kind);
        next = error.source();
    }
    kind
}

#[tokio::test]
async fn faults_end_connections_below_tls() {
    for effect in ["reset", "no-reply", "cut-after=3"] {
        let fault = format!("upload:{effect},times=1").parse().unwrap();
        let fixture = fixture(|builder| builder.fault(fault)).await;
        fixture.make_artifact("acme", "web").await;
        let version = fixture.make_version(json!({"id": "x", "file": true})).await;
        let upload = fixture.http.put(upload_path(&version)).body("bytes");
        let error = upload.send().await.unwrap_err();
        let is_reset = io_kind(&error) == Some(ErrorKind::ConnectionReset);
        assert_eq!(is_reset, effect != "no-reply", "{effect}: {error:?}");
        assert_eq!(fixture.atlas.faults()[0].fired, 1, "{effect}");
        let repeated = fixture.put(&upload_path(&version), b"bytes").await;
        assert_eq!(repeated.status, 200, "{effect}");
    }
}

#[tokio::test]
async fn whoever_does_not_shake_hands_holds_up_nobody() {
    let fixture = fixture(|builder| builder).await;
    let silent = TcpStream::connect(host(&fixture)).await.unwrap();
    let mut plain = TcpStream::connect(host(&fixture)).await.unwrap();
    let request = b"GET /_mock/health HTTP/1.1\r\nHost: localhost\r\n\r\n";
    plain.write_all(request).await.unwrap();
    push_and_fetch(&fixture).await;
    // Plain HTTP is not answered.
    let mut rest = Vec::new();
    let ended = plain.read_to_end(&mut rest).await;
    assert!(!ended.is_err_and(|error| error.kind() != ErrorKind::ConnectionReset));
    assert!(!rest.starts_with(b"HTTP"));
    // The timeout is shorter than the grace and the handshake's timeout, ten seconds each.
    let stopped = tokio::time::timeout(std::time::Duration::from_secs(5), fixture.atlas.stop());
    stopped.await.unwrap();
    drop(silent);
}

#[tokio::test]
async fn the_program_prints_where_the_ca_is_and_removes_it_in_the_end() {
    let arguments = ["--listen", "127.0.0.1:0", "--token", "T", "--tls"];
    let mut program = Program::start(&arguments, &[]);
    let mut exports = Vec::new();
    while exports.len() < 3 {
        let line = program.line().await;
        exports.extend(line.trim().strip_prefix("export ").map(str::to_owned));
    }
    let address = exports[0].strip_prefix("ATLAS_ADDRESS=").unwrap();
    let file = exports[2].strip_prefix("ATLAS_CAFILE=").unwrap().to_owned();
    let client = trusting(&std::fs::read_to_string(&file).unwrap());
    let url = format!("{address}/api/v1/token?access_token=T");
    assert_eq!(client.get(url).send().await.unwrap().status(), 200);
    assert_eq!(program.stop(Signal::TERM).await, Some(0));
    assert!(!std::path::Path::new(&file).exists());
}

/// Returns the exit code and the stderr of `mock-atlas health`.
async fn health(address: &str, ca: &str) -> (Option<i32>, String) {
    let output = program()
        .arg("health")
        .env("ATLAS_ADDRESS", address)
        .env("ATLAS_CAFILE", ca)
        .output()
        .await
        .unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    (output.status.code(), stderr)
}

#[tokio::test]
async fn commands_ask_over_https_when_they_know_the_ca() {
    let folder = tempfile::tempdir().unwrap();
    let ca = folder.path().join("ca.pem");
    let ca = ca.to_str().unwrap();
    let variables = [
        ("MOCK_ATLAS_LISTEN", "127.0.0.1:0"),
        ("MOCK_ATLAS_OUTPUT", "json"),
        ("MOCK_ATLAS_TLS", "1"),
        ("MOCK_ATLAS_TLS_CA_OUT", ca),
    ];
    let mut running = Program::start(&[], &variables);
    let said = running.json().await;
    assert_eq!(said["ca_file"], ca);
    let address = said["address"].as_str().unwrap();
    assert_eq!(health(address, ca).await, (Some(0), String::new()));

    let (code, stderr) = health(address, "").await;
    assert_eq!(code, Some(1));
    assert!(stderr.contains("ATLAS_CAFILE"), "{stderr}");

    // In the emulator's own container, `serve` and `health` have the same variables, and the port is fixed.
    let listen = address.strip_prefix("https://").unwrap();
    let mut own = program();
    own.arg("health").envs(variables);
    own.env("MOCK_ATLAS_LISTEN", listen)
        .env_remove("ATLAS_CAFILE")
        .env_remove("ATLAS_ADDRESS");
    assert!(own.output().await.unwrap().status.success());

    assert_eq!(running.stop(Signal::TERM).await, Some(0));
    // The user named the file, so the program does not remove it.
    assert!(std::path::Path::new(ca).exists());
}

#[tokio::test]
async fn exec_tells_its_command_where_the_ca_is() {
    let program_path = env!("CARGO_BIN_EXE_mock-atlas");
    let mut exec = program();
    exec.args(["exec", "--tls", "--", program_path, "health"]);
    let output = exec.output().await.unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{stderr}");
}

#[tokio::test]
async fn the_program_serves_files_of_ones_own() {
    let folder = tempfile::tempdir().unwrap();
    let paths = ["ca.pem", "cert.pem", "key.pem"].map(|name| folder.path().join(name));
    for (path, pem) in paths.iter().zip(own()) {
        std::fs::write(path, pem).unwrap();
    }
    let [ca, certificate, key] = paths.each_ref().map(|path| path.to_str().unwrap());
    let tls = ["--tls-cert", certificate, "--tls-key", key];
    let mut running = Program::serve(&tls, &[]);
    let said = running.json().await;
    assert_eq!(said.get("ca_file"), None);
    let address = said["address"].as_str().unwrap();
    assert_eq!(health(address, ca).await, (Some(0), String::new()));

    let alone = program().args(["--tls-cert", certificate]).output().await;
    assert_eq!(alone.unwrap().status.code(), Some(2));
}
