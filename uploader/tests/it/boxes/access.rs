//! These tests follow the tokens of a registry: they are sent only where they belong, and never shown.

use serde_json::json;

use super::scene::{Scene, acme, noise, totals};
use crate::support::program::Program;
use crate::support::registry::{Api, Options, Signature, State, Tree};

#[tokio::test(flavor = "multi_thread")]
async fn private_boxes_and_versions_come_with_tokens_that_expire_and_no_secret_is_told() {
    let tree = || {
        Tree::new().owner("acme", |acme| {
            acme.box_("secret", |secret| {
                secret.private().versions(5, |version, n| {
                    let version = match n {
                        0 => version.state(State::Unreleased),
                        1 => version.state(State::Revoked),
                        _ => version,
                    };
                    version.provider("virtualbox", "amd64", noise(n))
                })
            })
        })
    };
    let options = Options {
        token_uses: Some(3),
        signature: Signature::Uses(1),
        ..Options::default()
    };
    let scene = Scene::with_credentials(tree(), options).await;
    let run = scene
        .mirror(&["acme", "--include-unreleased", "-vvv"])
        .await;
    assert_eq!(
        (run.code, &totals(&run)["fetched"]),
        (0, &json!(5)),
        "{run}"
    );
    assert!(scene.registry.tokens_issued() > 1);
    assert!(scene.registry.leaks().is_empty());
    let tree_text = walkdir::WalkDir::new(scene.program.path("tree"))
        .into_iter()
        .filter_map(Result::ok)
        .filter(|entry| entry.path().extension().is_some_and(|kind| kind == "json"))
        .map(|entry| std::fs::read_to_string(entry.path()).unwrap());
    let written: String = tree_text.collect();
    for secret in scene.registry.secrets() {
        assert!(!run.to_string().contains(&secret), "{secret} in {run}");
        assert!(!written.contains(&secret), "{secret} in {written}");
    }
    assert!(!run.stderr.contains("X-Signature"), "{run}");
    // Without a token, private boxes are invisible.
    let Scene { registry, program } = scene;
    let stranger = Program::new();
    let stranger = Scene {
        registry,
        program: stranger,
    };
    let none = stranger.mirror(&["acme"]).await;
    assert_eq!(
        (none.code, none.stdout.contains("secret")),
        (0, false),
        "{none}"
    );
    drop(program);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_of_vagrant_cloud_is_sent_whole_there_and_only_there() {
    let tree = Tree::new().owner("acme", |acme| {
        acme.box_("secret", |secret| {
            let secret = secret.private();
            secret.version("1.0.0", |v| v.provider("virtualbox", "amd64", noise(1)))
        })
    });
    let options = Options {
        speaks: vec![Api::V2],
        ..Options::default()
    };
    let token = format!("{};hcp-token-0815", options.cloud_token);
    let Scene { registry, program } = Scene::new(tree, options).await;
    let program = program.with("VAGRANT_CLOUD_TOKEN", &token);
    let scene = Scene { registry, program };
    let run = scene.mirror(&["acme/secret", "-vv"]).await;
    assert_eq!(
        (run.code, &totals(&run)["fetched"]),
        (0, &json!(1)),
        "{run}"
    );
    let whole = format!("Bearer {token}");
    let requests = scene.registry.requests();
    let sent = requests
        .iter()
        .filter_map(|seen| seen.request.header("authorization"));
    assert!(
        sent.clone().any(|sent| sent == whole),
        "{:?}",
        sent.collect::<Vec<_>>()
    );
    assert!(scene.registry.leaks().is_empty());
    for secret in token.split(';') {
        assert!(!run.to_string().contains(secret), "{run}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn credentials_that_are_refused_are_told_by_their_names() {
    let scene = Scene::with_credentials(acme().0, Options::default()).await;
    let Scene { registry, program } = scene;
    let program = program.with("HCP_CLIENT_SECRET", "wrong-secret-4711");
    let scene = Scene { registry, program };
    let run = scene.mirror(&["acme"]).await;
    assert_eq!(run.code, 4, "{run}");
    assert!(run.stderr.contains("HCP_CLIENT_ID"), "{run}");
    assert!(!run.to_string().contains("4711"), "{run}");
    let half = Program::new().with("HCP_CLIENT_ID", "id");
    let run = half.run(&["box", "mirror", "acme", "--to", "tree"]).await;
    assert_eq!(run.code, 2, "{run}");
}
