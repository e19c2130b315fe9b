//! Tests errors, logs, signals and crashes.

use std::sync::atomic::{AtomicUsize, Ordering};

use mock_atlas::MockAtlas;
use rustix::process::{Pid, Signal, kill_process, kill_process_group};

use super::workspace::{processes_in, run, start, terraform, with_configuration, words};
use crate::support::program::Program;
use crate::support::server::{Reply, Server};
use crate::support::{CANARY, started, until};

const CONFIGURATION: &str =
    "resource \"atlas_artifact\" \"web\" {\n  name = \"acme/web\"\n  type = \"t\"\n}\n";

const APPLY: &str = "apply -auto-approve -no-color";

#[tokio::test(flavor = "multi_thread")]
async fn errors_name_the_attribute_and_what_to_do() {
    let (atlas, _) = started().await;
    let program = with_configuration(atlas.url(), CANARY, CONFIGURATION).await;
    let planned = run(&program, "plan -no-color").await;
    assert_eq!(planned.code, 1);
    let told = words(&planned);
    let expected = "Error: Error searching for artifact 'acme/web': resource not found";
    assert!(told.contains(expected), "{planned}");
    assert!(told.contains("or this token may not read it"), "{planned}");

    program.write("main.tf", CONFIGURATION.replace("acme/web", "acme"));
    let validated = run(&program, "validate -no-color").await;
    assert_eq!(validated.code, 1);
    assert!(
        words(&validated).contains("Error: malformed slug \"acme\""),
        "{validated}"
    );
    assert!(
        validated.stderr.contains("2:   name = \"acme\""),
        "{validated}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn no_log_has_the_token() {
    let (atlas, pusher) = started().await;
    let push = "push acme/web --type t --id one";
    assert_eq!(pusher.run(&Vec::from_iter(push.split(' '))).await.code, 0);
    let provider = format!(
        "provider \"atlas\" {{\n  address = \"{}\"\n  token = var.token\n}}\nvariable \"token\" {{ sensitive = true }}\n",
        atlas.url()
    );
    for (token, code) in [(CANARY, 0), ("wr0ng-canary", 1)] {
        let program = with_configuration("http://not-asked.test", "n0t-asked", CONFIGURATION).await;
        program.write("provider.tf", &provider);
        let mut apply = terraform(&program);
        apply.env("TF_LOG", "trace").env("TF_VAR_token", token);
        let output = apply
            .args(["apply", "-auto-approve"])
            .output()
            .await
            .unwrap();
        let log = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        assert_eq!(output.status.code(), Some(code), "{log}");
        assert!(
            log.contains("atlas_uploader"),
            "the provider's log is missing"
        );
        assert!(!log.contains(token), "the log has the token");
    }
}

/// A workspace whose search hangs, after some that were answered.
struct Hanging {
    program: Program,
    terraform: tokio::process::Child,
    _atlas: MockAtlas,
    _server: Server,
}

impl Hanging {
    async fn start(line: &str, answered: usize) -> Self {
        let (atlas, pusher) = started().await;
        let push = "push acme/web --type t --id one";
        assert_eq!(pusher.run(&Vec::from_iter(push.split(' '))).await.code, 0);
        let (upstream, left) = (atlas.url().to_owned(), AtomicUsize::new(answered));
        let take = |left: usize| left.checked_sub(1);
        let server = Server::start(move |_, _| {
            match left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take) {
                Ok(_) => Reply::Forward(upstream.clone(), None),
                Err(_) => Reply::Silence,
            }
        })
        .await;
        let program = with_configuration(server.url(), CANARY, CONFIGURATION).await;
        let terraform = start(&program, line);
        until(|| server.requests().len() > answered).await;
        Self {
            program,
            terraform,
            _atlas: atlas,
            _server: server,
        }
    }

    fn group(&self) -> Pid {
        Pid::from_raw(self.terraform.id().unwrap().cast_signed()).unwrap()
    }

    async fn nothing_is_left(&self) {
        until(|| processes_in(self.program.folder()).is_empty()).await;
    }
}

/// While `apply` plans, Terraform hears no Ctrl-C; it does while it applies, and during `plan`.
#[tokio::test(flavor = "multi_thread")]
async fn ctrl_c_cancels_the_search_and_leaves_nothing() {
    for (line, answered) in [("plan -no-color", 0), (APPLY, 1)] {
        let hanging = Hanging::start(line, answered).await;
        let folder = hanging.program.folder().to_owned();
        assert!(!processes_in(&folder).is_empty());
        kill_process_group(hanging.group(), Signal::INT).unwrap();
        let output = hanging.terraform.wait_with_output().await.unwrap();
        let told = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        assert_eq!(output.status.code(), Some(1), "{told}");
        assert!(told.contains("Stopped by Terraform"), "{told}");
        until(|| processes_in(&folder).is_empty()).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_terraform_that_is_killed_leaves_nothing() {
    let mut hanging = Hanging::start(APPLY, 0).await;
    kill_process(hanging.group(), Signal::KILL).unwrap();
    hanging.terraform.wait().await.unwrap();
    hanging.nothing_is_left().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_that_crashes_is_told_and_the_next_run_works() {
    let hanging = Hanging::start(APPLY, 0).await;
    let provider = processes_in(hanging.program.folder())[0];
    kill_process(Pid::from_raw(provider).unwrap(), Signal::KILL).unwrap();
    let output = hanging.terraform.wait_with_output().await.unwrap();
    let told = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    assert_eq!(output.status.code(), Some(1), "{told}");
    assert!(told.contains("Plugin did not respond"), "{told}");
    let version = run(&hanging.program, "validate").await;
    assert_eq!(version.code, 0, "{version}");
}
