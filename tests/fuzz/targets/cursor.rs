//! The file of a cursor: what is one is written as it was read, and nothing else is one.
//!
//! The module is private to the ledger, and is built in here as it stands.

#![no_main]
#![allow(dead_code)] // what only the ledger calls

use libfuzzer_sys::fuzz_target;

#[path = "../../../crates/minutebook-ledger/src/cursors/kept.rs"]
mod kept;

fuzz_target!(|bytes: &[u8]| {
    // Under the first line that belongs to it, which nobody guesses.
    let line = std::str::from_utf8(bytes).map(kept::sealed);
    for bytes in [Ok(bytes.to_vec()), line].into_iter().flatten() {
        if let Ok(kept) = kept::decode(&bytes) {
            assert_eq!(kept::encode(&kept), bytes);
        }
    }
});
