//! Tests that Vagrant takes boxes from a mirrored tree, served by web servers with the guide's
//! configurations: Debian's 2.3.4 as a process, 2.4.9 by its recorded requests.

mod imported;
mod mirrored;
mod published;
mod web_server;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use serde_json::{Value, json};
use tokio::process::Command;

use self::mirrored::{BoxFile, mirror_box};
use self::web_server::Web;
use crate::support::program::{Program, Run};
use crate::support::{noise, until};

const RECORDED: &str = include_str!("../../../data/wire/vagrant-2.4.9-box.jsonl");

/// The recorded steps whose server was made to behave unlike a healthy one.
const STAGED: [&str; 9] = [
    "HCP credentials refused",
    "v2 path 404",
    "root path 404",
    "with a path",
    "redirected",
    "ignores Range",
    "answered 429",
    "answered 401",
    "HTML",
];

/// The longest run of Vagrant, which takes far less.
const LIMIT: Duration = Duration::from_secs(180);

/// A Vagrant with a home of its own.
pub(super) struct Vagrant(Program);

impl Vagrant {
    pub(super) fn at(server_url: &str) -> Self {
        let program = Program::new().with("VAGRANT_SERVER_URL", server_url);
        Self(program)
    }

    pub(super) fn with_token(self, token: &str) -> Self {
        Self(self.0.with("VAGRANT_CLOUD_TOKEN", token))
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.0.command_of(Path::new("vagrant"));
        command
            .args(arguments)
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("VAGRANT_HOME", self.0.folder())
            .env("VAGRANT_CHECKPOINT_DISABLE", "1")
            .env("VAGRANT_NO_COLOR", "1")
            .env("NO_PROXY", "127.0.0.1")
            .env("LANG", "C.UTF-8")
            .process_group(0);
        command
    }

