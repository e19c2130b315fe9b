//! These tests compare checksums and sizes, during a mirror and afterwards.

use std::path::PathBuf;

use super::scene::{Scene, acme, noise, of_files, totals};
use crate::support::registry::{Api, Checksum, Kind, Options, Size};

#[tokio::test(flavor = "multi_thread")]
async fn every_kind_of_checksum_is_compared_and_one_is_made_where_there_is_none() {
    let mut files = Vec::new();
    for kind in Kind::ALL {
        files.push((kind.name(), noise(1).checksum(Checksum::Right(kind))));
    }
    files.push(("upper", noise(2).checksum(Checksum::Upper(Kind::Md5))));
    for (name, checksum) in [
        ("none", Checksum::None),
        ("unset", Checksum::Unset),
        ("missing", Checksum::Missing),
    ] {
        files.push((name, noise(3).checksum(checksum)));
    }
    for api in [Api::Hcp, Api::V2, Api::V1] {
        let options = Options {
            speaks: vec![api],
            ..Options::default()
        };
        let scene = Scene::new(of_files(&files), options).await;
        let run = scene.mirror(&["acme/web"]).await;
        assert_eq!(run.code, 0, "{api:?}: {run}");
        let description = scene.json("mirror.json");
        let found = &description["boxes"][0]["versions"][0]["providers"];
        for found in found.as_array().unwrap() {
            let name = found["provider"].as_str().unwrap();
            let computed = matches!(name, "none" | "unset" | "missing");
            assert_eq!(found["checksum_computed"], computed, "{api:?} {found}");
            if computed {
                assert_eq!(found["checksum"], noise(3).hex(Kind::Sha256));
            }
        }
        assert_eq!(scene.check().await.code, 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_checksum_or_size_leaves_no_file_and_the_others_come() {
    for api in [Api::Hcp, Api::V2, Api::V1, Api::Plain] {
        let mut files = vec![("right", noise(1))];
        for kind in Kind::ALL {
            files.push((kind.name(), noise(2).checksum(Checksum::Wrong(kind))));
        }
        if api == Api::Hcp {
            files.push(("size", noise(3).unknown().size(Size::Wrong(7))));
        }
        let options = Options {
            speaks: vec![api],
            ..Options::default()
        };
        let scene = Scene::new(of_files(&files), options).await;
        let from = match api {
            Api::Plain => format!("{}/plain/web.json", scene.registry.url()),
            _ => scene.registry.url().to_owned(),
        };
        let run = scene.mirror_from(&from, &["acme/web"]).await;
        assert_eq!(run.code, 8, "{api:?}: {run}");
        assert_eq!(totals(&run)["failed"], files.len() - 1, "{api:?}");
        let architecture = if api == Api::V1 { "unknown" } else { "amd64" };
        let place = format!("acme/web/1.0.0/right/{architecture}");
        scene.assert_holds(&vec![(place, noise(1))]);
        let catalog = scene.json("acme/web/metadata.json");
        assert_eq!(
            catalog["versions"][0]["providers"]
                .as_array()
                .unwrap()
                .len(),
            1
        );
        assert_eq!(scene.check().await.code, 5);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_check_finds_what_is_damaged_gone_or_said_wrongly() {
    let (tree, _) = acme();
    let scene = Scene::new(tree, Options::default()).await;
    assert_eq!(scene.mirror(&["acme/web"]).await.code, 0);
    let place = |name: &str| -> PathBuf {
        scene
            .program
            .path(&format!("tree/acme/web/1.9.0/{name}/vagrant.box"))
    };
    let mut bytes = std::fs::read(place("virtualbox/amd64")).unwrap();
    bytes[100] ^= 1;
    std::fs::write(place("virtualbox/amd64"), bytes).unwrap();
    std::fs::remove_file(place("libvirt/amd64")).unwrap();
    scene.program.write("tree/acme/web/metadata.json", "{}");
    let run = scene.check().await;
    assert_eq!(run.code, 8, "{run}");
    for told in [
        "virtualbox/amd64: acme/web/1.9.0/virtualbox/amd64/vagrant.box does not match its record",
        "libvirt/amd64: acme/web/1.9.0/libvirt/amd64/vagrant.box is missing",
        "acme/web/metadata.json does not match the tree",
    ] {
        assert!(run.stderr.contains(told), "{told}: {run}");
    }
    let none = scene.program.run(&["box", "check", "nowhere"]).await;
    assert_eq!(none.code, 3, "{none}");
}
