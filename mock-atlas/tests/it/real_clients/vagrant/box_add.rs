//! `vagrant box add`, `outdated` and `update`.

use serde_json::json;

use super::{Registry, TOKEN, Vagrant, vagrant_box};

/// Returns the statuses of the downloads.
fn downloads(registry: &Registry) -> Vec<u16> {
    let requests = registry.atlas.requests().into_iter();
    let files = requests.filter(|request| request.path.ends_with(".box"));
    files.filter_map(|request| request.status).collect()
}

#[tokio::test]
async fn a_public_box_is_added_found_outdated_and_updated() {
    let registry = Registry::start().await;
    registry.make_box("web", false).await;
    let file = |disk: &str| vagrant_box("virtualbox", disk.as_bytes());
    for (version, disk) in [("0.9.0", "old"), ("0.10.0", "new")] {
        let provider = json!({"name": "virtualbox"});
        registry
            .publish("web", version, &provider, file(disk))
            .await;
    }
    let vagrant = Vagrant::at(registry.url());
    let add = ["box", "add", "acme/web"];
    vagrant
        .succeed(&[&add[..], &["--box-version", "0.9.0"]].concat())
        .await;
    assert_eq!(vagrant.installed().await, ["acme/web (virtualbox, 0.9.0)"]);
    let printed = vagrant.succeed(&["box", "outdated", "--global"]).await;
    let told = "'acme/web' for 'virtualbox' is outdated! Current: 0.9.0. Latest: 0.10.0";
    assert!(printed.contains(told), "{printed}");
    vagrant
        .succeed(&["box", "update", "--box", "acme/web"])
        .await;
    let installed = [
        "acme/web (virtualbox, 0.9.0)",
        "acme/web (virtualbox, 0.10.0)",
    ];
    assert_eq!(vagrant.installed().await, installed);
    let disk = vagrant.file_of("acme-VAGRANTSLASH-web/0.10.0/virtualbox", "disk.img");
    assert_eq!(disk, "new");
}

#[tokio::test]
async fn a_private_box_needs_a_token_and_a_bad_one_does_not_stop_a_public_box() {
    let registry = Registry::start().await;
    for (name, is_private) in [("secret", true), ("open", false)] {
        registry.make_box(name, is_private).await;
        let provider = json!({"name": "virtualbox"});
        let file = vagrant_box("virtualbox", name.as_bytes());
        registry.publish(name, "1.0.0", &provider, file).await;
    }
    let add = async |token: Option<(&'static str, &str)>, name: &str| {
        let vagrant = Vagrant::at(registry.url());
        let vagrant = match token {
            Some((variable, token)) => vagrant.with_token(variable, token),
            None => vagrant,
        };
        let run = vagrant.run(&["box", "add", name]).await;
        (run.code, run.printed)
    };
    // Each of these runs waits, as Vagrant does before it sends a token to a server that it does not know.
    let (none, bad, good, old, public) = tokio::join!(
        add(None, "acme/secret"),
        add(Some(("VAGRANT_CLOUD_TOKEN", "wrong")), "acme/secret"),
        add(Some(("VAGRANT_CLOUD_TOKEN", TOKEN)), "acme/secret"),
        add(Some(("ATLAS_TOKEN", TOKEN)), "acme/secret"),
        add(Some(("VAGRANT_CLOUD_TOKEN", "wrong")), "acme/open"),
    );
    for (code, printed) in [none, bad] {
        assert_eq!(code, 1, "{printed}");
        assert!(printed.contains("could not be found"), "{printed}");
    }
    for (code, printed) in [good, old, public] {
        assert_eq!(code, 0, "{printed}");
    }
}

#[tokio::test]
async fn a_broken_download_goes_on_and_a_whole_one_is_taken() {
    let registry = Registry::start().await;
    registry.make_box("large", false).await;
    let mut noise = vec![0; 3_000_000];
    fastrand::Rng::with_seed(7).fill(&mut noise);
    let file = vagrant_box("virtualbox", &noise);
    let provider = json!({"name": "virtualbox"});
    registry
        .publish("large", "1.0.0", &provider, file.clone())
        .await;
    registry
        .atlas
        .add_fault("box.download:cut-after=2000000,times=1".parse().unwrap());
    let vagrant = Vagrant::at(registry.url());
    let add = ["box", "add", "acme/large"];
    let cut = vagrant.run(&add).await;
    assert_eq!(cut.code, 1, "{}", cut.printed);
    let partial = std::fs::read_dir(vagrant.path("tmp")).unwrap();
    let partial = partial.map(|entry| entry.unwrap().path());
    let partial = partial.filter(|path| path.metadata().unwrap().len() == 2_000_000);
    let partial = partial.last().expect("the part that came stays");
    vagrant.succeed(&add).await;
    assert_eq!(downloads(&registry), [200, 206]);
    // This is the state after Vagrant was killed between the last byte and the unpacking.
    std::fs::write(&partial, file).unwrap();
    vagrant
        .succeed(&["box", "add", "acme/large", "--force"])
        .await;
    assert_eq!(downloads(&registry)[2], 200);
}

#[tokio::test]
async fn vagrant_detects_a_file_that_is_not_the_one_that_was_told() {
    let registry = Registry::start().await;
    registry.make_box("web", false).await;
    let told = json!({"name": "virtualbox", "checksum": "00", "checksum_type": "SHA256"});
    let file = vagrant_box("virtualbox", b"another");
    registry.publish("web", "1.0.0", &told, file).await;
    let run = Vagrant::at(registry.url())
        .run(&["box", "add", "acme/web"])
        .await;
    assert_eq!(run.code, 1, "{}", run.printed);
    assert!(run.printed.contains("checksum"), "{}", run.printed);
}

#[tokio::test]
async fn a_vagrant_that_knows_no_architectures_gets_the_default_one() {
    let registry = Registry::start().await;
    registry.make_box("web", false).await;
    let of = |architecture: &str, is_default: bool| json!({"name": "virtualbox", "architecture": architecture, "default_architecture": is_default});
    let file = |disk: &str| vagrant_box("virtualbox", disk.as_bytes());
    registry
        .publish("web", "1.0.0", &of("amd64", false), file("amd64"))
        .await;
    let version = "box/acme/web/version/1.0.0";
    registry
        .add_provider(version, &of("arm64", true), file("arm64"))
        .await;
    registry
        .add_provider(version, &of("ppc64le", false), file("ppc64le"))
        .await;
    let vagrant = Vagrant::at(registry.url());
    vagrant.succeed(&["box", "add", "acme/web"]).await;
    let disk = vagrant.file_of("acme-VAGRANTSLASH-web/1.0.0/virtualbox", "disk.img");
    assert_eq!(disk, "arm64");
}
