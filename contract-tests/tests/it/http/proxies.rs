//! A run names a proxy that fails between it and the server, and does not count it as a failure of the server.

use tokio::net::TcpListener;

use crate::support::{
    hanging_server::{Answer, server},
    program::{Output, output, program},
};

/// The address of a server that does not exist: a proxy receives all requests to it.
const FAR: &str = "http://atlas.test";

/// Runs the program with this proxy and no other, and asserts that the output does not contain the proxy's password.
async fn run_through(variable: &str, proxy: &str) -> Output {
    let mut command = program(&["run", "--atlas-url", FAR, "--token", "T"]);
    command.args(["--namespace", "acme", "--allow-writes", "--pace", "1000"]);
    command.args(["--timeout", "5", "--filter", "artifacts.create"]);
    for name in ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"] {
        command.env_remove(name).env_remove(name.to_lowercase());
    }
    command.env(variable, proxy);
    let output = output(command).await;
    let said = [&*output.stdout, &*output.stderr].concat();
    assert!(!said.contains("hunter2"), "{said}");
    output
}

/// Returns the address of a proxy with a password, as the user sets it, and the note that the program prints.
fn with_password(url: &str) -> (String, String) {
    let value = url.replace("http://", "http://amy:hunter2@");
    (value, format!(" (through the proxy {url})"))
}

#[tokio::test]
async fn a_variable_that_names_no_proxy_ends_a_run_before_it_begins() {
    for variable in ["ALL_PROXY", "https_proxy"] {
        let output = run_through(variable, "amy:hunter2@proxy.test:99999").await;
        assert_eq!(output.code, 2, "{}", output.stderr);
        let told = format!("error: the variable {variable} names no proxy");
        assert!(output.stderr.starts_with(&told), "{}", output.stderr);
    }
}

#[tokio::test]
async fn a_proxy_that_is_not_there_is_named() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let (value, told) = with_password(&url);
    let output = run_through("http_proxy", &value).await;
    assert_eq!(output.code, 4, "{}", output.stderr);
    assert!(output.stderr.contains(&told), "{}", output.stderr);
}

#[tokio::test]
async fn what_a_proxy_says_for_want_of_a_password_is_no_failure_of_the_server() {
    let refuses = server(|_| Answer::Whole(407, "who are you?")).await;
    let (value, told) = with_password(&refuses);
    let output = run_through("HTTP_PROXY", &value).await;
    assert_eq!(output.code, 4, "{}", output.stderr);
    assert!(output.stderr.contains(&told), "{}", output.stderr);

    // A proxy that requires a password only after the first request is treated alike.
    let refuses = server(|line| match line {
        "GET http://atlas.test/api/v1/authenticate HTTP/1.1" => {
            Answer::Whole(200, r#"{"user":{"username":"acme"}}"#)
        }
        _ => Answer::Whole(407, "who are you?"),
    });
    let (value, told) = with_password(&refuses.await);
    let output = run_through("HTTP_PROXY", &value).await;
    assert_eq!(output.code, 4, "{}{}", output.stdout, output.stderr);
    assert!(output.stdout.contains(" 0 fail, "), "{}", output.stdout);
    assert!(output.stdout.contains(&told), "{}", output.stdout);
    let note = told.replace(" (", "note: requests go ");
    let note = note.replace(')', "\n");
    assert_eq!(output.stderr, note);
}
