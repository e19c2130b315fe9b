//! Runs Packer 1.6.6, and starts the fake EC2 that its builder uses.

use std::path::Path;
use std::process::Stdio;

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader, Lines};
use tokio::process::{Child, Command};

use crate::support::program::{Program, Run};

pub(crate) const EXAMPLE: &str = include_str!("../../data/documentation-example.json");
/// The image from which the example's build starts.
const SOURCE_AMI: &str = "ami-de0d9eb7";

/// A fake EC2 server, killed on drop.
pub(crate) struct Ec2 {
    pub(crate) url: String,
    _server: Child,
}

impl Ec2 {
    pub(crate) async fn start(folder: &Path) -> Self {
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
        // The log must be read to the end, or a full pipe would block the server.
        tokio::spawn(async move { while let Ok(Some(_)) = log.next_line().await {} });
        Self {
            url,
            _server: server,
        }
    }
}

/// Returns the address from a line such as ` * Running on http://127.0.0.1:34567`.
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

/// Returns a command of Packer in the program's folder, which is also its home, with the program's
/// variables.
pub(crate) fn packer(program: &Program) -> Command {
    let mut command = program.command_of(Path::new("packer"));
    command
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("PACKER_CONFIG_DIR", program.folder())
        .env("PACKER_CACHE_DIR", program.path("cache"))
        .env("TMPDIR", program.folder())
        .env("CHECKPOINT_DISABLE", "1")
        .env("AWS_EC2_METADATA_DISABLED", "true");
    command
}

pub(crate) async fn run(program: &Program, arguments: &[&str]) -> Run {
    let output = packer(program).args(arguments).output().await;
    let output = output.expect("packer is needed");
    Run {
        code: output.status.code().unwrap(),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

/// Returns the documentation's example with settings for the fake EC2, without anything that logs in to
/// the machine.
pub(crate) fn example(ec2: &Ec2) -> Value {
    let mut template: Value = serde_json::from_str(EXAMPLE).unwrap();
    assert_eq!(template["builders"][0]["source_ami"], SOURCE_AMI);
    let mut settings = json!({
        "communicator": "none", "custom_endpoint_ec2": ec2.url,
        "skip_region_validation": true, "skip_metadata_api_check": true,
    });
    let builder = template["builders"][0].as_object_mut().unwrap();
    builder.append(settings.as_object_mut().unwrap());
    template.as_object_mut().unwrap().remove("provisioners");
    template
}
