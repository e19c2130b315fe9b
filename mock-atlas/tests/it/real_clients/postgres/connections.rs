//! Tests connections to a database: TLS, and a pooler in between.

use std::fs::Permissions;
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use atlas_common::servers::postgres::PostgresServer;
use mock_atlas::MockAtlas;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};

use super::{Shared, new_version};
use crate::support::{FILE, status_of};

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

/// Returns a CA, and a certificate for `localhost` with its key, all in PEM.
fn certificates() -> [String; 3] {
    let mut ca = CertificateParams::new(Vec::new()).unwrap();
    ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let ca = CertifiedIssuer::self_signed(ca, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let server = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    let server = server.signed_by(&key, &ca).unwrap();
    [ca.pem(), server.pem(), key.serialize_pem()]
}

async fn start(url: String, shared: &Shared) -> Result<MockAtlas, String> {
    let builder = MockAtlas::builder().token("ROOT").database(url);
    let started = builder.blobs(shared.blobs()).start().await;
    started.map_err(|error| error.to_string())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tls_verifies_the_server_and_is_never_left_out() {
    let [ca, certificate, key] = certificates();
    let port = free_port();
    let files = [("server.crt", certificate.as_str()), ("server.key", &key)];
    let server = PostgresServer::start_on(port, &["ssl=on"], &files).unwrap();
    let shared = Shared::on(&server);
    let roots = shared.files.path().join("ca.pem");
    std::fs::write(&roots, ca).unwrap();
    let roots = format!("sslrootcert={}", roots.display());
    let url = |host: &str, options: &str| {
        format!(
            "postgres://postgres@{host}:{port}/{}?{options}",
            shared.name()
        )
    };
    let atlas = start(url("localhost", &roots), &shared).await.unwrap();
    let sql = "SELECT bool_and(ssl) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid)
        WHERE application_name = 'mock-atlas'";
    assert_eq!(server.run("postgres", sql).unwrap(), "t");
    let health = format!("{}/_mock/health", atlas.url());
    assert_eq!(status_of(&health).await, Some(200));
    for (host, options) in [
        // The certificate is for another name, or by another CA.
        ("127.0.0.1", roots.as_str()),
        ("localhost", "sslmode=require"),
    ] {
        let reason = start(url(host, options), &shared).await.unwrap_err();
        assert!(reason.contains("TLS"), "{reason}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_without_tls_is_refused_where_tls_is_asked_for() {
    let port = free_port();
    let server = PostgresServer::start_on(port, &[], &[]).unwrap();
    let shared = Shared::on(&server);
    let url = |options: &str| {
        format!(
            "postgres://postgres@localhost:{port}/{}{options}",
            shared.name()
        )
    };
    let reason = start(url("?sslmode=verify-full"), &shared)
        .await
        .unwrap_err();
    assert!(reason.contains("does not support TLS"), "{reason}");
    start(url("?sslmode=disable"), &shared).await.unwrap();
}

/// PgBouncer in transaction mode, before a server. It ends with this value, and with the process.
struct Pooler {
    process: Child,
    port: u16,
}

impl Pooler {
    fn start(server: &Path, folder: &Path) -> Self {
        let port = free_port();
        let (server, file) = (server.display(), folder.join("pgbouncer.ini"));
        let settings = format!(
            "[databases]\n* = host={server} user=postgres\n[pgbouncer]\nlisten_addr = 127.0.0.1\n\
             listen_port = {port}\nunix_socket_dir =\nauth_type = any\npool_mode = transaction\n\
             default_pool_size = 3\nmax_client_conn = 200\n"
        );
        std::fs::write(&file, settings).unwrap();
        // The shell ends the pooler when the pipe is closed.
        let keeper = "\"$@\" & pid=$!; read -r _; kill $pid; wait $pid";
        let mut command = Command::new("sh");
        command.args(["-c", keeper, "sh"]);
        if rustix::process::getuid().is_root() {
            let unprivileged = ["--reuid=postgres", "--regid=postgres", "--clear-groups"];
            command.arg("setpriv").args(unprivileged);
        }
        command.arg("/usr/sbin/pgbouncer").arg("--quiet").arg(file);
        let process = command
            .stdin(Stdio::piped())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .unwrap();
        Self { process, port }
    }
}

impl Pooler {
    fn wait_until_it_listens(&self) {
        let end = Instant::now() + Duration::from_secs(20);
        while TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            assert!(Instant::now() < end, "pgbouncer must be installed");
        }
    }
}

impl Drop for Pooler {
    fn drop(&mut self) {
        drop(self.process.stdin.take());
        let _ = self.process.wait();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pooler_in_transaction_mode_may_stand_in_between() {
    let server = PostgresServer::shared().unwrap();
    let shared = Shared::new();
    let mut folder = tempfile::Builder::new();
    let folder = folder.permissions(Permissions::from_mode(0o755));
    let folder = folder.tempdir().unwrap();
    let pooler = Pooler::start(server.folder(), folder.path());
    let through = Shared {
        url: format!(
            "postgres://postgres@127.0.0.1:{}/{}",
            pooler.port,
            shared.name()
        ),
        files: shared.files,
    };
    pooler.wait_until_it_listens();
    let emulators = [through.start().await, through.start().await];
    emulators[0].make_artifact("acme", "web").await;
    let pushes = (0..200).map(|at: usize| emulators[at % 2].post(FILE, new_version()));
    let replies = futures_util::future::join_all(pushes).await;
    assert!(
        replies.iter().all(|reply| reply.status == 200),
        "{:?}",
        replies[0]
    );
    let reads = (0..200).map(|at: usize| emulators[at % 2].found("metadata.1.key=os"));
    let found = futures_util::future::join_all(reads).await;
    assert!(found.iter().all(|numbers| numbers.first() == Some(&200)));
    assert!(emulators[1].found("").await.into_iter().rev().eq(1..=200));
    emulators[1].push(b"a file").await;
}
