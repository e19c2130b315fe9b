//! Tests pushes of Vagrant boxes through the plugin: it refuses boxes unless a setting allows them, and
//! pushes them so that Vagrant can use them.

use std::path::Path;
use std::sync::Arc;

use atlas_uploader::packer::plugin::protocol::CallError;
use rmpv::Value;
use serde_json::json;

use crate::support::plugin::{Built, Plugin, map};
use crate::support::program::Program;
use crate::support::{entries, gzip, started, tarred};

fn settings(more: &[(&str, Value)]) -> Value {
    let own = [
        ("artifact", "acme/web".into()),
        ("artifact_type", "vagrant.box".into()),
        ("metadata", map(&[("provider", "virtualbox".into())])),
    ];
    map(&[&own, more].concat())
}

/// Returns an artifact like that of the `vagrant` post-processor.
fn boxed(file: &Path) -> Arc<Built> {
    Arc::new(Built {
        id: "virtualbox".to_owned(),
        files: vec![file.to_owned()],
        ..Built::default()
    })
}

#[tokio::test]
async fn a_box_is_refused_before_the_build_and_the_setting_that_allows_it_is_named() {
    let (_atlas, program) = started().await;
    let plugin = Plugin::start(&program, &[]).await;
    for more in [&[][..], &[("atlas_upload_boxes", false.into())]] {
        let Err(CallError::Refused(words)) = plugin.configure(vec![settings(more)]).await else {
            panic!("it is taken");
        };
        let told = "set atlas_upload_boxes to true to push boxes to your Atlas";
        assert!(words.contains(told), "{words}");
        assert!(!words.contains("vagrant-cloud"), "{words}");
    }
}

#[tokio::test]
async fn a_box_that_is_allowed_is_pushed_also_from_a_template_in_hcl2() {
    let (_atlas, program) = started().await;
    let provider: &[u8] = br#"{"provider": "virtualbox"}"#;
    let tar = tarred(&[("box.ovf", b"<ovf/>"), ("metadata.json", provider)]);
    program.write("web.box", gzip(&tar));
    program.write("web.tar", &tar);
    let hcl = json!({"value": {
        "artifact": "acme/web", "artifact_type": "vagrant.box", "atlas_upload_boxes": true,
        "atlas_upload_box_check": null, "metadata": {"provider": "virtualbox"},
    }, "type": ["object", {}]});
    let hcl = Value::Binary(hcl.to_string().into_bytes());
    let json = settings(&[("atlas_upload_boxes", "true".into())]);
    for (configuration, file) in [(json, "web.box"), (hcl, "web.tar")] {
        let plugin = Plugin::start(&program, &[]).await;
        plugin.configure(vec![configuration]).await.unwrap();
        let processed = plugin.post_process(&boxed(&program.path(file))).await;
        assert_eq!(processed.error, None);
        let bytes = program.pulled("acme/web", "vagrant.box").await;
        let names: Vec<_> = entries(bytes.as_slice())
            .into_iter()
            .map(|(name, _)| name)
            .collect();
        assert_eq!(names, ["box.ovf", "metadata.json"]);
    }
}

/// The metadata of the template makes the box, as with Packer up to 1.0.0.
#[tokio::test]
async fn a_pushed_box_gets_the_version_the_provider_and_the_description_of_its_metadata() {
    let (_atlas, program) = started().await;
    let provider: &[u8] = br#"{"provider": "virtualbox"}"#;
    program.write("web.box", gzip(&tarred(&[("metadata.json", provider)])));
    let told = |more: &[(&str, Value)]| {
        let metadata = [&[("provider", Value::from("virtualbox"))], more].concat();
        let own = [
            ("metadata", map(&metadata)),
            ("atlas_upload_boxes", true.into()),
        ];
        settings(&own)
    };
    let described = [("version", "1.2.3".into()), ("description", "first".into())];
    for settings in [told(&described), told(&[])] {
        let plugin = Plugin::start(&program, &[]).await;
        plugin.configure(vec![settings]).await.unwrap();
        let processed = plugin.post_process(&boxed(&program.path("web.box"))).await;
        assert_eq!(processed.error, None);
    }
    let run = program
        .run(&["box", "show", "acme/web", "--output", "json"])
        .await;
    let shown: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
    let of = |key: &str| [&shown["versions"][0][key], &shown["versions"][1][key]];
    // Without a version the minor counts up.
    assert_eq!(of("version"), ["1.3.0", "1.2.3"], "{run}");
    assert_eq!(of("state"), ["active", "active"], "{run}");
    assert_eq!(shown["versions"][1]["description"], "first", "{run}");
    assert_eq!(
        shown["versions"][1]["providers"][0]["provider"],
        "virtualbox"
    );
}

#[tokio::test]
async fn what_vagrant_cannot_use_is_refused_before_a_version_is_made_unless_a_setting_says_otherwise()
 {
    let (_atlas, program) = started().await;
    program.write("disk.vmdk", "disk");
    let built = boxed(&program.path("disk.vmdk"));
    let allowed = ("atlas_upload_boxes", Value::from(true));
    let plugin = Plugin::start(&program, &[]).await;
    plugin
        .configure(vec![settings(std::slice::from_ref(&allowed))])
        .await
        .unwrap();
    let words = plugin.post_process(&built).await.error.unwrap();
    assert!(words.contains("disk.vmdk: is not a Vagrant box"), "{words}");
    assert!(
        words.contains("with atlas_upload_box_check set to false"),
        "{words}"
    );
    let show = program.run(&["show", "acme/web"]).await;
    assert_eq!(show.code, 5, "{show}");
    let unchecked = ("atlas_upload_box_check", Value::from(false));
    plugin
        .configure(vec![settings(&[allowed, unchecked])])
        .await
        .unwrap();
    assert_eq!(plugin.post_process(&built).await.error, None);
}

#[tokio::test]
async fn the_settings_for_boxes_are_described_to_packer() {
    let program = Program::new();
    for flags in [&[][..], &["--protobuf"]] {
        let plugin = Plugin::start(&program, flags).await;
        let spec = plugin.calls.call("PostProcessor.ConfigSpec", Value::Nil);
        let spec = spec.await.unwrap();
        let spec = spec.as_map().unwrap()[0].1.as_slice().unwrap();
        let spec = String::from_utf8_lossy(spec);
        for setting in ["atlas_upload_boxes", "atlas_upload_box_check"] {
            assert!(spec.contains(setting), "{setting}");
        }
    }
}
