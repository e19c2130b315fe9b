//! `vagrant cloud`: every command with its exit code and its output.

use super::{Registry, TOKEN, Vagrant, vagrant_box};

/// The commands of a session, and what they printed.
struct Session {
    vagrant: Vagrant,
    shown: String,
}

impl Session {
    fn new(vagrant: Vagrant) -> Self {
        for (name, disk) in [("web.box", "a disk"), ("again.box", "another disk")] {
            let file = vagrant_box("virtualbox", disk.as_bytes());
            std::fs::write(vagrant.path(name), file).unwrap();
        }
        let shown = String::new();
        Self { vagrant, shown }
    }

    async fn run(&mut self, commands: &[&str]) {
        for command in commands {
            let arguments: Vec<String> = words(command).collect();
            let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
            let run = self.vagrant.run(&arguments).await;
            let printed = run.printed.trim_end();
            self.shown += &format!("$ vagrant {command}\n{printed}\nexit code {}\n\n", run.code);
        }
    }

    fn assert_is(&self, name: &str) {
        let filters = [
            (r"127\.0\.0\.1:\d+", "127.0.0.1:PORT"),
            (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", "TIME"),
            (r"/tmp/\.tmp\w+", "FOLDER"),
            // The end of curl's progress.
            (r"\x1b\[K", ""),
            (r"(?m) +$", ""),
        ];
        insta::with_settings!({filters => filters}, {
            insta::assert_snapshot!(name, self.shown);
        });
    }
}

/// Returns the words of a command, in which single quotes may hold one together.
fn words(command: &str) -> impl Iterator<Item = String> {
    let parts = command.split('\'').enumerate();
    parts.flat_map(|(number, part)| match number % 2 {
        0 => part.split_whitespace().map(str::to_owned).collect(),
        _ => vec![part.to_owned()],
    })
}

#[tokio::test]
async fn every_part_of_a_box_is_managed_with_a_token_that_was_saved() {
    let registry = Registry::start().await;
    let mut session = Session::new(Vagrant::at(registry.url()));
    let log_in = format!("cloud auth login --token {TOKEN}");
    let commands = [
        &log_in,
        "cloud auth whoami",
        "cloud box create acme/web -d 'A **box**' -s short --no-private",
        "cloud box update acme/web -s shorter",
        "cloud version create acme/web v1.2",
        "cloud version create acme/web 1.0.0 -d first",
        "cloud version update acme/web 1.0.0 -d 'The first'",
        "cloud version release acme/web 1.0.0 -f",
        "cloud provider create acme/web libvirt 1.0.0 http://files.test/a.box",
        "cloud provider update acme/web libvirt 1.0.0 http://files.test/b.box",
        "cloud provider create acme/web virtualbox 1.0.0",
        "cloud provider upload acme/web virtualbox 1.0.0 web.box",
        "cloud provider delete acme/web libvirt 1.0.0 -f",
        "cloud version release acme/web 1.0.0 -f",
        "cloud box show acme/web",
        "cloud version revoke acme/web 1.0.0 -f",
        "cloud box show acme/web --versions 1.0.0",
        "cloud version delete acme/web 1.0.0 -f",
        "cloud box delete acme/web -f",
        "cloud box show acme/web",
        "cloud auth logout",
    ];
    session.run(&commands).await;
    session.assert_is("managed");
    assert_eq!(registry.atlas.lints(), []);
}

#[tokio::test]
async fn boxes_are_published_and_found() {
    let registry = Registry::start().await;
    let vagrant = Vagrant::at(registry.url()).with_token("VAGRANT_CLOUD_TOKEN", TOKEN);
    let mut session = Session::new(vagrant);
    let commands = [
        "cloud publish acme/web 1.0.0 virtualbox web.box --release --force --no-private",
        "cloud publish acme/web 1.1.0 virtualbox web.box --release --force --no-direct-upload",
        "cloud publish acme/web 1.1.0 virtualbox again.box --release --force",
        "cloud publish acme/new 0.1.0 libvirt --url http://files.test/a.box --release -f",
        "cloud search acme --json --limit 5",
        "cloud search web --short",
        "cloud search nothing",
    ];
    session.run(&commands).await;
    session.assert_is("published");
    assert_eq!(registry.atlas.lints(), []);
}

#[tokio::test]
async fn a_refused_login_is_reported() {
    let registry = Registry::start().await;
    let vagrant = Vagrant::at(registry.url()).with_token("VAGRANT_CLOUD_TOKEN", "wrong");
    let mut session = Session::new(vagrant);
    session.run(&["cloud auth whoami"]).await;
    session.assert_is("refused");
}