    pub(super) async fn run(&self, arguments: &[&str]) -> Run {
        let output = self.command(arguments).output();
        let output = tokio::time::timeout(LIMIT, output).await;
        let output = output
            .expect("Vagrant must end")
            .expect("vagrant is needed");
        let run = Run {
            code: output.status.code().unwrap(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        };
        assert_eq!(run.code, 0, "{arguments:?} {run}");
        run
    }

    /// Returns the temporary file of a download.
    fn temporary(&self) -> Option<PathBuf> {
        let entries = std::fs::read_dir(self.0.path("tmp")).ok()?;
        entries.map(|entry| entry.unwrap().path()).find(|path| {
            let name = path.file_name().unwrap().to_str().unwrap();
            name.starts_with("box") && path.is_file()
        })
    }

    /// Downloads until more than `length` bytes arrived, and kills the whole process group. Returns the
    /// partial file.
    async fn kill_after(&self, length: u64, arguments: &[&str]) -> PathBuf {
        let mut command = self.command(arguments);
        let process = command.stdout(Stdio::null()).spawn();
        let mut process = process.expect("vagrant is needed");
        let group = Pid::from_raw(i32::try_from(process.id().unwrap()).unwrap()).unwrap();
        let came = || {
            let metadata = self.temporary().and_then(|path| path.metadata().ok());
            metadata.is_some_and(|metadata| metadata.len() > length)
        };
        until(came).await;
        kill_process_group(group, Signal::KILL).unwrap();
        process.wait().await.unwrap();
        self.temporary().expect("it was killed before the end")
    }
}

/// Mirrors the boxes that the recorded requests ask for, and one whose name has characters that URLs
/// escape.
async fn mirror_boxes(web: &Web) {
    let of = |version, provider, architecture| BoxFile::of(version, provider, architecture, 1000);
    let versions = ["1.0.0", "1.1.0"];
    let multi: Vec<BoxFile> = versions
        .into_iter()
        .flat_map(|version| {
            [
                of(version, "virtualbox", "amd64"),
                of(version, "virtualbox", "arm64"),
                of(version, "libvirt", "amd64"),
            ]
        })
        .collect();
    for (name, files) in [
        ("acme/multi", multi),
        ("acme/old", vec![of("0.1.0", "virtualbox", "unknown")]),
        ("a+b/ü %~c", vec![of("1.0.0", "virtualbox", "amd64")]),
    ] {
        mirror_box(&web.root(), &web.url(), name, &files).await;
    }
}

#[tokio::test]
async fn vagrant_adds_and_updates_a_box_by_the_address_of_the_server() {
    let nginx = Web::nginx("").await;
    mirror_boxes(&nginx).await;
    let vagrant = Vagrant::at(&nginx.url());
    let add = ["box", "add", "acme/multi", "--provider", "virtualbox"];
    vagrant
        .run(&[&add[..], &["--box-version", "1.0.0"]].concat())
        .await;
    let outdated = vagrant.run(&["box", "outdated", "--global"]).await;
    let told = "'acme/multi' for 'virtualbox' is outdated! Current: 1.0.0. Latest: 1.1.0";
    assert!(outdated.stdout.contains(told), "{outdated}");
    vagrant.run(&["box", "update", "--box", "acme/multi"]).await;
    let list = vagrant.run(&["box", "list"]).await;
    let installed = "acme/multi (virtualbox, 1.0.0)\nacme/multi (virtualbox, 1.1.0)\n";
    assert_eq!(list.stdout, installed, "{list}");
    // People also write the address with a slash at its end, which Vagrant doubles.
    let vagrant = Vagrant::at(&format!("{}/", nginx.url()));
    vagrant.run(&add).await;
    assert!(nginx.log().contains("GET //acme/multi \"-\" 200"));
}

#[tokio::test]
async fn vagrant_adds_a_box_by_the_address_of_its_catalog() {
    let nginx = Web::nginx("").await;
    mirror_boxes(&nginx).await;
    let vagrant = Vagrant::at("http://127.0.0.1:9");
    for (catalog, provider) in [
        ("acme/multi", "libvirt"),
        ("api/v2/vagrant/acme/old", "virtualbox"),
        ("a+b/%C3%BC%20%25~c/metadata.json", "virtualbox"),
    ] {
        let catalog = format!("{}/{catalog}", nginx.url());
        vagrant
            .run(&["box", "add", &catalog, "--provider", provider])
            .await;
    }
    let list = vagrant.run(&["box", "list"]).await;
    let words = list.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
    let installed =
        "a+b/ü %~c (virtualbox, 1.0.0) acme/multi (libvirt, 1.1.0) acme/old (virtualbox, 0.1.0)";
    assert_eq!(words, installed);
}

#[tokio::test]
async fn vagrant_goes_on_with_a_download_that_was_killed_and_with_one_that_was_whole() {
    let nginx = Web::nginx("limit_rate 2m;").await;
    let file = BoxFile::of("1.0.0", "virtualbox", "amd64", 8_000_000);
    let length = file.content.len();
    let target = "/acme/large/1.0.0/virtualbox/amd64/vagrant.box";
    mirror_box(&nginx.root(), &nginx.url(), "acme/large", &[file]).await;
    let vagrant = Vagrant::at(&nginx.url());
    let add = ["box", "add", "acme/large", "--provider", "virtualbox"];

    let partial = vagrant.kill_after(2_000_000, &add).await;
    let came = partial.metadata().unwrap().len();
    assert!(came < length as u64, "{came}");
    vagrant.run(&add).await;
    let rest = length as u64 - came;
    let resumed = format!("GET {target} \"bytes={came}-\" 206 {rest}\n");
    assert!(nginx.log().contains(&resumed), "{}", nginx.log());

    // This is the state when Vagrant is killed right after the last byte.
    assert!(!partial.exists());
    std::fs::copy(nginx.root().join(&target[1..]), &partial).unwrap();
    vagrant.run(&[&add[..], &["--force"]].concat()).await;
    let whole = format!("GET {target} \"bytes={length}-\" 200 ");
    assert!(nginx.log().contains(&whole), "{}", nginx.log());
}

/// A reply's status and headers.
struct Head {
    status: u64,
    headers: Vec<(String, String)>,
}

impl Head {
    fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(key, _)| key == name);
        found.map(|(_, value)| value.as_str())
    }
}

/// Sends a recorded request byte for byte, except for its target.
fn send(web: &Web, request: &Value, target: &str) -> Head {
    let mut lines = vec![format!(
        "{} {target} HTTP/1.1",
        request["method"].as_str().unwrap()
    )];
    for header in request["headers"].as_array().unwrap() {
        let text = |index: usize| header[index].as_str().unwrap();
        lines.push(format!("{}: {}", text(0), text(1)));
    }
    lines.push("Connection: close\r\n\r\n".to_owned());
    let mut stream = TcpStream::connect(&web.address).unwrap();
    stream.set_read_timeout(Some(LIMIT)).unwrap();
    stream.write_all(lines.join("\r\n").as_bytes()).unwrap();
    let mut reply = Vec::new();
    stream.read_to_end(&mut reply).unwrap();
    let end = reply
        .windows(4)
        .position(|four| four == b"\r\n\r\n")
        .unwrap();
    let head = String::from_utf8(reply[..end].to_vec()).unwrap();
    let (status, headers) = head.split_once("\r\n").unwrap();
    let headers = headers.split("\r\n").map(|line| {
        let (name, value) = line.split_once(": ").unwrap();
        (name.to_lowercase(), value.to_owned())
    });
    Head {
        status: status.split(' ').nth(1).unwrap().parse().unwrap(),
        headers: headers.collect(),
    }
}

