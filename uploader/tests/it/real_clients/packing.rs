//! Tests archives with other programs: GNU tar opens them, and git lists the tracked files.

use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use atlas_uploader::base::reporter::Silent;
use atlas_uploader::push::pack::{Level, Options, check, pack};

use crate::support::{bytes, entries, write_files};

fn run(program: &str, folder: &Path, arguments: &[&str]) -> String {
    let output = Command::new(program)
        .args(arguments)
        .current_dir(folder)
        .env("LC_ALL", "C.UTF-8")
        .output()
        .unwrap_or_else(|error| panic!("{program}: {error}"));
    let complaints = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success() && complaints.is_empty(),
        "{program} {arguments:?}: {complaints}"
    );
    String::from_utf8(output.stdout).unwrap()
}

fn archive(folder: &Path, options: &Options) -> Vec<u8> {
    let paths = [folder.to_owned()];
    check(&paths, options).unwrap();
    bytes(&pack(&paths, options, &Silent).unwrap().unwrap())
}

fn tracked() -> Options {
    Options {
        vcs: true,
        ..Options::default()
    }
}

fn names(folder: &Path, options: &Options) -> Vec<String> {
    let found = entries(archive(folder, options).as_slice());
    found.into_iter().map(|(name, _)| name).collect()
}

#[test]
fn gnu_tar_and_gzip_open_what_every_level_makes() {
    let folder = tempfile::tempdir().unwrap();
    let input = folder.path().join("in");
    let long = format!("{}/{}", "d".repeat(120), "f".repeat(150));
    let large = "some text ".repeat(100_000);
    write_files(
        &input,
        &[
            ("a", "1"),
            (&long, "deep"),
            ("sub/large", &large),
            ("sub/\u{e9}", ""),
        ],
    );
    for level in 0..=9 {
        let options = Options {
            level: Level::new(level).unwrap(),
            ..Options::default()
        };
        let out = folder.path().join(format!("out{level}"));
        std::fs::create_dir(&out).unwrap();
        std::fs::write(out.with_extension("tgz"), archive(&input, &options)).unwrap();
        let archive = format!("../out{level}.tgz");
        run("gzip", &out, &["--test", &archive]);
        run("tar", &out, &["--extract", "--gzip", "--file", &archive]);
        run(
            "diff",
            folder.path(),
            &["--recursive", "in", &format!("out{level}")],
        );
    }
}

#[test]
fn with_vcs_exactly_what_git_tracks_is_packed() {
    let folder = tempfile::tempdir().unwrap();
    let files = [
        (".gitignore", "ignored\n"),
        ("sub/tracked", ""),
        ("sub/s\u{fc}\u{df} \"name\"\nof two lines", ""),
        ("sub/untracked", ""),
        ("other/untracked", ""),
        ("ignored", ""),
        ("deleted", ""),
    ];
    write_files(folder.path(), &files);
    symlink("sub/tracked", folder.path().join("link")).unwrap();
    run(
        "git",
        folder.path(),
        &["init", "--quiet", "--initial-branch", "main"],
    );
    run(
        "git",
        folder.path(),
        &["add", ".gitignore", "sub", "deleted", "link"],
    );
    run(
        "git",
        folder.path(),
        &["rm", "--quiet", "--cached", "sub/untracked"],
    );
    std::fs::remove_file(folder.path().join("deleted")).unwrap();
    let odd = "sub/s\u{fc}\u{df} \"name\"\nof two lines";
    assert_eq!(
        names(folder.path(), &tracked()),
        [".gitignore", "link", "sub/", odd, "sub/tracked"]
    );

    assert_eq!(
        names(&folder.path().join("sub"), &tracked()),
        [&odd[4..], "tracked"]
    );
    let both = Options {
        include: vec!["sub/*".to_owned()],
        exclude: vec!["sub/s*".to_owned()],
        ..tracked()
    };
    assert_eq!(names(folder.path(), &both), ["sub/", "sub/tracked"]);
}

fn git(folder: &Path, arguments: &[&str]) {
    let name = ["-c", "user.name=a", "-c", "user.email=a@example.com"];
    run("git", folder, &[&name[..], arguments].concat());
}

fn repository(folder: &Path) {
    git(folder, &["init", "--quiet", "--initial-branch", "main"]);
}

