//! Tests the interpolation of texts that Packer leaves to the plugin: its results are those of the
//! original and of the command.

use std::sync::Arc;

use atlas_uploader::packer::plugin::protocol::CallError;
use rmpv::Value;
use serde_json::json;

use crate::support::plugin::{Built, Plugin, map};
use crate::support::program::Program;
use crate::support::started;

/// Returns the settings that Packer adds to those of a post-processor.
fn packers(variables: &[(&str, Value)]) -> Value {
    map(&[
        ("packer_build_name", "vm".into()),
        ("packer_builder_type", "file".into()),
        ("packer_core_version", "1.6.6".into()),
        ("packer_user_variables", map(variables)),
    ])
}

#[tokio::test]
async fn a_field_has_no_value_and_whoever_watches_is_told_which() {
    let (_atlas, program) = started().await;
    let plugin = Plugin::start(&program, &[]).await;
    // Packer does not interpolate fields in variables.
    let variables = [
        ("ip", "{{ .HTTPIP }}".into()),
        ("nobody", "{{ .HTTPPort | upper }}".into()),
    ];
    let metadata = map(&[
        ("version", "{{.Version}}".into()),
        ("ip", "{{user `ip`}}".into()),
        ("typo", "x{{user `vresion`}}".into()),
        (
            "if",
            "{{if eq build_type `file`}}{{printf `%q` build_name}}{{end}}".into(),
        ),
    ]);
    let settings = map(&[
        ("ARTIFACT", "hashicorp/foobar".into()),
        ("Artifact_Type", "custom.image".into()),
        ("Metadata", metadata),
    ]);
    let configs = vec![settings, packers(&variables)];
    plugin.configure(configs).await.unwrap();
    let built = Arc::new(Built {
        id: "x".to_owned(),
        ..Built::default()
    });
    assert_eq!(plugin.post_process(&built).await.error, None);
    let no_value =
        "has no value in a post-processor, and becomes \"<no value>\" as with the original";
    let told = built.told();
    assert_eq!(
        told[..3],
        [
            format!("WARNING: metadata: ip: the variable 'ip': {{{{.HTTPIP}}}} {no_value}"),
            "WARNING: metadata: typo: the variable 'vresion': it is not defined, and counts as empty".to_owned(),
            format!("WARNING: metadata: version: {{{{.Version}}}} {no_value}"),
        ]
    );
    let version = program.latest("hashicorp/foobar", "custom.image").await;
    assert_eq!(
        version["metadata"],
        json!({"if": "\"vm\"", "ip": "<no value>", "typo": "x", "version": "<no value>"})
    );
}

#[tokio::test]
async fn what_is_not_supported_and_what_is_wrong_is_told_with_its_place() {
    let plugin = Plugin::start(&Program::new(), &[]).await;
    let variables = [("v", "{{upper .X}}".into())];
    let metadata = map(&[
        ("a", "{{template `x`}}".into()),
        ("b", "{{user `v`}}".into()),
    ]);
    let settings = map(&[
        ("artifact", "a/b".into()),
        ("ARTIFACT", "c/d".into()),
        ("artifact_type", "{{if .X}}t".into()),
        ("metadata", metadata),
    ]);
    let configured = plugin.configure(vec![settings, packers(&variables)]).await;
    let Err(CallError::Refused(words)) = configured else {
        panic!("{configured:?}")
    };
    assert_eq!(
        words,
        "4 error(s) occurred:\n\n\
         * unknown configuration key: '\"ARTIFACT\"'\n\
         * artifact_type: {{if}}, {{with}} or {{range}} without {{end}}\n\
         * metadata: a: {{template}} of Go's templates is not supported\n\
         * metadata: b: the variable 'v': upper: expected a text, not a field without a value"
    );
}
