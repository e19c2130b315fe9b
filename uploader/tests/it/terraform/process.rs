//! Tests the provider's process: its handshake, who may speak to it, and its end.

use std::time::Duration;

use atlas_uploader::terraform::protocol::{ConfigOf, DynamicValue, Empty, State};
use rmpv::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::support::program::Program;
use crate::support::terraform::{Identity, Process, Provider, packed, problems, provider};
use crate::support::{CANARY, started};

const KIND: &str = "atlas_artifact";

/// Waits for the end of a process, and returns its code.
async fn ended(process: &mut Process) -> Option<i32> {
    let limit = Duration::from_secs(20);
    let ended = tokio::time::timeout(limit, process.child.wait()).await;
    ended.expect("the provider goes on").unwrap().code()
}

#[tokio::test]
async fn without_terraform_the_provider_says_what_it_is() {
    let output = provider(&Program::new()).output().await.unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(output.stdout.is_empty());
    let words = String::from_utf8(output.stderr).unwrap();
    assert!(
        words.contains("which Terraform starts by itself"),
        "{words}"
    );
}

#[tokio::test]
async fn the_schema_is_that_of_the_old_provider() {
    let provider = Provider::start(&Program::new()).await;
    insta::with_settings!({
        snapshot_path => "../snapshots",
        prepend_module_to_snapshot => false,
        omit_expression => true,
    }, {
        insta::assert_snapshot!("terraform_schema", shown(&provider));
    });
}

