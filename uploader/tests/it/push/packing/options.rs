//! These tests pack with options: globs, levels, reproducible archives, digests.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use atlas_uploader::base::digest::{Algorithm, HashingWriter};
use atlas_uploader::base::exit_code::ExitCode;
use atlas_uploader::base::reporter::Silent;
use atlas_uploader::push::pack::{Level, Options, Payload, check, pack};
use atlas_uploader::{Error, Phase};
use proptest::prelude::*;

use crate::support::server::{Reply, Server};
use crate::support::{Heard, bytes, client, entries, gzip, noise, push_of, well, write_files};

fn packed(paths: &[PathBuf], options: &Options) -> Payload {
    check(paths, options).unwrap();
    pack(paths, options, &Silent).unwrap().unwrap()
}

fn packed_file(path: &Path, options: &Options) -> Payload {
    packed(&[path.to_owned()], options)
}

fn names(folder: &Path, options: &Options) -> Vec<String> {
    let found = entries(bytes(&packed(&[folder.into()], options)).as_slice());
    found.into_iter().map(|(name, _)| name).collect()
}

fn refusal(paths: &[PathBuf], options: &Options) -> (ExitCode, String) {
    let packed = check(paths, options).and_then(|()| pack(paths, options, &Silent));
    let error = Error::new(Phase::Pack, packed.unwrap_err());
    (ExitCode::from(&error), error.to_string())
}

fn selecting(include: &[&str], exclude: &[&str]) -> Options {
    let owned = |globs: &[&str]| globs.iter().map(|glob| (*glob).to_owned()).collect();
    Options {
        include: owned(include),
        exclude: owned(exclude),
        ..Options::default()
    }
}

fn at_level(level: u8) -> Options {
    Options {
        level: Level::new(level).unwrap(),
        ..Options::default()
    }
}

#[test]
fn globs_choose_by_the_whole_name_and_bring_the_folders_above() {
    let folder = tempfile::tempdir().unwrap();
    let files = [
        "a.log",
        "a.txt",
        "sub/b.log",
        "sub/deep/c.log",
        "sub/deep/d.txt",
    ];
    write_files(folder.path(), &files.map(|name| (name, "")));
    for (include, exclude, expected) in [
        (&["*.log"][..], &[][..], &["a.log"][..]),
        (&["sub/*.log"], &[], &["sub/", "sub/b.log"]),
        (&["sub"], &[], &["sub/"]),
        (&["sub/*"], &[], &["sub/", "sub/b.log", "sub/deep/"]),
        (
            &["a.txt", "sub/deep/*"],
            &[],
            &[
                "a.txt",
                "sub/",
                "sub/deep/",
                "sub/deep/c.log",
                "sub/deep/d.txt",
            ],
        ),
        (
            &[],
            &["*.log"],
            &[
                "a.txt",
                "sub/",
                "sub/b.log",
                "sub/deep/",
                "sub/deep/c.log",
                "sub/deep/d.txt",
            ],
        ),
        (&[], &["sub"], &["a.log", "a.txt"]),
        (&[], &["sub/deep", "a.*"], &["sub/", "sub/b.log"]),
        (
            &["**/*.log"],
            &["sub/deep"],
            &["a.log", "sub/", "sub/b.log"],
        ),
    ] {
        let options = selecting(include, exclude);
        assert_eq!(
            names(folder.path(), &options),
            expected,
            "{include:?} {exclude:?}"
        );
    }
}

#[test]
fn globs_that_leave_nothing_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    write_files(folder.path(), &[("a", "")]);
    let (code, text) = refusal(&[folder.path().into()], &selecting(&["b*"], &[]));
    assert_eq!(code, ExitCode::LocalFile);
    assert!(
        text.ends_with("no file in the folder is selected by include, exclude and vcs"),
        "{text}"
    );
}

#[test]
fn a_malformed_glob_is_a_wrong_argument() {
    let folder = tempfile::tempdir().unwrap();
    let (code, text) = refusal(&[folder.path().into()], &selecting(&[], &["[a"]));
    assert_eq!(code, ExitCode::Usage);
    assert!(text.contains("exclude: error parsing glob '[a'"), "{text}");
}

