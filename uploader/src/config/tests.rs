use super::*;

fn environment(pairs: &'static [(&str, &str)]) -> impl Fn(&str) -> Option<OsString> {
    |name| {
        let found = pairs.iter().find(|(key, _)| *key == name);
        found.map(|(_, value)| value.into())
    }
}

const ALL: &[(&str, &str)] = &[
    ("ATLAS_TOKEN", "from-variable"),
    ("ATLAS_ADDRESS", "http://variable.test"),
    ("ATLAS_CAFILE", "/variable.pem"),
    ("ATLAS_CAPATH", "/variable"),
    ("ATLAS_TLS_NOVERIFY", "0"),
];

#[test]
fn without_anything_the_documented_address_is_used_and_no_token() {
    let config = Config::resolve(Flags::default(), |_| None).unwrap();
    assert_eq!(config.atlas_url.value.to_string(), DEFAULT_ATLAS_URL);
    assert_eq!(config.atlas_url.origin, Origin::Default);
    assert_eq!(config.token, None);
    assert_eq!(config.trust(), Trust::default());
}

#[test]
fn a_variable_goes_over_the_default_and_says_so() {
    let config = Config::resolve(Flags::default(), environment(ALL)).unwrap();
    assert_eq!(
        config.atlas_url.value.to_string(),
        "http://variable.test/api/v1"
    );
    assert_eq!(config.atlas_url.origin, Origin::Variable("ATLAS_ADDRESS"));
    let token = config.token.clone().unwrap();
    assert_eq!(token.value.expose(), "from-variable");
    assert_eq!(token.origin, Origin::Variable("ATLAS_TOKEN"));
    assert_eq!(
        config.trust().ca_file.unwrap(),
        PathBuf::from("/variable.pem")
    );
    assert_eq!(config.trust().ca_path.unwrap(), PathBuf::from("/variable"));
    // Any value switches verification off, as in the genuine clients.
    assert!(config.trust().insecure);
}

#[test]
fn a_flag_goes_over_a_variable_and_says_so() {
    let flags = Flags {
        atlas_url: Some("http://flag.test".to_owned()),
        token: Some("from-flag".to_owned()),
        ca_file: Some("/flag.pem".into()),
        ca_path: Some("/flag".into()),
        insecure: true,
        ..Flags::default()
    };
    let config = Config::resolve(flags, environment(ALL)).unwrap();
    assert_eq!(
        config.atlas_url.value.to_string(),
        "http://flag.test/api/v1"
    );
    assert_eq!(config.atlas_url.origin, Origin::Flag("--atlas-url"));
    assert_eq!(
        config.token.clone().unwrap().origin,
        Origin::Flag("--token")
    );
    assert_eq!(
        config.ca_file.clone().unwrap().origin,
        Origin::Flag("--ca-file")
    );
    assert_eq!(config.trust().ca_path.unwrap(), PathBuf::from("/flag"));
    assert_eq!(config.insecure.origin, Origin::Flag("--insecure"));
}

#[test]
fn an_empty_variable_is_unset_and_an_empty_flag_a_mistake() {
    let empty = environment(&[
        ("ATLAS_TOKEN", ""),
        ("ATLAS_ADDRESS", ""),
        ("ATLAS_CAFILE", ""),
        ("ATLAS_TLS_NOVERIFY", ""),
        ("ATLAS_BUILD_ID", ""),
    ]);
    let config = Config::resolve(Flags::default(), &empty).unwrap();
    assert_eq!(config.token, None);
    assert_eq!(config.atlas_url.origin, Origin::Default);
    assert_eq!(config.trust(), Trust::default());
    let ids = Ids::resolve(None, None, &empty).unwrap();
    assert_eq!((ids.build.value, ids.compile.value), (0, 0));
    let flags = Flags {
        token: Some(String::new()),
        ..Flags::default()
    };
    assert_eq!(
        Config::resolve(flags, empty),
        Err(ConfigError::Empty("--token"))
    );
}

