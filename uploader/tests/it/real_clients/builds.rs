//! Tests that Packer 1.6.6, with the plugin installed, builds templates that say `"type": "atlas"`
//! unchanged.

use std::path::{Path, PathBuf};

use mock_atlas::MockAtlas;
use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use serde_json::{Value, json};

use super::packer::{EXAMPLE, Ec2, example, packer, run};
use crate::support::program::Program;
use crate::support::server::{Reply, Server};
use crate::support::{CANARY, entries, gzip, noise, until};

/// Starts an emulator, and installs the plugin in a home for Packer.
async fn installed() -> (MockAtlas, Program) {
    let atlas = MockAtlas::builder().token(CANARY).start().await.unwrap();
    let program = at(atlas.url()).await;
    (atlas, program)
}

async fn at(url: &str) -> Program {
    let program = Program::at(url, CANARY);
    let plugins = program.path(".packer.d/plugins");
    let install = program
        .run(&["packer", "install", "--dir", plugins.to_str().unwrap()])
        .await;
    assert_eq!(install.code, 0, "{install}");
    program
}

fn atlas_block(more: Value) -> Value {
    let mut block =
        json!({"type": "atlas", "artifact": "hashicorp/foobar", "artifact_type": "custom.image"});
    block
        .as_object_mut()
        .unwrap()
        .append(&mut more.as_object().unwrap().clone());
    block
}

/// Returns a builder that writes one small file.
fn file_builder(target: &str) -> Value {
    json!({"type": "file", "content": "what Packer wrote", "target": target})
}

