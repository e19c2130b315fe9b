//! Starts PostgreSQL, an object store and the replicas, each in a process of its own on this machine.

use std::fs::{self, File};
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use atlas_common::servers::postgres::PostgresServer;
use atlas_common::servers::s3::{self, BUCKET};
use rustix::process::Signal;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio::sync::Mutex as AsyncMutex;
use tokio::time::timeout;

use super::service::Service;
use crate::real_clients::link::{Link, Target};
use crate::real_clients::until;
use crate::support::program::SERVE;
use crate::support::{program, status_of};

pub(super) const REPLICAS: usize = 3;
pub(super) const TOKEN: &str = "ROOT";

/// The longest wait for a part to start.
const START: Duration = Duration::from_secs(60);

/// Everything that runs, in a folder of its own.
pub(super) struct Cluster {
    pub(super) database: PostgresServer,
    pub(super) store: Store,
    pub(super) replicas: Vec<Replica>,
    pub(super) bucket: PathBuf,
    _folder: TempDir,
}

impl Cluster {
    pub(super) async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let database = PostgresServer::start().unwrap();
        let store = Store::new(folder.path());
        store.start().await;
        let socket = Target::Unix(database.folder().join(".s.PGSQL.5432"));
        let mut replicas = Vec::new();
        for at in 0..REPLICAS {
            let to_database = Link::to(socket.clone()).await;
            let to_store = Link::to(Target::Tcp(store.address)).await;
            let log = folder.path().join(format!("replica-{at}"));
            let replica = Replica::new(to_database, to_store, log);
            replica.start().await;
            replicas.push(replica);
        }
        Self {
            database,
            store,
            replicas,
            bucket: folder.path().join("store").join(BUCKET),
            _folder: folder,
        }
    }

    /// Waits until each replica says that it is ready.
    pub(super) async fn wait_until_ready(&self) {
        for replica in &self.replicas {
            let ready =
                async || status_of(&format!("{}/_mock/health", replica.url())).await == Some(200);
            until("a replica is not ready", ready).await;
        }
    }

    /// Runs a command of the program on the data of the replicas, and checks that it succeeds.
    pub(super) async fn run(&self, arguments: &[&str]) -> String {
        let database = self.database.url("postgres");
        let mut command = data(program(), &database, self.store.address);
        let output = command.args(arguments).output().await.unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(0), "{arguments:?}: {stderr}");
        String::from_utf8(output.stdout).unwrap()
    }
}

/// Says where the data is, by variables of the environment.
fn data(mut command: Command, database: &str, store: SocketAddr) -> Command {
    command
        .env("MOCK_ATLAS_DATABASE", database)
        .env("MOCK_ATLAS_BLOBS", format!("s3://{BUCKET}/files"))
        .envs(s3::variables(store));
    command
}

/// The object store.
pub(super) struct Store {
    pub(super) address: SocketAddr,
    pub(super) service: Service,
    child: AsyncMutex<Option<Child>>,
}

impl Store {
    fn new(folder: &Path) -> Self {
        let root = folder.join("store");
        fs::create_dir_all(root.join(BUCKET)).unwrap();
        let address = free_address();
        let make = move || {
            let mut command = Command::from(s3::command(&root, address));
            command.kill_on_drop(true);
            command
        };
        Self {
            address,
            service: Service::new(make),
            child: AsyncMutex::default(),
        }
    }

    /// Starts the store, and waits until it takes connections.
    pub(super) async fn start(&self) {
        *self.child.lock().await = Some(self.service.start());
        until("the store does not listen", async || {
            TcpStream::connect(self.address).await.is_ok()
        })
        .await;
    }

    pub(super) async fn kill(&self) {
        self.service.signal(Signal::KILL);
        if let Some(mut child) = self.child.lock().await.take() {
            child.wait().await.unwrap();
        }
    }
}

/// A replica, with links of its own to the database and to the store.
pub(super) struct Replica {
    pub(super) service: Service,
    pub(super) to_database: Link,
    pub(super) to_store: Link,
    url: Arc<Mutex<String>>,
    child: AsyncMutex<Option<Child>>,
}

impl Replica {
    fn new(to_database: Link, to_store: Link, log: PathBuf) -> Self {
        let database = format!(
            "postgres://postgres@{}/postgres?sslmode=disable",
            to_database.address
        );
        let store = to_store.address;
        let make = move || {
            let mut command = data(program(), &database, store);
            let log = File::options()
                .create(true)
                .append(true)
                .open(&log)
                .unwrap();
            command.args(SERVE).args(["--token", TOKEN]);
            command.stderr(log);
            command
        };
        Self {
            service: Service::new(make),
            to_database,
            to_store,
            url: Arc::default(),
            child: AsyncMutex::default(),
        }
    }

    /// Starts the replica, and waits until it says its address.
    pub(super) async fn start(&self) {
        let mut child = self.service.start();
        let mut stdout = BufReader::new(child.stdout.take().unwrap()).lines();
        let line = timeout(START, stdout.next_line())
            .await
            .expect("no replica starts")
            .unwrap();
        let announced: serde_json::Value =
            serde_json::from_str(&line.expect("an announcement")).unwrap();
        announced["address"]
            .as_str()
            .unwrap()
            .clone_into(&mut self.url.lock().unwrap());
        tokio::spawn(async move { while let Ok(Some(_)) = stdout.next_line().await {} });
        *self.child.lock().await = Some(child);
    }

    pub(super) async fn kill(&self) {
        self.service.signal(Signal::KILL);
        if let Some(mut child) = self.child.lock().await.take() {
            child.wait().await.unwrap();
        }
    }

    pub(super) fn url(&self) -> String {
        self.url.lock().unwrap().clone()
    }
}

/// Returns an address that is free, and that the system gives to nobody while its owner is not running:
/// its port is below those for outgoing connections.
fn free_address() -> SocketAddr {
    let addresses = std::iter::repeat_with(|| {
        SocketAddr::from(([127, 0, 0, 1], fastrand::u16(20_000..30_000)))
    });
    let mut free = addresses
        .take(1000)
        .filter(|address| TcpListener::bind(address).is_ok());
    free.next().expect("no port is free")
}
