//! Tests `pull --extract`: the folders that it makes and removes, modes, holes, and its error messages.

use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::path::Path;
use std::process::Stdio;

use mock_atlas::MockAtlas;

use crate::support::program::{Program, Run};
use crate::support::server::{Reply, Server};
use crate::support::{gzip, noise, started, until};

const PUSH: [&str; 5] = ["push", "acme/web", "--type", "t", "in"];
const EXTRACT: [&str; 8] = [
    "pull",
    "acme/web",
    "--type",
    "t",
    "--version",
    "1",
    "--extract",
    "new/er/out",
];

/// Starts an Atlas, and makes a folder `in` to push.
async fn with_files(files: &[(&str, &[u8])]) -> (MockAtlas, Program) {
    let (atlas, program) = started().await;
    for (name, content) in files {
        program.write(&format!("in/{name}"), content);
    }
    (atlas, program)
}

/// Starts a server whose every file consists of these bytes.
async fn of_bytes(bytes: Vec<u8>) -> (Server, Program) {
    let server = Server::of_files(move |_, _| Reply::Status(200, Vec::new(), bytes.clone())).await;
    let program = Program::at(server.url(), "T0ken");
    (server, program)
}

/// Runs the program in a shell, after a shell command.
async fn after(program: &Program, before: &str, arguments: &[&str]) -> Run {
    let script = format!("{before}; exec \"$@\"");
    let output = program
        .command_of(Path::new("/bin/sh"))
        .args(["-c", &script, "sh", env!("CARGO_BIN_EXE_atlas-upload")])
        .args(arguments)
        .output()
        .await
        .unwrap();
    Run {
        code: output.status.code().unwrap(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

fn mode(path: &Path) -> u32 {
    path.metadata().unwrap().permissions().mode() & 0o7777
}

fn names_in(folder: &Path) -> Vec<String> {
    let names = std::fs::read_dir(folder).unwrap();
    let mut names: Vec<_> = names
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[tokio::test(flavor = "multi_thread")]
async fn the_umask_counts_for_files_and_folders() {
    let (_atlas, program) =
        with_files(&[("sub/tool", b"1"), ("open", b"2"), ("locked", b"3")]).await;
    let modes = [
        ("sub", 0o777),
        ("sub/tool", 0o777),
        ("open", 0o666),
        ("locked", 0o440),
    ];
    for (name, mode) in modes {
        let permissions = std::fs::Permissions::from_mode(mode);
        std::fs::set_permissions(program.path("in").join(name), permissions).unwrap();
    }
    assert_eq!(program.run(&PUSH).await.code, 0);
    for (umask, expected) in [
        ("027", [0o750, 0o750, 0o750, 0o750, 0o640, 0o440]),
        ("077", [0o700, 0o700, 0o700, 0o700, 0o600, 0o400]),
        ("000", [0o777, 0o777, 0o777, 0o777, 0o666, 0o440]),
    ] {
        let run = after(&program, &format!("umask {umask}"), &EXTRACT).await;
        assert_eq!(run.code, 0, "{run}");
        let made = [
            "new/er",
            "new/er/out",
            "new/er/out/sub",
            "new/er/out/sub/tool",
        ];
        let rest = ["new/er/out/open", "new/er/out/locked"];
        let modes: Vec<_> = made
            .iter()
            .chain(&rest)
            .map(|name| mode(&program.path(name)))
            .collect();
        assert_eq!(modes, expected, "umask {umask}");
        std::fs::remove_dir_all(program.path("new")).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hole_comes_out_as_a_hole() {
    const LENGTH: u64 = 24 * 1024 * 1024;
    let (_atlas, program) = with_files(&[("disk.img", b"boot")]).await;
    let disk = program.path("in/disk.img");
    let file = std::fs::File::options().write(true).open(&disk).unwrap();
    file.set_len(LENGTH).unwrap();
    // The number of blocks that the disk uses for a hole; not every file system supports holes.
    let room = disk.metadata().unwrap().blocks();
    assert_eq!(program.run(&PUSH).await.code, 0);
    let run = program.run(&EXTRACT).await;
    assert_eq!(run.code, 0, "{run}");
    let out = program.path("new/er/out/disk.img");
    let unpacked = out.metadata().unwrap();
    assert_eq!(unpacked.len(), LENGTH);
    assert!(
        unpacked.blocks() <= room + 8,
        "{} blocks",
        unpacked.blocks()
    );
    assert_eq!(unpacked.mtime(), disk.metadata().unwrap().mtime());
    assert!(std::fs::read(out).unwrap() == std::fs::read(disk).unwrap());
}

/// Runs a pull that must fail with this reason and leave nothing.
async fn assert_fails(program: &Program, before: &str, reason: &str) {
    let run = after(program, before, &EXTRACT).await;
    assert_eq!(run.code, 3, "{run}");
    assert!(run.stderr.contains(reason), "{reason}: {run}");
    assert!(!run.stderr.contains(".atlas-pull-"), "{run}");
    assert!(
        !names_in(program.folder()).contains(&"new".to_owned()),
        "{run}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_stops_the_writing_is_told_and_the_folders_that_were_made_go_again() {
    // The limit of the file size causes an error as a full disk does.
    let little = "trap '' XFSZ; ulimit -f 200";
    let (_atlas, program) = with_files(&[("disk.img", &vec![7; 1_000_000])]).await;
    assert_eq!(program.run(&PUSH).await.code, 0);
    let reason = "the entry \"disk.img\" cannot be unpacked: File too large (os error 27)\n";
    assert_fails(&program, little, reason).await;

    let (_server, program) = of_bytes(noise(1_000_000)).await;
    assert_fails(
        &program,
        little,
        "Error saving: new/er/out: File too large (os error 27)\n",
    )
    .await;

    let file = [
        "pull",
        "acme/web",
        "--type",
        "t",
        "--version",
        "1",
        "-o",
        "disk",
    ];
    let run = after(&program, little, &file).await;
    assert_eq!(run.code, 3, "{run}");
    let reason = "Error saving: disk: File too large (os error 27)\n";
    assert!(run.stderr.contains(reason), "{run}");
    assert_eq!(names_in(program.folder()).len(), 0);

    program.write("new", "a file");
    let run = program.run(&EXTRACT).await;
    assert!(
        run.stderr
            .contains("Error saving: new/er: Not a directory (os error 20)\n"),
        "{run}"
    );
    assert_eq!(run.code, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_archive_that_is_cut_off_is_called_that() {
    let mut tar = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_gnu();
    header.set_size(1_000_000);
    header.set_mode(0o644);
    let content = noise(1_000_000);
    tar.append_data(&mut header, "disk.img", &content[..])
        .unwrap();
    let tar = tar.into_inner().unwrap();
    let whole = gzip(&tar);
    for cut in [
        whole[..whole.len() / 2].to_vec(),
        whole[..whole.len() - 4].to_vec(),
        gzip(&tar[..500_000]),
        gzip(&tar[..100]),
        Vec::new(),
    ] {
        let (_server, program) = of_bytes(cut).await;
        assert_fails(
            &program,
            ":",
            "this archive is cut off, or is not a gzip-compressed tar (",
        )
        .await;
    }
    let mut rotten = whole.clone();
    rotten[whole.len() / 2] ^= 0xff;
    rotten[whole.len() / 2 + 1] ^= 0xff;
    let (_server, program) = of_bytes(rotten).await;
    assert_fails(&program, ":", "or it is damaged (").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn folders_above_that_are_links_or_there_already_are_used() {
    let (_atlas, program) = with_files(&[("a", b"1")]).await;
    assert_eq!(program.run(&PUSH).await.code, 0);
    std::fs::create_dir(program.path("far")).unwrap();
    symlink("far", program.path("new")).unwrap();
    let run = program.run(&EXTRACT).await;
    assert_eq!(run.code, 0, "{run}");
    assert_eq!(std::fs::read(program.path("far/er/out/a")).unwrap(), b"1");
    let run = program.run(&EXTRACT).await;
    assert!(run.stderr.contains("new/er/out/a: exists already"), "{run}");
    assert_eq!(names_in(&program.path("far/er/out")), ["a"]);

    // The run fails before any request.
    let onto_file = ["pull", "acme/web", "--type", "t", "--extract", "in/a"];
    let run = program.run(&onto_file).await;
    let reason = "error: Error saving: in/a: exists already, and is not a folder\n";
    assert_eq!((run.code, run.stderr.as_str()), (3, reason));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dot_at_the_end_names_the_same_folder_and_what_follows_the_gzip_is_passed_over() {
    let mut archive = of_many_files(1);
    archive.extend(b"garbage, which gzip only warns of");
    let (_server, program) = of_bytes(archive).await;
    let extract = [&EXTRACT[..7], &["new/out/."]].concat();
    let run = program.run(&extract).await;
    assert_eq!((run.code, run.stdout.as_str()), (0, "new/out\n"), "{run}");
    assert_eq!(std::fs::read(program.path("new/out/d/0")).unwrap(), b"one");
}

/// Makes an archive of a folder with this number of files.
fn of_many_files(count: usize) -> Vec<u8> {
    let mut tar = tar::Builder::new(Vec::new());
    for number in 0..count {
        let mut header = tar::Header::new_gnu();
        header.set_size(3);
        header.set_mode(0o644);
        tar.append_data(&mut header, format!("d/{number}"), &b"one"[..])
            .unwrap();
    }
    gzip(&tar.into_inner().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signal_while_it_unpacks_takes_away_what_was_made() {
    let (_server, program) = of_bytes(of_many_files(30_000)).await;
    let mut command = program.command();
    command.args(EXTRACT).stderr(Stdio::piped());
    let child = command.spawn().unwrap();
    let is_unpacking = || {
        let Ok(staging) = std::fs::read_dir(program.path("new/er")) else {
            return false;
        };
        let mut staging = staging.map(|entry| entry.unwrap().path().join("content/d/500"));
        staging.any(|file| file.exists())
    };
    until(is_unpacking).await;
    let id = child.id().unwrap().to_string();
    let kill = tokio::process::Command::new("kill")
        .args(["-TERM", &id])
        .status();
    assert!(kill.await.unwrap().success());
    let output = child.wait_with_output().await.unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(130), "{stderr}");
    assert_eq!(names_in(program.folder()), [""; 0], "{stderr}");
}

/// The name is Latin-1, and so not UTF-8.
#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn a_place_whose_name_is_no_text_is_told_as_it_is() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt as _;
    let (_atlas, program) = with_files(&[("a", b"1")]).await;
    assert_eq!(program.run(&PUSH).await.code, 0);
    let pull = async |place: &[u8], format: &str| {
        let mut command = program.command();
        let command = command.args(&EXTRACT[..7]).arg(OsStr::from_bytes(place));
        let output = command.args(["--output", format]).output().await.unwrap();
        assert_eq!(output.status.code(), Some(0));
        output.stdout
    };
    assert_eq!(pull(b"d\xe9", "text").await, b"d\xe9\n");
    let json = pull(b"e\xe9", "json").await;
    let json: serde_json::Value = serde_json::from_slice(&json).unwrap();
    assert_eq!(json["file"], serde_json::json!({"Unix": [b'e', 0xe9]}));
}
