//! Tests `push --template` with the `atlas` post-processors of a template of Packer.

use mock_atlas::MockAtlas;
use serde_json::{Value, json};

use crate::support::program::{Program, assert_run};

const EXAMPLE: &str = include_str!("../../data/documentation-example.json");

async fn atlas(token: &str) -> MockAtlas {
    MockAtlas::builder().token(token).start().await.unwrap()
}

/// Writes a manifest with a build of the `amazon-ebs` builder and a second build.
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
    // The example's own token overrides the variable.
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
async fn the_mistakes_of_variables_files_blocks_and_builders_are_told_together() {
    let program = Program::at("http://127.0.0.1:1", "canary-T0ken");
    manifest(&program);
    let template = json!({
        "variables": {
            "required": null, "wrong": "{{build_name}}", "unused": "{{consul_key `x`}}",
            "secret": "{{vault `a` `b`}}",
        },
        "builders": [{"type": "amazon-ebs"}, {"type": "qemu", "name": "local"}],
        "post-processors": [
            {"type": "atlas", "artefact": "a/b", "artifact": "x", "artifact_type": "{{user `wrong`}}"},
            {"type": "atlas", "only": ["nowhere"]},
            {"TYPE": "atlas", "artifact": "{{user `required`}}", "artifact_type": "t", "metadata": {
                "if": "{{if .X}}a", "define": "{{define `x`}}{{end}}", "field": "{{upper .X}}",
            }, "token": "{{user `secret`}}"},
            7,
        ],
    });
    program.write("template.json", template.to_string());
    program.write("list.json", "[]");
    program.write("odd.json", json!({"a": [1], "b": {}}).to_string());
    let alone = program.run(&templated(&[])).await;
    let files = [
        "--var-file",
        "list.json",
        "--var-file",
        "odd.json",
        "--var",
        "n0-value-T0ken",
    ];
    let all = program.run(&templated(&files)).await;
    assert!(!format!("{all}").contains("T0ken"), "{all}");
    assert_run("template_all_mistakes", format!("{alone}\n{all}"));
    program.write("template.json", EXAMPLE);
    let one = program
        .run(&templated(&["--var-file", "nowhere.json"]))
        .await;
    assert_eq!(one.code, 3, "{one}");
    let words = "error: Error reading the template: nowhere.json: No such file";
    assert!(one.stderr.starts_with(words), "{one}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_has_no_value_is_pushed_as_the_original_did_with_a_warning() {
    let atlas = atlas("canary-T0ken").await;
    let program = Program::at(atlas.url(), "canary-T0ken").with("EMPTY", "");
    manifest(&program);
    let template = json!({
        "Variables": {
            "ip": "{{ .HTTPIP }}", "nobody": "{{ .HTTPPort }}{{env `UNUSED`}}", "vault": "{{vault `a` `b`}}",
            "env": "{{env `STAGE`}}", "empty": "{{env `EMPTY`}}",
        },
        "builders": [{"type": "amazon-ebs"}, {"type": "qemu", "name": "local"}],
        "Post-Processors": [{
            "type": "atlas", "ARTIFACT": "acme/aws-{{user `env`}}-web", "Artifact_Type": "t{{user `empty`}}",
            "MetaData": {
                "version": "{{.Version}}", "K-{{.Name}}": "{{user `ip`}}",
                "kind": "{{$k := build_type}}{{if eq $k `qemu`}}{{printf `%s-%d` $k 1}}{{else}}cloud{{end}}",
            },
        }],
    });
    program.write("template.json", template.to_string());
    let run = program.run(&templated(&["--no-digest"])).await;
    assert_run("template_warnings", &run);
    let mut pushed = Vec::new();
    for version in ["1", "2"] {
        let search = [
            "search",
            "acme/aws--web",
            "--type",
            "t",
            "--version",
            version,
            "--output",
            "json",
        ];
        let run = program.run(&search).await;
        let found: Value = serde_json::from_str(&run.stdout).unwrap();
        pushed.push(found[0]["metadata"].clone());
    }
    assert_eq!(
        pushed[0],
        json!({"K-<no value>": "<no value>", "kind": "cloud", "version": "<no value>", "region.us-east-1": "ami-1"})
    );
    assert_eq!(pushed[1]["kind"], "qemu-1");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_is_read_as_packer_reads_it_and_what_packer_does_not_read_is_named() {
    let atlas = atlas("canary-T0ken").await;
    let program = Program::at(atlas.url(), "canary-T0ken");
    manifest(&program);
    let block = r#"{"type": "atlas", "artifact": "acme/web", "artifact_type": "custom.image", "metadata": {"k": "{{user `v`}}-LATIN\ud800"}}"#;
    let text = format!(
        r#"{{"variables": {{"v": "LATIN"}}, "sensitive-variables": null, "builders": [{{"type": "amazon-ebs"}}], "post-processors": [{block}]}}"#
    );
    let latin = |text: &str| -> Vec<u8> {
        let pieces: Vec<_> = text.split("LATIN").map(str::as_bytes).collect();
        pieces.join(&b"caf\xe9"[..])
    };
    program.write("template.json", latin(&text));
    program.write("vars.json", latin(r#"{"v": "LATIN"}"#));
    let push = templated(&[
        "--only",
        "amazon-ebs",
        "--var-file",
        "vars.json",
        "--no-digest",
    ]);
    let run = program.run(&push).await;
    assert_eq!(run.code, 0, "{run}");
    let found = latest(&program, "acme/web").await;
    assert_eq!(found[0]["metadata"]["k"], "caf\u{fffd}-caf\u{fffd}\u{fffd}");

    let mut all = String::new();
    for (name, content) in [
        ("bom.json", [&b"\xef\xbb\xbf"[..], text.as_bytes()].concat()),
        (
            "template.pkr.hcl",
            b"/* x */\nsource \"null\" \"x\" {}\n".to_vec(),
        ),
        ("vars.json", b"# of HCL2\nname = \"x\"\n".to_vec()),
        (
            "template.pkr.json",
            br#"{"source": {"null": {"x": {}}}, "build": {}}"#.to_vec(),
        ),
        ("typo.json", b"{\"builders\": [}".to_vec()),
        ("shape.json", br#"{"builders": {"type": "null"}}"#.to_vec()),
        ("folder/main.pkr.hcl", Vec::new()),
    ] {
        program.write(name, content);
        let path = name.strip_suffix("/main.pkr.hcl").unwrap_or(name);
        let mut push = templated(&[]);
        push[2] = path;
        all += &format!("{}\n", program.run(&push).await);
    }
    assert_run("template_unreadable", all);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_time_is_that_of_the_push_or_of_each_build() {
    let atlas = atlas("canary-T0ken").await;
    let program = Program::at(atlas.url(), "canary-T0ken");
    manifest(&program);
    let template = json!({
        "variables": {"day": "{{isotime `2006-01-02`}}"},
        "builders": [{"type": "amazon-ebs"}, {"type": "qemu", "name": "local"}],
        "post-processors": [{"type": "atlas", "artifact": "acme/web", "artifact_type": "custom.image",
                             "metadata": {"at": "{{timestamp}}", "day": "{{user `day`}}", "run": "{{build `PackerRunUUID`}}"}}],
    });
    program.write("template.json", template.to_string());
    for (time, expected) in [("build", true), ("now", false)] {
        let run = program.run(&templated(&["--time", time])).await;
        assert_eq!(run.code, 0, "{run}");
        let metadata = latest(&program, "acme/web").await[0]["metadata"].take();
        assert_eq!(metadata["at"] == "1795352171", expected, "{metadata}");
        assert_eq!(metadata["day"] == "2026-11-22", expected, "{metadata}");
        assert_eq!(metadata["run"], "run");
    }
    let manifest =
        json!({"builds": [{"name": "local", "packer_run_uuid": "run"}], "last_run_uuid": "run"});
    program.write("packer-manifest.json", manifest.to_string());
    let run = program.run(&templated(&["--time", "build"])).await;
    assert_eq!(run.code, 2, "{run}");
    let words = "* the manifest has no build_time of local";
    assert!(run.stderr.contains(words), "{run}");
    for flag in [
        ["--time", "build"],
        ["--var", "a=b"],
        ["--var-file", "vars.json"],
    ] {
        for push in [
            &["acme/web", "--type", "t", "packer-manifest.json"][..],
            &["--resume", "r.json"],
        ] {
            let run = program.run(&[&["push"], push, &flag].concat()).await;
            assert_eq!(
                run.code, 2,
                "what only a template uses is not ignored: {run}"
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_warning_that_explains_a_mistake_is_told_with_it() {
    let program = Program::at("http://127.0.0.1:1", "canary-T0ken");
    manifest(&program);
    let template = json!({
        "variables": {"org": "{{env `ORG`}}"},
        "builders": [{"type": "amazon-ebs"}],
        "post-processors": [{"type": "atlas", "artifact": "{{user `org`}}/web", "artifact_type": "t"}],
    });
    program.write("template.json", template.to_string());
    let run = program.run(&templated(&[])).await;
    assert_eq!(run.code, 2, "{run}");
    let warning = "WARNING: post-processor 1: artifact: the variable 'org': ORG is not set";
    assert!(run.stderr.starts_with(warning), "{run}");
    assert!(run.stderr.contains("malformed slug \"/web\""), "{run}");
}

#[tokio::test(flavor = "multi_thread")]
async fn only_and_except_name_builders_as_they_are_written() {
    let atlas = atlas("canary-T0ken").await;
    let program = Program::at(atlas.url(), "canary-T0ken");
    manifest(&program);
    let block = |artifact: &str, key: &str| json!({"type": "atlas", "artifact": artifact, "artifact_type": "custom.image", key: ["{{user `n`}}"]});
    let template = json!({
        "variables": {"n": "local"},
        "builders": [{"type": "amazon-ebs"}, {"type": "qemu", "name": "{{user `n`}}"}],
        "post-processors": [block("acme/only", "only"), block("acme/except", "except")],
    });
    program.write("template.json", template.to_string());
    let run = program.run(&templated(&[])).await;
    assert_eq!(
        run.stdout, "acme/except/custom.image/1\nacme/only/custom.image/1\n",
        "{run}"
    );
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