#[test]
fn with_vcs_a_link_to_a_folder_brings_what_is_tracked_there_or_all_of_it() {
    let folder = tempfile::tempdir().unwrap();
    let (repo, other) = (folder.path().join("repo"), folder.path().join("other"));
    write_files(
        &repo,
        &[("real/in", ""), ("real/junk", ""), ("out/made", "")],
    );
    write_files(
        folder.path(),
        &[
            ("plain/a", ""),
            ("plain/d/b", ""),
            ("other/t", ""),
            ("other/u", ""),
        ],
    );
    repository(&other);
    git(&other, &["add", "t"]);
    repository(&repo);
    let links = [
        ("to-tracked", "real"),
        ("to-untracked", "out"),
        ("to-plain", "../plain"),
        ("to-other", "../other"),
        ("real/nested", "../to-plain/d"),
    ];
    for (link, target) in links {
        symlink(target, repo.join(link)).unwrap();
    }
    git(&repo, &["add", "real/in", "real/nested"]);
    git(
        &repo,
        &["add", "to-tracked", "to-untracked", "to-plain", "to-other"],
    );
    let mut found = names(&repo, &tracked());
    found.retain(|name| !name.ends_with('/'));
    assert_eq!(
        found,
        [
            "real/in",
            "real/nested/b",
            "to-other/t",
            "to-plain/a",
            "to-plain/d/b",
            "to-tracked/in",
            "to-tracked/nested/b",
            "to-untracked/made",
        ]
    );
}

#[test]
fn with_vcs_a_link_that_loops_is_told_unless_it_is_left_out() {
    let folder = tempfile::tempdir().unwrap();
    write_files(folder.path(), &[("a/b/file", "")]);
    symlink("..", folder.path().join("a/b/up")).unwrap();
    repository(folder.path());
    git(folder.path(), &["add", "a"]);
    let packed = pack(&[folder.path().into()], &tracked(), &Silent);
    let refused = packed.unwrap_err().to_string();
    assert!(refused.contains("a/b/up: a link that loops"), "{refused}");
    let without = Options {
        exclude: vec!["a/b/up".to_owned()],
        ..tracked()
    };
    assert_eq!(names(folder.path(), &without), ["a/", "a/b/", "a/b/file"]);
}

#[test]
fn with_vcs_a_folder_that_git_lists_by_its_name_brings_what_its_own_repository_tracks() {
    let folder = tempfile::tempdir().unwrap();
    let repo = folder.path().join("repo");
    write_files(
        &repo,
        &[("own/t", ""), ("own/u", ""), ("was/file", ""), ("gone", "")],
    );
    let own = repo.join("own");
    repository(&own);
    git(&own, &["add", "t"]);
    git(&own, &["commit", "--quiet", "--message", "one"]);
    repository(&repo);
    git(
        &repo,
        &["add", "--no-warn-embedded-repo", "own", "was", "gone"],
    );
    // The repository has a submodule that is not checked out, and a file that has become a folder.
    let head = run("git", &own, &["rev-parse", "HEAD"]);
    let entry = format!("160000,{},missing", head.trim());
    git(&repo, &["update-index", "--add", "--cacheinfo", &entry]);
    std::fs::create_dir(repo.join("missing")).unwrap();
    std::fs::remove_file(repo.join("gone")).unwrap();
    write_files(&repo, &[("gone/untracked", "")]);
    assert_eq!(
        names(&repo, &tracked()),
        ["missing/", "own/", "own/t", "was/", "was/file"]
    );
}

#[test]
fn with_vcs_outside_a_repository_gits_own_words_are_repeated() {
    let folder = tempfile::tempdir().unwrap();
    let packed = pack(&[folder.path().into()], &tracked(), &Silent);
    let refused = packed.unwrap_err().to_string();
    assert!(
        refused.contains("error executing git ls-files: fatal: not a git repository"),
        "{refused}"
    );
}

#[test]
fn with_vcs_a_folder_of_which_nothing_is_tracked_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    write_files(folder.path(), &[("a", "")]);
    run(
        "git",
        folder.path(),
        &["init", "--quiet", "--initial-branch", "main"],
    );
    let packed = pack(&[folder.path().into()], &tracked(), &Silent);
    let refused = packed.unwrap_err().to_string();
    assert!(
        refused.starts_with("no file in the folder is selected"),
        "{refused}"
    );
}