#[test]
fn a_mistake_names_its_origin_and_repeats_no_secret() {
    let secret = environment(&[("ATLAS_TOKEN", "hunter2\nhunter3")]);
    let error = Config::resolve(Flags::default(), secret).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the variable ATLAS_TOKEN: the token must be one line of ASCII characters"
    );
    let address = environment(&[("ATLAS_ADDRESS", "https://u:hunter2@atlas.test")]);
    let error = Config::resolve(Flags::default(), address).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the variable ATLAS_ADDRESS: the Atlas URL must not hold a user or a password"
    );
}

#[test]
fn ids_come_from_flag_or_variable_and_must_be_numbers() {
    let set = environment(&[("ATLAS_BUILD_ID", "5"), ("ATLAS_COMPILE_ID", "x")]);
    let flag = |text: &str| Some(text.to_owned());
    let ids = Ids::resolve(None, flag("7"), &set).unwrap();
    assert_eq!((ids.build.value, ids.compile.value), (5, 7));
    assert_eq!(ids.build.origin, Origin::Variable("ATLAS_BUILD_ID"));
    assert_eq!(ids.compile.origin, Origin::Flag("--compile-id"));
    assert_eq!(
        Ids::resolve(None, None, &set).unwrap_err().to_string(),
        "Error parsing compile ID: the variable ATLAS_COMPILE_ID: \"x\" is not a number"
    );
    assert_eq!(
        Ids::resolve(flag("-1"), None, &set)
            .unwrap_err()
            .to_string(),
        "Error parsing build ID: the flag --build-id: \"-1\" is not a number"
    );
}

#[test]
fn a_template_goes_over_variables_and_under_flags() {
    let template = || {
        (
            Token::new("from-template").ok(),
            "http://template.test".parse().ok(),
        )
    };
    let flags = Flags {
        token: Some("from-flag".to_owned()),
        ..Flags::default()
    };
    let config = Config::resolve(flags, environment(ALL)).unwrap();
    let (token, url) = template();
    let config = config.with_template(token, url, None);
    assert_eq!(config.token.unwrap().origin, Origin::Flag("--token"));
    assert_eq!(config.atlas_url.origin, Origin::Template("atlas_url"));

    let config = Config::resolve(Flags::default(), environment(ALL)).unwrap();
    let nothing = config.clone().with_template(None, None, None);
    assert_eq!(nothing, config);
    let (token, url) = template();
    let token = config.with_template(token, url, None).token.unwrap();
    assert_eq!(token.origin.to_string(), "the template's token");
}

#[test]
fn plain_http_for_uploads_is_allowed_by_flag_variable_or_template_alone() {
    let resolve = |flag: bool, variable: &'static str| {
        let flags = Flags {
            allow_http_upload: flag,
            ..Flags::default()
        };
        let set =
            move |name: &str| (name == "ATLAS_ALLOW_HTTP_UPLOAD").then(|| OsString::from(variable));
        Config::resolve(flags, set).unwrap()
    };
    let (flag, variable) = ("--allow-http-upload", "ATLAS_ALLOW_HTTP_UPLOAD");
    for (config, allowed, origin) in [
        (resolve(false, ""), false, Origin::Default),
        (resolve(false, "1"), true, Origin::Variable(variable)),
        (resolve(false, "yes"), true, Origin::Variable(variable)),
        (resolve(false, "0"), false, Origin::Variable(variable)),
        (resolve(false, "False"), false, Origin::Variable(variable)),
        (resolve(true, "1"), true, Origin::Flag(flag)),
        (resolve(true, "no"), true, Origin::Flag(flag)),
        (
            resolve(false, "1").with_template(None, None, Some(false)),
            false,
            Origin::Template("atlas_upload_allow_http"),
        ),
        (
            resolve(true, "").with_template(None, None, Some(false)),
            true,
            Origin::Flag(flag),
        ),
        (
            resolve(false, "").with_template(None, None, Some(true)),
            true,
            Origin::Template("atlas_upload_allow_http"),
        ),
        (
            resolve(true, "").with_template(None, None, Some(true)),
            true,
            Origin::Flag(flag),
        ),
    ] {
        assert_eq!(config.allow_http_upload.value, allowed, "{origin}");
        assert_eq!(config.allow_http_upload.origin, origin);
    }
}
