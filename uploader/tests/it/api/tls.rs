//! Tests a server with a certificate of a private CA.

use mock_atlas::MockAtlas;

use crate::support::program::{Program, Run};
use crate::support::tls::{Front, front};

/// An emulator behind a TLS front, and a program that uses it. The certificates are new for every test.
struct Fronted {
    atlas: MockAtlas,
    program: Program,
}

async fn fronted() -> Fronted {
    fronted_asking(false).await
}

async fn fronted_asking(ask_client: bool) -> Fronted {
    let atlas = MockAtlas::start().await.unwrap();
    let Front {
        url,
        ca,
        client: [certificate, key],
    } = front(atlas.url(), ask_client).await;
    let program = Program::at(&url, atlas.token());
    program.write("cas/ca.pem", ca);
    program.write("mine/client.pem", &certificate);
    program.write("mine/client.key", &key);
    program.write("mine/both.pem", certificate + &key);
    program.write("cas/README", "no certificate");
    program.write("empty.pem", "no certificate");
    Fronted { atlas, program }
}

async fn whoami(fronted: &Fronted, flags: &[&str]) -> Run {
    fronted.program.run(&[&["whoami"], flags].concat()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_private_ca_is_believed_when_it_is_given() {
    let fronted = fronted().await;
    for flags in [
        &["--ca-file", "cas/ca.pem"][..],
        &["--ca-path", "cas"],
        &["--insecure"],
    ] {
        let run = whoami(&fronted, flags).await;
        assert_eq!(run.code, 0, "{flags:?} {run}");
        assert!(!run.stdout.is_empty());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_private_ca_is_believed_when_a_variable_names_it() {
    for (variable, value) in [
        ("ATLAS_CAFILE", "cas/ca.pem"),
        ("ATLAS_CAPATH", "cas"),
        ("ATLAS_TLS_NOVERIFY", "0"),
    ] {
        let mut fronted = fronted().await;
        fronted.program = fronted.program.with(variable, value);
        let run = whoami(&fronted, &[]).await;
        assert_eq!(run.code, 0, "{variable} {run}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_ca_the_server_is_not_trusted_and_the_error_says_what_to_do() {
    let run = whoami(&fronted().await, &[]).await;
    assert_eq!(run.code, 1, "{run}");
    assert!(run.stderr.contains("invalid peer certificate"), "{run}");
    assert!(
        run.stderr
            .contains("hint: a private CA can be given with --ca-file"),
        "{run}"
    );
    assert!(!run.stderr.contains("trying again"), "{run}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ca_file_that_holds_none_is_named() {
    let fronted = fronted().await;
    for (flags, name) in [
        (
            ["--ca-file", "empty.pem"],
            "empty.pem: holds no PEM certificate",
        ),
        (["--ca-file", "nowhere.pem"], "nowhere.pem: "),
        (["--ca-path", "."], ".: holds no PEM certificate"),
    ] {
        let run = whoami(&fronted, &flags).await;
        assert_eq!(run.code, 3, "{run}");
        assert!(
            run.stderr
                .contains(&format!("Error initializing atlas client: {name}")),
            "{run}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_machine_without_any_certificate_speaks_plain_http_and_with_the_given_ca() {
    let fronted = fronted().await;
    let plain = fronted.atlas.url();
    for (flags, code) in [
        (&["--atlas-url", plain][..], 0),
        (&["--ca-file", "cas/ca.pem"], 0),
        (&[], 1),
    ] {
        let mut command = fronted.program.command();
        command
            .env("SSL_CERT_FILE", "/dev/null")
            .env("SSL_CERT_DIR", "/nowhere");
        let output = command.arg("whoami").args(flags).output().await.unwrap();
        assert_eq!(output.status.code(), Some(code), "{flags:?} {output:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_asks_for_a_certificate_is_shown_one() {
    let fronted = fronted_asking(true).await;
    let ca = ["--ca-file", "cas/ca.pem"];
    for (flags, code) in [
        (
            &[
                "--client-cert",
                "mine/client.pem",
                "--client-key",
                "mine/client.key",
            ][..],
            0,
        ),
        (&["--client-cert", "mine/both.pem"], 0),
        (&[], 7),
        (&["--client-cert", "mine/client.pem"], 3),
        (&["--client-cert", "nowhere.pem"], 3),
        (&["--client-key", "mine/client.key"], 2),
    ] {
        let run = whoami(&fronted, &[&ca[..], flags].concat()).await;
        assert_eq!(run.code, code, "{flags:?} {run}");
    }
    let by_variables = fronted
        .program
        .with("ATLAS_CLIENT_CERT", "mine/client.pem")
        .with("ATLAS_CLIENT_KEY", "mine/client.key");
    let run = by_variables
        .run(&["whoami", "--ca-file", "cas/ca.pem"])
        .await;
    assert_eq!(run.code, 0, "{run}");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_verification_is_warned_of_even_when_quiet() {
    let fronted = fronted().await;
    for flags in [&["--insecure"][..], &["--insecure", "--quiet"]] {
        let run = whoami(&fronted, flags).await;
        let loud = "WARNING: server certificates are not verified, because of the flag --insecure";
        assert!(run.stderr.starts_with(loud), "{run}");
    }
}
