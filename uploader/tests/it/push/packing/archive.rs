//! These tests pack files, and check the content and the names in the archive: the contract's row on the file
//! that arrives.

use std::path::PathBuf;

use atlas_uploader::base::exit_code::ExitCode;
use atlas_uploader::base::reporter::Silent;
use atlas_uploader::push::pack::{Options, Payload, check, pack};
use atlas_uploader::{Error, Phase};

use crate::support::{bytes, entries, gzip, write_files};

fn packed_payload(paths: &[PathBuf]) -> Payload {
    let packed = pack(paths, &Options::default(), &Silent);
    packed.unwrap().unwrap()
}

fn packed(paths: &[PathBuf]) -> Vec<(String, Option<Vec<u8>>)> {
    entries(bytes(&packed_payload(paths)).as_slice())
}

fn names(paths: &[PathBuf]) -> Vec<String> {
    packed(paths).into_iter().map(|(name, _)| name).collect()
}

fn refusal(paths: &[PathBuf]) -> String {
    let options = Options::default();
    let packed = check(paths, &options).and_then(|()| pack(paths, &options, &Silent));
    let cause = packed.unwrap_err();
    let error = Error::new(Phase::Pack, cause);
    assert_eq!(ExitCode::from(&error), ExitCode::LocalFile);
    error.to_string()
}

#[test]
fn no_paths_are_no_file() {
    assert!(pack(&[], &Options::default(), &Silent).unwrap().is_none());
}

#[test]
fn one_file_becomes_an_archive_of_one_entry() {
    let folder = tempfile::tempdir().unwrap();
    let paths = write_files(folder.path(), &[("disk.img", "bytes")]);
    assert_eq!(
        packed(&paths),
        [("disk.img".to_owned(), Some(b"bytes".to_vec()))]
    );
}

#[test]
fn a_gzip_file_passes_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("any.name");
    std::fs::write(&path, gzip(b"content")).unwrap();
    let payload = packed_payload(&[path]);
    assert_eq!(bytes(&payload), gzip(b"content"));
    assert!(payload.digest().unwrap().to_string().starts_with("blake3:"));
}

#[test]
fn a_file_that_only_begins_like_gzip_is_packed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("chance");
    std::fs::write(&path, [0x1f, 0x8b, 0, 0]).unwrap();
    assert_eq!(names(&[path]), ["chance"]);
}

#[test]
fn an_empty_file_is_packed() {
    let folder = tempfile::tempdir().unwrap();
    let paths = write_files(folder.path(), &[("empty", "")]);
    assert_eq!(packed(&paths), [("empty".to_owned(), Some(Vec::new()))]);
}

#[test]
fn several_files_are_named_below_their_common_folder_with_the_folders_between() {
    let folder = tempfile::tempdir().unwrap();
    let files = [
        ("out/z.txt", "z"),
        ("out/sub/b.txt", "b"),
        ("out/sub.d/c", "c"),
        ("out/left", ""),
    ];
    let mut paths = write_files(folder.path(), &files);
    paths.pop();
    assert_eq!(
        names(&paths),
        ["sub/", "sub/b.txt", "sub.d/", "sub.d/c", "z.txt"]
    );
}

#[test]
fn a_file_given_twice_is_packed_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = write_files(folder.path(), &[("a", "1")]).remove(0);
    assert_eq!(names(&[path.clone(), path]), ["a"]);
}

#[test]
fn a_folder_becomes_its_content() {
    let folder = tempfile::tempdir().unwrap();
    write_files(folder.path(), &[("b/c/d", "1"), ("a", "2")]);
    std::fs::create_dir(folder.path().join("empty")).unwrap();
    assert_eq!(
        names(&[folder.path().into()]),
        ["a", "b/", "b/c/", "b/c/d", "empty/"]
    );
}

#[test]
fn a_folder_among_several_paths_brings_its_content() {
    let folder = tempfile::tempdir().unwrap();
    write_files(folder.path(), &[("t/x", "1"), ("t/dir/y", "2")]);
    let paths = ["t/x", "t/dir"].map(|name| folder.path().join(name));
    assert_eq!(names(&paths), ["dir/", "dir/y", "x"]);
}

