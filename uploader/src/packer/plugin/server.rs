//! Runs the plugin's process: it listens, prints its address as its first line, and serves one
//! connection.

use std::io;
use std::time::Duration;

use serde_json::json;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;

use super::post_processor::PostProcessor;
use super::protocol::{Broker, Session, Side, serve};
use super::spec::Encoding;
use crate::base::secret::Redactor;

/// The environment variable by which Packer marks a plugin's process, and its value: without it, a
/// person has started the plugin by hand.
pub const COOKIE: (&str, &str) = (
    "PACKER_PLUGIN_MAGIC_COOKIE",
    "d602bf8f470bc67ca7faa0386276bbdd4330efaf76d1a219cb4d6991ca9872b2",
);

/// The version of Packer's plugin SDK whose protocol this module speaks.
const SDK_VERSION: &str = "0.6.10";
/// The longest wait for Packer's connection; Packer waits as long for a plugin.
const PATIENCE: Duration = Duration::from_secs(60);

/// The way in which Packer started the plugin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// Packer up to 1.6 starts the plugin without arguments.
    Legacy,
    /// Packer from 1.7 starts it with `start post-processor NAME`, and perhaps `--protobuf`.
    Component(Encoding),
}

/// Returns the answer to `describe`, on one line: Packer from 1.7 asks each plugin for its components.
pub fn description() -> String {
    let description = json!({
        "version": env!("CARGO_PKG_VERSION"),
        "sdk_version": SDK_VERSION,
        "api_version": "x5.0",
        "builders": [],
        // The SDK's placeholder for the plugin's own name, `atlas`.
        "post_processors": ["-packer-default-plugin-name-"],
        "provisioners": [],
        "datasources": [],
        "protocol_version": "v2",
    });
    description.to_string()
}

/// A plugin that Packer can connect to.
pub struct Plugin {
    listener: Listener,
    start: Start,
}

impl Plugin {
    /// Listens on a Unix socket that only this user can reach, or else on the loopback interface.
    ///
    /// # Errors
    /// Fails when neither can be bound.
    pub async fn listen(start: Start) -> io::Result<Self> {
        let listener = Listener::bind().await?;
        Ok(Self { listener, start })
    }

    /// Returns the line that tells Packer where to connect. Nothing may be printed on stdout before it.
    ///
    /// # Errors
    /// Fails when the listener's address cannot be read.
    pub fn handshake(&self) -> io::Result<String> {
        let address = self.listener.address()?;
        Ok(match self.start {
            Start::Legacy => format!("5|{address}"),
            Start::Component(_) => format!("5|0|{address}"),
        })
    }

    /// Serves Packer until it disconnects; calls still under way are dropped.
    ///
    /// # Errors
    /// Fails when nobody connects within a minute, or when the client does not speak Packer's protocol.
    pub async fn serve(self, redactor: Redactor) -> io::Result<()> {
        let encoding = match self.start {
            Start::Legacy => Encoding::Gob,
            Start::Component(encoding) => encoding,
        };
        let connection = tokio::time::timeout(PATIENCE, self.listener.accept()).await??;
        let (session, incoming) = Session::start(connection, Side::Server);
        let broker = Broker::new(session);
        let service = PostProcessor::new(broker.clone(), encoding, redactor);
        let serving = async {
            let stream = broker.accept(0).await?;
            serve(stream, std::sync::Arc::new(service)).await
        };
        tokio::select! {
            // The session is polled first: its end explains more than a broken stream.
            biased;
            () = broker.run(incoming) => Ok(()),
            served = serving => served,
        }
    }
}

trait Connection: AsyncRead + AsyncWrite + Send + Unpin {}
impl<C: AsyncRead + AsyncWrite + Send + Unpin> Connection for C {}

enum Listener {
    #[cfg(unix)]
    Unix {
        listener: tokio::net::UnixListener,
        folder: tempfile::TempDir,
    },
    Tcp(TcpListener),
}

impl Listener {
    async fn bind() -> io::Result<Self> {
        // A socket's path must be short, which a deep TMPDIR is not. The loopback interface comes last:
        // another user of the machine could connect there before Packer does.
        #[cfg(unix)]
        for folder in [std::env::temp_dir(), "/tmp".into()] {
            if let Ok(listener) = Self::bind_unix(&folder) {
                return Ok(listener);
            }
        }
        Ok(Self::Tcp(TcpListener::bind(("127.0.0.1", 0)).await?))
    }

    #[cfg(unix)]
    fn bind_unix(folder: &std::path::Path) -> io::Result<Self> {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::Builder::new()
            .prefix("atlas-upload-")
            .permissions(std::fs::Permissions::from_mode(0o700))
            .tempdir_in(folder)?;
        let listener = tokio::net::UnixListener::bind(folder.path().join("atlas"))?;
        Ok(Self::Unix { listener, folder })
    }

    fn address(&self) -> io::Result<String> {
        match self {
            #[cfg(unix)]
            Self::Unix { folder, .. } => {
                Ok(format!("unix|{}", folder.path().join("atlas").display()))
            }
            Self::Tcp(listener) => Ok(format!("tcp|{}", listener.local_addr()?)),
        }
    }

    /// Accepts the one connection, and removes the socket's file at once: Packer kills a plugin at the
    /// end, so the plugin could not clean up later.
    async fn accept(self) -> io::Result<Box<dyn Connection>> {
        Ok(match self {
            #[cfg(unix)]
            Self::Unix { listener, folder } => {
                let (connection, _) = listener.accept().await?;
                folder.close()?;
                Box::new(connection)
            }
            Self::Tcp(listener) => Box::new(listener.accept().await?.0),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::AsyncWriteExt as _;

    #[tokio::test]
    async fn where_there_are_no_sockets_the_loopback_interface_serves() {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let plugin = Plugin {
            listener: Listener::Tcp(listener),
            start: Start::Legacy,
        };
        let handshake = plugin.handshake().unwrap();
        let address = handshake.strip_prefix("5|tcp|").unwrap();
        let packer = tokio::net::TcpStream::connect(address.to_owned());
        let (served, ()) = tokio::join!(plugin.serve(Redactor::new()), async {
            packer.await.unwrap().shutdown().await.unwrap();
        });
        served.unwrap();
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn a_socket_is_in_a_folder_for_its_owner_alone_and_gone_with_the_plugin() {
        use std::os::unix::fs::PermissionsExt as _;
        let plugin = Plugin::listen(Start::Legacy).await.unwrap();
        let handshake = plugin.handshake().unwrap();
        let socket = std::path::Path::new(handshake.strip_prefix("5|unix|").unwrap());
        let folder = socket.parent().unwrap();
        let mode = folder.metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o700);
        drop(plugin);
        assert!(!folder.exists());
    }
}
