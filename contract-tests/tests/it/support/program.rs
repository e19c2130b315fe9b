//! Runs the program as a user does.

use std::{env::consts::EXE_SUFFIX, path::Path, sync::OnceLock};

use atlas_contract_tests::{
    run::settings::Settings,
    self_test::proxy::{Reply, Request},
};
use axum::http::Method;
use tokio::process::Command;

pub(crate) struct Output {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// Returns the command of the program, without variables that could point it at a server.
pub(crate) fn program(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_atlas-contract"));
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("ATLAS_")) {
        command.env_remove(name);
    }
    // Journals must not be created in the source folder.
    command.env("ATLAS_CONTRACT_JOURNAL", env!("CARGO_TARGET_TMPDIR"));
    command.args(args).kill_on_drop(true);
    command
}

pub(crate) async fn output(mut command: Command) -> Output {
    let output = command.output().await.unwrap();
    Output {
        code: output.status.code().unwrap(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

pub(crate) async fn run(args: &[&str]) -> Output {
    output(program(args)).await
}

/// Returns the arguments that every run needs, followed by `more`.
pub(crate) fn aimed_at<'a>(settings: &'a Settings, more: &[&'a str]) -> Vec<&'a str> {
    let aim = [
        "run",
        "--atlas-url",
        &settings.url,
        "--token",
        &settings.token,
        "--namespace",
        &settings.namespace,
    ];
    [&aim[..], more].concat()
}

/// Returns the arguments for facts that only an operator knows.
pub(crate) fn told_by_operator(settings: &Settings) -> Vec<&str> {
    vec![
        "--login",
        settings.login.as_deref().unwrap(),
        "--password",
        settings.password.as_deref().unwrap(),
        "--other-token",
        settings.other_token.as_deref().unwrap(),
        "--public-artifact",
        settings.public_artifact.as_deref().unwrap(),
        "--max-id-length",
        "255",
        "--client-id",
        settings.client_id.as_deref().unwrap(),
        "--client-secret",
        settings.client_secret.as_deref().unwrap(),
        "--two-factor-login",
        settings.two_factor_login.as_deref().unwrap(),
        "--two-factor-password",
        settings.two_factor_password.as_deref().unwrap(),
    ]
}

/// Reverses search results, which violates `search.newest-first` and no other clause.
pub(crate) fn spoils_newest_first(request: &Request, reply: &mut Reply) {
    if request.is(Method::GET, "/search") {
        reply.change(|body| {
            body["versions"]
                .as_array_mut()
                .into_iter()
                .for_each(|it| it.reverse())
        });
    }
}

/// Returns the path of the workspace's uploader. cargo has built it next to the program, unless only this crate is
/// tested.
pub(crate) fn atlas_upload() -> &'static str {
    static PATH: OnceLock<String> = OnceLock::new();
    PATH.get_or_init(|| {
        let folder = Path::new(env!("CARGO_BIN_EXE_atlas-contract"))
            .parent()
            .unwrap();
        let path = folder.join(format!("atlas-upload{EXE_SUFFIX}"));
        if !path.exists() {
            build_atlas_upload(folder);
        }
        path.into_os_string().into_string().unwrap()
    })
}

fn build_atlas_upload(folder: &Path) {
    let profile = folder.file_name().unwrap().to_str().unwrap();
    let profile = if profile == "debug" { "dev" } else { profile };
    let status = std::process::Command::new(env!("CARGO"))
        .args(["build", "-p", "atlas-uploader", "--profile", profile])
        .arg("--target-dir")
        .arg(folder.parent().unwrap())
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .status()
        .unwrap();
    assert!(status.success());
}
