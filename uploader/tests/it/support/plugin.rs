//! Plays Packer from 1.7 on, as far as a plugin sees it.

use std::path::PathBuf;
use std::process::Stdio;
use std::sync::{Arc, Mutex};

use atlas_uploader::packer::plugin::protocol::{
    Broker, CallError, Client, Service, Session, Side, serve,
};
use rmpv::Value;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWriteExt, BufReader, DuplexStream};
use tokio::net::UnixStream;
use tokio::process::{Child, Command};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::program::Program;

pub(crate) const COOKIE: (&str, &str) = (
    "PACKER_PLUGIN_MAGIC_COOKIE",
    "d602bf8f470bc67ca7faa0386276bbdd4330efaf76d1a219cb4d6991ca9872b2",
);
/// The name under which Packer starts the component that has the plugin's own name.
const DEFAULT: &str = "-packer-default-plugin-name-";
const PING: [u8; 12] = [0, 2, 0, 1, 0, 0, 0, 0, 0, 0, 0, 7];
const PONG: [u8; 12] = [0, 2, 0, 2, 0, 0, 0, 0, 0, 0, 0, 7];

/// Starts a plugin, and returns its process and the first line that it prints.
pub(crate) async fn handshake(command: &mut Command) -> (Child, String) {
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let line = lines.next_line().await.unwrap().expect("a first line");
    (child, line)
}

/// Returns a command that starts the program under a name that makes it a plugin.
pub(crate) fn plugin(program: &Program, name: &str) -> Command {
    let path = program.path(name);
    if !path.exists() {
        std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_atlas-upload"), &path).unwrap();
    }
    program.command_of(&path)
}

/// A running plugin, and the connection to it.
pub(crate) struct Plugin {
    pub(crate) child: Child,
    pub(crate) handshake: String,
    pub(crate) broker: Broker,
    pub(crate) calls: Client,
    pings: mpsc::UnboundedSender<()>,
    pongs: tokio::sync::Mutex<mpsc::UnboundedReceiver<()>>,
    wires: JoinSet<()>,
}

impl Plugin {
    /// Starts the plugin as a component, and connects to it.
    pub(crate) async fn start(program: &Program, flags: &[&str]) -> Self {
        let mut command = plugin(program, "packer-plugin-atlas");
        command
            .args(["start", "post-processor"])
            .args(flags)
            .arg(DEFAULT);
        command
            .env(COOKIE.0, COOKIE.1)
            .env("PACKER_RUN_UUID", "the-run");
        let (child, handshake) = handshake(&mut command).await;
        let address = handshake.strip_prefix("5|0|").expect("the protocol 5.0");
        let (network, address) = address.split_once('|').unwrap();
        assert_eq!(network, "unix");
        let socket = UnixStream::connect(address).await.unwrap();
        Self::connected(child, &handshake, socket).await
    }

    async fn connected(child: Child, handshake: &str, socket: UnixStream) -> Self {
        let (ours, session_end) = tokio::io::duplex(1 << 20);
        let (session, incoming) = Session::start(session_end, Side::Client);
        let (pings, asked) = mpsc::unbounded_channel();
        let (answered, pongs) = mpsc::unbounded_channel();
        let wires = relay(ours, socket, asked, answered);
        let broker = Broker::new(session);
        let running = broker.clone();
        tokio::spawn(async move { running.run(incoming).await });
        let calls = Client::new(broker.dial(0).await.unwrap());
        Self {
            child,
            handshake: handshake.to_owned(),
            broker,
            calls,
            pings,
            pongs: tokio::sync::Mutex::new(pongs),
            wires,
        }
    }

    /// Closes the connection, as if Packer had ended.
    pub(crate) async fn hang_up(mut self) -> Child {
        self.wires.shutdown().await;
        self.child
    }

    /// Returns once the plugin has answered a ping.
    pub(crate) async fn ping(&self) {
        self.pings.send(()).unwrap();
        self.pongs.lock().await.recv().await.expect("a pong");
    }

    pub(crate) async fn configure(&self, configs: Vec<Value>) -> Result<Value, CallError> {
        let argument = Value::Map(vec![("Configs".into(), Value::Array(configs))]);
        self.calls.call("PostProcessor.Configure", argument).await
    }

    /// Offers a built artifact, and returns the reply.
    pub(crate) async fn post_process(&self, built: &Arc<Built>) -> Processed {
        let id = self.broker.next_id();
        let serving = {
            let (broker, built) = (self.broker.clone(), Arc::clone(built));
            tokio::spawn(async move { serve(broker.accept(id).await.unwrap(), built).await })
        };
        let reply = self
            .calls
            .call("PostProcessor.PostProcess", id.into())
            .await;
        let processed = Processed::of(&reply.unwrap());
        // The plugin closes the stream when it is done with the artifact.
        serving.await.unwrap().unwrap();
        processed
    }

