//! `push --template`: the `atlas` post-processors of a template of Packer.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "tests, helpers included"
)]

mod support;

use mock_atlas::MockAtlas;
use serde_json::{Value, json};
use support::program::{Program, assert_run};

const EXAMPLE: &str = include_str!("data/documentation-example.json");

async fn atlas(token: &str) -> MockAtlas {
    MockAtlas::builder().token(token).start().await.unwrap()
}

/// What Packer's amazon-ebs builder leaves in a manifest, and a second build beside it.
fn manifest(program: &Program) {
    let build = |name: &str, kind: &str, id: &str| {
        json!({
            "name": name, "builder_type": kind, "build_time": 1_795_352_171, "files": null,
            "artifact_id": id, "packer_run_uuid": "run", "custom_data": null,
        })
    };
    let builds = [
        build("amazon-ebs", "amazon-ebs", "us-east-1:ami-1"),
        build("local", "qemu", "VM"),
    ];
    program.write(
        "packer-manifest.json",
        json!({"builds": builds, "last_run_uuid": "run"}).to_string(),
    );
}

fn templated<'a>(more: &[&'a str]) -> Vec<&'a str> {
    let push = [
        "push",
        "--template",
        "template.json",
        "--manifest",
        "packer-manifest.json",
    ];
    [&push, more].concat()
}

