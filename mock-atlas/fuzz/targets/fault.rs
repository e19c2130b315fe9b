//! Parses any text as a fault: it is refused with a reason, or stays the same when it is written and parsed again.

#![no_main]

use libfuzzer_sys::fuzz_target;
use mock_atlas::Fault;

fuzz_target!(|text: &str| match text.parse::<Fault>() {
    Ok(fault) => assert_eq!(fault.to_string().parse::<Fault>().as_ref(), Ok(&fault)),
    Err(error) => assert!(!error.to_string().is_empty()),
});