#[test]
fn a_path_that_climbs_is_packed_under_the_name_it_leads_to() {
    let folder = tempfile::tempdir().unwrap();
    write_files(
        folder.path(),
        &[("out/sub/x", "x"), ("out/a.ovf", "a"), ("out/b.vmdk", "b")],
    );
    let at = |name: &str| folder.path().join(name);
    let paths = [at("out/sub/../a.ovf"), at("out/b.vmdk")];
    assert_eq!(
        packed(&paths),
        [
            ("a.ovf".to_owned(), Some(b"a".to_vec())),
            ("b.vmdk".to_owned(), Some(b"b".to_vec()))
        ]
    );
    let twice = [at("out/sub/../a.ovf"), at("out/a.ovf")];
    assert_eq!(names(&twice), ["a.ovf"]);
    let with_folder = [at("out/sub/../sub"), at("out/./b.vmdk")];
    assert_eq!(names(&with_folder), ["b.vmdk", "sub/", "sub/x"]);
}

#[test]
fn paths_without_a_common_folder_are_refused_in_packers_words() {
    let folder = tempfile::tempdir().unwrap();
    let far = write_files(folder.path(), &[("a", "")]).remove(0);
    // This path is relative to the crate's folder, the working directory of tests; both paths exist.
    let near = PathBuf::from("Cargo.toml");
    let both = format!("{} Cargo.toml", far.display());
    assert_eq!(
        refusal(&[far, near]),
        format!("Error archiving artifact: No common prefix for archiving files: [{both}]")
    );
}

#[test]
fn a_path_that_is_not_there_is_named() {
    let refused = refusal(&["/nowhere/at/all".into()]);
    assert!(
        refused.starts_with("Error archiving artifact: /nowhere/at/all: "),
        "{refused}"
    );
}

#[test]
fn a_name_longer_than_a_tar_header_survives() {
    let folder = tempfile::tempdir().unwrap();
    let long = format!("{}/{}", "d".repeat(120), "f".repeat(150));
    write_files(folder.path(), &[(&long, "deep")]);
    let found = packed(&[folder.path().into()]);
    assert_eq!(found[0].0, format!("{}/", "d".repeat(120)));
    assert_eq!(found[1], (long, Some(b"deep".to_vec())));
}

#[cfg(unix)]
mod links {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn links_to_files_and_folders_are_followed() {
        let folder = tempfile::tempdir().unwrap();
        let elsewhere = tempfile::tempdir().unwrap();
        write_files(elsewhere.path(), &[("real/inside", "1"), ("file", "2")]);
        symlink(elsewhere.path().join("real"), folder.path().join("dir")).unwrap();
        symlink(elsewhere.path().join("file"), folder.path().join("link")).unwrap();
        let found = packed(&[folder.path().into()]);
        let names: Vec<_> = found.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["dir/", "dir/inside", "link"]);
        assert_eq!(found[2].1, Some(b"2".to_vec()));
    }

    #[test]
    fn a_link_given_as_the_only_path_is_packed_under_its_targets_name() {
        let folder = tempfile::tempdir().unwrap();
        write_files(folder.path(), &[("target", "1")]);
        let link = folder.path().join("link");
        symlink("target", &link).unwrap();
        assert_eq!(names(&[link]), ["target"]);
    }

    #[test]
    fn a_loop_is_an_error_that_names_it() {
        let folder = tempfile::tempdir().unwrap();
        write_files(folder.path(), &[("sub/file", "1")]);
        symlink("..", folder.path().join("sub/up")).unwrap();
        let refused = refusal(&[folder.path().into()]);
        assert!(
            refused.contains("sub/up: a link that loops back to "),
            "{refused}"
        );
    }

    #[test]
    fn what_a_path_that_climbs_out_of_a_link_leads_to_is_packed_and_never_another_file() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        write_files(
            folder.path(),
            &[
                ("far/d/x", ""),
                ("far/a", "far"),
                ("out/a", "near"),
                ("out/b", ""),
            ],
        );
        symlink("../far/d", at("out/link")).unwrap();
        let found = packed(&[at("out/link/../a"), at("out/b")]);
        assert_eq!(found[0], ("a".to_owned(), Some(b"far".to_vec())));
        let refused = refusal(&[at("out/link/../a"), at("out/a")]);
        assert!(
            refused.ends_with("both would be named a in the archive, but they differ"),
            "{refused}"
        );
    }

    #[test]
    fn a_broken_link_is_named() {
        let folder = tempfile::tempdir().unwrap();
        symlink("nowhere", folder.path().join("broken")).unwrap();
        let refused = refusal(&[folder.path().into()]);
        assert!(refused.contains("/broken: "), "{refused}");
    }

    #[test]
    fn what_is_neither_file_nor_folder_is_refused_instead_of_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("socket");
        let _listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
        for paths in [vec![socket], vec![folder.path().into()]] {
            let refused = refusal(&paths);
            assert!(
                refused.ends_with("socket: neither a file nor a folder"),
                "{refused}"
            );
        }
    }
}
