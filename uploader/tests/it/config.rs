//! Tests which value counts if a setting is given in several places.

use mock_atlas::{MockAtlas, User};
use serde_json::json;

use crate::support::program::Program;
use crate::support::server::{Reply, Server};

async fn two_users() -> MockAtlas {
    let rival = User::new("rival").password("pw").token("rivals-token");
    let builder = MockAtlas::builder().token("owners-token").user(rival);
    builder.start().await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flag_goes_over_a_variable() {
    let atlas = two_users().await;
    let program = Program::at("http://127.0.0.1:1", "owners-token");
    let run = program
        .run(&[
            "whoami",
            "--atlas-url",
            atlas.url(),
            "--token",
            "rivals-token",
        ])
        .await;
    assert_eq!(run.stdout, "rival\n", "{run}");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_spelling_of_the_address_works() {
    let atlas = two_users().await;
    for ending in ["", "/", "/api/v1", "/api/v1/"] {
        let program = Program::at(&format!("{}{ending}", atlas.url()), "rivals-token");
        let run = program.run(&["whoami"]).await;
        assert_eq!(run.stdout, "rival\n", "{run}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_is_not_accepted_is_traced_to_where_it_came_from() {
    let atlas = two_users().await;
    let program = Program::at(atlas.url(), "wrong-token");
    for (arguments, origin) in [
        (&["whoami"][..], "the variable ATLAS_TOKEN"),
        (&["whoami", "--token", "other-wrong"], "the flag --token"),
        (
            &["--token=other-wrong", "search", "a/b", "--type", "t"],
            "the flag --token",
        ),
    ] {
        let run = program.run(arguments).await;
        assert_eq!(run.code, 4, "{run}");
        assert!(
            run.stderr
                .contains(&format!("hint: the token came from {origin}\n")),
            "{run}"
        );
        assert!(!run.stderr.contains("wrong"), "{run}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_proxy_of_the_environment_is_used_but_for_what_is_exempt() {
    let proxy = Server::start(|_, request| match request.line().as_str() {
        "GET http://atlas.test/api/v1/authenticate" => {
            Reply::json(200, json!({"user": {"username": "by-proxy"}}))
        }
        _ => Reply::json(502, json!({})),
    })
    .await;
    let program = Program::at("http://atlas.test", "T0ken").with("http_proxy", proxy.url());
    assert_eq!(program.run(&["whoami"]).await.stdout, "by-proxy\n");

    let atlas = two_users().await;
    let program = Program::at(atlas.url(), "rivals-token")
        .with("http_proxy", proxy.url())
        .with("no_proxy", "127.0.0.1");
    assert_eq!(program.run(&["whoami"]).await.stdout, "rival\n");
    assert_eq!(proxy.requests().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_variable_is_unset() {
    let atlas = two_users().await;
    let run = Program::at(atlas.url(), "").run(&["whoami"]).await;
    assert_eq!(run.code, 2);
    assert!(
        run.stderr
            .contains("no token: give --token, or set ATLAS_TOKEN"),
        "{run}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn ids_come_from_flags_and_variables() {
    let atlas = two_users().await;
    let push = ["push", "acme/web", "--type", "t", "--id", "i"];
    let program = Program::at(atlas.url(), "owners-token").with("ATLAS_BUILD_ID", "5");
    assert_eq!(program.run(&push).await.code, 0);
    let flag = [&push[..], &["--build-id", "6"]].concat();
    assert_eq!(program.run(&flag).await.code, 0);
    for (build, version) in [("5", "acme/web/t/1"), ("6", "acme/web/t/2")] {
        let search = [
            "search", "acme/web", "--type", "t", "--build", build, "--output", "json",
        ];
        let run = program.run(&search).await;
        let found: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
        assert_eq!(found[0]["slug"], version);
        assert_eq!(found.as_array().unwrap().len(), 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_id_that_is_no_number_is_refused_in_packers_words() {
    let push = ["push", "acme/web", "--type", "t", "--id", "i"];
    for (variable, what) in [("ATLAS_BUILD_ID", "build"), ("ATLAS_COMPILE_ID", "compile")] {
        let program = Program::at("http://127.0.0.1:1", "T0ken").with(variable, "seven");
        let run = program.run(&push).await;
        assert_eq!(run.code, 2);
        assert!(
            run.stderr.contains(&format!("Error parsing {what} ID: ")),
            "{run}"
        );
    }
}
