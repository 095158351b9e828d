//! The written forms of a log, kept for ever: a file under `tests/golden/log` may be added, never changed. Copies and
//! proofs of this form lie with people who will check them with later programs.
//!
//! `BLESS=1 cargo test -p minutebook-tlog --test golden` writes the files that do not exist yet.

#![allow(clippy::unwrap_used, clippy::panic)] // as in any test

use std::fs;
use std::path::PathBuf;

use minutebook_tlog::{Checkpoint, Proof, SigningKey, Tree, bundle, leaf_hash};

/// The private key that the documentation of Go's `note` package shows: nobody signs anything else with it.
const KEY: &str = "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz";

/// More than one tile, the last of which is not full.
const SIZE: u64 = 300;

fn entry(n: u64) -> Vec<u8> {
    format!("entry {n}").into_bytes()
}

fn written() -> [(&'static str, Vec<u8>); 5] {
    let key: SigningKey = KEY.parse().unwrap();
    let mut tree = Tree::default();
    (0..SIZE).for_each(|n| tree.push(leaf_hash(&entry(n))));
    let head = Checkpoint { origin: key.public().origin().to_owned(), size: SIZE, root: tree.root() };
    let checkpoint = head.sign(&[&key]).unwrap();
    let path = tree.prove_inclusion(257, SIZE).unwrap();
    let proof = Proof { entry: entry(257), index: 257, path, checkpoint: checkpoint.clone() };
    let last: Vec<_> = (256..SIZE).map(entry).collect();
    [
        ("key", format!("{KEY}\n").into_bytes()),
        ("verifier-key", format!("{}\n", key.public()).into_bytes()),
        ("checkpoint", checkpoint.into_bytes()),
        ("event.tlog-proof", proof.to_string().into_bytes()),
        ("entries.bin", bundle(last.iter().map(Vec::as_slice)).unwrap()),
    ]
}

#[test]
fn the_written_forms_of_a_log_never_change() {
    for (name, bytes) in written() {
        let path: PathBuf = [env!("CARGO_MANIFEST_DIR"), "../../tests/golden/log", name].iter().collect();
        if !path.exists() && std::env::var_os("BLESS").is_some() {
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, &bytes).unwrap();
        }
        let golden = fs::read(&path).unwrap_or_else(|_| panic!("{name} is not there: run with BLESS=1 to add it"));
        assert!(golden == bytes, "{} is written differently: change the code, not the file", path.display());
    }
}