#[test]
fn options_of_a_folder_are_refused_for_anything_else() {
    let folder = tempfile::tempdir().unwrap();
    let paths = write_files(folder.path(), &[("a", ""), ("b", "")]);
    let vcs = Options {
        vcs: true,
        ..Options::default()
    };
    for options in [selecting(&["*"], &[]), selecting(&[], &["*"]), vcs] {
        for paths in [&paths[..], &paths[..1], &[]] {
            let (code, text) = refusal(paths, &options);
            assert_eq!(code, ExitCode::Usage);
            assert!(
                text.contains("options such as exclude, include, and VCS can't be set"),
                "{text}"
            );
        }
    }
}

#[cfg(unix)]
#[test]
fn what_is_excluded_may_be_broken_or_a_loop() {
    use std::os::unix::fs::symlink;
    let folder = tempfile::tempdir().unwrap();
    write_files(folder.path(), &[("good", ""), ("sub/x", "")]);
    symlink("nowhere", folder.path().join("broken")).unwrap();
    symlink("..", folder.path().join("sub/up")).unwrap();
    let excluded = selecting(&[], &["broken", "sub/up"]);
    assert_eq!(names(folder.path(), &excluded), ["good", "sub/", "sub/x"]);
    let below = selecting(&[], &["broken", "sub"]);
    assert_eq!(names(folder.path(), &below), ["good"]);
    assert_eq!(names(folder.path(), &selecting(&["g*"], &[])), ["good"]);
    let (_, text) = refusal(&[folder.path().into()], &selecting(&[], &["broken"]));
    assert!(
        text.contains("sub/up: a link that loops back to "),
        "{text}"
    );
}

#[test]
fn every_level_is_one_gzip_member_that_holds_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let mut content = vec![b'a'; 700_000];
    content.extend(noise(700_000));
    let path = folder.path().join("mixed");
    std::fs::write(&path, &content).unwrap();
    for level in 0..=9 {
        let archive = bytes(&packed_file(&path, &at_level(level)));
        let mut gzip = flate2::bufread::GzDecoder::new(archive.as_slice());
        let mut tar = Vec::new();
        std::io::copy(&mut gzip, &mut tar).unwrap();
        assert!(
            gzip.into_inner().is_empty(),
            "level {level}: more than one member"
        );
        let found = entries(archive.as_slice());
        assert_eq!(
            found,
            [("mixed".to_owned(), Some(content.clone()))],
            "level {level}"
        );
    }
}

#[test]
fn an_archive_is_hardly_longer_than_what_is_in_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("noise");
    std::fs::write(&path, noise(3_000_000)).unwrap();
    let stored = packed_file(&path, &at_level(0)).len();
    assert!(stored < 3_003_000, "{stored}");
    for level in 1..=9 {
        let length = packed_file(&path, &at_level(level)).len();
        assert!(length <= stored + 100, "level {level}: {length}");
    }
}

#[test]
fn a_stored_archive_is_made_anew_each_time_and_a_changed_file_is_noticed() {
    let folder = tempfile::tempdir().unwrap();
    let paths = write_files(folder.path(), &[("a", "before"), ("b", "stays")]);
    let payload = packed(&paths, &at_level(0));
    assert_eq!(bytes(&payload), bytes(&payload));
    let mut nothing = |_| Ok(());
    std::fs::write(&paths[0], noise(100_000)).unwrap();
    let longer = payload.for_each_chunk(&mut nothing).unwrap_err();
    let longer = longer.to_string();
    assert!(
        longer.ends_with("the files have changed since they were examined"),
        "{longer}"
    );
    std::fs::remove_file(&paths[0]).unwrap();
    let gone = payload.for_each_chunk(&mut nothing).unwrap_err();
    assert!(gone.to_string().contains("/a: "), "{gone}");
}

#[test]
fn a_reproducible_archive_knows_no_times_owners_or_permissions() {
    let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let long_ago = std::time::UNIX_EPOCH + std::time::Duration::from_secs(1_000_000);
    for (folder, order) in folders.iter().zip([["b", "a/x"], ["a/x", "b"]]) {
        write_files(folder.path(), &order.map(|name| (name, name)));
    }
    let file = std::fs::File::options()
        .write(true)
        .open(folders[1].path().join("b"));
    file.unwrap().set_modified(long_ago).unwrap();
    for level in 0..=9 {
        let options = Options {
            reproducible: true,
            ..at_level(level)
        };
        let [one, other] = folders
            .each_ref()
            .map(|folder| packed(&[folder.path().into()], &options));
        assert_eq!(bytes(&one), bytes(&other), "level {level}");
        assert_eq!(one.digest(), other.digest());
        let complete = packed(&[folders[1].path().into()], &at_level(level));
        assert_ne!(bytes(&complete), bytes(&other), "level {level}");
    }
}

