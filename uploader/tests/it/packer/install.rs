//! Tests `packer install` and `packer doctor`, with a script that plays Packer in any version.

use std::os::unix::fs::PermissionsExt as _;

use crate::support::program::{Program, Run};

/// Returns a program whose `PATH` has a Packer of this version without the post-processor `atlas`.
fn packer(version: &str) -> Program {
    let program = Program::new();
    let script = format!(
        "#!/bin/sh\ncase $1 in\nversion) echo 'Packer v{version}' ;;\n*) echo 'no such plugin' >&2; exit 1 ;;\nesac\n"
    );
    program.write("bin/packer", script);
    let executable = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(program.path("bin/packer"), executable).unwrap();
    program
}

async fn run(program: &Program, what: &str) -> Run {
    let mut command = program.command();
    command.env("PATH", program.path("bin"));
    let output = command.args(["packer", what]).output().await.unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Run {
        code: output.status.code().unwrap(),
        stdout: text(output.stdout),
        stderr: text(output.stderr),
    }
}

#[tokio::test]
async fn what_install_refuses_doctor_refuses_in_the_same_words() {
    for (version, reason) in [
        (
            "1.2.5",
            "has the atlas post-processor built in; 1.5.2 and later",
        ),
        (
            "1.4.5",
            "speaks an older protocol with its plugins; 1.5.2 and later",
        ),
        (
            "1.5.0",
            "Packer 1.5.0 cannot load any plugin, because of a bug; 1.5.2 and later",
        ),
        (
            "1.5.1",
            "Packer 1.5.1 cannot load any plugin, because of a bug; 1.5.2 and later",
        ),
    ] {
        let program = packer(version);
        for what in ["install", "doctor"] {
            let run = run(&program, what).await;
            assert_eq!(run.code, 5, "{run}");
            assert!(run.stderr.contains(reason), "{run}");
            assert!(!run.stderr.contains("packer install"), "{run}");
        }
        assert!(!program.path(".packer.d").exists());
    }
}

#[tokio::test]
async fn a_packer_that_can_load_the_plugin_gets_it_and_doctor_hints_at_that() {
    for version in ["1.5.2", "1.6.6", "1.12.0"] {
        let program = packer(version);
        let doctor = run(&program, "doctor").await;
        assert_eq!(doctor.code, 5, "{doctor}");
        for hint in [
            "to install the plugin into",
            ", run: atlas-upload packer install",
        ] {
            assert!(doctor.stderr.contains(hint), "{doctor}");
        }
        let install = run(&program, "install").await;
        assert_eq!(install.code, 0, "{install}");
    }
}