    /// Returns a client of the resulting artifact.
    pub(crate) async fn artifact(&self, stream: u32) -> Client {
        Client::new(self.broker.dial(stream).await.unwrap())
    }
}

/// The reply of `PostProcess`.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Processed {
    pub(crate) error: Option<String>,
    pub(crate) keep: bool,
    pub(crate) stream: u32,
}

impl Processed {
    fn of(reply: &Value) -> Self {
        let field = |value: &Value, name: &str| {
            let fields = value.as_map().unwrap().iter();
            let mut named = fields.filter(|(key, _)| key.as_str() == Some(name));
            named.next().unwrap().1.clone()
        };
        let error = field(reply, "Err");
        Self {
            error: (!error.is_nil()).then(|| field(&error, "Message").as_str().unwrap().to_owned()),
            keep: field(reply, "Keep").as_bool().unwrap(),
            stream: field(reply, "StreamId")
                .as_u64()
                .unwrap()
                .try_into()
                .unwrap(),
        }
    }
}

/// An artifact that Packer built, and the messages that the plugin sent meanwhile.
#[derive(Debug, Default)]
pub(crate) struct Built {
    pub(crate) id: String,
    pub(crate) files: Vec<PathBuf>,
    pub(crate) states: Vec<(&'static str, Value)>,
    pub(crate) told: Mutex<Vec<String>>,
}

impl Built {
    pub(crate) fn told(&self) -> Vec<String> {
        self.told.lock().unwrap().clone()
    }

    fn state(&self, key: &Value) -> Value {
        let mut states = self.states.iter();
        let state = states.find(|(known, _)| key.as_str() == Some(known));
        state.map_or(Value::Nil, |(_, value)| value.clone())
    }

    /// Records a message, and the bytes of a progress bar as one number.
    fn tell(&self, method: &str, argument: &Value) {
        let mut told = self.told.lock().unwrap();
        let bytes = argument.as_u64().unwrap_or_default();
        match (method, told.last_mut()) {
            ("Uibar.Add", Some(last)) if last.starts_with("bar ") => {
                let shown: u64 = last[4..].parse().unwrap();
                *last = format!("bar {}", shown + bytes);
            }
            ("Uibar.Add", _) => told.push(format!("bar {bytes}")),
            ("Ui.Message", _) => told.push(argument.as_str().unwrap().to_owned()),
            _ => told.push(method.to_owned()),
        }
    }
}

impl Service for Built {
    async fn call(&self, method: &str, argument: Value) -> Result<Value, String> {
        let files = || self.files.iter().map(|path| path.to_str().unwrap().into());
        Ok(match method {
            "Artifact.Id" => self.id.as_str().into(),
            "Artifact.Files" if self.files.is_empty() => Value::Nil,
            "Artifact.Files" => Value::Array(files().collect()),
            "Artifact.State" => self.state(&argument),
            "Ui.NewTrackProgress" => {
                self.tell(method, &argument);
                "bar".into()
            }
            _ => {
                self.tell(method, &argument);
                Value::Nil
            }
        })
    }
}

/// Forwards frames, and sends pings in between.
fn relay(
    session: DuplexStream,
    plugin: UnixStream,
    mut asked: mpsc::UnboundedReceiver<()>,
    answered: mpsc::UnboundedSender<()>,
) -> JoinSet<()> {
    let mut wires = JoinSet::new();
    let (mut from_session, mut to_session) = tokio::io::split(session);
    let (mut from_plugin, mut to_plugin) = tokio::io::split(plugin);
    let (frames, mut out) = mpsc::channel(1);
    wires.spawn(async move {
        while let Some(frame) = frame(&mut from_session).await {
            if frames.send(frame).await.is_err() {
                return;
            }
        }
    });
    wires.spawn(async move {
        while let Some(frame) = frame(&mut from_plugin).await {
            if frame == PONG {
                answered.send(()).unwrap();
            } else if to_session.write_all(&frame).await.is_err() {
                return;
            }
        }
    });
    wires.spawn(async move {
        loop {
            let frame = tokio::select! {
                Some(()) = asked.recv() => PING.to_vec(),
                Some(frame) = out.recv() => frame,
                else => return,
            };
            if to_plugin.write_all(&frame).await.is_err() {
                return;
            }
        }
    });
    wires
}

async fn frame(from: &mut (impl AsyncRead + Unpin)) -> Option<Vec<u8>> {
    let mut frame = vec![0; 12];
    from.read_exact(&mut frame).await.ok()?;
    if frame[1] == 0 {
        let length = u32::from_be_bytes(frame[8..].try_into().unwrap()) as usize;
        frame.resize(12 + length, 0);
        from.read_exact(&mut frame[12..]).await.ok()?;
    }
    Some(frame)
}

/// Returns a map, as Packer sends settings.
pub(crate) fn map(pairs: &[(&str, Value)]) -> Value {
    let pair = |(key, value): &(&str, Value)| ((*key).into(), value.clone());
    Value::Map(pairs.iter().map(pair).collect())
}