#[test]
fn without_a_digest_nothing_else_changes() {
    let folder = tempfile::tempdir().unwrap();
    let plain = write_files(folder.path(), &[("a", "1")]).remove(0);
    let zipped = folder.path().join("z");
    std::fs::write(&zipped, gzip(b"content")).unwrap();
    for path in [plain, zipped] {
        for level in [0, 3] {
            let with = packed_file(&path, &at_level(level));
            let without = Options {
                digest: false,
                ..at_level(level)
            };
            let without = packed_file(&path, &without);
            assert!(with.digest().is_some());
            assert_eq!(without.digest(), None);
            assert_eq!(bytes(&with), bytes(&without));
        }
    }
}

#[test]
fn progress_is_told_up_to_the_end() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("noise");
    std::fs::write(&path, noise(3_000_000)).unwrap();
    let heard = Heard::default();
    pack(&[path], &Options::default(), &heard).unwrap();
    let events = heard.events();
    assert_eq!(events.len(), 3, "{events:?}");
    assert_eq!(
        events[2],
        "Packing { packed: 3001856, total: Some(3001856) }"
    );
}

#[tokio::test]
async fn a_stored_archive_is_sent_with_its_length_as_often_as_it_takes() {
    let attempt = std::sync::atomic::AtomicU32::new(0);
    let server = Server::start(move |url, request| {
        if request.method == "PUT"
            && attempt.fetch_add(1, std::sync::atomic::Ordering::Relaxed) == 0
        {
            return Reply::json(503, serde_json::json!({}));
        }
        well(url, request)
    })
    .await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("noise");
    std::fs::write(&path, noise(3_000_000)).unwrap();
    let version = atlas_uploader::Push {
        packing: at_level(0),
        ..push_of(&path)
    };
    let outcome = atlas_uploader::push(&client(server.url(), "T"), &version)
        .await
        .unwrap();
    assert_eq!(outcome.attempts, 2);
    let requests = server.requests();
    let puts: Vec<_> = requests
        .iter()
        .filter(|request| request.method == "PUT")
        .collect();
    assert_eq!(puts.len(), 2);
    for put in puts {
        assert_eq!(
            put.header("content-length"),
            Some(outcome.bytes.to_string().as_str())
        );
        assert_eq!(put.header("transfer-encoding"), None);
        assert_eq!(
            entries(put.body.as_slice()),
            [("noise".to_owned(), Some(noise(3_000_000)))]
        );
    }
}

/// Generates trees as maps from names of files to contents; a name that is a folder of another name is dropped.
fn trees() -> impl Strategy<Value = BTreeMap<String, Vec<u8>>> {
    let name = "[a-c]{1,2}(/[a-c \u{e9}]{1,60}){0,3}";
    let content = prop_oneof![
        proptest::collection::vec(any::<u8>(), 0..2000),
        (0_usize..400_000).prop_map(noise),
        (0_usize..400_000).prop_map(|length| vec![7; length]),
    ];
    proptest::collection::btree_map(name, content, 0..6).prop_map(|mut tree| {
        let names: Vec<_> = tree.keys().cloned().collect();
        tree.retain(|name, _| {
            !names
                .iter()
                .any(|other| other.starts_with(&format!("{name}/")))
        });
        tree
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn any_tree_comes_out_as_it_went_in_at_every_level(tree in trees(), level in 0_u8..=9) {
        let folder = tempfile::tempdir().unwrap();
        for (name, content) in &tree {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, content).unwrap();
        }
        let payload = packed(&[folder.path().into()], &at_level(level));
        let archive = bytes(&payload);
        prop_assert_eq!(payload.len(), archive.len() as u64);
        let mut hashing = HashingWriter::new(Algorithm::default(), std::io::sink());
        hashing.write_all(&archive).unwrap();
        prop_assert_eq!(payload.digest(), Some(hashing.finish().1));
        let files = entries(archive.as_slice()).into_iter();
        let files: BTreeMap<_, _> = files.filter_map(|(name, content)| Some((name, content?))).collect();
        prop_assert_eq!(files, tree);
    }
}
