//! Starts web servers with the configurations from the guide.

use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use crate::support::until;

const NGINX: &str = include_str!("../../../../../docs/rescue/nginx.conf");
const CADDY: &str = include_str!("../../../../../docs/rescue/Caddyfile");

/// A web server on its own port, killed on drop. The folder that it serves is empty at first.
pub(crate) struct Web {
    /// The server's own files, and in `boxes` those that it serves.
    folder: TempDir,
    /// The server's `HOST:PORT`.
    pub(crate) address: String,
    process: Child,
}

impl Web {
    /// Starts nginx with more directives for all servers, such as `limit_rate 1m;`.
    pub(crate) async fn nginx(limits: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().display();
        let [address, files] = free_addresses();
        let here = [
            ("listen 80;", format!("listen {address};")),
            ("127.0.0.1:8127", files),
            ("root /srv/boxes;", format!("root {root}/boxes;")),
        ];
        let servers = replaced(NGINX, &here);
        let configuration = format!(
            r#"daemon off; master_process off; pid {root}/pid; error_log stderr crit; events {{}}
            http {{
                log_format told '$request_method $request_uri "$http_range" $status $body_bytes_sent';
                access_log {root}/log told; client_body_temp_path {root}/b; proxy_temp_path {root}/p;
                fastcgi_temp_path {root}/f; uwsgi_temp_path {root}/u; scgi_temp_path {root}/s;
                {limits}
                {servers}
            }}"#
        );
        std::fs::write(folder.path().join("conf"), configuration).unwrap();
        let mut command = Command::new("nginx");
        let prefix = root.to_string();
        command.args(["-e", "stderr", "-c", "conf", "-p", &prefix]);
        Self::start(folder, address, command).await
    }

    pub(crate) async fn caddy() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let [address, files] = free_addresses();
        let root = folder.path().join("boxes");
        let port = |address: &str| format!(":{}", address.rsplit(':').next().unwrap());
        let here = [
            (
                "boxes.example.com {",
                format!("http://{} {{", port(&address)),
            ),
            (":8127", port(&files)),
            ("/srv/boxes\n", format!("{}\n", root.display())),
        ];
        let sites = replaced(CADDY, &here);
        let configuration = format!("{{\n\tadmin off\n}}\n{sites}");
        let path = folder.path().join("Caddyfile");
        std::fs::write(&path, configuration).unwrap();
        let mut command = Command::new("caddy");
        command
            .args(["run", "--config"])
            .arg(path)
            .env("XDG_DATA_HOME", folder.path())
            .env("XDG_CONFIG_HOME", folder.path())
            .stderr(Stdio::null());
        Self::start(folder, address, command).await
    }

    async fn start(folder: TempDir, address: String, mut command: Command) -> Self {
        std::fs::create_dir(folder.path().join("boxes")).unwrap();
        let process = command.stdout(Stdio::null()).spawn();
        let name = command.get_program().display();
        let process = process.unwrap_or_else(|error| panic!("{name} is needed: {error}"));
        until(|| TcpStream::connect(&address).is_ok()).await;
        Self {
            folder,
            address,
            process,
        }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Returns the folder that is served.
    pub(crate) fn root(&self) -> PathBuf {
        self.folder.path().join("boxes")
    }

    /// Returns nginx's log, with `METHOD TARGET "RANGE" STATUS BYTES` on each line.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap()
    }
}

impl Drop for Web {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Returns the configuration with the guide's values replaced by those of this test.
fn replaced(configuration: &str, here: &[(&str, String)]) -> String {
    here.iter()
        .fold(configuration.to_owned(), |text, (shown, here)| {
            assert!(text.contains(shown), "{shown}");
            text.replace(shown, here)
        })
}

/// Returns two addresses that were free a moment ago.
fn free_addresses() -> [String; 2] {
    let listeners = [(); 2].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
    listeners.map(|listener| listener.local_addr().unwrap().to_string())
}
