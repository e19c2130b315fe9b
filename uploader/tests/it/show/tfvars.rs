//! Tests `search --output tfvars`, which prints one version as a variable of Terraform.

use serde_json::{Value, json};

use crate::support::program::{Program, Run};
use crate::support::started;

const PUSH: [&str; 9] = [
    "push",
    "acme/web",
    "--type",
    "amazon.image",
    "--id",
    "us-east-1:ami-1",
    "--no-digest",
    "-m",
    "region.us-east-1=ami-1",
];

/// Runs a search with additional arguments.
async fn search(program: &Program, words: &[&str]) -> Run {
    let search = ["search", "acme/web", "--type", "amazon.image"];
    program.run(&[&search[..], words].concat()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_only_version_is_a_variable_with_the_attributes_of_the_old_data_source() {
    let (atlas, program) = started().await;
    assert_eq!(program.run(&PUSH).await.code, 0);
    program.write("disk.img", "a disk");
    let with_file = [&PUSH[..], &["disk.img"]].concat();
    assert_eq!(program.run(&with_file).await.code, 0);

    let tfvars = ["--output", "tfvars", "--version"];
    let run = search(&program, &[&tfvars[..], &["1"]].concat()).await;
    let first: Value = serde_json::from_str(&run.stdout).unwrap();
    let expected = json!({"atlas_artifact": {
        "name": "acme/web", "type": "amazon.image", "id": "us-east-1:ami-1", "version": 1,
        "slug": "acme/web/amazon.image/1", "file_url": "",
        "metadata_full": {"ami_id": "ami-1", "region": "us-east-1", "region-us-east-1": "ami-1"},
    }});
    assert_eq!(first, expected);

    let run = search(
        &program,
        &[&tfvars[..], &["latest", "--name", "web"]].concat(),
    )
    .await;
    let second: Value = serde_json::from_str(&run.stdout).unwrap();
    let url = format!(
        "{}/api/v1/artifacts/acme/web/amazon.image/2/file",
        atlas.url()
    );
    assert_eq!(second["web"]["file_url"], url);
}

#[tokio::test(flavor = "multi_thread")]
async fn none_or_several_are_an_error_and_print_nothing() {
    let (_atlas, program) = started().await;
    for _ in 0..2 {
        assert_eq!(program.run(&PUSH).await.code, 0);
    }
    let several = search(&program, &["--output", "tfvars"]).await;
    let words = "Got 2 results for 'acme/web', only one is allowed";
    assert!(several.stderr.contains(words), "{several}");
    assert_eq!((several.code, several.stdout.as_str()), (2, ""));
    let none = search(&program, &["--output", "tfvars", "-m", "os"]).await;
    assert!(
        none.stderr.contains("No matching artifact for 'acme/web'"),
        "{none}"
    );
    assert_eq!((none.code, none.stdout.as_str()), (5, ""));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_format_is_for_search_and_the_name_for_the_format() {
    let program = Program::at("http://127.0.0.1:9", "T0ken");
    let elsewhere = program.run(&["whoami", "--output", "tfvars"]).await;
    assert!(
        elsewhere
            .stderr
            .contains("--output tfvars is only for search"),
        "{elsewhere}"
    );
    let alone = search(&program, &["--name", "web"]).await;
    assert!(
        alone.stderr.contains("--name needs --output tfvars"),
        "{alone}"
    );
    let name = search(&program, &["--output", "tfvars", "--name", "1"]).await;
    assert!(
        name.stderr.contains("is not the name of a variable"),
        "{name}"
    );
    assert_eq!([elsewhere.code, alone.code, name.code], [2; 3]);
}
