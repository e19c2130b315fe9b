//! Tests with files that genuine programs made: bsdtar, GNU tar, gzip, bzip2, xz, zstd and pzstd.

use std::io::Write;

use proptest::prelude::*;
use tar::{Builder, EntryType, Header};

use super::*;

/// Returns a file of `tests/data/boxes`.
macro_rules! genuine {
    ($name:literal) => {
        include_bytes!(concat!("../../../tests/data/boxes/", $name)).as_slice()
    };
}

const GENUINE: [(&str, &[u8]); 8] = [
    ("plain.tar", genuine!("plain.tar")),
    ("two.gzip", genuine!("two.gzip")),
    ("two.bzip2", genuine!("two.bzip2")),
    ("two.xz", genuine!("two.xz")),
    ("two.zstd", genuine!("two.zstd")),
    ("skippable.zstd", genuine!("skippable.zstd")),
    ("sparse.gzip", genuine!("sparse.gzip")),
    ("pax.gzip", genuine!("pax.gzip")),
];

fn header(name: &str, kind: EntryType, size: u64) -> Header {
    let mut header = Header::new_gnu();
    header.set_path(name).unwrap();
    header.set_entry_type(kind);
    header.set_size(size);
    header.set_cksum();
    header
}

/// Returns a tar with one file.
fn tar(name: &str, content: &[u8]) -> Vec<u8> {
    let mut tar = Builder::new(Vec::new());
    let header = header(name, EntryType::Regular, content.len() as u64);
    tar.append(&header, content).unwrap();
    tar.into_inner().unwrap()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(bytes).unwrap();
    gzip.finish().unwrap()
}

/// Reads a file that arrives in parts of `step` bytes.
async fn arriving(file: &[u8], step: usize) -> BoxFile {
    let mut reader = BoxFileReader::start().unwrap();
    for part in file.chunks(step) {
        reader.push(Bytes::copy_from_slice(part)).await;
    }
    reader.finish().await
}

fn read_whole(file: &[u8]) -> BoxFile {
    read(io::Cursor::new(file.to_vec()))
}

#[tokio::test]
async fn every_compression_that_vagrant_accepts_is_read_in_parts_of_any_size() {
    let expected = BoxMetadata {
        provider: "libvirt".to_owned(),
        architecture: Some("arm64".to_owned()),
    };
    for (name, file) in GENUINE {
        for step in [1, 100, file.len()] {
            let found = arriving(file, step).await;
            assert_eq!(found, Ok(expected.clone()), "{name}, {step}");
        }
    }
}

#[test]
fn what_is_no_box_is_told_with_the_reason() {
    let metadata = |json: &str| tar("metadata.json", json.as_bytes());
    let mut damaged = tar("Vagrantfile", b"");
    damaged[512..517].copy_from_slice(b"other");
    for (file, reason) in [
        (Vec::new(), "neither a tar nor"),
        (b"no box".to_vec(), "neither a tar nor"),
        (vec![b'x'; 2000], "neither a tar nor"),
        (gzip(b"no tar"), "neither a tar nor"),
        (
            genuine!("without.gzip").to_vec(),
            "no metadata.json at its top",
        ),
        (
            tar("folder/metadata.json", b"{}"),
            "no metadata.json at its top",
        ),
        (damaged, "a header of its tar is wrong"),
        (
            tar("box.img", &[1; 2000])[..1024].to_vec(),
            "its tar is cut off",
        ),
        (metadata("{"), "cannot be parsed: EOF while parsing"),
        (
            metadata("{\"provider\": 5}"),
            "cannot be parsed: invalid type",
        ),
        (metadata("{}"), "names no provider"),
        (metadata("{\"provider\": \"\"}"), "names no provider"),
        (
            metadata(&" ".repeat(65 * 1024)),
            "is larger than 65536 bytes",
        ),
    ] {
        let problem = read_whole(&file).unwrap_err().to_string();
        assert!(problem.contains(reason), "{reason}: {problem}");
    }
}

#[test]
fn a_compressed_file_that_breaks_off_cannot_be_unpacked() {
    for (name, file) in GENUINE {
        if name.starts_with("two") {
            let problem = read_whole(&file[..file.len() / 3]).unwrap_err();
            assert!(
                matches!(problem, BoxFileProblem::Damaged(_)),
                "{name}: {problem}"
            );
        }
    }
}

#[test]
fn an_entry_without_end_is_not_read_into_memory() {
    for kind in [
        EntryType::GNULongName,
        EntryType::XHeader,
        EntryType::XGlobalHeader,
        EntryType::Regular,
    ] {
        let endless = header("x", kind, u64::MAX >> 1);
        let problem = read_whole(endless.as_bytes()).unwrap_err();
        let cut_off = BoxFileProblem::Damaged("its tar is cut off".to_owned());
        assert_eq!(problem, cut_off, "{kind:?}");
    }
}

#[test]
fn a_window_that_is_too_large_is_refused_before_it_is_allocated() {
    // The header of a zstd frame whose window has 2 GiB.
    let zstd = [0x28, 0xb5, 0x2f, 0xfd, 0x00, 21 << 3, 0, 0, 0];
    let problem = read_whole(&zstd).unwrap_err();
    assert!(matches!(problem, BoxFileProblem::Damaged(_)), "{problem}");
}

#[tokio::test]
async fn no_more_of_a_file_is_awaited_than_its_metadata() {
    let metadata = tar("metadata.json", b"{\"provider\": \"virtualbox\"}");
    let mut reader = BoxFileReader::start().unwrap();
    reader.push(Bytes::from(metadata)).await;
    // The thread has ended when it takes no more parts.
    while reader.parts.is_some() {
        reader.push(Bytes::from_static(&[0; 512])).await;
    }
    assert_eq!(reader.finish().await.unwrap().provider, "virtualbox");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_changed_file_is_a_box_or_has_a_problem(
        of in 0..GENUINE.len(), at in any::<prop::sample::Index>(), byte in any::<u8>()
    ) {
        let mut file = GENUINE[of].1.to_vec();
        let at = at.index(file.len());
        file[at] = byte;
        if let Err(problem) = read_whole(&file) {
            prop_assert!(!problem.to_string().is_empty());
        }
    }
}
