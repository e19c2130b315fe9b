//! Tests plans and applies of each resource and data source.

use serde_json::json;

use super::workspace::{SOURCE, done, outputs, run, with_configuration, words};
use crate::support::program::Program;
use crate::support::{CANARY, gzip, started};

const ARTIFACT: &str = r#"
data "atlas_artifact" "web" {
  name     = "acme/web"
  type     = "amazon.image"
  metadata = { os = "bsd" }
}

resource "atlas_artifact" "web" {
  name    = "acme/web"
  type    = "amazon.image"
  version = "latest"
}

output "ami" {
  value = "${data.atlas_artifact.web.metadata_full.region-us-east-1}"
}

output "pinned" {
  value = atlas_artifact.web.id
}
"#;

async fn push(program: &Program, ami: &str) {
    let line = format!(
        "push acme/web --type amazon.image --id us-east-1:{ami} -m region.us-east-1={ami} -m os=bsd"
    );
    let run = program.run(&Vec::from_iter(line.split(' '))).await;
    assert_eq!(run.code, 0, "{run}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_old_configuration_is_applied_followed_replaced_and_destroyed() {
    let (atlas, pusher) = started().await;
    push(&pusher, "ami-1").await;
    let program = with_configuration(atlas.url(), CANARY, ARTIFACT).await;
    done(&program, "validate").await;
    let applied = done(&program, "apply -auto-approve -no-color").await;
    assert!(
        applied.stdout.contains("1 added, 0 changed, 0 destroyed"),
        "{applied}"
    );
    assert_eq!(outputs(&program).await["ami"]["value"], "ami-1");
    assert_eq!(
        outputs(&program).await["pinned"]["value"],
        "us-east-1:ami-1"
    );
    // The exit code 0 says that nothing is to do.
    done(&program, "plan -detailed-exitcode").await;

    push(&pusher, "ami-2").await;
    let changed = run(&program, "plan -detailed-exitcode -no-color").await;
    assert_eq!(changed.code, 2, "{changed}");
    assert!(
        changed.stdout.contains("\"ami-1\" -> \"ami-2\""),
        "{changed}"
    );
    done(&program, "apply -auto-approve").await;
    done(&program, "plan -detailed-exitcode").await;

    program.write("main.tf", ARTIFACT.replace("\"latest\"", "\"1\""));
    let replaced = done(&program, "apply -auto-approve -no-color").await;
    assert!(
        replaced.stdout.contains("# forces replacement"),
        "{replaced}"
    );
    assert!(
        replaced.stdout.contains("1 added, 0 changed, 1 destroyed"),
        "{replaced}"
    );
    assert_eq!(
        outputs(&program).await["pinned"]["value"],
        "us-east-1:ami-1"
    );
    let destroyed = done(&program, "destroy -auto-approve -no-color").await;
    assert!(destroyed.stdout.contains("1 destroyed"), "{destroyed}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_is_pushed_listed_and_downloaded_in_one_apply() {
    let (atlas, _) = started().await;
    let configuration = r#"
resource "atlas_artifact_version" "web" {
  name     = "acme/web"
  type     = "custom.image"
  file     = "${path.module}/image.gz"
  metadata = { os = "bsd" }
}

data "atlas_artifact_versions" "web" {
  name       = "acme/web"
  type       = "custom.image"
  depends_on = [atlas_artifact_version.web]
}

data "atlas_file" "web" {
  name    = "acme/web"
  type    = "custom.image"
  version = atlas_artifact_version.web.version
  path    = "${path.module}/copy.gz"
}

output "slugs" {
  value = data.atlas_artifact_versions.web.versions[*].slug
}
"#;
    let program = with_configuration(atlas.url(), CANARY, configuration).await;
    program.write("image.gz", gzip(b"one"));
    done(&program, "apply -auto-approve").await;
    assert_eq!(
        outputs(&program).await["slugs"]["value"],
        json!(["acme/web/custom.image/1"])
    );
    assert_eq!(
        std::fs::read(program.path("copy.gz")).unwrap(),
        gzip(b"one")
    );
    done(&program, "plan -detailed-exitcode").await;
    // A state that is lost makes no second version.
    std::fs::remove_file(program.path("terraform.tfstate")).unwrap();
    done(&program, "apply -auto-approve").await;
    assert_eq!(
        outputs(&program).await["slugs"]["value"],
        json!(["acme/web/custom.image/1"])
    );

    // A file that moves, and keeps its name, is the same version.
    std::fs::create_dir(program.path("kept")).unwrap();
    std::fs::rename(program.path("image.gz"), program.path("kept/image.gz")).unwrap();
    let moved = configuration.replace("/image.gz", "/kept/image.gz");
    program.write("main.tf", moved);
    let kept = done(&program, "apply -auto-approve -no-color").await;
    assert!(
        kept.stdout.contains("0 added, 1 changed, 0 destroyed"),
        "{kept}"
    );
    done(&program, "plan -detailed-exitcode").await;

    program.write("kept/image.gz", gzip(b"two"));
    let replaced = done(&program, "apply -auto-approve -no-color").await;
    assert!(
        replaced.stdout.contains("1 added, 0 changed, 1 destroyed"),
        "{replaced}"
    );
    let both = json!(["acme/web/custom.image/2", "acme/web/custom.image/1"]);
    assert_eq!(outputs(&program).await["slugs"]["value"], both);
    assert_eq!(
        std::fs::read(program.path("copy.gz")).unwrap(),
        gzip(b"two")
    );
    let destroyed = done(&program, "destroy -auto-approve -no-color").await;
    assert!(
        words(&destroyed).contains("The version stays on the server"),
        "{destroyed}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_box_is_found() {
    let (atlas, pusher) = started().await;
    let content = crate::support::tarred(&[("metadata.json", br#"{"provider": "virtualbox"}"#)]);
    pusher.write("web.box", gzip(&content));
    let publish = "box publish acme/web 1.2.3 virtualbox web.box --release";
    let published = pusher.run(&Vec::from_iter(publish.split(' '))).await;
    assert_eq!(published.code, 0, "{published}");
    let configuration = "data \"atlas_box\" \"web\" {\n  name = \"acme/web\"\n}\noutput \"box\" {\n  value = data.atlas_box.web\n}\n";
    let program = with_configuration(atlas.url(), CANARY, configuration).await;
    done(&program, "apply -auto-approve").await;
    let found = outputs(&program).await["box"]["value"].take();
    assert_eq!(found["version_real"], "1.2.3");
    assert_eq!(found["checksum_type"], "sha256");
    let bytes = reqwest::Client::builder().no_proxy().build().unwrap();
    let bytes = bytes
        .get(found["url"].as_str().unwrap())
        .bearer_auth(CANARY);
    let bytes = bytes.send().await.unwrap().bytes().await.unwrap();
    assert_eq!(bytes, gzip(&content));
}

#[tokio::test(flavor = "multi_thread")]
async fn three_workspaces_apply_at_once() {
    let (atlas, pusher) = started().await;
    push(&pusher, "ami-1").await;
    let programs = [
        with_configuration(atlas.url(), CANARY, ARTIFACT).await,
        with_configuration(atlas.url(), CANARY, ARTIFACT).await,
        with_configuration(atlas.url(), CANARY, ARTIFACT).await,
    ];
    let apply = "apply -auto-approve -no-color";
    let [one, two, three] = &programs;
    let runs = tokio::join!(done(one, apply), done(two, apply), done(three, apply));
    for run in [runs.0, runs.1, runs.2] {
        assert!(run.stdout.contains("1 added"), "{run}");
    }
}

/// The state has the layout that Terraform 0.9 to 0.11 wrote.
#[tokio::test(flavor = "multi_thread")]
async fn a_state_of_0_11_is_upgraded() {
    let (atlas, pusher) = started().await;
    push(&pusher, "ami-1").await;
    let program = with_configuration(atlas.url(), CANARY, ARTIFACT).await;
    let attributes = json!({
        "id": "us-east-1:ami-1", "name": "acme/web", "type": "amazon.image", "version": "latest",
        "file_url": "", "slug": "acme/web/amazon.image/1", "version_real": "1", "metadata_keys.#": "0",
        "metadata_full.%": "4", "metadata_full.ami_id": "ami-1", "metadata_full.os": "bsd",
        "metadata_full.region": "us-east-1", "metadata_full.region-us-east-1": "ami-1",
    });
    let state = json!({
        "version": 3, "terraform_version": "0.11.14", "serial": 1,
        "lineage": "7f3a2c1e-0000-4000-8000-000000000001",
        "modules": [{"path": ["root"], "outputs": {}, "depends_on": [], "resources": {
            "atlas_artifact.web": {
                "type": "atlas_artifact", "depends_on": [], "deposed": [], "provider": "provider.atlas",
                "primary": {"id": "us-east-1:ami-1", "attributes": attributes, "meta": {}, "tainted": false},
            },
        }}],
    });
    program.write("terraform.tfstate", state.to_string());
    let replace =
        format!("state replace-provider -auto-approve registry.terraform.io/-/atlas {SOURCE}");
    done(&program, &replace).await;
    let planned = run(&program, "plan -detailed-exitcode -no-color").await;
    // Only the outputs are new.
    assert!(
        planned
            .stdout
            .contains("without changing any real infrastructure"),
        "{planned}"
    );
    done(&program, "apply -auto-approve").await;
    done(&program, "plan -detailed-exitcode").await;
    assert_eq!(
        outputs(&program).await["pinned"]["value"],
        "us-east-1:ami-1"
    );
}