async fn build(program: &Program, template: &Value) -> crate::support::program::Run {
    program.write("template.json", template.to_string());
    run(program, &["build", "-color=false", "template.json"]).await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_documentations_example_builds_again() {
    // The example contains its token.
    let atlas = MockAtlas::builder()
        .token("ATLAS_TOKEN_HERE")
        .start()
        .await
        .unwrap();
    let program = at("http://not-asked.test").await;
    let ec2 = Ec2::start(program.folder()).await;
    let mut template = example(&ec2);
    let printed: Value = serde_json::from_str(EXAMPLE).unwrap();
    assert_eq!(template["post-processors"], printed["post-processors"]);
    template["post-processors"][0]["atlas_url"] = atlas.url().into();
    let built = build(&program, &template).await;
    assert_eq!(built.code, 0, "{built}");
    assert!(
        built
            .stdout
            .contains("--> amazon-ebs: hashicorp/foobar/aws.ami (v1)"),
        "{built}"
    );
    assert!(
        built
            .stdout
            .contains("amazon-ebs (atlas): Creating artifact: hashicorp/foobar"),
        "{built}"
    );
    assert!(
        built
            .stdout
            .contains("amazon-ebs (atlas): Uploading artifact (0 bytes)"),
        "{built}"
    );
    let reader = Program::at(atlas.url(), "ATLAS_TOKEN_HERE");
    check_ami(&reader.latest("hashicorp/foobar", "aws.ami").await);
}

fn check_ami(version: &Value) {
    let id = version["id"].as_str().unwrap();
    let ami = id.strip_prefix("us-east-1:").unwrap();
    assert_eq!(version["metadata"]["region.us-east-1"], ami);
    assert_eq!(version["metadata"]["ami_id"], ami);
    assert_eq!(version["file"], false);
    let created_at = version["metadata"]["created_at"].as_str().unwrap();
    assert!(created_at.parse::<u64>().is_ok(), "{created_at}");
}

/// Compares the values with those that Packer's own `manifest` makes of the same texts.
#[tokio::test(flavor = "multi_thread")]
async fn gos_templates_are_interpolated_as_packer_does() {
    let (_atlas, program) = installed().await;
    let texts = json!({
        "field": "{{.Version}}-{{ .A.B }}", "variable": "{{user `ip`}}", "print": "{{print .X}}",
        "printf": "{{printf `%s|%q|%05d` .X build_name 3}}", "set": "{{$a := user `w`}}{{$a}}",
        "if": "{{if eq build_type `file`}}yes{{else}}no{{end}}", "with": "{{with .X}}a{{else}}b{{end}}",
        "range": "{{range $i, $x := .X}}a{{else}}{{len `aé`}}{{end}}", "encoded": "\u{fffd}",
    });
    let mut block = atlas_block(json!({"METADATA": texts}));
    let artifact = block["artifact"].take();
    block.as_object_mut().unwrap().remove("artifact");
    block["ARTIFACT"] = artifact;
    let template = json!({
        "variables": {"ip": "{{ .HTTPIP }}", "w": "word", "unused": "{{ .HTTPPort }}"},
        "builders": [file_builder("a.img")],
        "post-processors": [block, {"type": "manifest", "custom_data": texts}],
    });
    let template = template.to_string().replace('\u{fffd}', "\\ud800");
    program.write("template.json", template);
    let built = run(&program, &["build", "-color=false", "template.json"]).await;
    assert_eq!(built.code, 0, "{built}");
    let warning = "file (atlas): WARNING: metadata: field: {{.Version}} has no value";
    assert!(built.stdout.contains(warning), "{built}");
    let manifest = std::fs::read(program.path("packer-manifest.json")).unwrap();
    let manifest: Value = serde_json::from_slice(&manifest).unwrap();
    let by_plugin = &program.latest("hashicorp/foobar", "custom.image").await["metadata"];
    assert_eq!(*by_plugin, manifest["builds"][0]["custom_data"]);
    assert_eq!(by_plugin["field"], "<no value>-<no value>");

    let push = "push --template template.json --manifest packer-manifest.json --no-digest";
    let pushed = program.run(&Vec::from_iter(push.split(' '))).await;
    assert_eq!(pushed.code, 0, "{pushed}");
    let by_command = &program.latest("hashicorp/foobar", "custom.image").await["metadata"];
    assert_eq!(by_command, by_plugin);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_documentations_example_builds_in_hcl2_too() {
    let (_atlas, program) = installed().await;
    let ec2 = Ec2::start(program.folder()).await;
    let template = format!(
        r#"
variable "type" {{ default = "aws.ami" }}
source "amazon-ebs" "example" {{
  access_key = "ACCESS_KEY_HERE"
  secret_key = "SECRET_KEY_HERE"
  region = "us-east-1"
  source_ami = "ami-de0d9eb7"
  instance_type = "t1.micro"
  ssh_username = "ubuntu"
  ami_name = "atlas-example {{{{timestamp}}}}"
  communicator = "none"
  custom_endpoint_ec2 = "{}"
  skip_region_validation = true
  skip_metadata_api_check = true
}}
build {{
  sources = ["source.amazon-ebs.example"]
  post-processor "atlas" {{
    artifact = "hashicorp/foobar"
    artifact_type = var.type
    metadata = {{ created_at = "{{{{timestamp}}}}" }}
  }}
}}
"#,
        ec2.url
    );
    program.write("template.pkr.hcl", template);
    let built = run(&program, &["build", "-color=false", "template.pkr.hcl"]).await;
    assert_eq!(built.code, 0, "{built}");
    assert!(
        built.stdout.contains("hashicorp/foobar/aws.ami (v1)"),
        "{built}"
    );
    check_ami(&program.latest("hashicorp/foobar", "aws.ami").await);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_file_and_several_and_a_gzip_file_arrive_as_packer_sent_them() {
    let (_atlas, program) = installed().await;
    let zipped = gzip(b"zipped already");
    program.write("in/b.txt", "b");
    program.write("in/sub/c.txt", "c");
    program.write("in/image.gz", &zipped);
    let sequence = |files: Value| {
        json!({
            "variables": {"kind": "custom.image"},
            "builders": [file_builder("out/a.txt")],
            "post-processors": [[
                {"type": "artifice", "files": files},
                atlas_block(json!({"artifact_type": "{{user `kind`}}", "metadata": {"n": 3, "who": "{{build_name}}"}})),
            ]],
        })
    };
    std::fs::create_dir(program.path("out")).unwrap();
    let one = build(&program, &sequence(json!(["out/a.txt"]))).await;
    assert_eq!(one.code, 0, "{one}");
    let text = |text: &str| Some(text.as_bytes().to_vec());
    assert_eq!(
        entries(
            program
                .pulled("hashicorp/foobar", "custom.image")
                .await
                .as_slice()
        ),
        [("a.txt".to_owned(), text("what Packer wrote"))]
    );
    let metadata = program.latest("hashicorp/foobar", "custom.image").await["metadata"].take();
    assert_eq!(metadata, json!({"n": "3", "who": "file"}));

    let several = build(&program, &sequence(json!(["in/b.txt", "in/sub/c.txt"]))).await;
    assert_eq!(several.code, 0, "{several}");
    assert_eq!(
        entries(
            program
                .pulled("hashicorp/foobar", "custom.image")
                .await
                .as_slice()
        ),
        [
            ("b.txt".to_owned(), text("b")),
            ("sub/".to_owned(), None),
            ("sub/c.txt".to_owned(), text("c")),
        ]
    );
    let gzip = build(&program, &sequence(json!(["in/image.gz"]))).await;
    assert_eq!(gzip.code, 0, "{gzip}");
    assert_eq!(
        program.pulled("hashicorp/foobar", "custom.image").await,
        zipped
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn files_without_a_common_folder_are_refused_in_the_originals_words() {
    let (_atlas, program) = installed().await;
    program.write("a", "a");
    program.write("b", "b");
    let template = json!({
        "builders": [file_builder("out.txt")],
        "post-processors": [[{"type": "artifice", "files": ["a", "b"]}, atlas_block(json!({}))]],
    });
    let built = build(&program, &template).await;
    assert_eq!(built.code, 1, "{built}");
    assert!(
        built
            .stdout
            .contains("No common prefix for archiving files: [a b]"),
        "{built}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn validate_finds_a_wrong_token_and_a_missing_artifact() {
    let (atlas, program) = installed().await;
    let validate = async |block: Value| {
        let template = json!({"builders": [file_builder("out.txt")], "post-processors": [block]});
        program.write("template.json", template.to_string());
        let run = run(&program, &["validate", "template.json"]).await;
        // Packer wraps long lines.
        let words = format!("{}{}", run.stdout, run.stderr)
            .split_whitespace()
            .collect::<Vec<_>>()
            .join(" ");
        (run.code, words)
    };
    let (code, words) = validate(atlas_block(json!({}))).await;
    assert_eq!(code, 0, "{words}");
    let (code, words) = validate(json!({"type": "atlas", "artifact_type": "custom.image"})).await;
    assert_eq!(code, 1);
    assert!(
        words.contains("1 error(s) occurred: * artifact must be set"),
        "{words}"
    );
    let (code, words) = validate(atlas_block(json!({"token": "wr0ng-canary"}))).await;
    assert_eq!(code, 1);
    let expected = "Error connecting to atlas server, please check your ATLAS_TOKEN env: authentication failed the token came from the template's token";
    assert!(words.contains(expected), "{words}");
    assert!(!words.contains("wr0ng-canary"));
    drop(atlas);
    let (code, words) = validate(atlas_block(json!({}))).await;
    assert_eq!(code, 1);
    assert!(
        words.contains("Error connecting to atlas server"),
        "{words}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn three_builds_in_parallel_each_make_a_version_and_the_log_holds_no_token() {
    let (_atlas, program) = installed().await;
    let builder = |name: &str| {
        let mut builder = file_builder(&format!("{name}.txt"));
        builder["name"] = name.into();
        builder
    };
    let template = json!({
        "builders": [builder("one"), builder("two"), builder("three")],
        "post-processors": [atlas_block(json!({"token": CANARY, "metadata": {"build": "{{build_name}}"}})), {"type": "manifest"}],
    });
    let program = program.with("PACKER_LOG", "1");
    let built = build(&program, &template).await;
    assert_eq!(built.code, 0, "{built}");
    let search = [
        "search",
        "hashicorp/foobar",
        "--type",
        "custom.image",
        "--output",
        "json",
    ];
    let found: Vec<Value> = serde_json::from_str(&program.run(&search).await.stdout).unwrap();
    let mut builds: Vec<_> = found
        .iter()
        .map(|version| version["metadata"]["build"].as_str().unwrap())
        .collect();
    builds.sort_unstable();
    assert_eq!(builds, ["one", "three", "two"]);
    assert!(built.stderr.contains("atlas_uploader"), "{built}");
    let all = built.to_string();
    assert!(
        !all.contains(CANARY) && !all.contains("/_binstore/"),
        "{built}"
    );
}

/// A Packer in its own process group, whose upload hangs.
struct Hanging {
    program: Program,
    packer: tokio::process::Child,
    atlas: MockAtlas,
    _server: Server,
}

impl Hanging {
    async fn start() -> Self {
        let atlas = MockAtlas::builder().token(CANARY).start().await.unwrap();
        let upstream = atlas.url().to_owned();
        let server = Server::start(move |_, request| match request.method.as_str() {
            "PUT" => Reply::Silence,
            _ => Reply::Forward(upstream.clone(), None),
        })
        .await;
        let program = at(server.url()).await;
        program.write("disk.img", noise(1_000_000));
        let builder = json!({"type": "file", "source": "disk.img", "target": "copy.img"});
        let template = json!({"builders": [builder], "post-processors": [atlas_block(json!({}))]});
        program.write("template.json", template.to_string());
        let packer = packer(&program)
            .args(["build", "-color=false", "template.json"])
            .process_group(0)
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null())
            .spawn()
            .expect("packer is needed");
        until(|| server.lines().iter().any(|line| line.starts_with("PUT "))).await;
        Self {
            program,
            packer,
            atlas,
            _server: server,
        }
    }

    fn group(&self) -> Pid {
        Pid::from_raw(self.packer.id().unwrap().cast_signed()).unwrap()
    }

    /// Returns the processes of plugins that are installed in this home.
    fn plugins(&self) -> Vec<Pid> {
        processes()
            .into_iter()
            .filter(|(_, program)| program.starts_with(self.program.folder()))
            .map(|(id, _)| id)
            .collect()
    }

    async fn nothing_is_left(&self) {
        until(|| self.plugins().is_empty()).await;
        let names = std::fs::read_dir(self.program.folder()).unwrap();
        let sockets = names.filter(|entry| {
            entry
                .as_ref()
                .unwrap()
                .file_name()
                .to_string_lossy()
                .starts_with("atlas-upload-")
        });
        assert_eq!(sockets.count(), 0);
        let reader = Program::at(self.atlas.url(), CANARY);
        let search = ["search", "hashicorp/foobar", "--type", "custom.image"];
        let found = reader.run(&search).await;
        assert_eq!((found.code, found.stdout.as_str()), (0, ""), "{found}");
    }
}

/// Returns each process with the path of its program.
fn processes() -> Vec<(Pid, PathBuf)> {
    let entries = std::fs::read_dir("/proc").unwrap();
    let ids = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<i32>().ok());
    ids.filter_map(|id| {
        let program =
            std::fs::read_link(Path::new("/proc").join(id.to_string()).join("exe")).ok()?;
        Some((Pid::from_raw(id)?, program))
    })
    .collect()
}

fn parent(process: Pid) -> Option<i32> {
    let status =
        std::fs::read_to_string(format!("/proc/{}/status", process.as_raw_nonzero())).ok()?;
    status
        .lines()
        .find_map(|line| line.strip_prefix("PPid:"))?
        .trim()
        .parse()
        .ok()
}

#[tokio::test(flavor = "multi_thread")]
async fn ctrl_c_stops_the_upload_and_leaves_nothing() {
    let mut hanging = Hanging::start().await;
    assert!(!hanging.plugins().is_empty());
    kill_process_group(hanging.group(), Signal::INT).unwrap();
    let status = hanging.packer.wait().await.unwrap();
    assert_eq!(status.code(), Some(1));
    hanging.nothing_is_left().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_packer_that_is_killed_leaves_nothing() {
    let mut hanging = Hanging::start().await;
    // Packer starts itself again, and the second process runs the plugins.
    let plugins = hanging.plugins();
    let inner = parent(plugins[0]).and_then(Pid::from_raw).unwrap();
    kill_process(hanging.group(), Signal::KILL).unwrap();
    kill_process(inner, Signal::KILL).unwrap();
    hanging.packer.wait().await.unwrap();
    hanging.nothing_is_left().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn install_is_found_by_doctor_and_taken_back_by_uninstall() {
    let program = Program::new();
    let atlas_upload = async |arguments: &[&str]| {
        let mut command = program.command();
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
        let output = command.args(arguments).output().await.unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        (
            output.status.code().unwrap(),
            text(output.stdout) + &text(output.stderr),
        )
    };
    let (code, words) = atlas_upload(&["packer", "doctor"]).await;
    assert_eq!(code, 5, "{words}");
    assert!(
        words.contains("Packer cannot use a post-processor atlas"),
        "{words}"
    );
    let (code, words) = atlas_upload(&["packer", "install"]).await;
    assert_eq!(code, 0, "{words}");
    let plugin = program.path(".packer.d/plugins/packer-post-processor-atlas");
    assert!(words.contains(plugin.to_str().unwrap()), "{words}");
    let (code, words) = atlas_upload(&["packer", "doctor"]).await;
    assert_eq!(code, 0, "{words}");
    let found = format!(
        "Packer 1.6.6\nPacker finds the post-processor atlas: {}\n",
        plugin.display()
    );
    assert_eq!(words, found);
    let (code, words) = atlas_upload(&["packer", "uninstall"]).await;
    assert_eq!(code, 0, "{words}");
    assert!(!plugin.exists());
    assert_eq!(atlas_upload(&["packer", "doctor"]).await.0, 5);
}
