//! Real input: Packer 1.6.6 builds the documentation's example against a stand-in for EC2, and what
//! its `manifest` post-processor writes is pushed, found and fetched back. A tool that is missing
//! fails these tests.
#![cfg(feature = "real-clients")]
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "tests, helpers included"
)]

mod support;

use std::path::Path;
use std::process::Stdio;

use mock_atlas::MockAtlas;
use serde_json::{Value, json};
use support::entries;
use support::program::Program;
use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader, Lines};
use tokio::process::{Child, Command};

const EXAMPLE: &str = include_str!("data/documentation-example.json");
/// The image the example starts from.
const SOURCE_AMI: &str = "ami-de0d9eb7";

/// An EC2 of no substance, killed on drop.
struct Ec2 {
    url: String,
    _server: Child,
}

impl Ec2 {
    async fn start(folder: &Path) -> Self {
        let amis = folder.join("amis.json");
        std::fs::write(&amis, json!([source_ami()]).to_string()).unwrap();
        let program = std::env::var("MOTO_SERVER").unwrap_or_else(|_| "moto_server".to_owned());
        let mut server = Command::new(&program)
            .args(["-H", "127.0.0.1", "-p", "0"])
            .env("MOTO_AMIS_PATH", &amis)
            .env("PYTHONUNBUFFERED", "1")
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap_or_else(|error| panic!("{program}: {error}"));
        let mut log = BufReader::new(server.stderr.take().unwrap()).lines();
        let url = address(&mut log).await;
        // Read on, or the server would stand still once nobody empties its log.
        tokio::spawn(async move { while let Ok(Some(_)) = log.next_line().await {} });
        Self {
            url,
            _server: server,
        }
    }
}

/// The address in a line such as ` * Running on http://127.0.0.1:34567`.
async fn address(log: &mut Lines<BufReader<impl AsyncRead + Unpin>>) -> String {
    let mut seen = String::new();
    while let Some(line) = log.next_line().await.unwrap() {
        if let Some((_, url)) = line.split_once("Running on ") {
            return url.trim().to_owned();
        }
        seen += &line;
    }
    panic!("moto_server ended without an address: {seen}");
}

fn source_ami() -> Value {
    json!({
        "ami_id": SOURCE_AMI, "name": "the example's source", "description": "", "owner_id": "099720109477",
        "state": "available", "public": true, "virtualization_type": "hvm", "architecture": "x86_64",
        "platform": "Linux/UNIX", "creation_date": "2014-01-01T00:00:00.000Z",
        "root_device_name": "/dev/sda1", "root_device_type": "ebs", "sriov": "simple",
        "image_location": "amazon/source", "image_type": "machine", "hypervisor": "xen",
    })
}

/// Runs Packer in the program's folder, which is also its home, and returns what it wrote.
async fn packer(program: &Program, template: &Value) -> Value {
    program.write("template.json", template.to_string());
    let output = Command::new("packer")
        .args(["build", "-color=false", "template.json"])
        .current_dir(program.folder())
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("HOME", program.folder())
        .env("PACKER_CONFIG_DIR", program.folder())
        .env("PACKER_CACHE_DIR", program.path("cache"))
        .env("TMPDIR", program.folder())
        .env("CHECKPOINT_DISABLE", "1")
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output()
        .await
        .expect("packer is needed");
    let log = String::from_utf8_lossy(&output.stdout);
    let complaints = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{log}\n{complaints}");
    let manifest = std::fs::read(program.path("packer-manifest.json")).unwrap();
    serde_json::from_slice(&manifest).unwrap()
}

/// The documentation's example, with what it needs to run against a stand-in: nothing to log in to,
/// and `manifest` in the place of the post-processor that Packer no longer has.
fn example(ec2: &Ec2) -> Value {
    let mut template: Value = serde_json::from_str(EXAMPLE).unwrap();
    assert_eq!(template["builders"][0]["source_ami"], SOURCE_AMI);
    let mut settings = json!({
        "communicator": "none", "custom_endpoint_ec2": ec2.url,
        "skip_region_validation": true, "skip_metadata_api_check": true,
    });
    let builder = template["builders"][0].as_object_mut().unwrap();
    builder.append(settings.as_object_mut().unwrap());
    let atlas = template["post-processors"][0].take();
    template["post-processors"][0] = json!({"type": "manifest", "custom_data": atlas["metadata"]});
    template.as_object_mut().unwrap().remove("provisioners");
    template
}

