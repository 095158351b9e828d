//! The keys of a log as text: what is one is printed as it was read, and a pair of them fits.

#![no_main]

use libfuzzer_sys::fuzz_target;
use minutebook_tlog::{Checkpoint, SigningKey, VerifierKey};

fuzz_target!(|text: &str| {
    if let Ok(key) = text.parse::<VerifierKey>() {
        assert_eq!(key.to_string(), text.trim_end());
        assert_eq!(key.to_string().parse(), Ok(key));
    }
    let Ok(key) = text.parse::<SigningKey>() else { return };
    assert_eq!(key.secret_text(), text.trim_end());
    assert_eq!(key.public().to_string().parse().as_ref(), Ok(key.public()));
    let checkpoint = Checkpoint { origin: key.public().origin().to_owned(), size: 1, root: [7; 32] };
    // The name of a key may hold what no note does.
    if let Ok(note) = checkpoint.sign(&[&key]) {
        assert_eq!(Checkpoint::open(&note, key.public()), Ok(checkpoint));
    }
});
