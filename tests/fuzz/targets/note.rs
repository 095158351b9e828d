//! A signed note: of one log and key only one checkpoint was ever signed, so nothing else opens.

#![no_main]

use libfuzzer_sys::fuzz_target;
use minutebook_tlog::{Checkpoint, VerifierKey};

const KEY: &str = include_str!("../../golden/log/verifier-key");
const SIGNED: &str = include_str!("../../golden/log/checkpoint");

fuzz_target!(|text: &str| {
    let key: VerifierKey = KEY.parse().expect("a key");
    if let Ok(checkpoint) = Checkpoint::open(text, &key) {
        assert_eq!(checkpoint, Checkpoint::open(SIGNED, &key).expect("signed"));
    }
});
