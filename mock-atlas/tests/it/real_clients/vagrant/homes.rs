//! A box that Vagrant publishes outlives the emulator, on each home that keeps data.

use rustix::process::Signal;

use super::{Vagrant, vagrant_box};
use crate::real_clients::homes::Home;
use crate::real_clients::s3::TOKEN;

async fn publish_and_add(home: &Home) {
    let server = home.start(&[]).await;
    let vagrant = Vagrant::at(&server.url).with_token("VAGRANT_CLOUD_TOKEN", TOKEN);
    let file = vagrant_box("virtualbox", b"a disk");
    std::fs::write(vagrant.path("web.box"), file).unwrap();
    let publish = "cloud publish acme/web 1.0.0 virtualbox web.box --release --force --no-private";
    let publish: Vec<&str> = publish.split(' ').collect();
    vagrant.succeed(&publish).await;
    assert_eq!(server.lints().await, [""; 0]);
    assert_eq!(server.program.stop(Signal::TERM).await, Some(0));

    let server = home.start(&[]).await;
    let vagrant = Vagrant::at(&server.url);
    vagrant.succeed(&["box", "add", "acme/web"]).await;
    let disk = vagrant.file_of("acme-VAGRANTSLASH-web/1.0.0/virtualbox", "disk.img");
    assert_eq!(disk, "a disk");
}

#[tokio::test]
async fn a_published_box_is_added_from_the_next_emulator_on_the_same_home() {
    for home in Home::durable() {
        publish_and_add(&home).await;
    }
}
