//! The text of a checkpoint, whatever a log may sign: what opens is written as it was read.

#![no_main]

use libfuzzer_sys::fuzz_target;
use minutebook_tlog::{Checkpoint, MAX_SIZE, SigningKey};
use signed_note::{Note, StandardSigner};

const KEY: &str = include_str!("../../golden/log/key");

fuzz_target!(|text: &[u8]| {
    let signer = StandardSigner::new(KEY.trim_end()).expect("a key");
    let Ok(mut note) = Note::new(text, &[]) else { return };
    note.add_sigs(&[&signer]).expect("signed");
    let note = String::from_utf8(note.to_bytes()).expect("a note is text");
    let key: SigningKey = KEY.parse().expect("a key");
    let Ok(checkpoint) = Checkpoint::open(&note, key.public()) else { return };
    assert!(checkpoint.size <= MAX_SIZE && checkpoint.origin == key.public().origin());
    let again = checkpoint.sign(&[&key]).expect("it was signed");
    assert_eq!(Checkpoint::open(&again, key.public()), Ok(checkpoint));
    // Lines may follow that say more; the first three are the same.
    assert!(again.lines().take(3).eq(note.lines().take(3)));
});
