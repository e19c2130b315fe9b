//! All clauses hold for an emulator behind nginx.

use std::fs;

use atlas_contract_tests::safety::policy::Policy;
use tokio::net::{TcpListener, TcpStream};

use crate::support::emulator::{assert_all_hold, builder, settings};

/// An nginx that forwards to an address, with only the settings that a proxy needs. It is killed when dropped.
struct Nginx {
    url: String,
    _folder: tempfile::TempDir,
    _server: tokio::process::Child,
}

impl Nginx {
    async fn before(url: &str) -> Self {
        // nginx takes a port number, not a socket, so a port is chosen that was free a moment ago.
        let free = TcpListener::bind("127.0.0.1:0").await.unwrap();
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

#[tokio::test]
async fn behind_nginx() {
    let atlas = builder().start().await.unwrap();
    let nginx = Nginx::before(atlas.url()).await;
    assert_all_hold(settings(&nginx.url, atlas.token(), Policy::default())).await;
}
