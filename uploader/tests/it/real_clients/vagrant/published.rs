//! Tests that Vagrant takes boxes that `atlas-upload box publish` published to the emulator.

use mock_atlas::MockAtlas;

use super::Vagrant;
use crate::boxes::publish::a_box;
use crate::support::CANARY;
use crate::support::program::Program;

#[tokio::test(flavor = "multi_thread")]
async fn vagrant_adds_a_published_box_and_its_next_version() {
    let atlas = MockAtlas::builder().token(CANARY).start().await.unwrap();
    let program = Program::at(atlas.url(), CANARY);
    let vagrant = Vagrant::at(atlas.url());
    for (version, disk) in [("1.0.0", "first"), ("1.1.0", "second")] {
        program.write("web.box", a_box("libvirt", disk.as_bytes()));
        let publish = ["box", "publish", "acme/web", version, "libvirt", "web.box"];
        let run = program
            .run(&[&publish[..], &["--release", "--no-private"]].concat())
            .await;
        assert_eq!(run.code, 0, "{run}");
        // Vagrant verifies the checksum that was published with the box.
        let added = vagrant
            .run(&["box", "add", "acme/web", "--provider", "libvirt"])
            .await;
        assert!(added.stdout.contains(version), "{added}");
        let place = format!("boxes/acme-VAGRANTSLASH-web/{version}/libvirt/box.img");
        let image = std::fs::read(vagrant.0.path(&place)).unwrap();
        assert_eq!(image, disk.as_bytes());
    }
    let revoke = program.run(&["box", "revoke", "acme/web", "1.1.0"]).await;
    assert_eq!(revoke.code, 0, "{revoke}");
    let fresh = Vagrant::at(atlas.url());
    let added = fresh
        .run(&["box", "add", "acme/web", "--provider", "libvirt"])
        .await;
    assert!(added.stdout.contains("1.0.0"), "{added}");
}
