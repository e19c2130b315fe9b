//! Tests the shell completions and man pages that the program prints.

use crate::support::program;

#[tokio::test]
async fn completions_are_there_for_each_shell_and_hold_no_token() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let mut program = program();
        program.args(["completions", shell]);
        let output = program.env("MOCK_ATLAS_TOKEN", "canary").output();
        let output = output.await.unwrap();
        assert!(output.status.success(), "{shell}");
        let script = String::from_utf8(output.stdout).unwrap();
        assert!(script.contains("binstore-listen"), "{shell}");
        assert!(!script.contains("canary"), "{shell}");
    }
}

#[tokio::test]
async fn the_manual_has_a_page_for_each_command_and_no_token() {
    let folder = tempfile::tempdir().unwrap();
    let pages = folder.path().join("share/man1");
    let mut program = program();
    program.arg("man").arg(&pages);
    let output = program.env("MOCK_ATLAS_TOKEN", "canary").output();
    let output = output.await.unwrap();
    assert!(output.status.success());

    let mut there: Vec<_> = std::fs::read_dir(&pages)
        .unwrap()
        .map(|page| page.unwrap().path())
        .collect();
    let printed = String::from_utf8(output.stdout).unwrap();
    let mut printed: Vec<_> = printed.lines().map(std::path::PathBuf::from).collect();
    there.sort();
    printed.sort();
    assert_eq!(there, printed);

    let page = |name: &str| std::fs::read_to_string(pages.join(name)).unwrap();
    for part in [".TH", "SIGTERM", "MOCK_ATLAS_TOKEN", "mock\\-atlas\\-exec"] {
        assert!(page("mock-atlas.1").contains(part), "{part}");
    }
    assert!(page("mock-atlas-token-create.1").contains("\\-\\-description"));
    assert!(there.iter().all(|page| {
        let text = std::fs::read_to_string(page).unwrap();
        !text.contains("canary")
    }));
}

#[tokio::test]
async fn a_manual_that_cannot_be_written_names_the_folder() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let output = program().arg("man").arg(file.path()).output();
    let output = output.await.unwrap();
    assert_eq!(output.status.code(), Some(1));
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(stderr.contains(file.path().to_str().unwrap()), "{stderr}");
}
