//! Tests the ways in which Terraform takes the provider, each without a network.

use mock_atlas::MockAtlas;

use super::workspace::{SOURCE, done, outputs, run, settings, terraform, words};
use crate::support::CANARY;
use crate::support::program::{Program, Run};
use crate::support::started;

const CONFIGURATION: &str =
    "data \"atlas_artifact_versions\" \"web\" {\n  name = \"acme/web\"\n  type = \"t\"\n}\n";

async fn at(url: &str) -> Program {
    let program = Program::at(url, CANARY);
    let push = "push acme/web --type t --id one";
    let pushed = program.run(&Vec::from_iter(push.split(' '))).await;
    assert_eq!(pushed.code, 0, "{pushed}");
    program.write("main.tf", CONFIGURATION);
    program
}

/// Runs `atlas-upload` with Terraform in its `PATH`.
async fn atlas_upload(program: &Program, line: &str) -> Run {
    let mut command = program.command();
    command
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("TF_CLI_CONFIG_FILE", program.path("terraformrc"));
    let output = command.args(line.split(' ')).output().await.unwrap();
    Run {
        code: output.status.code().unwrap(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_folder_of_plugins_needs_no_settings_and_doctor_finds_it() {
    let (atlas, _) = started().await;
    let program = at(atlas.url()).await;
    program.write("terraformrc", "");
    let installed = atlas_upload(&program, "terraform install").await;
    assert_eq!(installed.code, 0, "{installed}");
    done(&program, "init -input=false").await;
    done(&program, "plan").await;
    let doctor = atlas_upload(&program, "terraform doctor").await;
    assert_eq!(doctor.code, 0, "{doctor}");
    assert!(doctor.stdout.starts_with("Terraform v"), "{doctor}");
    assert!(
        doctor
            .stdout
            .contains("Terraform finds the provider atlas: "),
        "{doctor}"
    );
    let removed = atlas_upload(&program, "terraform uninstall").await;
    assert_eq!(removed.stdout, installed.stdout, "{removed}");
}

/// Returns the configuration that the emulator's page of a version has to copy.
async fn copied(url: &str) -> String {
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let page = http.get(format!("{url}/acme/web?type=t&version=1"));
    let page = page.header("Accept", "text/html").send().await.unwrap();
    let page = page.error_for_status().unwrap().text().await.unwrap();
    let (_, line) = page
        .split_once("<h3>Terraform</h3><pre class=\"copy\"><code>")
        .unwrap();
    let line = line.split("</code>").next().unwrap();
    line.replace("&#34;", "\"").replace("&#38;", "&")
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_page_of_the_emulator_has_to_copy_works_in_an_empty_folder() {
    let builder = MockAtlas::builder().token(CANARY);
    let atlas = builder.public_artifact("acme/web").start().await.unwrap();
    at(atlas.url()).await;
    // The address is in the configuration, and what is public needs no token.
    let program = Program::new();
    program.write("terraformrc", "");
    let installed = atlas_upload(&program, "terraform install").await;
    assert_eq!(installed.code, 0, "{installed}");
    program.write("main.tf", copied(atlas.url()).await);
    done(&program, "init -input=false").await;
    done(&program, "apply -auto-approve").await;
    assert_eq!(outputs(&program).await["web"]["value"], "one");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mirror_serves_init_with_and_without_required_providers() {
    let (atlas, _) = started().await;
    let program = at(atlas.url()).await;
    let mirror = program.path("mirror");
    let installed = atlas_upload(
        &program,
        &format!("terraform install --mirror {}", mirror.display()),
    )
    .await;
    assert_eq!(installed.code, 0, "{installed}");
    program.write("terraformrc", settings(&installed));
    done(&program, "init -input=false").await;
    done(&program, "plan").await;
    let required = format!(
        "terraform {{\n  required_providers {{\n    atlas = {{ source = \"{SOURCE}\", version = \">= 0.1.0\" }}\n  }}\n}}\n"
    );
    program.write("versions.tf", required);
    done(&program, "init -input=false").await;
    done(&program, "plan").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_override_needs_no_init_and_doctor_finds_it() {
    let (atlas, _) = started().await;
    let program = at(atlas.url()).await;
    program.write(
        "terraformrc",
        "provider_installation {\n  filesystem_mirror { path = \"/nonexistent\" }\n}\n",
    );
    let doctor = atlas_upload(&program, "terraform doctor").await;
    assert_eq!(doctor.code, 5, "{doctor}");
    assert!(
        doctor
            .stderr
            .contains("Terraform cannot use a provider atlas"),
        "{doctor}"
    );
    assert!(
        doctor.stderr.contains("atlas-upload terraform install"),
        "{doctor}"
    );
    super::workspace::overridden(&program).await;
    done(&program, "plan").await;
    let doctor = atlas_upload(&program, "terraform doctor").await;
    assert_eq!(doctor.code, 0, "{doctor}");
    let path = program.path("bin/terraform-provider-atlas");
    assert!(doctor.stdout.contains(path.to_str().unwrap()), "{doctor}");
}

/// Without TLS, everything works as with it.
#[tokio::test(flavor = "multi_thread")]
async fn terraform_may_switch_tls_off() {
    let (atlas, _) = started().await;
    let program = at(atlas.url()).await;
    super::workspace::overridden(&program).await;
    let mut plan = terraform(&program);
    let output = plan
        .env("TF_DISABLE_PLUGIN_TLS", "1")
        .arg("plan")
        .output()
        .await
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let version = run(&program, "version").await;
    assert!(words(&version).starts_with("Terraform v1."), "{version}");
}