async fn latest(program: &Program, artifact_type: &str) -> Value {
    let search = [
        "search",
        "hashicorp/foobar",
        "--type",
        artifact_type,
        "--version",
        "latest",
        "--output",
        "json",
    ];
    let run = program.run(&search).await;
    assert_eq!(run.code, 0, "{run}");
    let mut found: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(found.as_array().unwrap().len(), 1);
    found[0].take()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_documentations_example_ends_in_the_atlas() {
    let atlas = MockAtlas::start().await.unwrap();
    let program = Program::at(atlas.url(), atlas.token());
    let ec2 = Ec2::start(program.folder()).await;
    let manifest = packer(&program, &example(&ec2)).await;
    let built = manifest["builds"][0]["artifact_id"].as_str().unwrap();
    let ami = built.strip_prefix("us-east-1:").unwrap();

    let push = [
        "push",
        "--manifest",
        "packer-manifest.json",
        "hashicorp/foobar",
        "--type",
        "aws.ami",
    ];
    let run = program.run(&push).await;
    assert_eq!(run.stdout, "hashicorp/foobar/aws.ami/1\n", "{run}");

    let version = latest(&program, "aws.ami").await;
    assert_eq!(version["id"], built);
    assert_eq!(version["file"], false);
    assert_eq!(version["metadata"]["region.us-east-1"], ami);
    // The emulator derives these two, as the real Atlas did.
    assert_eq!(version["metadata"]["ami_id"], ami);
    assert_eq!(version["metadata"]["region"], "us-east-1");
    let created_at = version["metadata"]["created_at"].as_str().unwrap();
    assert!(created_at.parse::<u64>().is_ok(), "{created_at}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_packer_built_makes_the_round_trip() {
    let atlas = MockAtlas::start().await.unwrap();
    let program = Program::at(atlas.url(), atlas.token());
    let template = json!({
        "builders": [{"type": "file", "content": "what Packer wrote", "target": "out/image.txt"}],
        "post-processors": [{"type": "manifest"}],
    });
    std::fs::create_dir(program.path("out")).unwrap();
    packer(&program, &template).await;

    let push = [
        "push",
        "--manifest",
        "packer-manifest.json",
        "hashicorp/foobar",
        "--type",
        "custom.image",
    ];
    let run = program.run(&push).await;
    assert_eq!(run.code, 0, "{run}");
    let version = latest(&program, "custom.image").await;
    assert_eq!(version["id"], "File");
    assert_eq!(version["file"], true);

    let pull = [
        "pull",
        "hashicorp/foobar",
        "--type",
        "custom.image",
        "-o",
        "-",
    ];
    let (code, archive, stderr) = program.run_raw(&pull).await;
    assert_eq!(code, 0, "{stderr}");
    let built = std::fs::read(program.path("out/image.txt")).unwrap();
    assert_eq!(
        entries(archive.as_slice()),
        [("image.txt".to_owned(), Some(built))]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_documentations_template_is_pushed_as_printed() {
    let atlas = MockAtlas::start().await.unwrap();
    let program = Program::at(atlas.url(), "another-token");
    let ec2 = Ec2::start(program.folder()).await;
    let manifest = packer(&program, &example(&ec2)).await;
    program.write("printed.json", EXAMPLE);
    let token = format!("atlas_token={}", atlas.token());
    let push = [
        "push",
        "--template",
        "printed.json",
        "--manifest",
        "packer-manifest.json",
        "--var",
        &token,
    ];
    let run = program.run(&push).await;
    assert_eq!(run.stdout, "hashicorp/foobar/aws.ami/1\n", "{run}");
    let version = latest(&Program::at(atlas.url(), atlas.token()), "aws.ami").await;
    assert_eq!(version["id"], manifest["builds"][0]["artifact_id"]);
    assert!(version["metadata"]["created_at"].is_string());
}