async fn latest(program: &Program, artifact: &str) -> Vec<Value> {
    let run = program.run(&["show", artifact, "--output", "json"]).await;
    serde_json::from_str(&run.stdout).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_documentations_example_works_as_printed() {
    // The example's own token goes over the variable.
    let atlas = atlas("ATLAS_TOKEN_HERE").await;
    let program = Program::at(atlas.url(), "another-token");
    program.write("template.json", EXAMPLE);
    manifest(&program);
    let run = program.run(&templated(&["--only", "amazon-ebs"])).await;
    assert_run("template_example", &run);
    let found = latest(
        &Program::at(atlas.url(), "ATLAS_TOKEN_HERE"),
        "hashicorp/foobar",
    )
    .await;
    assert_eq!(found[0]["slug"], "hashicorp/foobar/aws.ami/1");
    assert_eq!(found[0]["id"], "us-east-1:ami-1");
    let metadata = &found[0]["metadata"];
    assert_eq!(metadata["region.us-east-1"], "ami-1");
    let created_at = metadata["created_at"].as_str().unwrap();
    assert!(created_at.parse::<u64>().is_ok(), "{created_at}");
}

#[tokio::test(flavor = "multi_thread")]
async fn blocks_go_by_only_and_except_and_values_are_decoded_weakly() {
    let atlas = atlas("canary-T0ken").await;
    let program = Program::new().with("WHO", "from env");
    manifest(&program);
    program.write("vars.json", json!({"n": 3, "name": "file"}).to_string());
    let template = json!({
        "_comment": "whatever",
        "variables": {"name": null, "n": "1", "t": "", "who": "{{env `WHO`}}", "both": "{{user `who`}}!"},
        "builders": [{"type": "amazon-ebs"}, {"type": "qemu", "name": "local"}],
        "post-processors": [
            "compress",
            [{"type": "manifest"}, {
                "type": "atlas", "only": ["local"], "keep_input_artifact": true,
                "artifact": "acme/{{user `name` | upper}}", "artifact_type": "{{build_type}}.image",
                "server_address": format!("{}/", atlas.url()), "token": "{{user `t`}}",
                "metadata": {"n": 3, "f": 1.5, "yes": true, "user": "{{user `n`}}", "both": "{{user `both`}}", "x": "template"},
            }],
            {
                "type": "atlas", "except": ["local"], "artifact": "acme/other", "artifact_type": "amazon.image",
                "atlas_url": atlas.url(), "token": "{{user `t`}}", "artifact_type_override": "true",
            },
        ],
    });
    program.write("template.json", template.to_string());
    let vars = [
        "--var-file",
        "vars.json",
        "--var",
        "name=flag",
        "--var",
        "t=canary-T0ken",
        "-m",
        "x=flag",
        "--no-digest",
    ];
    let run = program.run(&templated(&vars)).await;
    assert_run("template_several", &run);
    let found = latest(&Program::at(atlas.url(), "canary-T0ken"), "acme/FLAG").await;
    assert_eq!(
        found[0]["metadata"],
        json!({"n": "3", "f": "1.5", "yes": "1", "user": "3", "both": "from env!", "x": "flag"})
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flag_goes_over_the_template_and_a_401_says_whose_token_it_was() {
    let atlas = atlas("canary-T0ken").await;
    let program = Program::at(atlas.url(), "canary-T0ken");
    program.write("template.json", EXAMPLE);
    manifest(&program);
    let flag = program.run(&templated(&["--token", "canary-T0ken"])).await;
    assert_eq!(flag.code, 0, "{flag}");
    let wrong = ["--var", "atlas_token=wrong-T0ken"];
    assert_run("template_refused", program.run(&templated(&wrong)).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn all_mistakes_are_told_at_once_in_the_originals_words() {
    let program = Program::at("http://127.0.0.1:1", "canary-T0ken");
    manifest(&program);
    let builders = json!([{"type": "amazon-ebs"}, {"type": "qemu", "name": "local"}]);
    let templates = [
        json!({"builders": builders, "post-processors": [
            "atlas",
            [{"type": "atlas", "artifact": "x", "artifact_type": "t", "metadata": {"k": "{{consul_key `x`}}"}}],
            {"type": "atlas", "artifact": "a/b", "artifact_type": "{{env `HOME`}}", "token": "se-T0ken\ncret"},
        ]}),
        json!({"builders": builders, "post-processors": [
            {"type": "atlas", "artefact": "a/b", "only": ["a"], "except": "b"},
            {"type": "atlas", "only": ["nowhere"]},
            [["atlas"]], {"artifact": "a/b"}, 7,
        ]}),
        json!({"variables": {"a": null, "b": "{{user `c`}}", "c": "{{user `b`}}", "d": "{{build_name}}"}}),
        json!({"post-processors": ["manifest"]}),
        json!({"builders": builders, "post-processors": [{"type": "atlas", "except": ["amazon-ebs", "local"]}]}),
        json!([]),
    ];
    let mut all = String::new();
    for template in templates {
        program.write("template.json", template.to_string());
        all += &format!("{}\n", program.run(&templated(&[])).await);
    }
    program.write("template.json", EXAMPLE);
    all += &format!(
        "{}\n",
        program.run(&templated(&["--var", "n0-value-T0ken"])).await
    );
    all += &program
        .run(&["push", "--template", "template.json"])
        .await
        .to_string();
    assert!(!all.contains("T0ken"), "{all}");
    assert_run("template_mistakes", all);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_receipt_is_for_the_blocks_of_one_atlas_and_token() {
    let atlas = atlas("canary-T0ken").await;
    let program = Program::new();
    manifest(&program);
    let block = |artifact: &str, token: &str| {
        json!({"type": "atlas", "artifact": artifact, "artifact_type": "amazon.image",
               "atlas_url": atlas.url(), "token": token})
    };
    let template = |tokens: [&str; 2]| {
        let blocks = [block("acme/a", tokens[0]), block("acme/b", tokens[1])];
        json!({"builders": [{"type": "amazon-ebs"}], "post-processors": blocks}).to_string()
    };
    let push = templated(&["--only", "amazon-ebs", "--receipt", "push.json"]);

    program.write("template.json", template(["canary-T0ken", "another-token"]));
    let run = program.run(&push).await;
    assert_eq!(run.code, 2, "{run}");
    assert!(
        run.stderr.contains("--receipt is for one Atlas and token"),
        "{run}"
    );
    assert!(!program.path("push.json").exists());

    program.write("template.json", template(["canary-T0ken", "canary-T0ken"]));
    let run = program.run(&push).await;
    assert_eq!(
        run.stdout, "acme/a/amazon.image/1\nacme/b/amazon.image/1\n",
        "{run}"
    );
    assert!(program.path("push.json").exists());
}
