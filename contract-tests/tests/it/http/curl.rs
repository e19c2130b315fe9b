//! The `curl` command of a report sends the same request again, as a shell reads it.

use std::process::Command;

use atlas_contract_tests::{
    http::{
        Auth,
        request::{Payload, Request, Sending},
    },
    safety::secrets::Secrets,
};
use reqwest::{Method, Url};

const TOKEN: &str = "canary-token";

/// Returns the arguments that a shell passes to curl when the token is exported.
fn words(command: &str) -> Vec<String> {
    assert!(!command.contains("canary"), "{command}");
    let script = format!("curl() {{ printf '%s\\0' \"$@\"; }}\n{command}");
    let output = Command::new("sh")
        .args(["-c", &script])
        .env("ATLAS_TOKEN", TOKEN)
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let words = String::from_utf8(output.stdout).unwrap();
    let words = words.strip_suffix('\0').unwrap();
    words.split('\0').map(str::to_owned).collect()
}

fn secrets() -> Secrets {
    let secrets = Secrets::default();
    secrets.add(TOKEN, "[token]");
    secrets
}

#[test]
fn a_shell_reads_what_was_sent_whatever_stands_in_it() {
    for body in [
        r#"{"a":"it's \"quoted\" $HOME `id` $(id) \\ ! * # ~"}"#.to_owned(),
        // The body contains the token, so it is quoted with double quotes, in which a shell expands the variable.
        format!(r#"{{"a":"it's \"quoted\" $HOME `id` $(id) \\ ! * # ~ {TOKEN}s"}}"#),
        "@file".to_owned(),
        String::new(),
    ] {
        let url = Url::parse("http://a.test/x?a[1]=b&c='d'").unwrap();
        let post = Request::new(Method::POST, url.clone())
            .authorised(Auth::Bearer(TOKEN))
            .header("Content-Type", "application/json")
            .carrying(Payload::Text(body.clone()));
        let expected = [
            "-i",
            "--globoff",
            "-X",
            "POST",
            "-H",
            "Authorization: Bearer canary-token",
            "-H",
            "Content-Type: application/json",
            "--data-raw",
            &body,
            url.as_str(),
        ];
        assert_eq!(words(&post.curl(&secrets())), expected);
    }
}

#[test]
fn an_upload_is_a_file_and_the_note_on_its_size_is_for_the_reader_alone() {
    let url = Url::parse("http://a.test/x").unwrap();
    let put = Request::new(Method::PUT, url)
        .carrying(Payload::File(vec![0; 70_000], Sending::Chunked))
        .curl(&secrets());
    assert!(put.ends_with(" # FILE: 70000 bytes"), "{put}");
    let expected = [
        "-i",
        "--globoff",
        "-X",
        "PUT",
        "-H",
        "Content-Type:",
        "-H",
        "Transfer-Encoding: chunked",
        "--data-binary",
        "@FILE",
        "http://a.test/x",
    ];
    assert_eq!(words(&put), expected);
}
