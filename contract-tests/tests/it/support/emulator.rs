//! Configures a correct emulator, and asserts that it passes every clause.

use atlas_contract_tests::{
    report::{Status, Summary},
    run::{Options, Run, settings::Settings, target::Target},
    safety::policy::Policy,
};
use mock_atlas::{Builder, MockAtlas, User};

/// Returns the builder of an emulator that has everything that the clauses need.
pub(crate) fn builder() -> Builder {
    let rival = User::new("rival")
        .password("open sesame")
        .token("rival-token");
    let careful = User::new("careful")
        .password("open twice")
        .two_factor("123456");
    MockAtlas::builder()
        .user(rival)
        .user(careful)
        .public_artifact("acme/public")
        .max_id_length(255)
}

/// Returns the settings of a run at this address, with all facts about the emulator of [`builder`].
pub(crate) fn settings(url: &str, token: &str, policy: Policy) -> Settings {
    Settings {
        url: url.to_owned(),
        token: token.to_owned(),
        namespace: "acme".to_owned(),
        login: Some("rival".to_owned()),
        password: Some("open sesame".to_owned()),
        other_token: Some("rival-token".to_owned()),
        public_artifact: Some("acme/public".to_owned()),
        max_id_length: Some(255),
        client_id: Some("atlas".to_owned()),
        client_secret: Some(token.to_owned()),
        two_factor_login: Some("careful".to_owned()),
        two_factor_password: Some("open twice".to_owned()),
        policy,
        ..Settings::default()
    }
}

/// Asserts that every clause holds in a strict run.
pub(crate) async fn assert_all_hold(settings: Settings) {
    let options = Options {
        strict: true,
        ..Options::default()
    };
    let run = Run::start(Target::new(settings).unwrap(), options).await;
    let reports = run.unwrap().judge_all(|_| {}).await;
    let bad: Vec<_> = reports
        .iter()
        .filter(|it| it.status != Status::Pass)
        .map(ToString::to_string)
        .collect();
    assert!(
        bad.is_empty(),
        "{}\n{}",
        Summary::of(&reports),
        bad.join("\n")
    );
}
