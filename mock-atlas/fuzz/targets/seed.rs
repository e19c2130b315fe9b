//! Parses any text as a seed, in JSON and in TOML: it is accepted, or refused with a reason. An emulator starts with
//! an accepted seed, or says why not.

#![no_main]

use libfuzzer_sys::fuzz_target;
use mock_atlas::{MockAtlas, Seed};

fuzz_target!(|text: &str| {
    for seed in [Seed::from_json(text), Seed::from_toml(text)] {
        let refused = match seed {
            Ok(seed) => MockAtlas::builder()
                .token("T")
                .seed(seed)
                .router()
                .err()
                .map(|error| error.to_string()),
            Err(error) => Some(error.to_string()),
        };
        assert_ne!(refused.as_deref(), Some(""));
    }
});
