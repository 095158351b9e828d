//! A proof as text: what is one is printed as it was read, and of the one log that was signed it proves one entry.

#![no_main]

use libfuzzer_sys::fuzz_target;
use minutebook_tlog::{Proof, VerifierKey};

const KEY: &str = include_str!("../../golden/log/verifier-key");
const PROVED: &str = include_str!("../../golden/log/event.tlog-proof");

fuzz_target!(|text: &str| {
    let Ok(proof) = text.parse::<Proof>() else { return };
    assert_eq!(proof.to_string(), text);
    let key: VerifierKey = KEY.parse().expect("a key");
    if proof.check(&key).is_ok() {
        let proved: Proof = PROVED.parse().expect("a proof");
        assert_eq!((proof.entry, proof.index), (proved.entry, proved.index));
    }
});
