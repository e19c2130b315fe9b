//! Vagrant boxes, in a tree as `atlas-upload box mirror` writes it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use url::Url;

use super::noise;

/// One file of a box. Of each provider of a version, the first one is the default.
pub(crate) struct BoxFile {
    pub(crate) version: &'static str,
    pub(crate) provider: &'static str,
    pub(crate) architecture: &'static str,
    pub(crate) content: Vec<u8>,
}

impl BoxFile {
    /// A file that Vagrant takes, with a disk of so many bytes that do not compress.
    pub(crate) fn of(
        version: &'static str,
        provider: &'static str,
        architecture: &'static str,
        disk: usize,
    ) -> Self {
        Self {
            version,
            provider,
            architecture,
            content: vagrant_box(provider, disk),
        }
    }

    /// Where it lies, seen from the folder of the tree.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        Path::new(name)
            .join(self.version)
            .join(self.provider)
            .join(self.architecture)
            .join("vagrant.box")
    }

    fn entry(&self, name: &str, base_url: &str) -> Value {
        let mut url: Url = base_url.parse().unwrap();
        let path = self.path(name);
        let segments = path.iter().map(|segment| segment.to_str().unwrap());
        url.path_segments_mut().unwrap().clear().extend(segments);
        let digest = Sha256::digest(&self.content);
        let checksum: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        json!({
            "name": self.provider, "url": url.as_str(),
            "checksum": checksum, "checksum_type": "sha256",
        })
    }
}

fn vagrant_box(provider: &str, disk: usize) -> Vec<u8> {
    let compression = flate2::Compression::fast();
    let mut tar = tar::Builder::new(flate2::write::GzEncoder::new(Vec::new(), compression));
    let metadata = json!({"provider": provider}).to_string();
    for (name, content) in [
        ("metadata.json", metadata.as_bytes()),
        ("box.img", &noise(disk)),
    ] {
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len().try_into().unwrap());
        header.set_mode(0o644);
        tar.append_data(&mut header, name, content).unwrap();
    }
    tar.into_inner().unwrap().finish().unwrap()
}

/// Writes the files of one box, and both catalogs. `name` is `ORG/BOX`, and addresses in the catalogs
/// begin with `base_url`.
pub(crate) fn write_box(folder: &Path, base_url: &str, name: &str, files: &[BoxFile]) {
    let write = |path: &Path, content: &[u8]| {
        let path = folder.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    };
    let mut old: BTreeMap<&str, Vec<Value>> = BTreeMap::new();
    let mut new = old.clone();
    for file in files {
        write(&file.path(name), &file.content);
        let mut entry = file.entry(name, base_url);
        let older = old.entry(file.version).or_default();
        let is_default = older.iter().all(|other| other["name"] != file.provider);
        if is_default {
            older.push(entry.clone());
        }
        entry["architecture"] = file.architecture.into();
        entry["default_architecture"] = is_default.into();
        new.entry(file.version).or_default().push(entry);
    }
    let (old, new) = (catalog(name, old), catalog(name, new));
    write(&Path::new(name).join("metadata.json"), old.as_bytes());
    let path = format!("api/v2/vagrant/{name}.json");
    write(Path::new(&path), new.as_bytes());
}

fn catalog(name: &str, versions: BTreeMap<&str, Vec<Value>>) -> String {
    let version = |(version, providers): (&str, Vec<Value>)| json!({"version": version, "status": "active", "providers": providers});
    let versions: Vec<Value> = versions.into_iter().map(version).collect();
    json!({"name": name, "description": "", "short_description": "", "versions": versions})
        .to_string()
}