fn shown(provider: &Provider) -> String {
    let schemas = provider.schemas();
    let mut all = vec![("provider".to_owned(), schemas.provider.as_ref().unwrap())];
    let data = schemas.data_source_schemas.iter();
    all.extend(data.map(|(name, schema)| (format!("data {name}"), schema)));
    let resources = schemas.resource_schemas.iter();
    all.extend(resources.map(|(name, schema)| (format!("resource {name}"), schema)));
    all[1..].sort_by_key(|(name, _)| name.clone());
    let mut text = String::new();
    for (name, schema) in all {
        text += &format!("{name} (version {})\n", schema.version);
        for attribute in &schema.block.as_ref().unwrap().attributes {
            let kind = String::from_utf8(attribute.r#type.clone()).unwrap();
            let usage = [
                (attribute.required, "required"),
                (attribute.optional, "optional"),
                (attribute.computed, "computed"),
                (attribute.sensitive, "sensitive"),
            ];
            let usage: Vec<_> = usage
                .iter()
                .filter(|(is, _)| *is)
                .map(|(_, word)| *word)
                .collect();
            text += &format!("  {}: {kind}, {}\n", attribute.name, usage.join(", "));
        }
    }
    text
}

#[tokio::test]
async fn nobody_but_the_terraform_of_this_run_is_heard() {
    let program = Program::new();
    let own = Identity::new();
    let process = Process::start(provider(&program), Some(&own.pem())).await;
    for other in [None, Some(&Identity::new())] {
        // With TLS 1.3, the refusal comes after the client's side of the handshake.
        let heard = match process.connect(other).await {
            Ok(mut stream) => stream.read(&mut [0; 64]).await.map(|_| ()),
            Err(error) => Err(error),
        };
        assert!(heard.is_err(), "{heard:?}");
    }
    let mut plain = process.connect_plainly().await;
    plain
        .write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
        .await
        .unwrap();
    let mut answer = Vec::new();
    // The server may also reset the connection.
    let _ = plain.read_to_end(&mut answer).await;
    assert!(
        !answer.starts_with(&[0, 0]),
        "an HTTP/2 frame came: {answer:?}"
    );
    assert!(process.connect(Some(&own)).await.is_ok());
}

#[tokio::test]
async fn silent_connections_do_not_keep_terraform_out() {
    let own = Identity::new();
    let process = Process::start(provider(&Program::new()), Some(&own.pem())).await;
    let mut silent = Vec::new();
    for _ in 0..200 {
        silent.push(process.connect_plainly().await);
    }
    assert!(process.connect(Some(&own)).await.is_ok());
    // The oldest made room.
    let ended = silent[0].read(&mut [0; 1]).await;
    assert!(matches!(ended, Ok(0) | Err(_)), "{ended:?}");
}

#[tokio::test]
async fn a_certificate_that_cannot_be_read_is_told() {
    let program = Program::new();
    let mut command = provider(&program);
    command
        .env(
            "TF_PLUGIN_MAGIC_COOKIE",
            crate::support::terraform::COOKIE.1,
        )
        .env("PLUGIN_CLIENT_CERT", "nonsense");
    let output = command.output().await.unwrap();
    assert_eq!(output.status.code(), Some(1));
    let words = String::from_utf8(output.stderr).unwrap();
    assert!(words.contains("PLUGIN_CLIENT_CERT"), "{words}");
}

#[tokio::test]
async fn the_provider_ends_when_it_is_told() {
    let mut provider = Provider::start(&Program::new()).await;
    let reply: Result<Empty, _> = provider
        .call_at("/plugin.GRPCController/Shutdown", Empty {})
        .await;
    reply.unwrap();
    assert_eq!(ended(&mut provider.process).await, Some(0));
}

#[tokio::test]
async fn hostile_messages_are_refused_and_harm_nothing() {
    let (_atlas, program) = started().await;
    let provider = Provider::configured(&program).await;
    let nested = DynamicValue {
        msgpack: vec![0x91; 100_000],
        json: Vec::new(),
    };
    let long = DynamicValue {
        msgpack: vec![0xdf, 0xff, 0xff, 0xff, 0xff],
        json: Vec::new(),
    };
    let list = packed(&Value::Array(vec![1.into()]));
    let number = packed(&Value::Map(vec![("name".into(), Value::Array(Vec::new()))]));
    let key = packed(&Value::Map(vec![(1.into(), 2.into())]));
    let text = packed(&Value::Map(vec![(
        "name".into(),
        Value::Binary(vec![0xff]),
    )]));
    for config in [
        None,
        Some(nested),
        Some(long),
        Some(list),
        Some(number),
        Some(key),
        Some(text),
    ] {
        let request = ConfigOf {
            type_name: KIND.to_owned(),
            config,
        };
        let read: State = provider.call("ReadDataSource", request).await.unwrap();
        let told = problems(&read.diagnostics);
        assert!(
            told.len() == 1 && told[0].contains("cannot use"),
            "{told:?}"
        );
    }
    let garbage: Result<State, _> = provider
        .call(
            "ReadDataSource",
            DynamicValue {
                msgpack: vec![0xff; 3],
                json: vec![1],
            },
        )
        .await;
    assert!(garbage.is_err());
    let huge = DynamicValue {
        msgpack: vec![0; 65 * 1024 * 1024],
        json: Vec::new(),
    };
    let request = ConfigOf {
        type_name: KIND.to_owned(),
        config: Some(huge),
    };
    let refused = provider
        .call::<_, State>("ReadDataSource", request)
        .await
        .unwrap_err();
    assert_eq!(refused.code(), tonic::Code::OutOfRange);
    // The provider still answers.
    let values = [("name", "acme/none".into()), ("type", "t".into())];
    assert!(provider.read(KIND, &values).await.is_err());
}

#[tokio::test]
async fn no_log_has_the_token() {
    let (atlas, _) = started().await;
    let program = Program::new();
    let mut provider = Provider::start(&program).await;
    let settings = [("address", atlas.url().into()), ("token", CANARY.into())];
    assert!(provider.configure(&settings).await.is_empty());
    let values = [
        ("name", format!("acme/{CANARY}").into()),
        ("type", "t".into()),
    ];
    let told = provider.read(KIND, &values).await.unwrap_err();
    assert!(
        told[0].contains("[REDACTED]") && !told[0].contains(CANARY),
        "{told:?}"
    );
    let _: Empty = provider
        .call_at("/plugin.GRPCController/Shutdown", Empty {})
        .await
        .unwrap();
    let mut log = String::new();
    let mut stderr = provider.process.child.stderr.take().unwrap();
    stderr.read_to_string(&mut log).await.unwrap();
    assert!(log.contains("/search"), "{log}");
    assert!(!log.contains(CANARY), "{log}");
}

/// A shell starts the provider, prints its id and ends.
#[tokio::test]
async fn the_provider_ends_with_the_process_that_started_it() {
    let program = Program::new();
    let path = program.path("terraform-provider-atlas_v0.1.0");
    drop(provider(&program));
    let mut command = program.command_of("/bin/sh".as_ref());
    command
        .args(["-c", "\"$0\" >out 2>err & echo $!; read end"])
        .arg(&path);
    command.env(
        "TF_PLUGIN_MAGIC_COOKIE",
        crate::support::terraform::COOKIE.1,
    );
    command
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped());
    let mut shell = command.spawn().unwrap();
    let mut id = String::new();
    let mut stdout = tokio::io::BufReader::new(shell.stdout.take().unwrap());
    tokio::io::AsyncBufReadExt::read_line(&mut stdout, &mut id)
        .await
        .unwrap();
    let is_listening = || {
        std::fs::read_to_string(program.path("out")).is_ok_and(|line| line.starts_with("1|5|tcp|"))
    };
    crate::support::until(is_listening).await;
    shell.kill().await.unwrap();
    let process = std::path::PathBuf::from(format!("/proc/{}", id.trim()));
    crate::support::until(|| !process.exists()).await;
}