/// Returns the tree's target for a target at Vagrant Cloud: the catalog decides on the addresses of
/// files.
fn in_tree(target: &str) -> String {
    let shorter = target.replace("/boxes/", "/").replace("/versions/", "/");
    shorter.replace("/providers/", "/")
}

/// Returns the start of the range that a recorded request asks for.
fn begins_at(request: &Value) -> Option<usize> {
    let headers = request["headers"].as_array().unwrap();
    let range = headers.iter().find(|header| header[0] == "Range")?;
    let range = range[1].as_str().unwrap().strip_prefix("bytes=").unwrap();
    Some(range.strip_suffix('-').unwrap().parse().unwrap())
}

fn assert_answered(web: &Web, line: &Value) {
    let (request, step) = (&line["request"], &line["step"]);
    let target = in_tree(request["target"].as_str().unwrap());
    let path = web.root().join(target[1..].split('?').next().unwrap());
    let answered = line["answered"]["status"].as_u64().unwrap();
    let begin = begins_at(request);
    if let Some(begin) = begin {
        // The range begins in the middle of the file, or exactly at its end.
        let length = if answered == 206 { begin * 2 } else { begin };
        std::fs::write(&path, noise(length)).unwrap();
    }
    let reply = send(web, request, &target);
    // The servers reply 200 where the recorded 416 makes Vagrant fail.
    let expected = if answered == 416 { 200 } else { answered };
    assert_eq!(reply.status, expected, "{step}: {target}");
    let is_file = target.contains("/vagrant.box");
    if reply.status != 404 {
        let content_type = if is_file { "octet-stream" } else { "json" };
        let content_type = format!("application/{content_type}");
        let told = reply.header("content-type");
        assert_eq!(told, Some(&content_type[..]), "{step}: {target}");
    }
    let range = begin.filter(|_| reply.status == 206);
    let range = range.map(|begin| format!("bytes {begin}-{}/{}", begin * 2 - 1, begin * 2));
    assert_eq!(reply.header("content-range"), range.as_deref(), "{step}");
}

/// Starts both web servers, each with the boxes.
async fn servers() -> [Web; 2] {
    let servers = [Web::nginx("").await, Web::caddy().await];
    for server in &servers {
        mirror_boxes(server).await;
    }
    servers
}

#[tokio::test]
async fn the_recorded_requests_of_a_newer_vagrant_are_answered_as_they_were() {
    let lines = RECORDED.lines();
    let lines = lines.map(|line| serde_json::from_str(line).unwrap());
    let is_asked = |line: &Value| {
        let step = line["step"].as_str().unwrap();
        let is_staged = STAGED.iter().any(|staged| step.contains(staged));
        !is_staged && line["request"]["method"] != "POST"
    };
    let asked: Vec<Value> = lines.filter(is_asked).collect();
    assert_eq!(asked.len(), 112);
    for web in &servers().await {
        asked.iter().for_each(|line| assert_answered(web, line));
    }
}

#[tokio::test]
async fn catalogs_and_files_of_boxes_are_served_and_nothing_else() {
    let file = "acme/multi/1.1.0/virtualbox/amd64";
    for web in &servers().await {
        for hidden in [".mirror.lock", "mirror.json", "acme/.x", "acme/multi/.x"] {
            std::fs::write(web.root().join(hidden), "").unwrap();
        }
        let partial = web.root().join(file).join(".vagrant.box.part");
        std::fs::write(partial, "").unwrap();
        for (status, target) in [
            (200, "/acme/multi"),
            (200, "//api/v2/vagrant/acme/multi"),
            (200, "/acme/multi/metadata.json"),
            (200, "/a+b/%C3%BC%20%25~c"),
            (200, "//api/v2/vagrant/a+b/%C3%BC%20%25~c"),
            (
                200,
                "/a%2Bb/%C3%BC%20%25~c/1.0.0/virtualbox/amd64/vagrant.box",
            ),
            (200, &format!("/{file}/vagrant.box")),
            (404, "/"),
            (404, "/acme"),
            (404, "/acme/"),
            (404, "/acme/multi/"),
            (404, "/acme/.x"),
            (404, "/acme/multi/.x"),
            (404, "/mirror.json"),
            (404, "/.mirror.lock"),
            (404, &format!("/{file}/")),
            (404, &format!("/{file}/.vagrant.box.part")),
            (404, "/oauth2/token"),
        ] {
            for method in ["HEAD", "GET"] {
                let request = json!({"method": method, "headers": [["Host", "boxes.example.com"]]});
                let reply = send(web, &request, target);
                assert_eq!(reply.status, status, "{method} {target}");
            }
        }
    }
}
