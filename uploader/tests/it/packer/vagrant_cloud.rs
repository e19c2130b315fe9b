//! Tests `push --template` with the `vagrant-cloud` post-processors of a template of Packer.

use serde_json::{Value, json};

use crate::boxes::publish::{a_box, a_service};
use crate::support::program::{Program, Run};
use crate::support::server::Server;

/// Writes a manifest of the box that the `vagrant` post-processor made, and a template with this block behind it.
fn written(program: &Program, more: Value) {
    let entry = json!({
        "name": "vm", "builder_type": "virtualbox-iso", "build_time": 1, "custom_data": null,
        "artifact_id": "virtualbox", "files": [{"name": "out/web.box", "size": 1}],
        "packer_run_uuid": "run",
    });
    let manifest = json!({"builds": [entry], "last_run_uuid": "run"});
    program.write("packer-manifest.json", manifest.to_string());
    program.write("out/web.box", a_box("virtualbox", b"disk"));
    let mut block =
        json!({"type": "vagrant-cloud", "box_tag": "acme/web", "version": "1.{{user `minor`}}.0"});
    let mut more = more.as_object().unwrap().clone();
    block.as_object_mut().unwrap().append(&mut more);
    let template = json!({
        "variables": {"minor": "2", "token": "T0ken"},
        "builders": [{"type": "virtualbox-iso", "name": "vm"}],
        "post-processors": [["vagrant", "manifest", block]],
    });
    program.write("template.json", template.to_string());
}

async fn push(program: &Program) -> Run {
    let push = ["push", "--template", "template.json"];
    let manifest = ["--manifest", "packer-manifest.json"];
    program.run(&[&push[..], &manifest].concat()).await
}

/// Returns the bodies of the requests to a target that ends like this.
fn bodies(server: &Server, end: &str) -> Vec<Value> {
    let requests = server.requests().into_iter();
    let requests = requests.filter(|request| request.target.ends_with(end));
    requests
        .map(|request| serde_json::from_slice(&request.body).unwrap_or_default())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_box_that_reached_the_block_is_published_and_released() {
    for (address, api) in [("/api/v1", "v1"), ("/api/v2", "v2"), ("", "v2")] {
        let server = a_service().await;
        let program = Program::new();
        let url = format!("{}{address}", server.url());
        let more = json!({
            "vagrant_cloud_url": url, "access_token": "{{user `token`}}",
            "version_description": "of {{build_name}}",
        });
        written(&program, more);
        let run = push(&program).await;
        assert_eq!(run.code, 0, "{run}");
        assert!(!run.to_string().contains("T0ken"), "{run}");
        let place = format!("/api/{api}/box/acme/web");
        let version = json!({"version": {"version": "1.2.0", "description": "of vm"}});
        assert_eq!(bodies(&server, &format!("{place}/versions")), [version]);
        let providers = bodies(&server, &format!("{place}/version/1.2.0/providers"));
        assert_eq!(providers[0]["provider"]["name"], "virtualbox");
        let of_box = &providers[0]["provider"]["architecture"];
        let expected = if api == "v1" {
            Value::Null
        } else {
            "amd64".into()
        };
        assert_eq!(*of_box, expected);
        assert_eq!(bodies(&server, "/version/1.2.0/release").len(), 1);
        let tokens = server.requests().into_iter();
        let tokens = tokens.filter(|request| request.target.starts_with("/api/"));
        assert!(
            tokens
                .into_iter()
                .all(|request| request.header("authorization") == Some("Bearer T0ken"))
        );
    }
}

/// Many old templates name HashiCorp's service, which is switched off.
#[tokio::test(flavor = "multi_thread")]
async fn a_flag_overrides_the_address_of_the_template_and_the_api_that_it_names() {
    let server = a_service().await;
    let program = Program::new().with("ATLAS_TOKEN", "T0ken");
    written(
        &program,
        json!({"vagrant_cloud_url": "https://vagrantcloud.com/api/v1"}),
    );
    let push = ["push", "--template", "template.json"];
    let manifest = ["--manifest", "packer-manifest.json"];
    let here = ["--atlas-url", server.url()];
    let run = program.run(&[&push[..], &manifest, &here].concat()).await;
    assert_eq!(run.code, 0, "{run}");
    assert_eq!(bodies(&server, "/api/v2/box/acme/web/versions").len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_its_owner_hosts_is_not_uploaded_and_no_release_is_heeded() {
    let server = a_service().await;
    let program = Program::at(server.url(), "T0ken");
    let digits = "ab".repeat(32);
    let more = json!({
        "box_download_url": "https://files.test/{{ .Provider }}.box", "no_release": true,
        "architecture": "arm64", "default_architecture": "arm64",
        "box_checksum": format!("SHA256:{digits}"),
    });
    written(&program, more);
    let run = push(&program).await;
    assert_eq!(run.code, 0, "{run}");
    let provider = json!({"provider": {
        "name": "virtualbox", "url": "https://files.test/virtualbox.box", "checksum": digits,
        "checksum_type": "sha256", "architecture": "arm64", "default_architecture": true,
    }});
    assert_eq!(bodies(&server, "/providers"), [provider]);
    let lines = server.lines();
    let none = |part: &str| !lines.iter().any(|line| line.contains(part));
    assert!(none("upload") && none("release"), "{lines:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn all_mistakes_of_a_block_are_told_at_once_and_nothing_is_sent() {
    let server = a_service().await;
    let program = Program::at(server.url(), "T0ken");
    written(
        &program,
        json!({
            "box_tag": "web", "version": "v1", "box_checksum": "sha256:ab", "no_release": "perhaps",
            "made_up": 1,
        }),
    );
    let run = push(&program).await;
    assert_eq!(run.code, 2, "{run}");
    for told in [
        "post-processor 1.3: unknown configuration key: \"made_up\"",
        "box_tag: malformed slug \"web\"",
        "version: \"v1\" is not a version that Vagrant can parse",
        "box_checksum: a sha256 has 64 hex digits",
        "no_release: expected true or false",
    ] {
        assert!(run.stderr.contains(told), "{told}: {run}");
    }
    written(&program, json!({"box_tag": "", "version": ""}));
    let run = push(&program).await;
    assert!(run.stderr.contains("box_tag must be set"), "{run}");
    assert!(run.stderr.contains("version must be set"), "{run}");
    assert!(server.requests().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_box_is_refused_before_anything_is_sent() {
    let server = a_service().await;
    let program = Program::at(server.url(), "T0ken");
    written(&program, json!({}));
    program.write("out/web.box", "disk");
    let run = push(&program).await;
    assert_eq!(run.code, 3, "{run}");
    assert!(run.stderr.contains("is not a Vagrant box"), "{run}");
    assert!(server.requests().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_way_out_of_a_missing_manifest_names_the_block() {
    let program = Program::new();
    written(&program, json!({}));
    let template = json!({
        "builders": [{"type": "virtualbox-iso", "name": "vm"}],
        "post-processors": [["vagrant", {"type": "vagrant-cloud", "box_tag": "acme/web", "version": "1.0.0"}]],
    });
    program.write("template.json", template.to_string());
    let run = push(&program).await;
    assert_eq!(run.code, 2, "{run}");
    for told in [
        "[\"vagrant\", \"manifest\", {\"type\": \"vagrant-cloud\", …}]",
        "-except=vagrant-cloud",
        "atlas-upload box publish USER/NAME VERSION PROVIDER FILE",
    ] {
        assert!(run.stderr.contains(told), "{told}: {run}");
    }
}
