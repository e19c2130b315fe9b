//! Starts the servers to which the file is sent.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use atlas_uploader::api::wire::NewVersion;
use atlas_uploader::base::secret::Token;
use atlas_uploader::base::slug::{ArtifactName, ArtifactType};
use atlas_uploader::{Client, ClientOptions};
use mock_atlas::MockAtlas;
use tempfile::TempDir;

use crate::Result;

/// The server that receives the bytes.
#[derive(Clone, Copy)]
pub(crate) enum Target {
    Emulator,
    Nginx,
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Emulator => "the emulator",
            Self::Nginx => "nginx",
        })
    }
}

/// Fails if a program is missing, so that no measurement is left out silently.
pub(crate) fn needed(program: &str) -> Result {
    let folders = std::env::var_os("PATH").unwrap_or_default();
    let mut folders = std::env::split_paths(&folders);
    if folders.any(|folder| folder.join(program).is_file()) {
        Ok(())
    } else {
        Err(format!("{program} is not installed, and this compares with it").into())
    }
}

/// Builds the program `original` in a folder.
pub(crate) fn build_original(folder: &Path) -> Result {
    let source = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/examples/bench_packing/original.go"
    );
    let go = Command::new("go")
        .args(["build", "-o"])
        .arg(folder.join("original"))
        .arg(source)
        .env("GO111MODULE", "off")
        .env("GOPATH", "/usr/share/gocode")
        .env("GOCACHE", folder.join("cache"))
        .status()?;
    if go.success() {
        Ok(())
    } else {
        Err(format!("go build {source}: {go}").into())
    }
}

/// A new emulator. Its upload paths lead to nginx if that is the target.
pub(crate) struct Destination {
    atlas: MockAtlas,
    address: String,
    nginx: Option<Nginx>,
}

impl Destination {
    pub(crate) async fn start(target: Target) -> Result<Self> {
        let Target::Nginx = target else {
            let atlas = MockAtlas::start().await?;
            return Ok(Self {
                address: atlas.url().to_owned(),
                atlas,
                nginx: None,
            });
        };
        let nginx = Nginx::start().await?;
        let listen = free_port()?;
        let builder = MockAtlas::builder().listen(listen);
        let atlas = builder.public_url(format!("http://{}", nginx.address));
        Ok(Self {
            atlas: atlas.start().await?,
            address: format!("http://{listen}"),
            nginx: Some(nginx),
        })
    }

    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    pub(crate) fn token(&self) -> &str {
        self.atlas.token()
    }

    /// Returns the upload URL of a new version, for a client without support for Atlas.
    pub(crate) async fn upload_url(&self) -> Result<String> {
        let (client, name, artifact_type) = self.client()?;
        client.create_artifact(&name).await?;
        let version = NewVersion {
            build_id: 0,
            compile_id: 0,
            file: true,
            id: "image",
            metadata: &BTreeMap::new(),
        };
        let created = client
            .create_version(&name, &artifact_type, &version)
            .await?;
        created.upload_path.ok_or_else(|| "no upload path".into())
    }

    /// Returns the number of bytes that arrived.
    pub(crate) async fn received(&self) -> Result<u64> {
        if let Some(nginx) = &self.nginx {
            return Ok(size_of_all(&nginx.folder.path().join("files"))?);
        }
        let (client, name, artifact_type) = self.client()?;
        let file = client.download(&name, &artifact_type, 1).await?;
        file.length.ok_or_else(|| "no length".into())
    }

    fn client(&self) -> Result<(Client, ArtifactName, ArtifactType)> {
        let mut options = ClientOptions::new(self.address.parse()?);
        options.token = Some(Token::new(self.token())?);
        Ok((
            Client::new(options)?,
            "acme/web".parse()?,
            "custom.image".parse()?,
        ))
    }
}

/// An nginx that stores uploads by PUT. It stops on drop.
struct Nginx {
    folder: TempDir,
    address: SocketAddr,
    process: Child,
}

impl Nginx {
    async fn start() -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let address = free_port()?;
        let root = folder.path().display();
        fs::create_dir(folder.path().join("files"))?;
        fs::write(folder.path().join("conf"), configuration(&root, address))?;
        let process = Command::new("nginx")
            .args(["-e", "stderr", "-p", &root.to_string(), "-c", "conf"])
            .stdout(Stdio::null())
            .spawn()?;
        let nginx = Self {
            folder,
            address,
            process,
        };
        for _ in 0..500 {
            if TcpStream::connect(address).is_ok() {
                return Ok(nginx);
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        Err("nginx does not listen".into())
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn configuration(root: &impl fmt::Display, address: SocketAddr) -> String {
    format!(
        "daemon off; master_process off; pid {root}/pid; error_log stderr error; events {{}}
         http {{
             access_log off; client_max_body_size 0; client_body_temp_path {root}/body;
             proxy_temp_path {root}/p; fastcgi_temp_path {root}/f; uwsgi_temp_path {root}/u;
             scgi_temp_path {root}/s;
             server {{
                 listen {address};
                 location / {{ root {root}/files; dav_methods PUT; create_full_put_path on; }}
             }}
         }}"
    )
}

/// Returns an address whose port was free a moment ago.
fn free_port() -> Result<SocketAddr> {
    Ok(TcpListener::bind(("127.0.0.1", 0))?.local_addr()?)
}

fn size_of_all(folder: &Path) -> std::io::Result<u64> {
    let mut size = 0;
    for entry in walkdir::WalkDir::new(folder) {
        let metadata = entry?.metadata()?;
        size += if metadata.is_file() {
            metadata.len()
        } else {
            0
        };
    }
    Ok(size)
}
